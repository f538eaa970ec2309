package directory

import "time"

// Tenant is one customer or agency. No data crosses between tenants.
type Tenant struct {
	ID                TenantID
	DisplayName       string
	DeactivationDelay time.Duration
	State             TenantState    `json:",omitempty"`
	Removal           *TenantRemoval `json:",omitempty"` // while removing
	Retention         Retention      `json:",omitzero"`
	DualControl       bool           `json:",omitempty"` // privileged roles need a second administrator
	// when dual control was switched on: keys made before are of their own
	DualControlSince time.Time `json:",omitzero"`
	// the administrator who asked to end dual control, which also needs a second one
	DualControlEndRequestedBy string `json:"DualEndedBy,omitempty"`
	Version                   int64
	Created, Modified         time.Time
}

// TenantState says whether a tenant is served.
type TenantState string

// The states of a tenant. While paused, SCIM answers 503 and its administrators are refused, but work that has begun,
// such as a pending deactivation, continues. While removing, all credentials are refused, and everything is erased in
// the background.
const (
	TenantActive   TenantState = ""
	TenantPaused   TenantState = "paused"
	TenantRemoving TenantState = "removing"
)

// TenantRemoval is the progress of the removal of a tenant.
type TenantRemoval struct {
	At    time.Time
	By    Actor
	After string    `json:",omitempty"` // where erasing its records goes on
	Swept bool      `json:",omitempty"` // they are erased: a pass over all data looks for what is left
	Next  time.Time `json:",omitzero"`  // when that may begin
}

// Retention is how long a tenant keeps data that is no longer needed. Zeros stand for the defaults.
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

// ErrTenantTaken is the error for a tenant whose id is taken.
func ErrTenantTaken() *Error { return Errorf(Conflict, "the tenant's id is taken") }
