package directory

import (
	"context"
	"time"
)

// betweenPasses is how long after a pass over a tenant's records the next one begins: what was under way when the tenant
// was removed, such as a log entry to be followed, has written by then.
const betweenPasses = time.Hour

// settleTenant tells the providers of a tenant its state, which their requests are answered by. The request does it
// before it answers; when that died, following the entry does.
func (s *Service) settleTenant(ctx context.Context, id TenantID, because LogEntry) error {
	t, err := s.Tenants.Tenant(ctx, id)
	if err != nil {
		return ignoreGone(err)
	}
	ps, err := s.Providers.ListProviders(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range ps {
		_, err := s.Providers.UpdateProvider(ctx, id, p.ID, func(old Provider) (Provider, *LogEntry, error) {
			if old.TenantState == t.State {
				return old, nil, nil
			}
			n := old
			n.TenantState, n.Version, n.Modified = t.State, old.Version+1, later(old.Modified, s.Now())
			e := s.consequence(because, ProviderUpdated)
			e.Audit, e.Target, e.Name, e.Version = true, string(n.ID), n.DisplayName, n.Version
			e.Changes = []Change{change("tenantState", old.TenantState, n.TenantState)}
			return n, &e, nil
		})
		if err := ignoreGone(err); err != nil {
			return err
		}
	}
	return nil
}

// EraseTenants erases what removed tenants have, step by step, until nothing is to be done now or stop says so. It is
// meant to be called every few minutes; calling it again, or at once in several processes, does no harm. A tenant is gone
// when a whole pass over its records found none.
func (s *Service) EraseTenants(ctx context.Context, stop func() bool) error {
	return s.eachTenant(ctx, func(t Tenant) (err error) {
		for err == nil && t.State == TenantRemoving && !s.Now().Before(t.Removal.Next) && !stop() {
			t, err = s.eraseStep(ctx, t)
		}
		return err
	})
}

// eraseStep erases the next piece of a tenant; the zero Tenant is returned when nothing of it is left.
func (s *Service) eraseStep(ctx context.Context, t Tenant) (Tenant, error) {
	next, n, err := s.Tenants.EraseTenant(ctx, t.ID, t.Removal.After)
	if err != nil {
		return t, err
	}
	if next == "" && n+t.Removal.Found == 0 {
		e := LogEntry{ID: s.entryID(), At: s.Now(), Actor: t.Removal.By, Action: TenantErased, Audit: true, Target: string(t.ID), Name: t.DisplayName}
		return Tenant{}, ignoreGone(s.Tenants.RemoveTenant(ctx, t.ID, e))
	}
	from := t.Removal.After
	t, err = s.Tenants.UpdateTenant(ctx, t.ID, func(old Tenant) (Tenant, *LogEntry, error) {
		r := *old.Removal
		r.Found += n
		if r.After == from { // else another process went on from here before
			if r.After = next; next == "" {
				r.Found, r.Next = 0, s.Now().Add(betweenPasses)
			}
		}
		old.Removal = &r
		return old, nil, nil
	})
	if IsKind(err, NotFound) {
		return Tenant{}, nil
	}
	return t, err
}
