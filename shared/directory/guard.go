package directory

import (
	"cmp"
	"time"
)

// Guard is what a provider keeps about its mass-change guard: settings, and what it has found. It is part of
// the provider's record, so that every request sees that it has tripped.
type Guard struct {
	Window  time.Duration `json:",omitempty"` // over which leavers are counted; 0: DefaultGuardWindow
	Minimum int           `json:",omitempty"` // leavers that are always allowed; 0: DefaultGuardMinimum
	Percent int           `json:",omitempty"` // of the provider's users, when that is more; 0: DefaultGuardPercent

	Event     string        `json:",omitempty"` // the open event; "" while it has not tripped
	From      time.Time     `json:",omitzero"`  // who leaves from then on waits for the decision
	Decided   GuardDecision `json:",omitempty"` // the last decision, for those whom it has not reached yet
	DecidedAt time.Time     `json:",omitzero"`
	Since     time.Time     `json:",omitzero"` // leavers before are not counted: they were decided on
	WarnedAt  time.Time     `json:",omitzero"`
}

// The settings of a guard that was given none, and the limits of others.
const (
	DefaultGuardWindow  = time.Hour
	DefaultGuardMinimum = 25
	DefaultGuardPercent = 5
	MaxGuardWindow      = 24 * time.Hour
	MaxGuardMinimum     = 1_000_000
	// guardGrace is how long after going live a guard only warns: the first cycle disables whoever left
	// before.
	guardGrace = 24 * time.Hour
)

// Tripped reports whether deactivations of the provider wait for a review.
func (g Guard) Tripped() bool { return g.Event != "" }

// inForce are the settings with defaults in place of zeros.
func (g Guard) inForce() GuardSettings {
	return GuardSettings{cmp.Or(g.Window, DefaultGuardWindow), cmp.Or(g.Minimum, DefaultGuardMinimum), cmp.Or(g.Percent, DefaultGuardPercent)}
}

// WindowOrDefault is the window in force.
func (g Guard) WindowOrDefault() time.Duration { return g.inForce().Window }

// Limit is how many of a provider's users may leave within the window: one more trips the guard.
func (g Guard) Limit(users int) int {
	f := g.inForce()
	return max(f.Minimum, users*f.Percent/100)
}

func (g Guard) check() error {
	switch {
	case g.Window != 0 && (g.Window < time.Minute || g.Window > MaxGuardWindow):
		return &Error{Kind: Invalid, Attr: "windowSeconds", Detail: "windowSeconds must be between a minute and a day"}
	case g.Minimum < 0 || g.Minimum > MaxGuardMinimum:
		return &Error{Kind: Invalid, Attr: "minimum", Detail: "minimum must be between 0 and 1000000"}
	case g.Percent < 0 || g.Percent > 100:
		return &Error{Kind: Invalid, Attr: "percent", Detail: "percent must be between 0 and 100"}
	}
	return nil
}

// onlyWarns reports whether the provider is too new for its guard to hold anything.
func (p Provider) onlyWarns(now time.Time) bool {
	state := p.State
	if state == ProviderPaused {
		state = p.Resume
	}
	return state == ProviderSetup || now.Sub(p.LiveAt) < guardGrace
}

// GuardDecision is what became of a guard's event.
type GuardDecision string

// The states of an event: open until an administrator decides; a warning needs no decision.
const (
	GuardOpen        GuardDecision = "open"
	GuardWarning     GuardDecision = "warning"
	GuardApproval    GuardDecision = "approved"
	GuardDisapproval GuardDecision = "rejected"
)

// GuardEvent is one time that too many users of a provider left at once.
type GuardEvent struct {
	ID        string // ids sort as the events happened
	Provider  ProviderID
	State     GuardDecision
	At        time.Time
	Since     time.Time // when its window began
	Count     int       // leavers in the window when it tripped
	Limit     int
	Users     int       // of the provider
	DecidedAt time.Time `json:",omitzero"`
	DecidedBy string    `json:",omitempty"`
	Version   int64
}

// Common is a value that many of those whom an event is about have in common.
type Common struct {
	Attr  string // a path in the user's attributes, or groups
	Value string // for groups the group's id
	Count int
}
