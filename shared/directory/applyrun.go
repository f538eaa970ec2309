package directory

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// RunState is how far an apply run is.
type RunState string

// The states of an apply run.
const (
	RunPlanning   RunState = "planning"
	RunPlanned    RunState = "planned"
	RunRequested  RunState = "needs-approval" // by a second administrator (dualcontrol.go)
	RunApplying   RunState = "applying"
	RunCancelling RunState = "cancelling"
	RunCompleted  RunState = "completed"
	RunWithErrors RunState = "completed-with-errors"
	RunCancelled  RunState = "cancelled"
	RunFailed     RunState = "failed"
	RunExpired    RunState = "expired" // shown for a plan that is too old or of an older configuration; never stored
)

// Working reports whether steps of the run may be under way.
func (s RunState) Working() bool { return s == RunPlanning || s == RunApplying || s == RunCancelling }

// RunPhase is what a step of a run does.
type RunPhase string

// The phases of a run.
const (
	PhasePlan  RunPhase = "plan"
	PhaseApply RunPhase = "apply"
)

const (
	// RunRanges is how many ranges a run is divided into, each a part of the provider's people (ApplyRuns.People):
	// at most one for each first random character of an id.
	RunRanges = 32
	// PlanLife is how long a plan can be applied.
	PlanLife = 24 * time.Hour
	// runPage is how many people one step reads or writes at most between two marks of its cursor.
	RunPageSize = 100
	// runSamples is how many changes a run shows without paging.
	runSamples = 20
)

// ApplyRun is one "Apply organization and role settings": a plan, and what became of it.
type ApplyRun struct {
	ID         RunID
	Provider   ProviderID
	State      RunState
	Config     int64 // the ConfigVersion that was planned for
	All        bool  // people moved by hand move too (method single)
	Undoes     RunID // the run whose changes this one takes back
	UndoneBy   RunID
	CreatedBy  string
	StartedBy  string // or who asked for it
	ApprovedBy string // the second administrator, under dual control
	Failure    string // why it failed
	Unseen     int    `json:",omitempty"` // changes that its preview did not show, and that the guard allowed

	Created, Planned, Started, Ended time.Time
	Version                          int64
}

// StateAt is the state as shown at a time, of a provider with this configuration.
func (r ApplyRun) StateAt(now time.Time, config int64) RunState {
	if (r.State == RunPlanned || r.State == RunRequested) && (now.After(r.Planned.Add(PlanLife)) || r.Config != config) {
		return RunExpired
	}
	return r.State
}

// RunRange is how far a run is in one range, and what it found there.
type RunRange struct {
	N       int
	Phase   RunPhase
	Cursor  string // where the phase goes on: behind this position of people, or this page
	Done    bool
	Tally   RunTally
	Version int64
}

// RunTally counts what a run finds and does.
type RunTally struct {
	Users, Changes                              int            // looked at, and of these to be changed
	Moves, RoleChanges, Privileged, LoseAll     int            // of the changes
	Held                                        int            // of the changes: people on legal hold
	Orgs                                        map[string]int `json:",omitempty"` // "from>to"
	RolesAdded, RolesRemoved, RolesKept         map[string]int `json:",omitempty"` // kept: by hand
	Reasons                                     map[string]int `json:",omitempty"`
	Samples                                     []RunRow       `json:",omitempty"`
	Done, Applied, Unchanged, Differed, Skipped int            // of applying; differed: changed since the preview, and applied
	Guarded, Errors                             int            // guarded: of the skipped, those that were more than the guard allows
}

// Add adds what another range counted.
func (t *RunTally) Add(o RunTally) {
	for _, p := range []struct {
		to *int
		n  int
	}{
		{&t.Users, o.Users}, {&t.Changes, o.Changes}, {&t.Moves, o.Moves}, {&t.RoleChanges, o.RoleChanges}, {&t.Privileged, o.Privileged},
		{&t.LoseAll, o.LoseAll}, {&t.Held, o.Held}, {&t.Done, o.Done}, {&t.Applied, o.Applied}, {&t.Unchanged, o.Unchanged},
		{&t.Differed, o.Differed}, {&t.Skipped, o.Skipped}, {&t.Guarded, o.Guarded}, {&t.Errors, o.Errors},
	} {
		*p.to += p.n
	}
	sum := func(to *map[string]int, from map[string]int) {
		for k, n := range from {
			if *to == nil {
				*to = map[string]int{}
			}
			(*to)[k] += n
		}
	}
	sum(&t.Orgs, o.Orgs)
	sum(&t.RolesAdded, o.RolesAdded)
	sum(&t.RolesRemoved, o.RolesRemoved)
	sum(&t.RolesKept, o.RolesKept)
	sum(&t.Reasons, o.Reasons)
	t.Samples = append(t.Samples, o.Samples...)
	t.Trim(runSamples)
}

