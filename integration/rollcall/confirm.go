package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
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

// about reads the object that a question is filled from.
func (c *call) about(ctx context.Context) (object, error) {
	if c.act.from != "" {
		return c.get(ctx, c.act.from, c.ids...)
	}
	return c.request(ctx, true)
}

// consent returns nil when the administrator agrees to a question, or there is none.
func (c *call) consent(ctx context.Context, question string) error {
	if question == "" || c.given("confirm") {
		return nil
	}
	return c.agree(ctx, question, c.set.yes)
}

// agree returns nil when the answer to a question is yes, or was given before.
func (p *program) agree(ctx context.Context, question string, sure bool) error {
	if sure {
		return nil
	}
	if !p.asks {
		return usagef("%s\n  There is no terminal to ask at: add --yes to go ahead.", question)
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

// confirmTyped asks for a name to be typed, and gives it to the API as the confirmation.
func (c *call) confirmTyped(ctx context.Context) error {
	if c.given("confirm") {
		return nil
	}
	thing, err := c.about(ctx)
	if err != nil {
		return err
	}
	question, name := c.question(ctx, c.act.ask, thing), text(thing, c.act.typed)
	if !c.asks {
		return usagef("%s\n  There is no terminal to ask at: add --confirm %q to go ahead.", question, name)
	}
	typed, err := c.prompt(ctx, fmt.Sprintf("%s\nType %s to go ahead: ", question, name))
	if err != nil {
		return err
	}
	if typed != name {
		return failf(exitFailed, "not confirmed: nothing was changed")
	}
	c.put("confirm", typed)
	return nil
}

var blank = regexp.MustCompile(`\{([^}]+)\}`)

// question fills the blanks of a text: {path} with the text of a table's cell, {path person people} with a number and noun.
func (c *call) question(ctx context.Context, format string, from object) string {
	return blank.ReplaceAllStringFunc(format, func(b string) string {
		words := strings.Fields(strings.Trim(b, "{}"))
		if len(words) < 3 {
			return c.cell(ctx, from, words[0])
		}
		n, err := strconv.Atoi(text(from, words[0]))
		if err != nil {
			n = 0 // the API leaves out zeros
		}
		return count(n, strings.ReplaceAll(words[1], "_", " "), strings.ReplaceAll(words[2], "_", " "))
	})
}

// prompt asks for a line.
func (p *program) prompt(ctx context.Context, text string) (string, error) {
	fmt.Fprint(p.stderr, text)
	line, err := interruptible(ctx, func() (string, error) { return p.stdin.ReadString('\n') })
	if errors.Is(err, io.EOF) && line == "" {
		err = failf(exitFailed, "nothing was typed: nothing was changed")
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSpace(line), err
}

// interruptible reads until ctx ends: a read from a terminal would not notice Ctrl-C.
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
