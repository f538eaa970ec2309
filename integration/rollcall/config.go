package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

func configNoun() noun {
	file := func(f *pflag.FlagSet) {
		f.String("file", "", "`file` with the configuration, YAML or JSON; - for standard input")
	}
	privileged := []flag{{"confirm-privileged", "confirmPrivileged", "allow mappings to privileged roles"}}
	return noun{
		name: "config", group: groupTenant, short: "Manage organizations, roles and mappings as one document",
		actions: []action{
			{name: "export", op: "exportConfig", short: "Print organizations, roles and mappings as YAML, without secrets",
				do: func(ctx context.Context, c *call) error {
					config, err := c.get(ctx, c.op.id)
					if c.set.output == "table" {
						c.set.output = "yaml"
					}
					if err != nil {
						return err
					}
					return c.printValue(config)
				}},
			{name: "plan", op: "planConfig", short: "Show what a configuration would change", example: "--file config.yaml", local: file,
				flags: privileged, do: planConfig},
			{name: "apply", op: "applyConfig", short: "Apply a configuration to the tenant", example: "--file config.yaml", local: file,
				flags: privileged, do: applyConfig, sure: true,
				also: []string{"planConfig"}},
		},
	}
}

// readConfig reads the configuration file of a command.
func (c *call) readConfig() error {
	name := c.flag("file")
	if name == "" {
		return usagef("--file is missing: %s", c.cmd.UseLine())
	}
	text, err := os.ReadFile(name) //nolint:gosec // G304: the user names the file
	if name == "-" {
		text, err = io.ReadAll(c.stdin)
	}
	if err != nil {
		return err
	}
	err = yaml.NewDecoder(bytes.NewReader(text)).Decode(&c.body) // JSON is YAML
	if err == nil && len(c.body) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return usagef("%s contains no configuration: %v", name, err)
	}
	if c.given("confirm-privileged") {
		c.body["confirmPrivileged"] = true
	}
	return nil
}

func planConfig(ctx context.Context, c *call) error {
	if err := c.readConfig(); err != nil {
		return err
	}
	plan, err := c.request(ctx, c.set.dryRun)
	if err != nil {
		return err
	}
	if c.set.output != "table" {
		return c.printValue(plan)
	}
	changes, _ := c.printChanges(plan)
	fmt.Fprintln(c.stderr, count(changes, "change", "changes")+".")
	return nil
}

// applyConfig shows the changes, asks for confirmation if some are removals, and applies them.
func applyConfig(ctx context.Context, c *call) error {
	if err := c.readConfig(); err != nil {
		return err
	}
	plan, err := c.request(ctx, true)
	if err != nil {
		return err
	}
	changes, removals := c.printChanges(plan)
	if c.set.dryRun {
		fmt.Fprintln(c.stderr, "Dry run: nothing was changed.")
		return nil
	}
	if removals > 0 {
		question := fmt.Sprintf("Apply %s, including %s?", count(changes, "change", "changes"), count(removals, "removal", "removals"))
		if err := c.consent(ctx, question); err != nil {
			return err
		}
	}
	done, err := c.request(ctx, false)
	if err != nil {
		return err
	}
	if c.set.output != "table" {
		return c.printValue(done)
	}
	fmt.Fprintln(c.stderr, count(len(list(done, "changes")), "change was applied", "changes were applied")+".")
	return nil
}

// printChanges prints changes in the form of a diff, and returns the number of changes and of removals among them.
func (c *call) printChanges(plan object) (changes, removals int) {
	for _, l := range list(plan, "changes") {
		if text(l, "sign") == "-" {
			removals++
		}
		changes++
		if c.set.output == "table" {
			fmt.Fprintf(c.stdout, "%s %s\n", text(l, "sign"), text(l, "text"))
		}
	}
	return changes, removals
}
