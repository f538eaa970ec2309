package main

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// program is one run of the command, with its connections to the outside world.
type program struct {
	called         string // the name by which the user can call it again
	stdin          *bufio.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	getenv         func(string) string
	asks           bool                   // a person at a terminal can answer questions
	terminal       bool                   // the output goes to a terminal
	secret         func() (string, error) // reads a line from the terminal without showing it
	set            settings
}

// settings are the flags of every command that calls the admin API.
type settings struct {
	url, keyFile, profile, output string
	json, dryRun, yes             bool
	columns                       []string
	limit                         int
}

// noun is a kind of record with its commands.
type noun struct {
	name, group, short string
	columns            string // of the actions without columns of their own
	tables             []table
	actions            []action
}

// action is one command: one operation of the admin API, unless do is set. Arguments, types, choices, required members
// and roles come from the OpenAPI document.
type action struct {
	name    string // the word after the noun
	op      string // operationId
	short   string
	long    string
	example string  // the arguments in the example
	free    string  // the flag that may also be given as the last argument, or as the last arguments if it is a list
	flags   []flag  // flags that become members of the body, or parameters
	columns string  // see columns
	tables  []table // lists in the response

	ask    string                                       // the question asked first, filled from the response of a dry run; see question
	from   string                                       // the operation that fills ask instead of the dry run
	asks   func(context.Context, *call) (string, error) // returns the question, or "" for none; instead of ask
	typed  string                                       // the member whose value must be typed to confirm
	merge  string                                       // the operation that reads what a PUT replaces, to change only the given settings
	settle func(body object)                            // removes settings that do not belong to the others
	local  func(*pflag.FlagSet)                         // flags that are not sent to the API
	judge  func(object) error                           // returns an error if the response is a failure
	do     func(context.Context, *call) error           // runs instead of the one request
	sure   bool                                         // do asks for confirmation itself
	also   []string                                     // further operations that do uses
	hint   string                                       // the next step, filled like a question
}

// flag is a flag that becomes a member of the body, or a parameter.
type flag struct{ name, member, usage string }

// table is a list in a response.
type table struct{ title, path, columns string }

// operation returns the operation of the action.
func (a action) operation() operation { return operations()[a.op] }

// schema returns the schema of the flag's value.
func (f flag) schema(o operation) schema {
	if s, ok := o.body[f.member]; ok {
		return s
	}
	return o.query[f.member]
}

// reference returns the kind of record that the flag refers to, or "".
func (f flag) reference(o operation) string {
	if len(f.schema(o).enum) > 0 {
		return ""
	}
	return references[f.member]
}

// command builds the command of a noun with those of its actions.
func (n noun) command(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: n.name, GroupID: n.group, Short: n.short,
		Long: n.short + "." + "\n\nArguments accept names or ids; see rollcall help names.",
		Args: cobra.ArbitraryArgs, RunE: parent,
	}
	p.register(c)
	for _, a := range n.all() {
		c.AddCommand(a.command(p, n.name))
	}
	return c
}

// usual are the flags of every operation that has their member.
var usual = []flag{
	{"reason", "reason", "`reason` of the change, for the log"}, {"confirm", "confirm", "the `name` that the question asks for"},
}

// all returns the actions of a noun with the columns and flags that they share.
func (n noun) all() []action {
	all := slices.Clone(n.actions)
	for i := range all {
		a, o := &all[i], all[i].operation()
		if a.columns == "" {
			a.columns, a.tables = n.columns, slices.Concat(n.tables, a.tables)
		}
		for _, f := range usual {
			_, member := o.body[f.member]
			_, parameter := o.query[f.member]
			if member || parameter {
				a.flags = append(slices.Clip(a.flags), f)
			}
		}
	}
	return all
}

// parent runs a command that only has subcommands: it lists them.
func parent(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		c.SetOut(c.ErrOrStderr())
		if err := c.Help(); err != nil {
			return err
		}
		return usagef("")
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	return usagef("there is no command %q%s", args[0], didYouMean(args[0], names))
}

// register adds the flags of every command that calls the admin API.
func (p *program) register(c *cobra.Command) {
	p.sharedFlags(c.PersistentFlags())
	complete(c, "output", p, func(context.Context, *call, string) []string { return formats })
	complete(c, "profile", p, func(context.Context, *call, string) []string { return p.profileNames() })
	complete(c, "columns", p, func(_ context.Context, x *call, _ string) []string {
		_, all := columns(x.cmd.Annotations["columns"])
		return columnIDs(all)
	})
}

