package administration

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

// Pending reads a page of the tenant's users with a pending deactivation.
// Errors: NotFound (the provider).
func (s Deactivations) Pending(ctx context.Context, q directory.PendingQuery) ([]directory.User, string, error) {
	return s.ports.Leavers.PendingUsers(ctx, s.tenant, q)
}

// SetDelay changes a provider's delay. With pending, it also applies to pending deactivations, counted from their
// request but at least a minute from now; they are changed in the background.
// Errors: as Providers.Patch.
func (s Deactivations) SetDelay(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, delay time.Duration, pending bool,
) (directory.Provider, error) {
	return s.updateProviderEntry(ctx, id, directory.ProviderUpdated,
		func(p directory.Provider, e *directory.LogEntry) (directory.Provider, error) {
			if err := check(p); err != nil {
				return p, err
			}
			if delay != p.DeactivationDelay || pending {
				e.Changes = []directory.Change{
					directory.NewChange("deactivationDelaySeconds", int64(p.DeactivationDelay/time.Second), int64(delay/time.Second)),
				}
			}
			p.DeactivationDelay = delay
			if pending {
				e.Remaining, p.DelayChange = directory.RemainingDelay, e.ID
			}
			return p, p.Check()
		})
}
