package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// confirm asks the question of an action before it is carried out.
func (c *call) confirm(ctx context.Context) error {
	switch {
	case c.act.typed != "":
		return c.confirmTyped(ctx)
	case c.act.asks != nil:
		question, err := c.act.asks(ctx, c)
		if err != nil {
			return err
		}
		return c.consent(ctx, question)
	case c.act.ask != "":
		about, err := c.about(ctx)
		if err != nil {
			return err
		}
		return c.consent(ctx, c.question(ctx, c.act.ask, about))
	}
	return nil
}

// about reads the object that fills a question.
func (c *call) about(ctx context.Context) (object, error) {
	if c.act.from != "" {
		return c.get(ctx, c.act.from, c.ids...)
	}
	return c.request(ctx, true)
}

// consent returns nil if the administrator answers the question with yes, or if there is no question.
func (c *call) consent(ctx context.Context, question string) error {
	if question == "" || c.given("confirm") {
		return nil
	}
	return c.agree(ctx, question, c.set.yes)
}

// agree returns nil if the answer to a question is yes, or if sure is set.
func (p *program) agree(ctx context.Context, question string, sure bool) error {
	if sure {
		return nil
	}
	if !p.asks {
		return usagef("%s\n  There is no terminal to confirm this on: add --yes to continue.", question)
	}
	answer, err := p.prompt(ctx, question+" [y/N] ")
	if err != nil {
		return err
	}
	if answer = strings.ToLower(answer); answer != "y" && answer != "yes" {
		return failf(exitFailed, "not confirmed: nothing was changed")
	}
	return nil
}

// confirmTyped lets the administrator type a name, and sends it to the API as the confirmation.
func (c *call) confirmTyped(ctx context.Context) error {
	if c.given("confirm") {
		return nil
	}
	record, err := c.about(ctx)
	if err != nil {
		return err
	}
	name, _ := record[c.act.typed].(string)
	typed, err := c.typed(ctx, c.question(ctx, c.act.ask, record), name)
	if err == nil {
		c.put("confirm", typed)
	}
	return err
}

// typed returns the name after the administrator has typed it as it is shown.
func (c *call) typed(ctx context.Context, question, name string) (string, error) {
	shown := printable(name)
	if !c.asks {
		return "", usagef("%s\n  There is no terminal to confirm this on: add --confirm %s to continue.", question, word(shown))
	}
	typed, err := c.prompt(ctx, fmt.Sprintf("%s\nType %s to continue: ", question, shown))
	if err == nil && !sameNames(typed, shown) && !(len(c.ids) > 0 && typed == c.ids[len(c.ids)-1]) {
		err = failf(exitFailed, "not confirmed: nothing was changed")
	}
	return name, err
}

// sameNames reports whether two lists of names hold the same ones, in any order.
func sameNames(a, b string) bool {
	parts := func(s string) []string {
		ps := strings.Split(s, ",")
		for i := range ps {
			ps[i] = strings.TrimSpace(ps[i])
		}
		return slices.Sorted(slices.Values(ps))
	}
	return slices.Equal(parts(a), parts(b))
}

// confirmation returns the question for a confirmation that the API requires, and the name to type: the provider's for an
// apply run, the user's for a user, and otherwise that of the privileged roles, with which the detail ends.
func (c *call) confirmation(ctx context.Context, o operation, detail string) (question, name string) {
	switch {
	case slices.Contains(o.params, "run"):
		return "Privileged roles change.", c.exactName(ctx, "provider", c.ids[0])
	case slices.Contains(o.params, "user"):
		return "The user has privileged roles.", c.exactName(ctx, "user", c.ids[0])
	}
	_, roles, _ := strings.Cut(detail, ": ")
	switch {
	case strings.HasSuffix(o.id, "Role"):
		return fmt.Sprintf("Change which roles are privileged: %s?", printable(roles)), roles
	case strings.HasSuffix(o.id, "Organization") || strings.Contains(o.path, "/organization-mapping"):
		return fmt.Sprintf("Give the privileged role %s to everybody who is placed in the organization?", printable(roles)), roles
	}
	members := count(c.mappedMembers(ctx), "member", "members")
	return fmt.Sprintf("Give the privileged role %s to %s of the groups?", printable(roles), members), roles
}

// mappedMembers counts the members of the groups of the mapping that the command adds or changes.
func (c *call) mappedMembers(ctx context.Context) int {
	ids, _ := c.body["groups"].([]any)
	if ids == nil {
		all, err := c.get(ctx, "getRoleMapping", c.ids[0])
		if err != nil {
			return 0 // the question is asked without the number
		}
		for _, m := range list(all, "mappings") {
			if entry, _ := m.(object); len(c.ids) > 1 && text(entry, "id") == c.ids[1] {
				return membersOf(entry)
			}
		}
	}
	var groups []any
	for _, id := range ids {
		if g, err := c.known(ctx, "getGroup", c.ids[0], fmt.Sprint(id)); err == nil {
			groups = append(groups, g)
		}
	}
	return membersOf(object{"groups": groups})
}

var blank = regexp.MustCompile(`\{([^}]+)\}`)

// question replaces {path} in a text by the text of a table's cell, and {path person people} by a number and a noun.
func (c *call) question(ctx context.Context, format string, from object) string {
	return blank.ReplaceAllStringFunc(format, func(b string) string {
		words := strings.Fields(strings.Trim(b, "{}"))
		if len(words) < 3 {
			return c.cell(ctx, from, words[0])
		}
		n, err := strconv.Atoi(text(from, words[0]))
		if err != nil {
			n = 0 // the API omits zeros
		}
		return count(n, strings.ReplaceAll(words[1], "_", " "), strings.ReplaceAll(words[2], "_", " "))
	})
}

// prompt prints a text and reads a line.
func (p *program) prompt(ctx context.Context, text string) (string, error) {
	fmt.Fprint(p.stderr, text)
	line, err := interruptible(ctx, func() (string, error) { return p.stdin.ReadString('\n') })
	if errors.Is(err, io.EOF) && line == "" {
		err = failf(exitFailed, "no answer: nothing was changed")
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSpace(line), err
}

// interruptible calls read and returns early when ctx ends: Ctrl-C does not interrupt a read from a terminal.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	var line string
	done := make(chan error, 1)
	go func() {
		var err error
		line, err = read()
		done <- err
	}()
	select {
	case err := <-done:
		return line, err
	case <-ctx.Done():
		return "", failf(exitFailed, "interrupted: nothing was changed")
	}
}
