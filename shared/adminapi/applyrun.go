package adminapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/spreadsheet"
)

func applyRunRoutes() []route {
	return []route{
		{Route{get, "/providers/{id}/apply-runs", "listApplyRuns", readers}, pageQuery, (*request).listApplyRuns},
		{Route{post, "/providers/{id}/apply-runs", "createApplyRun", administrators}, dryQuery, (*request).createApplyRun},
		{Route{get, "/providers/{id}/apply-runs/{id}", "getApplyRun", readers}, nil, (*request).getApplyRun},
		{Route{get, "/providers/{id}/apply-runs/{id}/diff", "listApplyChanges", readers}, []string{"cursor", "limit", "only"},
			(*request).listApplyChanges},
		{Route{get, "/providers/{id}/apply-runs/{id}/diff.csv", "exportApplyChanges", readers}, pageQuery, (*request).exportApplyChanges},
		{Route{post, "/providers/{id}/apply-runs/{id}:apply", "startApplyRun", administrators}, dryQuery, (*request).startApplyRun},
		{Route{post, "/providers/{id}/apply-runs/{id}:approve", "approveApplyRun", administrators}, dryQuery, (*request).approveApplyRun},
		{Route{post, "/providers/{id}/apply-runs/{id}:cancel", "cancelApplyRun", administrators}, dryQuery, (*request).cancelApplyRun},
		{Route{post, "/providers/{id}/apply-runs/{id}:undo", "undoApplyRun", administrators}, dryQuery, (*request).undoApplyRun},
	}
}

type applyRun struct {
	ID            directory.RunID      `json:"id,omitempty"`
	Provider      directory.ProviderID `json:"provider"`
	State         directory.RunState   `json:"state"`
	ConfigVersion int64                `json:"configVersion"`
	MovedByHand   bool                 `json:"movedByHand"` // users moved by hand move, too
	Undoes        directory.RunID      `json:"undoes,omitempty"`
	UndoneBy      directory.RunID      `json:"undoneBy,omitempty"`
	CreatedBy     string               `json:"createdBy,omitempty"`
	StartedBy     string               `json:"startedBy,omitempty"`  // or requested by
	ApprovedBy    string               `json:"approvedBy,omitempty"` // the second administrator
	Failure       string               `json:"failure,omitempty"`
	CreatedAt     instant              `json:"createdAt"`
	PlannedAt     *instant             `json:"plannedAt,omitempty"`
	ExpiresAt     *instant             `json:"expiresAt,omitempty"`
	StartedAt     *instant             `json:"startedAt,omitempty"`
	EndedAt       *instant             `json:"endedAt,omitempty"`
	Progress      *runProgress         `json:"progress,omitempty"` // of one run only, as all below
	Counts        *runCounts           `json:"counts,omitempty"`
	Organizations []runMove            `json:"organizations,omitempty"`
	Roles         []runRole            `json:"roles,omitempty"`
	Reasons       []runReason          `json:"reasons,omitempty"`
	Samples       []runChange          `json:"samples,omitempty"`
	Version       int64                `json:"version"`
	DryRun        bool                 `json:"dryRun,omitempty"`
}

type runProgress struct {
	Done             int `json:"done"`
	Total            int `json:"total"`
	Errors           int `json:"errors"`
	RemainingSeconds int `json:"remainingSeconds"` // an estimate; 0 when not running
}

type runCounts struct {
	Users       int `json:"users"`
	Changes     int `json:"changes"`
	Moves       int `json:"moves"`
	RoleChanges int `json:"roleChanges"`
	Privileged  int `json:"privileged"`
	LosesAll    int `json:"losesAllRoles"`
	Held        int `json:"onHold"`
	Applied     int `json:"applied"`
	Differed    int `json:"changedSincePreview"`
	Unchanged   int `json:"unchanged"`
	Skipped     int `json:"skipped"`
	Guarded     int `json:"skippedByGuard"` // of those skipped
	Errors      int `json:"errors"`
}

type runMove struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Users int    `json:"users"`
}

type runRole struct {
	ID      string `json:"id"`
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
	Kept    int    `json:"kept"`
}

type runReason struct {
	Reason string `json:"reason"`
	Users  int    `json:"users"`
}

// runChange is the change of one user. An organization yet to be created has the id "new:" and its name.
type runChange struct {
	ID         directory.UserID    `json:"id"`
	UserName   string              `json:"userName"`
	From       directory.OrgID     `json:"from,omitempty"`
	To         directory.OrgID     `json:"to,omitempty"`
	Added      []directory.RoleID  `json:"added"`
	Removed    []directory.RoleID  `json:"removed"`
	Kept       []directory.RoleID  `json:"kept"` // granted by hand
	Reason     string              `json:"reason"`
	Privileged bool                `json:"privileged"`
	LosesAll   bool                `json:"losesAllRoles"`
	Held       bool                `json:"onHold"`
	Result     directory.RunResult `json:"result,omitempty"`
	Note       string              `json:"note,omitempty"`
}

