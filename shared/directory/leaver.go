package directory

// DueUser is a user with its tenant.
type DueUser struct {
	Tenant TenantID
	User
}

// PendingQuery selects pending deactivations.
type PendingQuery struct {
	Provider ProviderID // "": of all providers, and of local users
	Gate     Gate       // "": any
	After    string     // where the previous page ended
	Count    int
}

// Gate is what a pending deactivation waits for.
type Gate string

// The gates. A deactivation that waits for several is found under each, but under timer only if it waits for nothing
// else.
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
