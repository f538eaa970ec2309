package directory

import (
	"context"
	"time"
)

// PendingDeactivations reads a page of the tenant's users who wait for deactivation.
// Errors: NotFound (the provider).
func (s *Service) PendingDeactivations(ctx context.Context, a Admin, q PendingQuery) ([]User, string, error) {
	return s.Leavers.PendingUsers(ctx, a.Tenant, q)
}

// SetDeactivationDelay changes a provider's delay. With pending, it also holds for those who wait already,
// counted from their request but at least a minute from now; they follow in the background.
// Errors: as PatchProvider.
func (s *Service) SetDeactivationDelay(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, delay time.Duration, pending bool) (Provider, error) {
	return s.updateProviderEntry(ctx, a, id, ProviderUpdated, func(p Provider, e *LogEntry) (Provider, error) {
		if err := check(p); err != nil {
			return p, err
		}
		if delay != p.DeactivationDelay || pending {
			e.Changes = []Change{change("deactivationDelaySeconds", int64(p.DeactivationDelay/time.Second), int64(delay/time.Second))}
		}
		if p.DeactivationDelay = delay; pending {
			e.Rest, p.DelayChange = RestDelay, e.ID
		}
		return p, p.check()
	})
}
