package directory

import (
	"fmt"
	"strings"
	"time"
)

// RunState is the state of an apply run.
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
	RunExpired    RunState = "expired" // shown for a plan that cannot be applied any more (StateAt); never stored
)

// Working reports whether steps of the run may be running.
func (s RunState) Working() bool { return s == RunPlanning || s == RunApplying || s == RunCancelling }

// RunPhase is a phase of an apply run.
type RunPhase string

// The phases of a run.
const (
	PhasePlan  RunPhase = "plan"
	PhaseApply RunPhase = "apply"
)

const (
	// RunRanges is the number of ranges of a run, each a part of the provider's users (ApplyRuns.People): at most one
	// for each first random character of an id.
	RunRanges = 32
	// PlanLife is how long after planning a plan can be applied.
	PlanLife = 24 * time.Hour
	// RunPageSize is how many users one step reads or writes at most before it stores its cursor.
	RunPageSize = 100
)

// ApplyRun is one use of "Apply organization and role settings": a plan and its execution.
type ApplyRun struct {
	ID         RunID
	Provider   ProviderID
	State      RunState
	Config     int64 // the ConfigVersion it was planned for
	All        bool  // users moved by hand are moved too (method single)
	Undoes     RunID // the run whose changes this one reverts
	UndoneBy   RunID
	CreatedBy  string
	StartedBy  string // or requested, under dual control
	ApprovedBy string // the second administrator, under dual control
	Failure    string // why it failed
	Unseen     int    `json:",omitempty"` // changes that its preview did not show and that the guard allowed

	Created, Planned, Started, Ended time.Time
	Version                          int64
}

// StateAt returns the state to show at a time when the provider has this ConfigVersion and newest run: a plan that is too
// old, for an older configuration, or followed by a newer run is expired.
func (r ApplyRun) StateAt(now time.Time, config int64, newest RunID) RunState {
	if (r.State == RunPlanned || r.State == RunRequested) && (now.After(r.Planned.Add(PlanLife)) || r.Config != config || r.ID != newest) {
		return RunExpired
	}
	return r.State
}

// RunRange is the progress of a run in one range, and its counts.
type RunRange struct {
	N       int
	Phase   RunPhase
	Cursor  string // where the phase continues: after this position of users, or this page
	Done    bool
	Tally   RunTally
	Version int64
}

// RunTally counts the users and changes of a run. Each map holds the keys with the largest counts, and OtherKeys.
type RunTally struct {
	Users, Changes                              int            // examined, and to be changed
	Moves, RoleChanges, Privileged, LoseAll     int            // of the changes
	Held                                        int            // of the changes: users on legal hold
	Orgs                                        map[string]int `json:",omitempty"` // "from>to"
	RolesAdded, RolesRemoved, RolesKept         map[string]int `json:",omitempty"` // kept: by hand
	Reasons                                     map[string]int `json:",omitempty"`
	Samples                                     []RunRow       `json:",omitempty"`
	Done, Applied, Unchanged, Differed, Skipped int            // of applying; differed: changed since the preview, and applied
	Guarded, Errors                             int            // guarded: skipped because the guard allows no more
}

// OtherKeys stands for the keys of a tally that are too many to be counted one by one.
const OtherKeys = "(others)"

// RunResult is the outcome of one user's change.
type RunResult string

// The results of a change. The zero value: not done yet.
const (
	RowApplied   RunResult = "applied"
	RowDiffered  RunResult = "changed-since-preview" // applied as resolved when applying
	RowUnchanged RunResult = "unchanged"             // nothing was left to do
	RowSkipped   RunResult = "skipped"               // removed, deactivated or, for an undo, changed since
	RowError     RunResult = "error"
)

// RunRow is the change of one user.
type RunRow struct {
	User       UserID
	Name       string `json:"-"` // userName, read when the row is shown: a stored one would outlive the person's erasure
	Before     Placement
	After      Placement
	Reason     string
	Privileged bool `json:",omitempty"` // a privileged role is added or removed
	LosesAll   bool `json:",omitempty"` // all roles are removed
	Held       bool `json:",omitempty"` // on legal hold
	Scim       ScimID
	Version    int64      // of the user when last read
	Prepared   bool       `json:"Intent,omitempty"` // Before, After and Version are set for applying
	Planned    *Placement `json:",omitempty"`       // the placement in the preview, when After differs
	Allowed    bool       `json:",omitempty"`       // the guard allows After to differ from the preview
	Written    bool       `json:",omitempty"`       // the user was changed, which can be undone
	Result     RunResult  `json:",omitempty"`
	Note       string     `json:",omitempty"`
}

// RunPage holds the changes found by one planning step, by user id, or a part of them when they are long. It is stored as
// a whole, so that a repeated step replaces it.
type RunPage struct {
	Range int
	From  string // its users follow this position
	Part  int    `json:",omitempty"`
	Rows  []RunRow
}

// Key orders the pages of a run by range, then by position, then by part.
func (p RunPage) Key() string {
	k := PagesBefore(p.Range) + "." + p.From
	if p.Part > 0 {
		k += fmt.Sprintf("+%03d", p.Part)
	}
	return k
}

// PagesBefore returns a key that sorts before the pages of range n and after those of the ranges below it.
func PagesBefore(n int) string { return fmt.Sprintf("%02d", n) }

// Added returns the roles that the user gains.
func (r RunRow) Added() []RoleID { return RolesNotIn(r.After.Grants, r.Before.Grants) }

// Removed returns the roles that the user loses.
func (r RunRow) Removed() []RoleID { return RolesNotIn(r.Before.Grants, r.After.Grants) }

// Kept returns the roles given by hand that the user keeps.
func (r RunRow) Kept() (out []RoleID) {
	for _, g := range r.After.Grants {
		if g.ByHand() {
			out = append(out, g.Role)
		}
	}
	return out
}

// Applied reports whether the run was carried out, with or without errors.
func (r ApplyRun) Applied() bool { return r.State == RunCompleted || r.State == RunWithErrors }

// Phase returns the phase that the run is in, "" for none.
func (r ApplyRun) Phase() RunPhase {
	switch {
	case !r.State.Working():
		return ""
	case r.Started.IsZero():
		return PhasePlan
	}
	return PhaseApply
}

// Occasion is the occasion on which the run resolves its users.
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

// RunTarget is the Target of log entries about a run: provider and run.
func RunTarget(p ProviderID, id RunID) string { return string(p) + "/apply-runs/" + string(id) }

// CutRunTarget splits a RunTarget.
func CutRunTarget(target string) (ProviderID, RunID, bool) {
	p, id, ok := strings.Cut(target, "/apply-runs/")
	return ProviderID(p), RunID(id), ok && id != ""
}

// NewOrgPrefix marks an organization that applying will create, by its name.
const NewOrgPrefix = "new:"
