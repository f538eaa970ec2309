package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// profile is an address with its key.
type profile struct {
	URL string `yaml:"url"`
	Key string `yaml:"key"`
}

// profiles is the content of the file of profiles.
type profiles struct {
	Current  string             `yaml:"current,omitempty"`
	Profiles map[string]profile `yaml:"profiles"`
}

const defaultURL = "http://127.0.0.1:8080"

// connect finds address and key: flags go first, then the environment, then the profile. The key of a profile is sent to
// the profile's address only.
func (p *program) connect() (*client, error) {
	address, key := cmp.Or(p.set.url, p.getenv("ROLLCALL_ADMIN_URL")), p.getenv("ROLLCALL_ADMIN_TOKEN")
	if p.set.keyFile != "" {
		text, err := os.ReadFile(p.set.keyFile)
		if err != nil {
			return nil, failf(exitNoAccess, "read the key: %v", err)
		}
		key = string(text)
	}
	if key = strings.TrimSpace(key); key == "" || address == "" {
		name, known, err := p.profile()
		if err != nil {
			return nil, err
		}
		if name != "" && key == "" && address != "" && base(address) != base(known.URL) {
			return nil, failf(exitNoAccess, "the key of profile %q is for %s, not for %s: set ROLLCALL_ADMIN_TOKEN, too", name, known.URL, address)
		}
		address, key = cmp.Or(address, known.URL, defaultURL), cmp.Or(key, known.Key)
	}
	c, err := newClient(address, key)
	if err == nil && key == "" {
		return nil, failf(exitNoAccess, "there is no API key for %s: set ROLLCALL_ADMIN_TOKEN, name a file with --token-file, "+
			"or run rollcall profile set", address)
	}
	return c, err
}

func base(address string) string {
	return strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/api/v1")
}

// profile returns the profile that is named, or the current one; its name is "" when there is none.
func (p *program) profile() (string, profile, error) {
	all, err := p.readProfiles()
	if err != nil {
		return "", profile{}, err
	}
	name := cmp.Or(p.set.profile, all.Current)
	known, ok := all.Profiles[name]
	if !ok && p.set.profile != "" {
		return "", profile{}, all.unknown(name)
	}
	if !ok {
		return "", profile{}, nil
	}
	return name, known, nil
}

func (all profiles) unknown(name string) error {
	return failf(exitNotFound, "there is no profile %q%s", name, didYouMean(name, slices.Collect(maps.Keys(all.Profiles))))
}

// profileFile is the file of profiles in the user's configuration folder.
func (p *program) profileFile() (string, error) {
	folder := p.getenv("XDG_CONFIG_HOME")
	if folder == "" {
		var err error
		if folder, err = os.UserConfigDir(); err != nil {
			return "", err
		}
	}
	return filepath.Join(folder, "rollcall", "profiles.yaml"), nil
}

// readProfiles reads the file, and refuses it when others can read it, too.
func (p *program) readProfiles() (profiles, error) {
	all := profiles{Profiles: map[string]profile{}}
	name, err := p.profileFile()
	if err != nil {
		return all, nil //nolint:nilerr // without a folder there are no profiles
	}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return all, failf(exitNoAccess, "others can read the keys in %s (mode %04o): run chmod 600 on it", name, info.Mode().Perm())
	}
	text, err := os.ReadFile(name) //nolint:gosec // G304: the user's own file
	if err == nil {
		err = yaml.Unmarshal(text, &all)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return all, err
}

// writeProfiles replaces the file in one step.
func (p *program) writeProfiles(all profiles) error {
	name, err := p.profileFile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	text, err := yaml.Marshal(all)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func (p *program) profileNames() []string {
	all, err := p.readProfiles()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(all.Profiles))
}

