package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completionTime is the time limit for completing names.
const completionTime = 2 * time.Second

// complete registers the values of a flag for completion.
func complete(c *cobra.Command, flag string, p *program, values func(ctx context.Context, c *call, typed string) []string) {
	err := c.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		x := p.completing(cmd, args)
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		head := ""
		if f := cmd.Flag(flag); strings.HasSuffix(f.Value.Type(), "Array") || strings.HasSuffix(f.Value.Type(), "Slice") {
			if i := strings.LastIndexByte(typed, ','); i >= 0 {
				head, typed = typed[:i+1], typed[i+1:]
			}
		}
		return matching(head, typed, values(ctx, x, typed)), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag was just added
	}
}

// completing returns the call that a shell completes. Its client is nil if the connection settings are missing.
func (p *program) completing(cmd *cobra.Command, args []string) *call {
	x := &call{program: p, cmd: cmd, ids: args}
	if c, err := p.connect(); err == nil {
		x.client = c
	}
	return x
}

// completeArgs completes the arguments of an action.
func (p *program) completeArgs(a action) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		x, o := p.completing(cmd, args), a.operation()
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		x.op = o
		switch {
		case len(args) < len(o.params):
			return matching("", typed, x.namesOf(ctx, o.kindOf(o.params[len(args)]), typed)), cobra.ShellCompDirectiveNoFileComp
		case a.free == "":
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		f := a.freeFlag()
		if kind := f.reference(o); kind != "" {
			return matching("", typed, x.namesOf(ctx, kind, typed)), cobra.ShellCompDirectiveNoFileComp
		}
		return matching("", typed, f.schema(o).enum), cobra.ShellCompDirectiveNoFileComp
	}
}

// typedProvider returns the id of the provider on the command line, or "".
func (c *call) typedProvider(ctx context.Context) string {
	name := c.flag("provider")
	if len(c.ids) > 0 && len(c.op.params) > 0 && c.op.params[0] == "provider" {
		name = c.ids[0]
	}
	if name == "" || c.client == nil {
		return ""
	}
	id, err := c.resolve(ctx, "provider", name, "")
	if err != nil {
		return ""
	}
	return id
}

// namesOf returns the names and ids of a kind, each with the other as its description, or none if the server does not
// answer in time.
func (c *call) namesOf(ctx context.Context, kindName, typed string) []string {
	if c.client == nil {
		return nil
	}
	k, provider := kinds[kindName], c.typedProvider(ctx)
	all, err := c.candidates(ctx, k, provider, typed, pageSize)
	if err == nil && k.search && len(all) == 0 && typed != "" { // perhaps the beginning of an id
		all, err = c.candidates(ctx, k, provider, "", pageSize)
	}
	if err != nil {
		return nil
	}
	var names, ids []string
	for _, x := range all {
		name := printable(x.label())
		if name != x.id {
			names = append(names, name+"\t"+x.id)
		}
		ids = append(ids, x.id+"\t"+name)
	}
	if k.latest {
		names = append(names, "latest")
	}
	return append(names, ids...)
}

// matching returns the values that begin with the typed text, ignoring case.
func matching(head, typed string, values []string) []string {
	var out []string
	for _, v := range values {
		if len(v) >= len(typed) && strings.EqualFold(v[:len(typed)], typed) {
			out = append(out, head+v)
		}
	}
	return slices.Compact(out)
}
