package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// adminVerb is what can be done with one kind of thing: one request to the admin API.
type adminVerb struct {
	name, args, summary string
	method              string
	path                string // %s for each positional argument
	list                bool
	items               bool // the answer is a table, and no page of a list
	flags               []adminFlag
	show                []column
	// do, unless nil, carries the command out in place of the one request.
	do func(context.Context, *adminCall, *adminClient) error
}

// adminFlag is a flag that becomes a member of the body, or, for reads and deletions, a parameter.
type adminFlag struct {
	name, member, usage string
	kind                flagKind
	required            bool
}

type flagKind int

const (
	textFlag     flagKind = iota
	durationFlag          // whole seconds in the request
	expiryFlag            // a duration from now or a time
	boolFlag              // true or false
	numberFlag            // a whole number
	listFlag              // texts, separated by commas; "" for none
	emailFlag             // addresses, separated by commas; the first is the primary one
)

// adminCall is one invocation, parsed.
type adminCall struct {
	verb          adminVerb
	args          []string
	url, file     string
	json, dry     bool
	limit         int
	given         map[string]string // the verb's own flags that were set
	stdout, diags io.Writer
	now           func() time.Time
}

// runAdmin runs `rollcall <name> …` for one of the kinds of things in adminNouns and returns the exit code.
func runAdmin(ctx context.Context, name string, args []string, stdout, stderr io.Writer) int {
	verbs := adminNouns()[name]
	if len(args) == 0 || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		adminUsage(stderr, name, verbs)
		if len(args) == 0 {
			return exitUsage
		}
		return exitOK
	}
	i := slices.IndexFunc(verbs, func(v adminVerb) bool { return v.name == args[0] })
	if i < 0 {
		fmt.Fprintf(stderr, "rollcall %s: no such command %q\n", name, args[0])
		adminUsage(stderr, name, verbs)
		return exitUsage
	}
	c := adminCall{verb: verbs[i], given: map[string]string{}, stdout: stdout, diags: stderr, now: time.Now}
	err := c.parse(name, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err == nil {
		err = c.run(ctx)
	}
	if err != nil {
		fmt.Fprintf(stderr, "rollcall %s %s: %v\n", name, c.verb.name, err)
		var known *adminError
		if errors.As(err, &known) {
			return known.code
		}
		return exitFailed
	}
	return exitOK
}

func adminUsage(w io.Writer, name string, verbs []adminVerb) {
	fmt.Fprintf(w, "usage: rollcall %s <command> [arguments] [flags]   (rollcall %s <command> -h shows the flags)\n", name, name)
	for _, v := range verbs {
		fmt.Fprintf(w, "  %-30s %s\n", strings.TrimSpace(v.name+" "+v.args), v.summary)
	}
	fmt.Fprint(w, `The server is -url or ROLLCALL_ADMIN_URL; the API key is in ROLLCALL_ADMIN_TOKEN or the file of -token-file.
Exit codes: 0 done, 1 refused or failed by the server, 2 usage, 3 not reached or not authenticated, 4 not found.
`)
}

// parse reads flags and positional arguments in any order.
func (c *adminCall) parse(noun string, args []string) error {
	fs := flag.NewFlagSet("rollcall "+noun+" "+c.verb.name, flag.ContinueOnError)
	fs.SetOutput(c.diags)
	fs.Usage = func() {
		fmt.Fprintf(c.diags, "usage: rollcall %s %s\n%s\n", noun, strings.TrimSpace(c.verb.name+" "+c.verb.args+" [flags]"), c.verb.summary)
		fs.PrintDefaults()
	}
	fs.StringVar(&c.url, "url", cmp.Or(os.Getenv("ROLLCALL_ADMIN_URL"), "http://127.0.0.1:8080"), "`address` of the server; ROLLCALL_ADMIN_URL")
	fs.StringVar(&c.file, "token-file", "", "`file` with the API key, in place of ROLLCALL_ADMIN_TOKEN")
	fs.BoolVar(&c.json, "json", false, "print the answer as JSON")
	if c.verb.method != http.MethodGet {
		fs.BoolVar(&c.dry, "dry-run", false, "check everything, change nothing")
	}
	if c.verb.list {
		fs.IntVar(&c.limit, "limit", 1000, "`number` of lines at most")
	}
	for _, f := range c.verb.flags {
		fs.Func(f.name, f.usage, func(s string) error { c.given[f.name] = s; return nil })
	}
	for len(args) > 0 {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return err
			}
			return &adminError{exitUsage, "see -h"}
		}
		if args = fs.Args(); len(args) > 0 {
			c.args = append(c.args, args[0])
			args = args[1:]
		}
	}
	if want := len(strings.Fields(c.verb.args)); len(c.args) != want {
		return adminErrorf(exitUsage, "%d arguments given, want %d: %s", len(c.args), want, cmp.Or(c.verb.args, "none"))
	}
	for _, f := range c.verb.flags {
		if _, ok := c.given[f.name]; f.required && !ok {
			return adminErrorf(exitUsage, "-%s is required", f.name)
		}
	}
	if c.verb.list && c.limit < 1 {
		return adminErrorf(exitUsage, "-limit must be at least 1")
	}
	return nil
}

