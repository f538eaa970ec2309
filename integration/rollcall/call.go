package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// call is one invocation of an action.
type call struct {
	*program
	*client
	cmd   *cobra.Command
	act   action
	op    operation
	ids   []string // path parameters
	query url.Values
	body  object
}

// run carries out an action. It does the checks that need no server first.
func (p *program) run(cmd *cobra.Command, a action, args []string) error {
	c := &call{program: p, cmd: cmd, act: a, op: a.operation(), query: url.Values{}, body: object{}}
	err := c.checkFormat()
	if err == nil {
		c.client, err = p.connect()
	}
	if err != nil {
		return err
	}
	do := a.do
	switch {
	case do != nil:
	case c.op.list:
		do = showList
	default:
		do = change
	}
	if err = c.read(cmd.Context(), args); err == nil {
		err = do(cmd.Context(), c)
	}
	var r *refusal
	if errors.As(err, &r) {
		if r.status == http.StatusForbidden && !c.lacksRole(cmd.Context(), r.op) {
			r.op.roles = nil // another reason than the role, such as a second administrator
		}
		return &failure{r.code(), r.text(a.flags)}
	}
	return err
}

// lacksRole reports whether the role of the key may not use the operation.
func (c *call) lacksRole(ctx context.Context, o operation) bool {
	me, err := c.get(ctx, "getMe")
	return err == nil && !slices.Contains(o.roles, text(me, "key.role"))
}

// checkFormat checks the flags about the output.
func (c *call) checkFormat() error {
	if c.set.json {
		c.set.output = "json"
	}
	_, err := c.chosen(c.act.columns)
	switch {
	case !slices.Contains(formats, c.set.output):
		return usagef("--output must be %s%s", orList(formats), didYouMean(c.set.output, formats))
	case c.set.limit < 1:
		return usagef("--limit must be at least 1")
	}
	return err
}

// read turns arguments and flags into the path, the parameters and the body of the request.
func (c *call) read(ctx context.Context, args []string) error {
	n := len(c.op.params)
	if err := c.takeFree(args); err != nil {
		return err
	}
	if len(args) < n {
		return usagef("%s is missing: %s", placeholder(c.op.params[len(args)]), c.cmd.UseLine())
	}
	for _, f := range c.act.flags {
		if c.act.required(f) && !c.given(f.name) {
			return usagef("--%s is missing: %s", f.name, c.cmd.UseLine())
		}
	}
	for i, param := range c.op.params {
		id, err := c.resolve(ctx, c.op.kindOf(param), args[i], c.provider())
		if err != nil {
			return c.refusedFor(err)
		}
		c.ids = append(c.ids, id)
	}
	for _, f := range c.act.flags {
		if !c.given(f.name) || f.member == "" {
			continue
		}
		v, err := c.value(ctx, f)
		if err != nil {
			return c.refusedFor(err)
		}
		c.put(f.member, v)
	}
	return c.nothingGiven()
}

// refusedFor returns the refusal of a look-up as one of the command: its roles are those of both operations.
func (c *call) refusedFor(err error) error {
	var r *refusal
	if !errors.As(err, &r) || r.status != http.StatusForbidden {
		return err
	}
	r.op.roles = slices.DeleteFunc(slices.Clone(r.op.roles), func(role string) bool { return !slices.Contains(c.op.roles, role) })
	return r
}

// nothingGiven returns an error if the command would change settings, and none is given.
func (c *call) nothingGiven() error {
	if c.act.merge == "" && c.op.method != http.MethodPatch {
		return nil
	}
	var settings []string
	for _, f := range c.act.flags {
		if f.member == "reason" || f.member == "confirm" {
			continue
		}
		if c.given(f.name) {
			return nil
		}
		settings = append(settings, "--"+f.name)
	}
	return usagef("nothing to change: give at least one of %s", strings.Join(settings, ", "))
}