func (p *program) sharedFlags(f *pflag.FlagSet) {
	p.set.limit = pageSize
	f.StringVar(&p.set.url, "url", "", "`address` of the server (default: ROLLCALL_ADMIN_URL, the profile's, or http://127.0.0.1:8080)")
	f.StringVar(&p.set.keyFile, "token-file", "", "`file` with the API key (default: ROLLCALL_ADMIN_TOKEN, or the profile's)")
	f.StringVar(&p.set.profile, "profile", "", "`name` of the profile with address and key")
	f.StringVarP(&p.set.output, "output", "o", "table", "output `format`: "+orList(formats))
	f.BoolVar(&p.set.json, "json", false, "the same as --output json")
	f.StringSliceVar(&p.set.columns, "columns", nil, "`names` of the columns to show, separated by commas")
}

// placeholder returns the name of an argument in the usage line.
func placeholder(name string) string {
	switch name {
	case "organization":
		name = "org"
	case "key":
		name = "api-key"
	}
	return strings.ToUpper(name)
}

// sample returns the arguments of an example of the operation, with the reason if it is required.
func (o operation) sample() string {
	var args []string
	for _, param := range o.params {
		args = append(args, kinds[o.kindOf(param)].sample)
	}
	if slices.Contains(o.required, "reason") {
		args = append(args, `--reason "Asked by HR"`)
	}
	return strings.Join(args, " ")
}

// command builds the command of an action.
func (a action) command(p *program, noun string) *cobra.Command {
	o := a.operation()
	use := a.name
	for _, param := range o.params {
		use += " " + placeholder(param)
	}
	if a.free != "" {
		use += " " + placeholder(a.free)
		if a.freeFlag().schema(o).kind == "array" {
			use += "..."
		}
	}
	for _, f := range a.flags {
		if a.required(f) && f.name != a.free {
			use += " --" + f.name + " " + placeholder(f.name)
		}
	}
	c := &cobra.Command{
		Use: use, Short: a.short, Long: cmp.Or(a.long, a.short+"."), DisableFlagsInUseLine: true,
		Example:           "  rollcall " + strings.TrimSpace(noun+" "+a.name+" "+cmp.Or(a.example, o.sample())),
		Annotations:       map[string]string{"columns": a.columns},
		RunE:              func(c *cobra.Command, args []string) error { return p.run(c, a, args) },
		ValidArgsFunction: p.completeArgs(a),
	}
	if _, all := columns(a.columns); o.list {
		c.Long += "\n\nColumns: " + strings.Join(columnIDs(all), ", ") + "."
	}
	a.addFlags(c, p)
	return c
}

// required reports whether the flag must be given. A confirmation can also be typed, and a setting that is not given
// keeps its value.
func (a action) required(f flag) bool {
	return f.member != "confirm" && a.merge == "" && slices.Contains(a.operation().required, f.member)
}

func (a action) freeFlag() flag {
	return a.flags[slices.IndexFunc(a.flags, func(f flag) bool { return f.name == a.free })]
}

// addFlags gives the command its own flags, with completion for those with choices or names.
func (a action) addFlags(c *cobra.Command, p *program) {
	o, set := a.operation(), c.Flags()
	for _, f := range a.flags {
		s, usage := f.schema(o), f.usage
		if len(s.enum) > 0 && len(s.enum) <= 10 && !strings.Contains(usage, s.enum[0]) {
			usage += ": " + orList(s.enum)
		}
		switch s.kind {
		case "boolean":
			set.Bool(f.name, false, usage)
		case "array":
			set.StringArray(f.name, nil, usage)
		default:
			set.String(f.name, "", usage)
		}
		if len(s.enum) > 0 {
			complete(c, f.name, p, func(context.Context, *call, string) []string { return s.enum })
		} else if kind := f.reference(o); kind != "" {
			complete(c, f.name, p, func(ctx context.Context, x *call, typed string) []string {
				x.op = o
				return x.namesOf(ctx, kind, typed)
			})
		}
	}
	if a.local != nil {
		a.local(set)
	}
	if o.method != "" && o.method != "GET" {
		set.BoolVar(&p.set.dryRun, "dry-run", false, "check everything without changing anything")
	}
	if a.ask != "" || a.asks != nil || a.sure {
		set.BoolVarP(&p.set.yes, "yes", "y", false, "do not ask")
	}
	if o.list {
		set.IntVar(&p.set.limit, "limit", 1000, "maximum `number` of lines")
	}
}
