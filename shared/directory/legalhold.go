package directory

import "time"

// Matter is a legal matter; the custodians of an active one are on hold.
type Matter struct {
	ID        MatterID
	Name      string // 1 to 100 characters
	Reference string `json:",omitempty"` // at most 200 characters
	State     MatterState
	CreatedAt time.Time
	CreatedBy string
	ClosedAt  time.Time `json:",omitzero"`
	ClosedBy  string    `json:",omitempty"`
	Version   int64
}

// MatterState says whether a matter holds its custodians.
type MatterState string

// The states of a matter. Closing one releases its custodians.
const (
	MatterActive MatterState = "active"
	MatterClosed MatterState = "closed"
)

// Custodian is a matter's record of one user.
type Custodian struct {
	Matter     MatterID
	User       UserID
	PlacedAt   time.Time
	PlacedBy   string
	ReleasedAt time.Time `json:",omitzero"` // zero while on hold
	ReleasedBy string    `json:",omitempty"`
}

// OnHold reports whether the custodian is on hold for the matter.
func (c Custodian) OnHold() bool { return !c.PlacedAt.IsZero() && c.ReleasedAt.IsZero() }

// FinishHold completes a change of a user by a legal hold.
func FinishHold(m Matter, old, u User, e LogEntry) (User, *LogEntry, error) {
	e.Audit, e.Provider, e.Target = false, old.Provider, string(m.ID)
	return FinishChange(old, u, e)
}