// takeFree sets the flag that may be given as the last arguments.
func (c *call) takeFree(args []string) error {
	rest := args[min(len(args), len(c.op.params)):]
	if len(rest) == 0 {
		return nil
	}
	if c.act.free == "" {
		return usagef("unexpected argument %q: %s", rest[0], c.cmd.UseLine())
	}
	f := c.act.freeFlag()
	if f.schema(c.op).kind != "array" && len(rest) > 1 {
		return usagef("unexpected argument %q; put a name with blanks in quotes", rest[1])
	}
	if c.given(f.name) {
		return usagef("--%s is given twice, also as %q", f.name, rest[0])
	}
	for _, s := range rest {
		if err := c.cmd.Flags().Set(f.name, s); err != nil {
			return usagef("%v", err)
		}
	}
	return nil
}

// given reports whether a flag was given.
func (c *call) given(name string) bool { return c.cmd.Flags().Changed(name) }

// flag returns the text of a flag, or "" if the command does not have it.
func (c *call) flag(name string) string {
	f := c.cmd.Flags().Lookup(name)
	if f == nil {
		return ""
	}
	return f.Value.String()
}

// provider returns the id of the provider in the request, or "".
func (c *call) provider() string {
	if len(c.op.params) > 0 && c.op.params[0] == "provider" && len(c.ids) > 0 {
		return c.ids[0]
	}
	if p, ok := c.body["provider"].(string); ok {
		return p
	}
	return c.query.Get("provider")
}

// put sets a member of the body, or a parameter.
func (c *call) put(member string, v any) {
	if _, ok := c.op.body[member]; !ok {
		c.query.Set(member, fmt.Sprint(v))
		return
	}
	at := c.body
	outer, inner, nested := strings.Cut(member, ".")
	if nested {
		if at[outer] == nil {
			at[outer] = object{}
		}
		at, outer = at[outer].(object), inner
	}
	at[outer] = v
}

// value converts a flag into a member of the request.
func (c *call) value(ctx context.Context, f flag) (any, error) {
	s := f.schema(c.op)
	if s.kind == "boolean" {
		return c.cmd.Flags().GetBool(f.name)
	}
	var v any
	var err error
	if s.kind == "array" {
		var given []string
		if given, err = c.cmd.Flags().GetStringArray(f.name); err == nil {
			v, err = c.values(ctx, f, s, given)
		}
	} else {
		v, err = c.one(ctx, f, s, c.flag(f.name))
	}
	var known *failure
	var refused *refusal
	if err != nil && !errors.As(err, &known) && !errors.As(err, &refused) {
		err = usagef("--%s %v", f.name, err)
	}
	return v, err
}

// one converts the text of a flag, or of an element of a list, into a member's value.
func (c *call) one(ctx context.Context, f flag, s schema, given string) (any, error) {
	switch kind := f.reference(c.op); {
	case s.null && (given == "" || given == "default"):
		return nil, nil
	case given == "" || c.op.id == "searchUsers" && f.member == "provider" && given == "local":
		return given, nil
	case kind != "":
		return c.resolve(ctx, kind, given, c.provider())
	case len(s.enum) > 0 && !slices.Contains(s.enum, given):
		return nil, fmt.Errorf("must be %s%s", orList(s.enum), didYouMean(given, s.enum))
	case strings.HasSuffix(f.member, "Seconds"):
		return readSeconds(given)
	case s.kind == "integer":
		n, err := strconv.Atoi(given)
		if err != nil {
			return nil, errors.New("must be a whole number")
		}
		return n, nil
	case s.format == "date-time" && (f.member == "since" || f.member == "until"):
		return readTime(given, c.now(), -1)
	case s.format == "date-time":
		return readTime(given, c.now(), 1)
	}
	return given, nil
}

