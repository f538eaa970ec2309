package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"rollcall/shared/release"
)

// Groups of commands in the help.
const (
	groupRun       = "run"
	groupProvision = "provision"
	groupPeople    = "people"
	groupRecords   = "records"
	groupTenant    = "tenant"
	groupOther     = "other"
)

// nouns returns the commands that call the admin API.
func nouns() []noun {
	return []noun{
		providerNoun(), tokenNoun(), groupNoun(), orgMappingNoun(), roleMappingNoun(), applyNoun(), guardNoun(), conflictNoun(),
		userNoun(), pendingNoun(), holdNoun(), orgNoun(), roleNoun(), watchlistNoun(),
		syncLogNoun(), auditLogNoun(), logNoun(), reportNoun(), webhookNoun(), deliveryNoun(), taskNoun(),
		settingsNoun(), proposalNoun(), configNoun(), apiKeyNoun(), tenantNoun(),
	}
}

// root returns the tree of all commands.
func (p *program) root() *cobra.Command {
	c := &cobra.Command{
		Use: "rollcall", Short: "Provision people and groups from a directory", SilenceUsage: true, SilenceErrors: true,
		Long: "Rollcall receives people and groups from Microsoft Entra ID over SCIM and turns them into accounts,\n" +
			"organizations, roles and watchlists. This command runs and administers it.",
		Args: cobra.ArbitraryArgs, RunE: parent, Version: release.Build().Version,
	}
	c.SetUsageTemplate(strings.Replace(c.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	c.SetVersionTemplate("rollcall {{.Version}}\n")
	c.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run it:"},
		&cobra.Group{ID: groupProvision, Title: "Set up provisioning:"},
		&cobra.Group{ID: groupPeople, Title: "Manage people:"},
		&cobra.Group{ID: groupRecords, Title: "Logs, reports and webhooks:"},
		&cobra.Group{ID: groupTenant, Title: "Manage the tenant and access to it:"},
		&cobra.Group{ID: groupOther, Title: "Other:"},
	)
	c.SetHelpCommandGroupID(groupOther)
	c.SetCompletionCommandGroupID(groupOther)
	c.SetFlagErrorFunc(flagError)
	c.SetIn(p.stdin)
	c.SetOut(p.stdout)
	c.SetErr(p.stderr)
	c.AddCommand(serveCommand(p), entraCommand(p), bootstrapCommand(p), verifyCommand(p), fsckCommand(p), followCommand(p), profileCommand(p),
		countryCommand(p),
		versionCommand(p), meCommand(p), manCommand())
	for _, n := range nouns() {
		c.AddCommand(n.command(p))
	}
	for _, t := range topics {
		c.AddCommand(&cobra.Command{Use: t.name, Short: t.short, Long: t.text})
	}
	ownHelp(c)
	return c
}

// execute runs the program and returns its exit code.
func (p *program) execute(ctx context.Context, args []string) int {
	out := &output{w: p.stdout}
	p.stdout = out
	root := p.root()
	root.SetArgs(normalize(root, args))
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = out.err
	}
	if err == nil {
		return exitOK
	}
	code := exitCode(err)
	if err.Error() != "" {
		fmt.Fprintf(p.stderr, "%s: %v\n", cmd.CommandPath(), err)
		if code == exitUsage {
			fmt.Fprintf(p.stderr, "See %s --help.\n", cmd.CommandPath())
		}
	}
	return code
}

// output is the standard output. It keeps the first error, because many lines are printed without looking at it.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(text []byte) (int, error) {
	n, err := o.w.Write(text)
	if err != nil && o.err == nil {
		o.err = failf(exitFailed, "write the output: %v", err)
	}
	return n, err
}

// ownHelp lets cobra's own commands refuse unknown words, as ours do, and adds examples.
func ownHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short, c.Example, c.Run = "Show the help of a command or a topic", "  rollcall help user list\n  rollcall help names", nil
			c.RunE = func(_ *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err == nil && len(rest) > 0 {
					return parent(about, rest)
				}
				if err == nil {
					about.InitDefaultHelpFlag()
					err = about.Help()
				}
				return err
			}
		case "completion":
			c.Args, c.RunE = cobra.ArbitraryArgs, parent
			for _, shell := range c.Commands() {
				shell.Example = "  rollcall completion " + shell.Name() + " > rollcall-completion"
			}
		}
	}
}

// normalize accepts arguments as scripts have written them since the first release: flags may precede the command, and a
// word with one dash is a long flag if the command has a flag of that name.
func normalize(root *cobra.Command, args []string) []string {
	shared := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&program{}).sharedFlags(shared)
	n := 0
	for n < len(args) && strings.HasPrefix(args[n], "-") {
		name, _, valued := strings.Cut(strings.TrimLeft(args[n], "-"), "=")
		f := shared.Lookup(name)
		if f == nil {
			break
		}
		if n++; f.NoOptDefVal == "" && !valued {
			n++
		}
	}
	n = min(n, len(args))
	end := slices.Index(args[n:], "--")
	if end < 0 {
		end = len(args) - n
	}
	args = slices.Concat(args[n:n+end], args[:n], args[n+end:])
	cmd, _, err := root.Find(args)
	if err != nil {
		return args
	}
	return longFlags(cmd, args)
}