func viewChange(r directory.RunRow) runChange {
	return runChange{
		ID: r.User, UserName: r.Name, From: r.Before.Org, To: r.After.Org, Added: nonNil(r.Added()), Removed: nonNil(r.Removed()),
		Kept:   nonNil(r.Kept()),
		Reason: r.Reason, Privileged: r.Privileged, LosesAll: r.LosesAll, Held: r.Held, Result: r.Result, Note: r.Note,
	}
}

func (r *request) viewRun(x directory.ApplyRun) applyRun {
	v := applyRun{
		ID: x.ID, Provider: x.Provider, State: x.State, ConfigVersion: x.Config, MovedByHand: x.All, Undoes: x.Undoes, UndoneBy: x.UndoneBy,
		CreatedBy: x.CreatedBy, StartedBy: x.StartedBy, ApprovedBy: x.ApprovedBy, Failure: x.Failure, CreatedAt: instant{x.Created},
		PlannedAt: timeOrNil(x.Planned), StartedAt: timeOrNil(x.Started), EndedAt: timeOrNil(x.Ended),
		Version: x.Version, DryRun: r.admin.DryRun,
	}
	expires := x.Planned.Add(directory.PlanLife)
	if early := x.State == directory.RunExpired && expires.After(r.api.svc.Now()); !early && !x.Planned.IsZero() && x.Started.IsZero() &&
		x.Ended.IsZero() {
		v.ExpiresAt = timeOrNil(expires)
	}
	return v
}

