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
	called         string // the name it was called by
	stdin          *bufio.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	getenv         func(string) string
	asks           bool                   // a person sits at a terminal and can answer questions
	terminal       bool                   // the output goes to a terminal
	secret         func() (string, error) // reads a line from the terminal without showing it
	set            settings
}

// settings are the flags of every command that asks the admin API.
type settings struct {
	url, keyFile, profile, output string
	json, dryRun, yes             bool
	columns                       []string
	limit                         int
}

// noun is a kind of thing with the commands for it.
type noun struct {
	name, group, short string
	columns            string // of the actions that have none
	tables             []table
	actions            []action
}

// action is one command: one operation of the admin API, unless do says otherwise. Arguments, types, choices,
// required members and roles are not repeated here: they come from the OpenAPI document.
type action struct {
	name    string // the word behind the noun
	op      string // operationId
	short   string
	long    string
	example string  // the words after the name
	free    string  // the flag that may also be given as the last argument, or, when it is a list, as the last arguments
	flags   []flag  // flags that become members of the body, or parameters
	columns string  // see columns
	tables  []table // lists in the answer

	ask    string                                       // the question before it, filled from the answer of a dry run; see question
	from   string                                       // the operation that reads the object to fill it from; "" for a dry run
	asks   func(context.Context, *call) (string, error) // or this; "" asks nothing
	typed  string                                       // the member whose value is typed to confirm
	merge  string                                       // the operation that reads the settings a PUT replaces, so that only given ones change
	settle func(body object)                            // removes settings that do not belong to the given ones
	local  func(*pflag.FlagSet)                         // flags that are not of the API
	keep   func(*call) (func(object) bool, error)       // chooses among the items of a list
	judge  func(object) error                           // whether the answer is a failure
	do     func(context.Context, *call) error           // instead of the one request
	sure   bool                                         // do asks by itself
	also   []string                                     // further operations that do uses
	hint   string                                       // the next step, filled like a question
}

// flag is a flag that becomes a member of the body, or a parameter.
type flag struct{ name, member, usage string }

// table is a list in an answer.
type table struct{ title, path, columns string }

// operation is the operation of an action.
func (a action) operation() operation { return operations()[a.op] }

// schema is the schema of the flag's value.
func (f flag) schema(o operation) schema {
	if s, ok := o.body[f.member]; ok {
		return s
	}
	return o.query[f.member]
}

// reference is the kind whose names the flag takes, or "".
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
		Long: n.short + "." + "\n\nThings are named by their names or ids; see rollcall help names.",
		Args: cobra.ArbitraryArgs, RunE: parent,
	}
	p.register(c)
	for _, a := range n.all() {
		c.AddCommand(a.command(p, n.name))
	}
	return c
}

// usual are the flags of every operation that knows their member.
var usual = []flag{
	{"reason", "reason", "`why`; it goes into the log"}, {"confirm", "confirm", "the `name` that the question asks for, typed to be sure"},
}

// all are the actions of a noun, complete.
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

// parent runs a command that only has commands below it: it lists them.
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

// register adds the flags of every command that asks the admin API.
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
	f.StringVarP(&p.set.output, "output", "o", "table", "`format` of the answer: "+orList(formats))
	f.BoolVar(&p.set.json, "json", false, "the same as --output json")
	f.StringSliceVar(&p.set.columns, "columns", nil, "`names` of the columns to show, separated by commas")
}

// placeholder is how the usage line calls an argument.
func placeholder(name string) string {
	switch name {
	case "organization":
		name = "org"
	case "key":
		name = "api-key"
	}
	return strings.ToUpper(name)
}

// sample are the arguments of an example of the operation, and the reason that decisions need.
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

// required reports whether the operation requires the flag. A confirmation can also be typed, and a setting that is not
// given is kept.
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
	if a.keep != nil {
		complete(c, "state", p, func(context.Context, *call, string) []string { return stateNames() })
	}
	if o.method != "" && o.method != "GET" {
		set.BoolVar(&p.set.dryRun, "dry-run", false, "check everything, change nothing")
	}
	if a.ask != "" || a.asks != nil || a.sure {
		set.BoolVarP(&p.set.yes, "yes", "y", false, "do not ask")
	}
	if o.list {
		set.IntVar(&p.set.limit, "limit", 1000, "`number` of lines at most")
	}
}