// longFlags adds the second dash to words that are flags of the command, and joins switches with the value after them.
func longFlags(cmd *cobra.Command, args []string) []string {
	cmd.InitDefaultHelpFlag()
	var out []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return append(out, args[i:]...)
		}
		name, _, valued := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(a, "-"), "-"), "=")
		f := cmd.Flag(name)
		if !strings.HasPrefix(a, "-") || len(name) < 2 || f == nil {
			out = append(out, a)
			continue
		}
		single := !strings.HasPrefix(a, "--")
		if single {
			a = "-" + a
		}
		switch {
		case valued || i+1 == len(args):
		case f.NoOptDefVal == "": // the next word is the value, whatever it begins with
			out = append(out, a)
			i++
			a = args[i]
		case single:
			switch args[i+1] {
			case "true", "false":
				a += "=" + args[i+1]
				i++
			case "yes":
				i++
			}
		}
		out = append(out, a)
	}
	return out
}

// flagError suggests the flag that is nearest to a mistyped one.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usagef("%v", err)
	}
	if before := c.Flags().Args(); c.HasSubCommands() && len(before) > 0 {
		return parent(c, before) // the flag may be one of the command that was meant
	}
	var names []string
	note := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	c.Flags().VisitAll(note)
	c.InheritedFlags().VisitAll(note)
	hint := ""
	if n := nearest(unknown.GetSpecifiedName(), names); n != "" {
		hint = "; did you mean --" + n + "?"
	}
	dashes := "--"
	if unknown.GetSpecifiedShortnames() != "" {
		dashes = "-"
	}
	return usagef("there is no flag %s%s%s", dashes, unknown.GetSpecifiedName(), hint)
}

// usage turns the errors of an argument check into usage errors.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usagef("%v: %s", err, c.UseLine())
		}
		return nil
	}
}

// versionCommand prints the version of the program, and of the server.
func versionCommand(p *program) *cobra.Command {
	a := action{
		name: "version", op: "getVersion", short: "Print the version; with --server also that of the server", example: "--server",
		columns: "Server_version version, Revision revision, Go goVersion",
		local:   func(f *pflag.FlagSet) { f.Bool("server", false, "also print the server's version") },
	}
	c := a.command(p, "")
	c.GroupID, c.Args = groupOther, usage(cobra.NoArgs)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		b := release.Build()
		x := &call{program: p, cmd: cmd, act: a}
		if err := x.checkFormat(); err != nil {
			return err
		}
		server := cmd.Flag("server").Value.String() == "true"
		switch {
		case p.set.output == "table":
			fmt.Fprintln(p.stdout, "rollcall", b.Version)
		case !server:
			return x.printOne(cmd.Context(), "Version version, Revision revision, Go goVersion", nil,
				object{"version": b.Version, "revision": b.Revision, "goVersion": b.Go})
		}
		if !server {
			return nil
		}
		return p.run(cmd, a, args)
	}
	p.register(c)
	return c
}

// meCommand shows the key in use.
func meCommand(p *program) *cobra.Command {
	a := action{
		name: "me", op: "getMe", short: "Show the key in use, its role and its tenant",
		columns: "Tenant tenant.displayName, Key key.displayName, Role key.role:, Ends_with key.lastFour, Expires key.expiresAt; " +
			"Permissions permissions",
	}
	c := a.command(p, "")
	c.GroupID = groupTenant
	p.register(c)
	return c
}

// manCommand writes manual pages.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man FOLDER", Short: "Write manual pages into a folder", Example: "  rollcall man /usr/local/share/man/man1",
		Hidden: true, Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o750); err != nil {
				return err
			}
			c.Root().DisableAutoGenTag = true
			if err := doc.GenManTree(c.Root(), &doc.GenManHeader{Title: "ROLLCALL", Section: "1", Source: "Rollcall"}, args[0]); err != nil {
				return err
			}
			for _, sub := range c.Root().Commands() {
				if !sub.IsAdditionalHelpTopicCommand() { // which GenManTree leaves out
					continue
				}
				var page bytes.Buffer
				err := doc.GenMan(sub, &doc.GenManHeader{Title: "ROLLCALL-" + strings.ToUpper(sub.Name()), Section: "7", Source: "Rollcall"}, &page)
				if err == nil {
					err = os.WriteFile(filepath.Join(args[0], "rollcall-"+sub.Name()+".7"), page.Bytes(), 0o600)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}
