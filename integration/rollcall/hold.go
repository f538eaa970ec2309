package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// outcomes describe the effect of a release on a person.
var outcomes = map[string]string{
	"deactivated": "deactivated", "resumes": "countdown resumes", "review": "awaits review", "held": "held by another matter",
	"stays": "stays active",
}

func holdNoun() noun {
	const one = "Name name, Id id, Reference reference, State state, Created createdAt, Created_by createdBy, Closed closedAt, " +
		"Closed_by closedBy, Version version"
	const release = "User user, Outcome @outcome, When @when, Released releasedAt"
	return noun{
		name: "hold", group: groupPeople, short: "Manage legal holds: matters, and custodians who must not be deactivated", columns: one,
		actions: []action{
			{name: "list", op: "listLegalHolds", short: "List the matters",
				columns: "NAME name, REFERENCE reference, STATE state, CREATED createdAt, CLOSED closedAt; ID id"},
			{name: "show", op: "getLegalHold", short: "Show a matter"},
			{name: "create", op: "createLegalHold", short: "Create a matter", free: "name", example: `"Case 12" --reference 2026-12`, flags: []flag{
				{"name", "name", "`name` of the matter"}, {"reference", "reference", "`reference`, such as a case number"},
			}},
			{name: "custodians", op: "listCustodians", short: "List the people who are or were on hold",
				columns: "USER user, STATE @person, PLACED placedAt, BY placedBy, RELEASED releasedAt, RELEASED_BY releasedBy; ID user:"},
			{name: "place", op: "placeHolds", short: "Place people on hold", free: "users",
				example: `"Case 12" kim@contoso.example lee@contoso.example`,
				columns: "USER user, RESULT result, WHY detail, STATE @person",
				flags:   []flag{{"users", "users", "`users`, separated by commas"}}},
			{name: "export", op: "exportCustodians", short: "Export the people who are or were on hold as CSV",
				example: `"Case 12" --out custodians.csv`, local: outFlag, do: exportTable},
			{name: "import", op: "importCustodians", short: "Place the people in a CSV file on hold, all or none",
				long:    "Place the people in a CSV file on hold. Its one column is called userName or id. An error in any line changes nothing.",
				example: `"Case 12" --file people.csv`, columns: "USER user, RESULT result, WHY detail, STATE @person", do: importTable,
				local: func(f *pflag.FlagSet) { f.String("file", "", "`file` to read; - for standard input") }},
			{name: "release", op: "releaseHold", short: "Release a person; --dry-run shows the effect", columns: release, asks: askRelease},
			{name: "close", op: "closeLegalHold", short: "Close a matter and release its custodians; --dry-run shows the effect",
				do: closeHold, sure: true},
		},
	}
}

func askRelease(ctx context.Context, c *call) (string, error) {
	plan, err := c.request(ctx, true)
	return c.question(ctx, "Release "+c.nameFor(ctx, "user", c.ids[1], "")+" from "+c.nameFor(ctx, "matter", c.ids[0],
		"")+"? Outcome: {@outcome}.", plan), err
}

// closeHold shows the effect of closing a matter on each person, asks, and closes it.
func closeHold(ctx context.Context, c *call) error {
	plan, err := c.request(ctx, true)
	if err != nil {
		return err
	}
	if c.set.dryRun && (c.set.output == "json" || c.set.output == "yaml") {
		return c.print(ctx, plan)
	}
	items := list(object{"items": plan["plan"].(object)["items"]}, "items")
	total := 0
	var parts []string
	counts, _ := plan["plan"].(object)["counts"].(object)
	for _, outcome := range sortedKeys(counts) {
		var n int
		if _, err := fmt.Sscan(text(counts, outcome), &n); err == nil && n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%d %s", n, outcomes[outcome]))
		}
	}
	if c.set.output == "table" || c.set.dryRun {
		if err := c.printList(ctx, "USER userName, OUTCOME @outcome, WHEN @when", items); err != nil {
			return err
		}
		if more := total - len(items); more > 0 {
			fmt.Fprintf(c.stderr, "and %s\n", count(more, "other person", "other people"))
		}
	}
	if c.set.dryRun {
		fmt.Fprintln(c.stderr, "Dry run: nothing was changed; the matter is still open.")
		return nil
	}
	question := fmt.Sprintf("Close %s and release %s?", text(plan, "name"), count(total, "person", "people"))
	if len(parts) > 0 {
		question = strings.TrimSuffix(question, "?") + " (" + strings.Join(parts, ", ") + ")?"
	}
	if err := c.consent(ctx, question); err != nil {
		return err
	}
	answer, err := c.request(ctx, false)
	if err != nil {
		return err
	}
	return c.print(ctx, answer)
}

// importTable sends a CSV file.
func importTable(ctx context.Context, c *call) error {
	name := c.flag("file")
	if name == "" {
		return usagef("--file is missing: %s", c.cmd.UseLine())
	}
	table, err := os.ReadFile(name) //nolint:gosec // G304: the user names the file
	if name == "-" {
		table, err = io.ReadAll(c.stdin)
	}
	if err != nil {
		return err
	}
	x := exchange{op: c.op, ids: c.ids, query: maps.Clone(c.query), body: table, media: "text/csv"}
	if c.set.dryRun {
		x.query.Set("dryRun", "true")
	}
	answer, err := c.send(ctx, &x)
	if err != nil {
		return err
	}
	return c.print(ctx, answer)
}
