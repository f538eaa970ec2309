package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/spreadsheet"
)

const (
	runLines = "Run id, State state, Configuration configVersion, Undoes undoes, Undone_by undoneBy, Created_by createdBy, " +
		"Started_by startedBy, Approved_by approvedBy, People counts.users, Changes counts.changes, Moves counts.moves, " +
		"Role_changes counts.roleChanges, Privileged counts.privileged, Lose_all_roles counts.losesAllRoles, On_legal_hold counts.onHold, " +
		"Applied counts.applied, Changed_since_preview counts.changedSincePreview, Unchanged counts.unchanged, Skipped counts.skipped, " +
		"Skipped_by_the_guard counts.skippedByGuard, Errors counts.errors, Failure failure, Expires expiresAt, Ended endedAt"
	changeColumns = "USER userName, FROM from, TO to, ADDED added, REMOVED removed, KEPT kept, WHY reason, RESULT result, NOTE note; ID id"
)

var runTables = []table{
	{"Organizations", "organizations", "FROM from, TO to, PEOPLE users:"},
	{"Roles", "roles", "ROLE id:role, ADDED added, REMOVED removed, KEPT kept"},
	{"Reasons", "reasons", "REASON reason, PEOPLE users:"},
}

func applyNoun() noun {
	byHand := flag{"moved-by-hand", "movedByHand", "also move people that administrators moved"}
	return noun{
		name: "apply", group: groupProvision, short: "Apply the organization and role mappings to existing people", columns: runLines,
		tables: runTables,
		actions: []action{
			{name: "run", op: "createApplyRun", short: "Plan, show the changes, ask for confirmation, apply, and show the result",
				flags: []flag{byHand, {"confirm", "", "the provider's display `name`, required if privileged roles change"}},
				do:    applyRun, sure: true, also: []string{"getApplyRun", "listApplyChanges", "startApplyRun", "cancelApplyRun"}},
			{name: "list", op: "listApplyRuns", short: "List the runs, newest first",
				columns: "RUN id, STATE state, CREATED createdAt, BY createdBy, ENDED endedAt, UNDOES undoes"},
			{name: "plan", op: "createApplyRun", short: "Plan a run, and wait for the preview", flags: []flag{byHand}, do: follow},
			{name: "show", op: "getApplyRun", short: "Show a run"},
			{name: "diff", op: "listApplyChanges", short: "List a run's changes, person by person", example: "Demo latest --only privileged",
				columns: changeColumns, flags: []flag{
					{"only", "only", "only these `changes`"},
				}},
			{name: "csv", op: "exportApplyChanges", short: "Print all of a run's changes as CSV", do: exportChanges},
			{name: "start", op: "startApplyRun", short: "Apply a planned run, and wait until it is done", do: follow, asks: askRun("Apply to")},
			{name: "approve", op: "approveApplyRun", short: "Approve another administrator's run, and wait until it is applied", do: follow,
				asks: askRun("Approve and apply to")},
			{name: "cancel", op: "cancelApplyRun", short: "Discard a plan, or stop a run; changes made so far are kept"},
			{name: "undo", op: "undoApplyRun", short: "Undo the changes of a run, and wait until it is done", do: follow, from: "getApplyRun",
				ask: "Undo the changes of the run for {counts.applied person people}?"},
		},
	}
}

// askRun returns the question before a run, with the number of people it changes.
func askRun(verb string) func(context.Context, *call) (string, error) {
	return func(ctx context.Context, c *call) (string, error) {
		run, err := c.get(ctx, "getApplyRun", c.ids...)
		return c.runQuestion(ctx, verb, run), err
	}
}

func (c *call) runQuestion(ctx context.Context, verb string, run object) string {
	var parts []string
	for _, part := range []string{"moves moves move", "roleChanges gets_other_roles get_other_roles",
		"losesAllRoles loses_all_roles lose_all_roles", "privileged gets_or_loses_privileged_roles get_or_lose_privileged_roles"} {
		if counted := c.question(ctx, "{counts."+part+"}", run); !strings.HasPrefix(counted, "0 ") {
			parts = append(parts, counted)
		}
	}
	about := ""
	if len(parts) > 0 {
		about = " (" + strings.Join(parts, ", ") + ")"
	}
	return c.question(ctx, verb+" {counts.changes person people}", run) + about + "?"
}

// pollEvery is how often a run's progress is read.
const pollEvery = 250 * time.Millisecond

// wait shows the progress of a run until it is planned or finished.
func (c *call) wait(ctx context.Context, run object) (object, error) {
	b := c.newBar()
	defer b.clear()
	for strings.HasSuffix(text(run, "state"), "ing") { // planning, applying, cancelling
		done, _ := strconv.Atoi(text(run, "progress.done"))
		total, _ := strconv.Atoi(text(run, "progress.total"))
		b.show(done, total, fmt.Sprintf("%s %d of %d, %s errors, %s left", text(run, "state"), done, total, text(run, "progress.errors"),
			showSeconds(text(run, "progress.remainingSeconds"))))
		select {
		case <-ctx.Done():
			return run, failf(exitFailed, "interrupted, but the run continues: rollcall apply show %s %s", c.ids[0], text(run, "id"))
		case <-time.After(pollEvery):
		}
		var err error
		if run, err = c.get(ctx, "getApplyRun", c.ids[0], text(run, "id")); err != nil {
			return run, err
		}
	}
	return run, nil
}

// follow sends the request and waits until the run is planned or finished.
func follow(ctx context.Context, c *call) error {
	if !c.set.dryRun {
		if err := c.confirm(ctx); err != nil {
			return err
		}
	}
	run, err := c.request(ctx, c.set.dryRun)
	if err == nil && !c.set.dryRun {
		run, err = c.wait(ctx, run)
	}
	if err != nil {
		return err
	}
	return c.ended(ctx, run, c.act.tables)
}