// run sends the request and prints the answer.
func (c *adminCall) run(ctx context.Context) error {
	client, err := newAdminClient(c.url, c.file)
	if err != nil {
		return err
	}
	if c.verb.do != nil {
		return c.verb.do(ctx, c, client)
	}
	path := c.path(c.verb.path)
	body, query, err := c.request()
	if err != nil {
		return err
	}
	if c.verb.list {
		items, more, err := client.list(ctx, path, query, c.limit)
		if err != nil {
			return err
		}
		if more {
			defer fmt.Fprintf(c.diags, "Only the first %d are shown; -limit shows more.\n", c.limit)
		}
		if c.json {
			return json.NewEncoder(c.stdout).Encode(map[string]any{"items": items})
		}
		return printTable(c.stdout, c.verb.show, items)
	}
	answer, err := client.send(ctx, c.verb.method, path, query, body)
	if err != nil {
		return err
	}
	return c.print(answer)
}

// print shows the answer to the one request.
func (c *adminCall) print(answer map[string]any) error {
	if c.dry {
		fmt.Fprintln(c.diags, "Dry run: nothing was changed.")
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(answer)
	}
	if items, _ := answer["items"].([]any); c.verb.items {
		return printTable(c.stdout, c.verb.show, items)
	}
	if err := printOne(c.stdout, c.verb.show, answer); err != nil {
		return err
	}
	for _, secret := range []string{"token", "secret"} {
		if answer[secret] != nil {
			fmt.Fprintf(c.diags, "The %s is not shown again.\n", secret)
		}
	}
	return nil
}

// path puts the positional arguments into a path.
func (c *adminCall) path(format string) string {
	ids := make([]any, len(c.args))
	for i, a := range c.args {
		ids[i] = url.PathEscape(a)
	}
	return fmt.Sprintf(format, ids...)
}

// request turns the flags into the body of the request, or into its parameters.
func (c *adminCall) request() (body any, query url.Values, err error) {
	query = url.Values{}
	if c.dry {
		query.Set("dryRun", "true")
	}
	inBody := c.verb.method == http.MethodPost || c.verb.method == http.MethodPatch || c.verb.method == http.MethodPut
	members := map[string]any{}
	for _, f := range c.verb.flags {
		text, ok := c.given[f.name]
		if !ok {
			continue
		}
		value, err := f.value(text, c.now())
		if err != nil {
			return nil, nil, adminErrorf(exitUsage, "-%s: %v", f.name, err)
		}
		if !inBody {
			query.Set(f.member, fmt.Sprint(value))
			continue
		}
		at := members
		name, inner, nested := strings.Cut(f.member, ".")
		if nested {
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at, name = at[name].(map[string]any), inner
		}
		at[name] = value
	}
	if inBody && len(c.verb.flags) > 0 {
		body = members
	}
	return body, query, nil
}

// value is what the request holds for a flag's text.
func (f adminFlag) value(text string, now time.Time) (any, error) {
	switch f.kind {
	case durationFlag:
		d, err := time.ParseDuration(text)
		if err != nil || d%time.Second != 0 {
			return nil, errors.New("must be whole seconds, such as 15m or 24h")
		}
		return int64(d / time.Second), nil
	case expiryFlag:
		if d, err := time.ParseDuration(text); err == nil {
			return now.Add(d).UTC().Format(time.RFC3339), nil
		}
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return nil, errors.New("must be a duration such as 8760h, or a time such as 2027-01-31T12:00:00Z")
		}
		return text, nil
	case listFlag:
		out := []string{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
		return out, nil
	case boolFlag:
		if text != "true" && text != "false" {
			return nil, errors.New("must be true or false")
		}
		return text == "true", nil
	case numberFlag:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, errors.New("must be a whole number")
		}
		return n, nil
	case emailFlag:
		var out []any
		for i, a := range strings.Split(text, ",") {
			out = append(out, map[string]any{"value": strings.TrimSpace(a), "type": "work", "primary": i == 0})
		}
		return out, nil
	}
	return text, nil
}