func (r *request) answerRun(status int, x administration.ApplyProgress, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	v, t := r.viewRun(x.ApplyRun), x.Tally
	v.Progress = &runProgress{Done: t.Done, Total: x.Total, Errors: t.Errors}
	since := x.Started
	if x.State == directory.RunPlanning {
		v.Progress.Done, since = t.Users, x.Created
	}
	if done := v.Progress.Done; done > 0 && (x.State == directory.RunPlanning || x.State == directory.RunApplying) {
		v.Progress.RemainingSeconds = int(r.api.svc.Now().Sub(since).Seconds() * float64(max(0, x.Total-done)) / float64(done))
	}
	v.Counts = &runCounts{t.Users, t.Changes, t.Moves, t.RoleChanges, t.Privileged, t.LoseAll, t.Held, t.Applied, t.Differed, t.Unchanged,
		t.Skipped, t.Guarded, t.Errors}
	for _, k := range slices.Sorted(maps.Keys(t.Orgs)) {
		from, to, _ := strings.Cut(k, ">")
		v.Organizations = append(v.Organizations, runMove{from, to, t.Orgs[k]})
	}
	roles := map[string]bool{}
	for _, m := range []map[string]int{t.RolesAdded, t.RolesRemoved, t.RolesKept} {
		for k := range m {
			roles[k] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(roles)) {
		v.Roles = append(v.Roles, runRole{k, t.RolesAdded[k], t.RolesRemoved[k], t.RolesKept[k]})
	}
	for _, k := range slices.Sorted(maps.Keys(t.Reasons)) {
		v.Reasons = append(v.Reasons, runReason{k, t.Reasons[k]})
	}
	v.Samples = mapSlice(t.Samples, viewChange)
	if status == http.StatusCreated && r.admin.DryRun {
		v.ID = ""
	}
	return answer{status: status, version: x.Version, location: "/providers/" + string(x.Provider) + "/apply-runs/" + string(x.ID), body: v},
		nil
}

func (r *request) listApplyRuns() (answer, error) {
	p, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	rs, err := r.as().ApplyRuns.List(r.ctx(), p, directory.RunID(after), limit+1)
	next := ""
	if len(rs) > limit {
		rs = rs[:limit]
		next = string(rs[limit-1].ID)
	}
	return answer{body: page[applyRun]{Items: mapSlice(rs, r.viewRun), NextCursor: r.cursor(next)}}, err
}

func (r *request) createApplyRun() (answer, error) {
	p, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	all := false
	if len(r.body) > 0 {
		if err := r.read(members{"movedByHand": boolean(set(&all))}); err != nil {
			return answer{}, err
		}
	}
	x, err := r.as().ApplyRuns.Create(r.ctx(), p, all)
	return r.answerRun(http.StatusCreated, x, err)
}

// runID returns the provider and the run in the path.
func (r *request) runID() (directory.ProviderID, directory.RunID, error) {
	p, err := r.providerID()
	if err != nil {
		return "", "", err
	}
	id, err := pathID[directory.RunID](r, 1, "apply run")
	return p, id, err
}

func (r *request) getApplyRun() (answer, error) {
	p, id, err := r.runID()
	if err != nil {
		return answer{}, err
	}
	x, err := r.as().ApplyRuns.ByID(r.ctx(), p, id)
	return r.answerRun(0, x, err)
}

// only holds the filters of a run's changes.
var only = map[string]func(directory.RunRow) bool{
	"privileged":      func(r directory.RunRow) bool { return r.Privileged },
	"loses-all-roles": func(r directory.RunRow) bool { return r.LosesAll },
	"on-hold":         func(r directory.RunRow) bool { return r.Held },
	"attention": func(r directory.RunRow) bool {
		return r.Result == directory.RowError || r.Result == directory.RowDiffered || r.Result == directory.RowSkipped
	},
}

// changes reads a page of a run's changes.
func (r *request) changes() ([]directory.RunRow, string, error) {
	p, id, err := r.runID()
	if err != nil {
		return nil, "", err
	}
	which, err := r.choice("only", slices.Sorted(maps.Keys(only))...)
	if err != nil {
		return nil, "", err
	}
	after, limit, err := r.pageQuery()
	if err != nil {
		return nil, "", err
	}
	return r.as().ApplyRuns.Diff(r.ctx(), p, id, after, limit, only[which])
}

func (r *request) listApplyChanges() (answer, error) {
	rows, next, err := r.changes()
	return answer{body: page[runChange]{Items: mapSlice(rows, viewChange), NextCursor: r.cursor(next)}}, err
}

// textAnswer is an answer that is not JSON. next is the cursor of the next page, for the header Next-Cursor.
type textAnswer struct {
	mediaType, next string
	body            []byte
}

func (r *request) exportApplyChanges() (answer, error) {
	rows, next, err := r.changes()
	if err != nil {
		return answer{}, err
	}
	var b strings.Builder
	record := func(cells ...string) { b.WriteString(spreadsheet.Line(cells...) + "\r\n") }
	if !r.query.Has("cursor") {
		record("user", "userName", "from", "to", "rolesAdded", "rolesRemoved", "rolesKept", "privileged", "losesAllRoles", "onHold", "reason",
			"result", "note")
	}
	for _, row := range rows {
		c := viewChange(row)
		record(string(c.ID), c.UserName, string(c.From), string(c.To), spreadsheet.Join(c.Added, " "), spreadsheet.Join(c.Removed, " "),
			spreadsheet.Join(c.Kept, " "), fmt.Sprint(c.Privileged), fmt.Sprint(c.LosesAll), fmt.Sprint(c.Held), c.Reason, string(c.Result), c.Note)
	}
	return answer{body: textAnswer{"text/csv; charset=utf-8", r.cursor(next), []byte(b.String())}}, nil
}

// changeRun handles a change of a run, with a confirmation if confirm is set.
func (r *request) changeRun(
	confirm bool, do func(directory.ProviderID, directory.RunID, func(directory.ApplyRun) error) (administration.ApplyProgress, error),
) (answer, error) {
	p, id, err := r.runID()
	switch {
	case err != nil:
	case confirm && len(r.body) > 0:
		err = r.read(members{"confirm": phrase(set(&r.admin.Confirm))})
	default:
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	x, err := do(p, id, func(x directory.ApplyRun) error { return r.ifMatch(x.Version) })
	return r.answerRun(0, x, err)
}

func (r *request) startApplyRun() (answer, error) {
	return r.changeRun(true,
		func(p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error) (administration.ApplyProgress, error) {
			return r.as().ApplyRuns.Start(r.ctx(), p, id, check)
		})
}

func (r *request) approveApplyRun() (answer, error) {
	return r.changeRun(false,
		func(p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error) (administration.ApplyProgress, error) {
			return r.as().ApplyRuns.Approve(r.ctx(), p, id, check)
		})
}

func (r *request) cancelApplyRun() (answer, error) {
	return r.changeRun(false,
		func(p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error) (administration.ApplyProgress, error) {
			return r.as().ApplyRuns.Cancel(r.ctx(), p, id, check)
		})
}

func (r *request) undoApplyRun() (answer, error) {
	return r.changeRun(true,
		func(p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error) (administration.ApplyProgress, error) {
			return r.as().ApplyRuns.Undo(r.ctx(), p, id, check)
		})
}