// ended prints a finished run and the command to run next.
func (c *call) ended(ctx context.Context, run object, tables []table) error {
	if c.set.dryRun {
		fmt.Fprintln(c.stderr, "Dry run: nothing was changed.")
	}
	if err := c.printOne(ctx, c.act.columns, tables, run); err != nil {
		return err
	}
	provider := word(c.nameFor(ctx, "provider", c.ids[0], ""))
	switch state := text(run, "state"); {
	case c.set.dryRun:
	case state == "planned":
		fmt.Fprintf(c.stderr, "Apply it with: rollcall apply start %s %s\n", provider, text(run, "id"))
	case state == "needs-approval":
		fmt.Fprintf(c.stderr, "Another administrator must approve it: rollcall apply approve %s %s\n", provider, text(run, "id"))
	case state == "failed" || state == "completed-with-errors":
		return failf(exitFailed, "the run ended as %s; see rollcall apply diff %s %s", state, provider, text(run, "id"))
	case state == "completed" && text(run, "undoes") == "":
		fmt.Fprintf(c.stderr, "Undo it with: rollcall apply undo %s %s\n", provider, text(run, "id"))
	}
	return nil
}

// shownChanges is the maximum number of people in a preview.
const shownChanges = 30

// applyRun plans a run, shows its changes, asks for confirmation, applies it, and shows the result.
func applyRun(ctx context.Context, c *call) error {
	run, err := c.request(ctx, false) // a plan changes no one, so a dry run creates one, too
	if err == nil {
		run, err = c.wait(ctx, run)
	}
	if err != nil {
		return err
	}
	id := text(run, "id")
	if text(run, "state") != "planned" {
		return c.ended(ctx, run, runTables)
	}
	if c.set.output == "table" {
		if err := c.preview(ctx, run); err != nil {
			return err
		}
	}
	if c.set.dryRun || text(run, "counts.changes") == "0" {
		if run, err = c.send(ctx, &exchange{op: operations()["cancelApplyRun"], ids: []string{c.ids[0], id}}); err == nil &&
			c.set.output != "table" {
			err = c.printValue(run)
		}
		return err
	}
	if err := c.consent(ctx, c.runQuestion(ctx, "Apply to", run)); err != nil {
		return fmt.Errorf("%w\n  The plan is kept for a day; apply it with: rollcall apply start %s %s", err,
			word(c.nameFor(ctx, "provider", c.ids[0], "")), id)
	}
	start := exchange{op: operations()["startApplyRun"], ids: []string{c.ids[0], id}, body: object{}}
	if c.given("confirm") {
		start.body = object{"confirm": c.flag("confirm")}
	}
	if run, err = c.insist(ctx, start); err == nil {
		run, err = c.wait(ctx, run)
	}
	if err != nil {
		return err
	}
	return c.ended(ctx, run, nil)
}

// preview shows the changes of a plan: the numbers, and the first people by name.
func (c *call) preview(ctx context.Context, run object) error {
	if text(run, "counts.changes") == "0" {
		fmt.Fprintln(c.stdout, c.question(ctx,
			"Nothing would change: {counts.users person_already_matches people_already_match} the mappings.", run))
		return nil
	}
	x := exchange{op: operations()["listApplyChanges"], ids: []string{c.ids[0], text(run, "id")}}
	items, more, err := c.list(ctx, x, shownChanges)
	if err != nil {
		return err
	}
	const names = "USER userName, FROM from, TO to, ADDED added, REMOVED removed, KEPT kept, WHY reason"
	sortByName(names, items)
	shown, _ := columns(names)
	if err := c.printTable(ctx, shown, items); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(c.stdout, "and more; list all with: rollcall apply diff %s %s\n", word(c.nameFor(ctx, "provider", c.ids[0], "")),
			text(run, "id"))
	}
	fmt.Fprintln(c.stdout)
	return c.printOne(ctx, "Changes counts.changes, Moves counts.moves, Role_changes counts.roleChanges, Privileged counts.privileged, "+
		"Lose_all_roles counts.losesAllRoles, On_legal_hold counts.onHold", nil, run)
}

// withNames returns a line of the export with the names of organizations and roles next to their ids.
func (c *call) withNames(ctx context.Context, row []string, title bool) []string {
	var out []string
	for i, cell := range row {
		out = append(out, cell)
		organization, roles := i == 2 || i == 3, i >= 4 && i <= 6
		switch {
		case title && organization:
			out = append(out, cell+"Name")
		case title && roles:
			out = append(out, cell+"Names")
		case organization:
			out = append(out, c.nameFor(ctx, "organization", cell, ""))
		case roles:
			var names []string
			for id := range strings.FieldsSeq(cell) {
				names = append(names, c.nameFor(ctx, "role", id, ""))
			}
			out = append(out, spreadsheet.Join(names, ", "))
		}
	}
	return out
}

// exportChanges prints all pages, with names next to ids.
func exportChanges(ctx context.Context, c *call) error {
	x := exchange{op: c.op, ids: c.ids, query: url.Values{"limit": {strconv.Itoa(pageSize)}}}
	for first := true; first || x.next != ""; first = false {
		if x.next != "" {
			x.query.Set("cursor", x.next)
		}
		var page bytes.Buffer
		if err := c.download(ctx, &x, &page); err != nil {
			return err
		}
		rows, err := csv.NewReader(&page).ReadAll()
		if err != nil {
			return err
		}
		for i, row := range rows {
			rows[i] = c.withNames(ctx, row, first && i == 0)
		}
		if err := writeCSV(c.stdout, rows); err != nil {
			return err
		}
	}
	return nil
}
