package directory

import (
	"cmp"
	"strings"
	"time"
)

// Guard is a provider's mass-change guard: its settings and state. It is part of the provider's record, so that every
// request sees whether it has tripped.
type Guard struct {
	Window      time.Duration `json:",omitempty"` // over which changes are counted; 0: DefaultGuardWindow
	Minimum     int           `json:",omitempty"` // leavers that are always allowed; 0: DefaultGuardMinimum
	Percent     int           `json:",omitempty"` // of the provider's active users, when that is more; 0: DefaultGuardPercent
	MoveMinimum int           `json:",omitempty"` // as Minimum, for users moved or losing roles; 0: DefaultMoveMinimum
	MovePercent int           `json:",omitempty"` // 0: DefaultMovePercent
	Mode        GuardMode     `json:",omitempty"` // "": GuardBlocks

	GuardState            // of leavers
	Moves      GuardState `json:",omitzero"` // of users that events move or remove roles from
}

// GuardState is the state of a guard for one kind of change.
type GuardState struct {
	Event     GuardEventID  `json:",omitempty"` // the open event; "" while it has not tripped
	From      time.Time     `json:",omitzero"`  // changes from then on wait for the decision
	Decided   GuardDecision `json:",omitempty"` // the last decision, for users it has not yet been applied to
	DecidedAt time.Time     `json:",omitzero"`
	Since     time.Time     `json:",omitzero"` // earlier changes are not counted: they were decided
	Before    int           `json:",omitzero"` // changes in Since's minute that were decided, too: counts are by the minute
	WarnedAt  time.Time     `json:",omitzero"`
}

// GuardKind is a kind of change that a guard counts.
type GuardKind string

// The kinds, each with a limit and an event of its own.
const (
	GuardLeavers GuardKind = "leavers" // disabled or deleted by the directory
	GuardMoves   GuardKind = "moves"   // moved to another organization, or roles removed, by an event
)

// GuardMode is what a tripped guard does to leavers.
type GuardMode string

// The modes. In both, nobody is deactivated before the review, and the directory's requests succeed.
const (
	GuardBlocks GuardMode = "block" // they are blocked immediately
	GuardStages GuardMode = "stage" // nothing happens to them
)

// The default settings of a guard, and the limits of others.
const (
	DefaultGuardWindow  = time.Hour
	DefaultGuardMinimum = 25
	DefaultGuardPercent = 5
	DefaultMoveMinimum  = 100
	DefaultMovePercent  = 10
	MaxGuardWindow      = 24 * time.Hour
	MaxGuardMinimum     = 1_000_000
	// GuardGrace is how long after going live a guard only warns: the first cycle disables everybody who left earlier.
	// For as long after the creation of a user, its moves are not counted.
	GuardGrace = 24 * time.Hour
)

// Tripped reports whether deactivations of the provider wait for a review.
func (w GuardState) Tripped() bool { return w.Event != "" }

// Of is the guard's state for a kind of change.
func (g *Guard) Of(k GuardKind) *GuardState {
	if k == GuardMoves {
		return &g.Moves
	}
	return &g.GuardState
}

// CountedSince returns from when on changes of a kind are counted at a time.
func (g Guard) CountedSince(k GuardKind, now time.Time) time.Time {
	return Latest(now.Add(-g.WindowOrDefault()), g.Of(k).Since)
}

// CountOf sums the counts of a kind since CountedSince, without changes that were decided.
func (g Guard) CountOf(k GuardKind, now time.Time, counts map[Action]int) int {
	n, state := CountOf(k, counts), g.Of(k)
	if !g.CountedSince(k, now).Truncate(time.Minute).After(state.Since) {
		n = max(0, n-state.Before)
	}
	return n
}

// InForce returns the settings with defaults for zeros.
func (g Guard) InForce() GuardSettings {
	return GuardSettings{
		cmp.Or(g.Window, DefaultGuardWindow), cmp.Or(g.Minimum, DefaultGuardMinimum), cmp.Or(g.Percent, DefaultGuardPercent),
		cmp.Or(g.MoveMinimum, DefaultMoveMinimum), cmp.Or(g.MovePercent, DefaultMovePercent), cmp.Or(g.Mode, GuardBlocks),
	}
}

// WindowOrDefault is the window in force.
func (g Guard) WindowOrDefault() time.Duration { return g.InForce().Window }

