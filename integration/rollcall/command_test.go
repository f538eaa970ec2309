package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// withoutCommand lists the operations that no command uses, each with the reason.
var withoutCommand = map[string]string{}

// Every operation of the admin API has a command, or a reason for having none.
func TestEveryOperationHasACommand(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"getVersion": true, "getMe": true} // version and me are not in the table of nouns
	for _, n := range nouns() {
		for _, a := range n.all() {
			for _, op := range append([]string{a.op, a.merge}, a.also...) {
				if _, ok := operations()[op]; op != "" && !ok {
					t.Errorf("rollcall %s %s uses the operation %s, which the document does not have", n.name, a.name, op)
				}
				used[op] = true
			}
		}
	}
	for _, k := range kinds {
		for _, op := range []string{k.list, k.read} {
			if _, ok := operations()[op]; op != "" && !ok {
				t.Errorf("the kind %s uses the operation %s, which the document does not have", k.word, op)
			}
		}
	}
	for op := range operations() {
		reason, excused := withoutCommand[op]
		switch {
		case !used[op] && !excused:
			t.Errorf("the operation %s has no command: add one, or a reason to withoutCommand", op)
		case used[op] && excused:
			t.Errorf("the operation %s has a command, and also the reason %q for having none", op, reason)
		}
	}
}

// Each flag is a member or a parameter of its operation, each required member has a flag, and each column exists.
func TestCommandsFollowTheDocument(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, n := range nouns() {
		for _, a := range n.all() {
			o := a.operation()
			for _, f := range a.flags {
				_, member := o.body[f.member]
				_, parameter := o.query[f.member]
				if f.member != "" && !member && !parameter {
					t.Errorf("rollcall %s %s: --%s is %q, which %s does not have", n.name, a.name, f.name, f.member, a.op)
				}
			}
			for _, member := range o.required {
				if a.do == nil && !slices.ContainsFunc(a.flags, func(f flag) bool { return f.member == member }) {
					t.Errorf("rollcall %s %s: %s requires %q, which has no flag", n.name, a.name, a.op, member)
				}
			}
			if a.columns == "" && a.do == nil {
				t.Errorf("rollcall %s %s shows nothing", n.name, a.name)
			}
			for _, t := range append([]table{{columns: a.columns}}, a.tables...) {
				_, all := columns(t.columns)
				c := &call{program: &program{now: noClock}, client: &client{base: s.AdminURL, key: s.key, http: httpClient()}, act: a, op: o,
					ids: []string{"x", "y"}}
				for _, col := range all {
					c.cell(s.t.Context(), object{}, col.path) // panics for a column that is not computed
				}
			}
		}
	}
}

// tree visits all visible commands.
func tree(c *cobra.Command, visit func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			visit(sub)
			tree(sub, visit)
		}
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	t.Parallel()
	root := (&program{now: noClock}).root()
	seen := map[string]bool{}
	tree(root, func(c *cobra.Command) {
		path := c.CommandPath()
		if seen[path] {
			t.Errorf("%s is registered twice", path)
		}
		seen[path] = true
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || c.Short[0] < 'A' || c.Short[0] > 'Z' {
			t.Errorf("%s: the short text is %q", path, c.Short)
		}
		if c.Runnable() && !c.HasSubCommands() && !strings.Contains(c.Example, path) {
			t.Errorf("%s has no example of itself: %q", path, c.Example)
		}
		if c.Parent() == root && c.Runnable() && c.GroupID == "" {
			t.Errorf("%s is in no group", path)
		}
	})
	if len(seen) < 130 {
		t.Errorf("only %d commands", len(seen))
	}
}

// The examples in the help are correct: their commands and flags exist, and they have enough arguments.
func TestExamplesAreRight(t *testing.T) {
	t.Parallel()
	p := &program{now: noClock}
	tree(p.root(), func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			_, line, found := strings.Cut(line, "rollcall ")
			if !found || c.Root() != c.Parent() && c.Parent().Parent() != c.Root() {
				continue
			}
			root := p.root()
			args := words(strings.TrimSpace(line))
			cmd, rest, err := root.Find(args)
			if err != nil || cmd.CommandPath() != c.CommandPath() {
				t.Errorf("%s: the example %q is of %s (%v)", c.CommandPath(), line, cmd.CommandPath(), err)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), line, err)
			}
			if need := strings.Count(regexp.MustCompile(`\[.*?\]`).ReplaceAllString(cmd.Use, ""), " "); cmd.Flags().NArg() < need &&
				!strings.Contains(line, "--") {
				t.Errorf("%s: %q has %d arguments, %q wants %d", c.CommandPath(), line, cmd.Flags().NArg(), cmd.Use, need)
			}
		}
	})
}

// `rollcall help words` explains special words; the help does not use banned ones.
func TestHelpUsesPlainWords(t *testing.T) {
	t.Parallel()
	explained := topics[slices.IndexFunc(topics, func(x topic) bool { return x.name == "words" })].text
	banned := regexp.MustCompile(`(?i)\b(at once|in place of|besides?|for ever|ledger|collision|frozen|gone|tell|told|whom|somebody|by hand|` +
		`displayName|organizationId|deactivationDelaySeconds)\b`)
	special := strings.Fields("provider organization group role mapping block deactivate delay pending pin custodian matter guard override " +
		"conflict watchlist webhook delivery seal checkpoint privileged")
	root := (&program{now: noClock}).root()
	check := func(name, text string) {
		text = strings.ReplaceAll(text, "gone (removed there)", "")
		if m := banned.FindString(text); m != "" {
			t.Errorf("%s says %q", name, m)
		}
	}
	tree(root, func(c *cobra.Command) {
		if c.Name() != "completion" && (c.Parent() == nil || c.Parent().Name() != "completion") {
			check(c.CommandPath(), c.Short+"\n"+c.Long+"\n"+c.Flags().FlagUsages())
		}
	})
	for _, w := range special {
		if !strings.Contains(strings.ToLower(explained), w) {
			t.Errorf("help words does not explain %q", w)
		}
	}
}

func TestMistypedCommandsAndFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"", 2, "Set up provisioning:"},
		{"provider", 2, "Available Commands"},
		{"-h", 0, "Set up provisioning:"},
		{"help", 0, "Set up provisioning:"},
		{"help user", 0, "rollcall user [command]"},
		{"help user block", 0, "rollcall user block USER"},
		{"help usr", 2, `did you mean "user"?`},
		{"help user blok", 2, `did you mean "block"?`},
		{"help exit-codes", 0, "3  the server could not be reached"},
		{"help words", 0, "watchlist"},
		{"version", 0, "rollcall "},
		{"version -o json", 0, `"version":`},
		{"version --server=false", 0, "rollcall "},
		{"--version", 0, "rollcall "},
		{"foo", 2, `rollcall: there is no command "foo"` + "\n"},
		{"provder list", 2, `did you mean "provider"?`},
		{"provider lst", 2, `did you mean "list"?`},
		{"provider explode", 2, `there is no command "explode"` + "\n"},
		{"foo --bar", 2, `there is no command "foo"`},
		{"provider explode --dry-run", 2, `there is no command "explode"` + "\n"},
		{"hold closse Case-1 --reason x", 2, `did you mean "close"?`},
		{"provider --colour", 2, "there is no flag --colour"},
		{"provider list --colour", 2, "there is no flag --colour"},
		{"provider create x --profil okta", 2, "did you mean --profile?"},
		{"provider create x --profile oktta", 2, `did you mean "okta"?`},
		{"user list --state blokced", 2, `did you mean "blocked"?`},
		{"provider list --dry-run", 2, "there is no flag --dry-run"},
		{"user list --columns user-nam", 2, `did you mean "user-name"?`},
		{"provider list -o jsn", 2, `did you mean "json"?`},
		{"provider list --limit 0", 2, "--limit must be at least 1"},
		{"provider create", 2, "--name is missing: rollcall provider create NAME"},
		{"provider create a b", 2, "put a name with blanks in quotes"},
		{"provider create a --name b", 2, "given twice"},
		{"provider create b --delay soon", 2, "--delay must be whole seconds"},
		{"provider create b --delay 1500ms", 2, "whole seconds"},
		{"provider create b --token-expires soon", 2, "--token-expires must be a duration"},
		{"provider show", 2, "PROVIDER is missing: rollcall provider show PROVIDER"},
		{"provider show a b", 2, "unexpected argument"},
		{"completion bash", 0, "complete"},
		{"completion zsh", 0, "compdef"},
		{"completion fish", 0, "complete -c rollcall"},
		{"completion powershell", 0, "Register-ArgumentCompleter"},
		{"completion csh", 2, "csh"},
		{"country Côte d'Ivoire", 0, "CI"},
		{"country Atlantis", 4, "Atlantis"},
		{"country", 2, "NAME"},
		{"country expression", 0, "IIF("},
		{"verify x", 2, "--key is missing"},
	} {
		code, out, diags := execute(t.Context(), nobody, strings.Split(c.line, " ")...)
		if c.line == "" {
			code, out, diags = execute(t.Context(), nobody)
		}
		if code != c.code || !strings.Contains(out+diags, c.says) {
			t.Errorf("rollcall %s = %d, want %d saying %q\n%s%s", c.line, code, c.code, c.says, out, diags)
		}
	}
}

// nobody is the environment of a user whose server does not run.
func nobody(name string) string {
	return map[string]string{"ROLLCALL_ADMIN_URL": "http://127.0.0.1:1", "ROLLCALL_ADMIN_TOKEN": "rk_x"}[name]
}

// Scripts of the first releases wrote flags with one dash, before the command too, and gave switches a value.
func TestFlagsWithOneDash(t *testing.T) {
	t.Parallel()
	root := (&program{now: noClock}).root()
	for line, want := range map[string]string{
		"-url http://x user list -limit 3":             "user list --limit 3 --url http://x",
		"-json -url=http://x provider list":            "provider list --json --url=http://x",
		"user move kim -org Sales -pin true":           "user move kim --org Sales --pin=true",
		"user reactivate kim -unblock false":           "user reactivate kim --unblock=false",
		"log export -audit yes -out x":                 "log export --audit --out x",
		"user list -o json -h":                         "user list -o json -h",
		"user list -help":                              "user list --help",
		"serve -addr 127.0.0.1:0 -data :memory: -json": "serve --addr 127.0.0.1:0 --data :memory: --json",
		"user show -- -url":                            "user show -- -url",
		"user list -colour":                            "user list -colour",
		"-json user show -- x":                         "user show --json -- x",
		"bootstrap -function X -operator":              "bootstrap --function X --operator",
		"user create kim --email a@x -title -":         "user create kim --email a@x --title -",
	} {
		if got := strings.Join(normalize(root, strings.Fields(line)), " "); got != want {
			t.Errorf("%s became %s, want %s", line, got, want)
		}
	}
}

func TestManualPages(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "man1")
	if code, _, diags := execute(t.Context(), noEnv, "man", folder); code != 0 {
		t.Fatal(diags)
	}
	for _, page := range []string{"rollcall.1", "rollcall-user-block.1", "rollcall-serve.1"} {
		text, err := os.ReadFile(filepath.Join(folder, page))
		if err != nil || !strings.Contains(string(text), ".TH") {
			t.Errorf("%s: %v", page, err)
		}
	}
}
