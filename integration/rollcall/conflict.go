package main

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

func conflictNoun() noun {
	const one = "User_name userName, Id id, State state, Provider provider, Cause cause, Held_by holderId, " +
		"State_of_the_holder holder.@state, Holder's_provider holder.provider, Attempts attempts, First firstAt, Last lastAt"
	return noun{
		name: "conflict", group: groupProvision, short: "Resolve conflicts: people whose user name another user has", columns: one,
		actions: []action{
			{name: "list", op: "listConflicts", short: "List the conflicts", example: "--state open",
				columns: "USER_NAME userName, STATE state, PROVIDER provider, CAUSE cause, HELD_BY holderId, ATTEMPTS attempts, LAST lastAt, ID id",
				flags:   []flag{{"state", "state", "only conflicts in this `state`"}}},
			{name: "show", op: "getConflict", short: "Show a conflict"},
			{name: "convert", op: "convertConflict", short: "Convert the local user to a user of the provider: both are the same person"},
			{name: "ignore", op: "ignoreConflict", short: "Keep both as they are"},
			{name: "rename", op: "renameConflict", short: "Give the local user another user name", free: "user-name",
				example: `kim@contoso.example kim.local@contoso.example --reason "Two people"`,
				flags:   []flag{{"user-name", "userName", "new user `name`"}}},
			{name: "pre-approve", op: "preApproveConflicts", short: "Convert local users when the directory sends them",
				example: "--provider Demo --file people.csv --reason Migration",
				columns: "USER_NAME userName, RESULT result, WHY detail", do: preApprove,
				local: func(f *pflag.FlagSet) { f.String("file", "", "CSV `file` with a column userName") },
				flags: []flag{{"provider", "provider", "`provider` that gets the users"}}},
		},
	}
}

// preApprove sends the user names in a CSV file, batch after batch, and shows the result for each.
func preApprove(ctx context.Context, c *call) error {
	if c.flag("file") == "" {
		return usagef("--file is missing: %s", c.cmd.UseLine())
	}
	f, err := os.Open(c.flag("file"))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was opened for reading
	names, err := userNamesOf(f)
	if err != nil {
		return err
	}
	var rows []any
	for batch := range slices.Chunk(names, pageSize) {
		c.body["userNames"] = batch
		answer, err := c.request(ctx, c.set.dryRun)
		if err != nil {
			return err
		}
		rows = append(rows, list(answer, "items")...)
	}
	return c.print(ctx, object{"items": rows})
}

// userNamesOf reads the column userName of a CSV file, or its only column.
func userNamesOf(r io.Reader) ([]string, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	rows, err := in.ReadAll()
	if err != nil {
		return nil, err
	}
	var names []string
	column := 0
	for i, row := range rows {
		if i == 0 {
			if at := slices.IndexFunc(row, func(h string) bool { return strings.EqualFold(strings.Trim(h, " \ufeff"), "userName") }); at >= 0 {
				column = at
				continue
			}
			if len(row) > 1 {
				return nil, errors.New("the first line must name a column userName")
			}
		}
		if column < len(row) && strings.TrimSpace(row[column]) != "" {
			names = append(names, strings.TrimSpace(row[column]))
		}
	}
	if len(names) == 0 {
		return nil, errors.New("the file contains no user names")
	}
	return names, nil
}
