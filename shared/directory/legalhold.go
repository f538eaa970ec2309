package directory

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Matter is a legal matter; whoever is a custodian of an active one is on hold.
type Matter struct {
	ID        string
	Name      string // 1 to 100 characters
	Reference string `json:",omitempty"` // at most 200 characters
	State     MatterState
	CreatedAt time.Time
	CreatedBy string
	ClosedAt  time.Time `json:",omitzero"`
	ClosedBy  string    `json:",omitempty"`
	Version   int64
}

// MatterState is whether a matter holds its custodians.
type MatterState string

// The states of a matter. Closing one releases its custodians.
const (
	MatterActive MatterState = "active"
	MatterClosed MatterState = "closed"
)

// Custodian is what a matter keeps about one user.
type Custodian struct {
	Matter     string
	User       UserID
	PlacedAt   time.Time
	PlacedBy   string
	ReleasedAt time.Time `json:",omitzero"` // zero while on hold
	ReleasedBy string    `json:",omitempty"`
}

// OnHold reports whether the custodian is on hold for the matter.
func (c Custodian) OnHold() bool { return !c.PlacedAt.IsZero() && c.ReleasedAt.IsZero() }

// Outcome is what the release of a hold means for a custodian.
type Outcome string

// The outcomes of a release.
const (
	OutcomeDeactivated Outcome = "deactivated" // pending and due: at once
	OutcomeResumes     Outcome = "resumes"     // the countdown goes on to the time it was due
	OutcomeReview      Outcome = "review"      // the guard still holds the deactivation
	OutcomeHeld        Outcome = "held"        // another matter holds the user
	OutcomeStays       Outcome = "stays"       // nothing was pending
)

// outcome foretells what the release of a matter's hold means for u.
func (u User) outcome(matter string, now time.Time) Outcome {
	switch after := u.released(matter, now); {
	case !after.deactivable():
		return OutcomeDeactivated
	case len(after.Holds) > 0:
		return OutcomeHeld
	case after.Pending == nil:
		return OutcomeStays
	case after.Pending.Frozen:
		return OutcomeReview
	}
	return OutcomeResumes
}

// Gate is what a pending deactivation waits for.
type Gate string

// The gates. A deactivation that waits for several is found under each, but under timer only when it waits
// for time alone.
const (
	GateTimer Gate = "timer"
	GateHold  Gate = "hold"
	GateGuard Gate = "guard"
)

// WaitsFor reports whether u has a pending deactivation that waits for the gate ("": for any).
func (a Account) WaitsFor(g Gate) bool {
	if a.Pending == nil {
		return false
	}
	switch g {
	case GateTimer:
		return a.Open()
	case GateHold:
		return len(a.Holds) > 0
	case GateGuard:
		return a.Pending.Frozen
	}
	return true
}

func (m Matter) check() error {
	if name, err := validDisplayName(m.Name); err != nil || name != m.Name {
		return &Error{Kind: Invalid, Attr: "name", Detail: "name must have 1 to 100 characters and no control characters"}
	}
	if utf8.RuneCountInString(m.Reference) > 200 || strings.ContainsFunc(m.Reference, isControl) {
		return &Error{Kind: Invalid, Attr: "reference", Detail: "reference has at most 200 characters and no control characters"}
	}
	return nil
}
