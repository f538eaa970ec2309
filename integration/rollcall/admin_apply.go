package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

func applyVerbs() []adminVerb {
	const base, run = "/providers/%s/apply-runs", "/providers/%s/apply-runs/%s"
	one := columns("Run id, State state, Configuration configVersion, Undoes undoes, Undone_by undoneBy, Started_by startedBy, Approved_by approvedBy, Users counts.users, To_be_changed counts.changes, Move counts.moves, Roles_change counts.roleChanges, " +
		"Privileged counts.privileged, Lose_all_roles counts.losesAllRoles, On_legal_hold counts.onHold, Applied counts.applied, Changed_since_preview counts.changedSincePreview, " +
		"Unchanged counts.unchanged, Skipped counts.skipped, Skipped_by_the_guard counts.skippedByGuard, Errors counts.errors, Failure failure, Expires expiresAt, Ended endedAt")
	confirm := adminFlag{name: "confirm", member: "confirm", usage: "the provider's display `name`, where privileged roles change"}
	all := adminFlag{name: "moved-by-hand", member: "movedByHand", usage: "`true` moves people who were moved by hand, too", kind: boolFlag}
	return []adminVerb{
		{name: "list", args: "PROVIDER", summary: "list the runs, the newest first", method: http.MethodGet, path: base, list: true, show: columns("RUN id, STATE state, CREATED createdAt, BY createdBy, UNDOES undoes")},
		{name: "plan", args: "PROVIDER", summary: "plan what applying would do, and wait for the preview", method: http.MethodPost, path: base, show: one, flags: []adminFlag{all}, do: follow},
		{name: "show", args: "PROVIDER RUN", summary: "show a run", method: http.MethodGet, path: run, show: one},
		{name: "diff", args: "PROVIDER RUN", summary: "list a run's changes", method: http.MethodGet, path: run + "/diff", list: true, show: columns("USER userName, FROM from, TO to, ADDED added, REMOVED removed, KEPT kept, WHY reason, RESULT result, NOTE note"), flags: []adminFlag{
			{name: "only", member: "only", usage: "`which`: attention, loses-all-roles, on-hold or privileged"},
		}},
		{name: "csv", args: "PROVIDER RUN", summary: "print all of a run's changes as CSV", method: http.MethodGet, path: run + "/diff.csv", do: exportCSV},
		{name: "start", args: "PROVIDER RUN", summary: "apply a planned run, and wait until it is done", method: http.MethodPost, path: run + ":apply", show: one, flags: []adminFlag{confirm}, do: follow},
		{name: "approve", args: "PROVIDER RUN", summary: "apply a run that another administrator asked for, and wait until it is done", method: http.MethodPost, path: run + ":approve", show: one, do: follow},
		{name: "cancel", args: "PROVIDER RUN", summary: "discard a plan, or stop a run", method: http.MethodPost, path: run + ":cancel", show: one},
		{name: "undo", args: "PROVIDER RUN", summary: "take back what a run changed, and wait", method: http.MethodPost, path: run + ":undo", show: one, flags: []adminFlag{confirm}, do: follow},
	}
}

// pollEvery is how often a run's progress is read.
const pollEvery = 250 * time.Millisecond

// follow sends the request and shows the progress of the run until nothing of it is under way.
func follow(ctx context.Context, c *adminCall, client *adminClient) error {
	body, query, err := c.request()
	if err != nil {
		return err
	}
	run, err := client.send(ctx, c.verb.method, c.path(c.verb.path), query, body)
	if err != nil {
		return err
	}
	bar := newApplyBar(c.diags)
	for !c.dry && strings.HasSuffix(member(run, "state"), "ing") { // planning, applying, cancelling
		bar.show(run)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
		if run, err = client.send(ctx, http.MethodGet, "/providers/"+url.PathEscape(c.args[0])+"/apply-runs/"+url.PathEscape(member(run, "id")), nil, nil); err != nil {
			return err
		}
	}
	bar.clear()
	if c.json {
		err = json.NewEncoder(c.stdout).Encode(run)
	} else {
		err = printOne(c.stdout, c.verb.show, run)
	}
	if err == nil && (member(run, "state") == "failed" || member(run, "state") == "completed-with-errors") {
		err = adminErrorf(exitFailed, "the run ended as %s", member(run, "state"))
	}
	return err
}

// applyBar shows the progress of a run: a bar on a terminal, else a line every five seconds.
type applyBar struct {
	w        io.Writer
	terminal bool
	last     time.Time
	drawn    bool
}

func newApplyBar(w io.Writer) *applyBar {
	file, ok := w.(*os.File)
	return &applyBar{w: w, terminal: ok && term.IsTerminal(int(file.Fd())), last: time.Now()}
}

func (b *applyBar) show(run map[string]any) {
	if !b.terminal && time.Since(b.last) < 5*time.Second {
		return
	}
	b.last = time.Now()
	done, _ := strconv.Atoi(member(run, "progress.done"))
	total, _ := strconv.Atoi(member(run, "progress.total"))
	text := fmt.Sprintf("%s %d of %d, %s errors, %s s left", member(run, "state"), done, total, member(run, "progress.errors"), member(run, "progress.remainingSeconds"))
	if !b.terminal {
		fmt.Fprintln(b.w, text)
		return
	}
	const width = 30
	full := min(width, width*done/max(total, 1))
	fmt.Fprint(b.w, "\r\x1b[K[", strings.Repeat("#", full), strings.Repeat(".", width-full), "] ", text)
	b.drawn = true
}

func (b *applyBar) clear() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// exportCSV prints page after page.
func exportCSV(ctx context.Context, c *adminCall, client *adminClient) error {
	query := url.Values{"limit": {"200"}}
	for {
		text, next, err := client.text(ctx, c.path(c.verb.path), query)
		if err != nil {
			return err
		}
		if _, err := c.stdout.Write(text); err != nil || next == "" {
			return err
		}
		query.Set("cursor", next)
	}
}

// text reads an answer that is no JSON, and the cursor of what follows.
func (c *adminClient) text(ctx context.Context, path string, query url.Values) ([]byte, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, "", adminErrorf(exitNoAccess, "could not reach %s", c.base)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err != nil {
		return nil, "", err
	}
	if answer.StatusCode >= 300 {
		var problem map[string]any
		_ = json.Unmarshal(text, &problem) // what is no problem has a status at least
		return nil, "", refusal(answer.StatusCode, problem)
	}
	return text, answer.Header.Get("Next-Cursor"), nil
}
