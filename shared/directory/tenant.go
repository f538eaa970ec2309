package directory

import "time"

// Tenant is one customer or agency. Nothing crosses it.
type Tenant struct {
	ID                TenantID
	DisplayName       string
	DeactivationDelay time.Duration
	State             TenantState    `json:",omitempty"`
	Removal           *TenantRemoval `json:",omitempty"` // while removing
	Retention         Retention      `json:",omitzero"`
	DualControl       bool           `json:",omitempty"` // privileged roles take a second administrator (dualcontrol.go)
	// the administrator who asked to end it, which takes a second one, too
	DualControlEndRequestedBy string `json:"DualEndedBy,omitempty"`
	Version                   int64
	Created, Modified         time.Time
}

// TenantState is whether a tenant is served.
type TenantState string

// The states of a tenant. Paused, SCIM answers 503 and its administrators are refused; what was begun, such as a
// pending deactivation, goes on. Removing, nobody is known any more, and everything is erased in the background.
const (
	TenantActive   TenantState = ""
	TenantPaused   TenantState = "paused"
	TenantRemoving TenantState = "removing"
)

// TenantRemoval is how far the removal of a tenant is.
type TenantRemoval struct {
	At    time.Time
	By    Actor
	After string    `json:",omitempty"` // where this pass over the tenant's records is
	Found int       `json:",omitempty"` // how many it removed
	Next  time.Time `json:",omitzero"`  // when the next pass begins
}

// Retention is how long a tenant keeps what it could do without. Zeros stand for the defaults.
type Retention struct {
	Users time.Duration `json:",omitempty"` // deactivated users' personal data; 0: DefaultRetention
	Log   time.Duration `json:",omitempty"` // entries of the log, if that is shorter than the deployment's
}

// DefaultRetention is how long a deactivated user's personal data is kept.
const DefaultRetention = 90 * 24 * time.Hour

// The limits of a retention.
const (
	MinRetention = 24 * time.Hour
	MaxRetention = 3650 * 24 * time.Hour
)

// ErrTenantTaken is the error of a tenant whose id another one has.
func ErrTenantTaken() *Error { return Errorf(Conflict, "the tenant's id is taken") }