// values returns the elements of a list. Each given text has one or several, separated by commas. An element that
// contains a comma is in double quotes or, if it is a name, alone in a flag of its own.
func (c *call) values(ctx context.Context, f flag, s schema, given []string) (any, error) {
	out := []any{}
	for _, some := range given {
		parts := []string{some}
		if strings.Contains(some, ",") {
			if v, err := c.one(ctx, f, s, some); f.reference(c.op) != "" && err == nil {
				out = append(out, v)
				continue
			}
			r := csv.NewReader(strings.NewReader(some))
			r.TrimLeadingSpace = true
			if split, err := r.Read(); err == nil { // otherwise it is a name with quotes
				parts = split
			}
		}
		for _, part := range parts {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			v, err := c.one(ctx, f, s, part)
			if err != nil {
				return nil, err
			}
			if s.objects { // e-mail addresses; the first is the primary one
				v = object{"value": v, "type": "work", "primary": len(out) == 0}
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// showList prints a list.
func showList(ctx context.Context, c *call) error {
	items, more, err := c.list(ctx, exchange{op: c.op, ids: c.ids, query: c.query}, c.set.limit)
	if err != nil {
		return err
	}
	sortByName(c.act.columns, items)
	if err := c.printList(ctx, c.act.columns, items); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(c.stderr, "Only the first %d are shown; use --limit for more.\n", c.set.limit)
	}
	return nil
}

// change asks for confirmation, sends the request and prints the response.
func change(ctx context.Context, c *call) error {
	if !c.set.dryRun {
		if err := c.confirm(ctx); err != nil {
			return err
		}
	}
	answer, err := c.request(ctx, c.set.dryRun)
	if err != nil {
		return err
	}
	return c.print(ctx, answer)
}

// request sends the request, or its dry run.
func (c *call) request(ctx context.Context, dry bool) (object, error) {
	x := exchange{op: c.op, ids: c.ids, query: maps.Clone(c.query)}
	if dry {
		x.query.Set("dryRun", "true")
	}
	if len(c.op.body) > 0 {
		x.body = c.body
	}
	if c.act.merge != "" {
		if err := c.mergeInto(ctx, &x); err != nil {
			return nil, err
		}
	}
	return c.insist(ctx, x)
}

// insist sends a request. If the API requires a confirmation that was not given, insist asks for it.
func (c *call) insist(ctx context.Context, x exchange) (object, error) {
	answer, err := c.send(ctx, &x)
	var refused *refusal
	body, _ := x.body.(object)
	if !errors.As(err, &refused) || refused.field("confirm") == "" || c.given("confirm") || body == nil {
		return answer, err
	}
	question, name := c.confirmation(ctx, x.op, refused.field("confirm"))
	if body["confirm"], err = c.typed(ctx, question, name); err != nil {
		return nil, err
	}
	c.set.yes = true
	return c.send(ctx, &x)
}

// mergeInto reads the settings that the request replaces, and changes only the given ones. If another administrator
// changes them in between, the request is refused, because it names the version that was read.
func (c *call) mergeInto(ctx context.Context, x *exchange) error {
	read := exchange{op: operations()[c.act.merge], ids: c.ids}
	was, err := c.send(ctx, &read)
	if err != nil {
		return err
	}
	body := object{}
	for name := range c.op.body {
		if v, ok := was[name]; ok {
			body[name] = v
		}
	}
	maps.Copy(body, c.body)
	if c.act.settle != nil {
		c.act.settle(body)
	}
	x.body, x.ifMatch = body, read.etag
	return nil
}

// print shows the response to a request.
func (c *call) print(ctx context.Context, answer object) error {
	if c.set.dryRun {
		fmt.Fprintln(c.stderr, "Dry run: nothing was changed.")
	}
	var err error
	if answer["gives"] != nil && c.act.hint != "" { // it waits for a second person
		c.act.hint = "Another person must approve it: rollcall proposal approve {id}"
	}
	if answer["gives"] != nil {
		c.act.columns, c.act.tables = proposalColumns, nil
	}
	if items, ok := answer["items"].([]any); ok {
		err = c.printList(ctx, c.act.columns, items)
	} else {
		err = c.printOne(ctx, c.act.columns, c.act.tables, answer)
	}
	if err != nil {
		return err
	}
	for _, secret := range []string{"token", "secret"} {
		if answer[secret] != nil {
			fmt.Fprintf(c.stderr, "The %s will not be shown again: keep it in a safe place.\n", secret)
		}
	}
	if hint := c.question(ctx, c.act.hint, answer); hint != "" && !c.set.dryRun {
		fmt.Fprintln(c.stderr, hint)
	}
	if c.act.judge != nil {
		return c.act.judge(answer)
	}
	return nil
}