// Limit is how many of a provider's active users may leave within the window: one more trips the guard.
func (g Guard) Limit(active int) int {
	f := g.InForce()
	return max(f.Minimum, active*f.Percent/100)
}

// MoveLimit is how many of a provider's active users events may move to another organization, or remove roles
// from, within the window: one more trips the guard.
func (g Guard) MoveLimit(active int) int {
	f := g.InForce()
	return max(f.MoveMinimum, active*f.MovePercent/100)
}

// LimitOf is the limit of a kind of change.
func (g Guard) LimitOf(k GuardKind, active int) int {
	if k == GuardMoves {
		return g.MoveLimit(active)
	}
	return g.Limit(active)
}

// GuardSettings are the settings of a provider's guard; zeros stand for the defaults.
type GuardSettings struct {
	Window      time.Duration
	Minimum     int
	Percent     int
	MoveMinimum int
	MovePercent int
	Mode        GuardMode
}

// Settings returns the settings as stored: zeros stand for the defaults.
func (g Guard) Settings() GuardSettings {
	return GuardSettings{g.Window, g.Minimum, g.Percent, g.MoveMinimum, g.MovePercent, g.Mode}
}

// WithSettings returns g with other settings.
func (g Guard) WithSettings(s GuardSettings) Guard {
	g.Window, g.Minimum, g.Percent, g.MoveMinimum, g.MovePercent, g.Mode = s.Window, s.Minimum, s.Percent, s.MoveMinimum, s.MovePercent, s.Mode
	return g
}

// GuardOnlyWarns reports whether the provider is too new for its guard to hold anything.
func (p Provider) GuardOnlyWarns(now time.Time) bool {
	state := p.State
	if state == ProviderPaused {
		state = p.Resume
	}
	return state == ProviderSetup || now.Sub(p.LiveAt) < GuardGrace
}

// GuardDecision is the state of a guard event.
type GuardDecision string

// The states of an event: open until an administrator decides; a warning needs no decision.
const (
	GuardOpen        GuardDecision = "open"
	GuardWarning     GuardDecision = "warning"
	GuardApproval    GuardDecision = "approved"
	GuardDisapproval GuardDecision = "rejected"
)

// GuardEvent records that too many users of a provider left, or were moved, within the window.
type GuardEvent struct {
	ID        GuardEventID // ids sort as the events happened
	Provider  ProviderID
	Kind      GuardKind
	State     GuardDecision
	At        time.Time
	Since     time.Time // when its window began
	Count     int       // changes in the window when it tripped
	Limit     int
	Users     int       // active users of the provider
	Reminders int       `json:",omitempty"` // sent while undecided
	DecidedAt time.Time `json:",omitzero"`
	DecidedBy string    `json:",omitempty"`
	Version   int64
}

// SharedValue is a value that many users of an event have in common.
type SharedValue struct {
	Attr  string // a path in the user's attributes, or groups
	Value string // for groups the group's id
	Count int
}

// Minute holds the counts of one minute.
type Minute struct {
	At     time.Time
	Counts map[Action]int
}

// Of is the number of changes of a kind in the minute.
func (m Minute) Of(kind GuardKind) int { return CountOf(kind, m.Counts) }

// CountOf sums the counts of actions of a kind.
func CountOf(kind GuardKind, counts map[Action]int) (n int) {
	for a, c := range counts {
		if GuardKindOf(a) == kind {
			n += c
		}
	}
	return n
}

// GuardKindOf is the kind of change that the guard counts an action as, "" for none.
func GuardKindOf(a Action) GuardKind {
	switch a {
	case UserDisabled, UserDeleted:
		return GuardLeavers
	case UserReassigned:
		return GuardMoves
	}
	return ""
}

// AboutGuard sets the target, name and version of an entry about a guard event.
func (e LogEntry) AboutGuard(p Provider, v GuardEvent) *LogEntry {
	e.Target, e.Name, e.Version = string(p.ID)+"/"+string(v.ID), p.DisplayName, v.Version
	return &e
}

// GuardTarget returns the target of an entry about a guard event.
func GuardTarget(e LogEntry) (ProviderID, GuardEventID) {
	p, event, _ := strings.Cut(e.Target, "/")
	return ProviderID(p), GuardEventID(event)
}
