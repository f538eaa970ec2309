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

	"rollcall/shared/directory"
)

// profile is a server's address with its key.
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

// connect takes address and key from the flags, the environment or the profile, in this order. The key of a profile is
// sent only to the profile's address.
func (p *program) connect() (*client, error) {
	address, key := cmp.Or(p.set.url, p.getenv("ROLLCALL_ADMIN_URL")), p.getenv("ROLLCALL_ADMIN_TOKEN")
	if p.set.keyFile != "" {
		text, err := os.ReadFile(p.set.keyFile)
		if strings.HasPrefix(p.set.keyFile, directory.TokenPrefixAPIKey+"_") && errors.Is(err, fs.ErrNotExist) {
			return nil, usagef("--token-file must be a file with the key, not the key itself")
		}
		if err != nil {
			return nil, failf(exitNoAccess, "read the key: %v", err)
		}
		key = string(text)
	}
	if key = strings.TrimSpace(key); key == "" || address == "" || p.set.profile != "" {
		name, known, err := p.profile()
		if err != nil {
			return nil, err
		}
		if name != "" && key == "" && address != "" && base(address) != base(known.URL) {
			return nil, failf(exitNoAccess, "the key of profile %q is for %s, not for %s: also set ROLLCALL_ADMIN_TOKEN", name, known.URL, address)
		}
		address, key = cmp.Or(address, known.URL, defaultURL), cmp.Or(key, known.Key)
	}
	c, err := newClient(address, key)
	if err == nil && key == "" {
		return nil, failf(exitNoAccess, "there is no API key for %s: set ROLLCALL_ADMIN_TOKEN, give a file with --token-file, "+
			"or run rollcall profile set", address)
	}
	return c, err
}

func base(address string) string {
	return strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/api/v1")
}

// profile returns the profile of --profile, or the current one; its name is "" if there is none.
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

// profileFile returns the path of the profiles in the user's configuration folder.
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

// readProfiles reads the file. It refuses a file that other users can read.
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
		return all, failf(exitNoAccess, "other users can read the keys in %s (mode %04o): run chmod 600 on it", name, info.Mode().Perm())
	}
	text, err := os.ReadFile(name)                       //nolint:gosec // G304: the user's own file
	if err == nil && yaml.Unmarshal(text, &all) != nil { // whose error may repeat a key
		err = fmt.Errorf("%s is not a file of profiles in YAML", name)
	}
	if all.Profiles == nil {
		all.Profiles = map[string]profile{}
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
	return replaceFile(name, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

func (p *program) profileNames() []string {
	all, err := p.readProfiles()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(all.Profiles))
}

// profileCommand manages profiles.
func profileCommand(p *program) *cobra.Command {
	top := &cobra.Command{
		Use: "profile", GroupID: groupTenant, Short: "Manage profiles: addresses and keys of servers", Args: cobra.ArbitraryArgs, RunE: parent,
		Long: "Stores addresses and keys of servers as named profiles, in one file that only you can read.\n\n" +
			"The environment variables ROLLCALL_ADMIN_URL and ROLLCALL_ADMIN_TOKEN take precedence over a profile.",
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
	set := add("set NAME", "Create or change a profile, and make it the current one", "set work --url https://rollcall.example",
		cobra.ExactArgs(1), p.setProfile)
	set.Long = "Creates or changes a profile, and makes it the current one. Asks for the key, or reads it from standard input or a file."
	set.Flags().String("url", "", "`address` of the server (default: the previous one, or "+defaultURL+")")
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
	add("use NAME", "Make a profile current", "use work", cobra.ExactArgs(1), func(_ *cobra.Command, all profiles, args []string) error {
		if _, ok := all.Profiles[args[0]]; !ok {
			return all.unknown(args[0])
		}
		all.Current = args[0]
		return p.writeProfiles(all)
	})
	add("show [NAME]", "Show a profile, with the last characters of its key", "show work", cobra.MaximumNArgs(1),
		func(_ *cobra.Command, all profiles, args []string) error {
			name := strings.Join(append(args, all.Current)[:1], "")
			known, ok := all.Profiles[name]
			if !ok {
				return all.unknown(name)
			}
			fmt.Fprintf(p.stdout, "Name  %s\nURL   %s\nKey   ends in %s\n", name, known.URL, known.Key[max(0, len(known.Key)-4):])
			return nil
		})
	forget := add("delete NAME", "Delete a profile; the key itself remains valid", "delete work", cobra.ExactArgs(1), p.deleteProfile)
	forget.Flags().BoolP("yes", "y", false, "do not ask")
	return top
}

// deleteProfile deletes a profile.
func (p *program) deleteProfile(c *cobra.Command, all profiles, args []string) error {
	if _, ok := all.Profiles[args[0]]; !ok {
		return all.unknown(args[0])
	}
	sure, err := c.Flags().GetBool("yes")
	if err == nil {
		err = p.agree(c.Context(), fmt.Sprintf("Delete profile %s and its key?", args[0]), sure)
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

// setProfile creates or changes a profile.
func (p *program) setProfile(c *cobra.Command, all profiles, args []string) error {
	known := all.Profiles[args[0]]
	known.URL = cmp.Or(c.Flag("url").Value.String(), known.URL, defaultURL)
	key, err := p.readKey(c.Context(), c.Flag("token-file").Value.String())
	if err != nil {
		return err
	}
	if known.Key = cmp.Or(strings.TrimSpace(key), known.Key); known.Key == "" {
		return usagef("there is no key: type it, or pass it on standard input or with --token-file")
	}
	if _, err := newClient(known.URL, known.Key); err != nil {
		return err
	}
	all.Profiles[args[0]], all.Current = known, args[0]
	return p.writeProfiles(all)
}

// readKey reads a key from the file, from the terminal, or from standard input.
func (p *program) readKey(ctx context.Context, file string) (string, error) {
	if file != "" {
		text, err := os.ReadFile(file) //nolint:gosec // G304: the user names the file
		return string(text), err
	}
	if p.asks {
		fmt.Fprint(p.stderr, "API key (not shown while typing): ")
		key, err := interruptible(ctx, p.secret)
		fmt.Fprintln(p.stderr)
		return key, err
	}
	text, err := io.ReadAll(io.LimitReader(p.stdin, 4096))
	return string(text), err
}