// Trim keeps the n weightiest samples.
func (t *RunTally) Trim(n int) {
	slices.SortStableFunc(t.Samples, func(a, b RunRow) int { return b.weight() - a.weight() })
	t.Samples = t.Samples[:min(n, len(t.Samples))]
}

// RunResult is what became of one person's change.
type RunResult string

// The results of a change. The zero value: not done yet.
const (
	RowApplied   RunResult = "applied"
	RowDiffered  RunResult = "changed-since-preview" // applied as it is right now
	RowUnchanged RunResult = "unchanged"             // nothing was left to do
	RowSkipped   RunResult = "skipped"               // gone or deactivated, or, for an undo, changed since
	RowError     RunResult = "error"
)

// RunRow is the change of one person.
type RunRow struct {
	User       UserID
	Name       string // userName
	Before     Placement
	After      Placement
	Reason     string
	Privileged bool `json:",omitempty"` // a privileged role comes or goes
	LosesAll   bool `json:",omitempty"` // all roles go
	Held       bool `json:",omitempty"` // on legal hold
	Scim       ScimID
	Version    int64      // of the user as last looked at
	Prepared   bool       `json:"Intent,omitempty"` // Before, After and Version are those of applying
	Planned    *Placement `json:",omitempty"`       // what the preview showed, when After is something else
	Allowed    bool       `json:",omitempty"`       // the guard lets it be another one than the preview showed
	Written    bool       `json:",omitempty"`       // the user was changed, which can be undone
	Result     RunResult  `json:",omitempty"`
	Note       string     `json:",omitempty"`
}

// weight orders previews: privileged changes first.
func (r RunRow) weight() int {
	n := 0
	for i, yes := range []bool{r.Held, r.LosesAll, r.Privileged} {
		if yes {
			n |= 1 << i
		}
	}
	return n
}

// RunPage is the changes among the people of one step of planning, by id: kept as a whole, so that a step
// that is repeated leaves nothing behind.
type RunPage struct {
	Range int
	From  string // the position that its people follow
	Rows  []RunRow
}

// Key orders the pages of a run: ranges in their order, and within one the positions.
func (p RunPage) Key() string { return PagesBefore(p.Range) + "." + p.From }

// PagesBefore sorts before the keys of the pages of a range, and behind those of the ranges before it.
func PagesBefore(n int) string { return fmt.Sprintf("%02d", n) }

// Added are the roles the person gets.
func (r RunRow) Added() []RoleID { return RolesNotIn(r.After.Grants, r.Before.Grants) }

// Removed are the roles the person loses.
func (r RunRow) Removed() []RoleID { return RolesNotIn(r.Before.Grants, r.After.Grants) }

// Kept are the roles given by hand that stay.
func (r RunRow) Kept() (out []RoleID) {
	for _, g := range r.After.Grants {
		if g.ByHand() {
			out = append(out, g.Role)
		}
	}
	return out
}

func (r ApplyRun) Applied() bool { return r.State == RunCompleted || r.State == RunWithErrors }

// Phase is what steps of the run do now, "" for nothing.
func (r ApplyRun) Phase() RunPhase {
	switch {
	case !r.State.Working():
		return ""
	case r.Started.IsZero():
		return PhasePlan
	}
	return PhaseApply
}

// Occasion is what applying the run is to its people.
func (r ApplyRun) Occasion() Occasion {
	if r.All {
		return OnApplyAll
	}
	return OnApply
}

// RunRef names a phase of an apply run.
type RunRef struct {
	Tenant   TenantID
	Provider ProviderID
	Run      RunID
	Phase    RunPhase
}

// RunTarget is what log entries about a run are about: provider and run.
func RunTarget(p ProviderID, id RunID) string { return string(p) + "/apply-runs/" + string(id) }

// CutRunTarget takes a RunTarget apart.
func CutRunTarget(target string) (ProviderID, RunID, bool) {
	p, id, ok := strings.Cut(target, "/apply-runs/")
	return ProviderID(p), RunID(id), ok && id != ""
}

// NewOrgPrefix marks an organization that applying will make, by its name.
const NewOrgPrefix = "new:"