// profileCommand keeps addresses and keys under names.
func profileCommand(p *program) *cobra.Command {
	top := &cobra.Command{
		Use: "profile", GroupID: groupTenant, Short: "Keep addresses and keys of servers under names", Args: cobra.ArbitraryArgs, RunE: parent,
		Long: "Keeps addresses and keys of servers under names, in one file that only you can read.\n\n" +
			"The environment variables ROLLCALL_ADMIN_URL and ROLLCALL_ADMIN_TOKEN go before a profile.",
	}
	add := func(use, short, example string, args cobra.PositionalArgs, change func(*cobra.Command, profiles, []string) error) *cobra.Command {
		c := &cobra.Command{
			Use: use, Short: short, Long: short + ".", Example: "  rollcall profile " + example, Args: usage(args), DisableFlagsInUseLine: true,
			RunE: func(c *cobra.Command, args []string) error {
				all, err := p.readProfiles()
				if err != nil {
					return err
				}
				return change(c, all, args)
			},
			ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return p.profileNames(), cobra.ShellCompDirectiveNoFileComp
			},
		}
		top.AddCommand(c)
		return c
	}
	set := add("set NAME", "Make or change a profile, and use it from now on", "set work --url https://rollcall.example", cobra.ExactArgs(1),
		p.setProfile)
	set.Long = "Makes or changes a profile, and uses it from now on. The key is asked for, or read from standard input or a file."
	set.Flags().String("url", "", "`address` of the server (default: the one it had, or "+defaultURL+")")
	set.Flags().String("token-file", "", "`file` with the API key")
	add("list", "List the profiles", "list", cobra.NoArgs, func(_ *cobra.Command, all profiles, _ []string) error {
		for _, name := range slices.Sorted(maps.Keys(all.Profiles)) {
			mark := " "
			if name == all.Current {
				mark = "*"
			}
			fmt.Fprintf(p.stdout, "%s %s  %s\n", mark, name, all.Profiles[name].URL)
		}
		return nil
	})
	add("use NAME", "Use a profile from now on", "use work", cobra.ExactArgs(1), func(_ *cobra.Command, all profiles, args []string) error {
		if _, ok := all.Profiles[args[0]]; !ok {
			return all.unknown(args[0])
		}
		all.Current = args[0]
		return p.writeProfiles(all)
	})
	add("show [NAME]", "Show a profile, with the end of its key", "show work", cobra.MaximumNArgs(1),
		func(_ *cobra.Command, all profiles, args []string) error {
			name := strings.Join(append(args, all.Current)[:1], "")
			known, ok := all.Profiles[name]
			if !ok {
				return all.unknown(name)
			}
			fmt.Fprintf(p.stdout, "Name  %s\nURL   %s\nKey   ends in %s\n", name, known.URL, known.Key[max(0, len(known.Key)-4):])
			return nil
		})
	forget := add("delete NAME", "Forget a profile; the key itself stays valid", "delete work", cobra.ExactArgs(1), p.deleteProfile)
	forget.Flags().BoolP("yes", "y", false, "do not ask")
	return top
}

// deleteProfile forgets a profile.
func (p *program) deleteProfile(c *cobra.Command, all profiles, args []string) error {
	if _, ok := all.Profiles[args[0]]; !ok {
		return all.unknown(args[0])
	}
	sure, err := c.Flags().GetBool("yes")
	if err == nil {
		err = p.agree(c.Context(), fmt.Sprintf("Forget profile %s and its key?", args[0]), sure)
	}
	if err != nil {
		return err
	}
	delete(all.Profiles, args[0])
	if all.Current == args[0] {
		all.Current = ""
	}
	return p.writeProfiles(all)
}

// setProfile makes or changes a profile.
func (p *program) setProfile(c *cobra.Command, all profiles, args []string) error {
	known := all.Profiles[args[0]]
	known.URL = cmp.Or(c.Flag("url").Value.String(), known.URL, defaultURL)
	key, err := p.readKey(c.Context(), c.Flag("token-file").Value.String())
	if err != nil {
		return err
	}
	if known.Key = cmp.Or(strings.TrimSpace(key), known.Key); known.Key == "" {
		return usagef("there is no key: type it, or give it on standard input or with --token-file")
	}
	if _, err := newClient(known.URL, known.Key); err != nil {
		return err
	}
	all.Profiles[args[0]], all.Current = known, args[0]
	return p.writeProfiles(all)
}

// readKey reads a key from a file, or from the administrator, or from standard input.
func (p *program) readKey(ctx context.Context, file string) (string, error) {
	if file != "" {
		text, err := os.ReadFile(file) //nolint:gosec // G304: the user names the file
		return string(text), err
	}
	if p.asks {
		fmt.Fprint(p.stderr, "API key (it is not shown): ")
		key, err := interruptible(ctx, p.secret)
		fmt.Fprintln(p.stderr)
		return key, err
	}
	text, err := io.ReadAll(io.LimitReader(p.stdin, 4096))
	return string(text), err
}
