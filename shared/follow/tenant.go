package follow

import (
	"context"
	"errors"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// betweenPasses is the time between two passes over a tenant's records: work that was running when the tenant was
// removed, such as following a log entry, is done by then.
const betweenPasses = time.Hour

// SettleTenant copies the state of a tenant to its providers, whose requests read it there. The operator's request does
// so before it answers; if that was interrupted, following the entry does.
func (s *Service) SettleTenant(ctx context.Context, id directory.TenantID, cause directory.LogEntry) error {
	t, err := s.ports.Tenants.Tenant(ctx, id)
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	ps, err := s.ports.Providers.ListProviders(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range ps {
		_, err := s.ports.Providers.UpdateProvider(ctx, id, p.ID, func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			if old.TenantState == t.State {
				return old, nil, nil
			}
			n := old
			n.TenantState, n.Version, n.Modified = t.State, old.Version+1, directory.Latest(old.Modified, s.rt.Time())
			e := s.entry(fromEntry(cause), directory.ProviderUpdated)
			e.Audit, e.Target, e.Name, e.Version = true, string(n.ID), n.DisplayName, n.Version
			e.Changes = []directory.Change{directory.NewChange("tenantState", old.TenantState, n.TenantState)}
			return n, &e, nil
		})
		if err := directory.IgnoreNotFound(err); err != nil {
			return err
		}
	}
	return nil
}

// settleTenant is SettleTenant for the tenant of an entry.
func (x *portion) settleTenant(ctx context.Context) error {
	return x.end(x.s.SettleTenant(ctx, x.tenant, x.entry))
}

// EraseTenants erases the records of removed tenants, step by step, until no work remains or stop returns true. It is
// meant to be called every few minutes; several processes may call it at the same time. A tenant is erased when a whole
// pass over its records found none. One that fails stops no other.
func (s *Service) EraseTenants(ctx context.Context, stop func() bool) error {
	var errs []error
	err := find.EachTenant(ctx, s.ports.Tenants, func(t directory.Tenant) (err error) {
		for err == nil && t.State == directory.TenantRemoving && !s.rt.Time().Before(t.Removal.Next) && !stop() {
			t, err = s.eraseStep(ctx, t)
		}
		errs = append(errs, err)
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// eraseStep erases the next records of a tenant; it returns the zero Tenant when none remain.
func (s *Service) eraseStep(ctx context.Context, t directory.Tenant) (directory.Tenant, error) {
	next, n, err := s.ports.Tenants.EraseTenant(ctx, t.ID, t.Removal.After)
	if err != nil {
		return t, err
	}
	if next == "" && n+t.Removal.Found == 0 {
		e := s.entry(origin{by: t.Removal.By}, directory.TenantErased)
		e.Audit, e.Target, e.Name = true, string(t.ID), t.DisplayName
		return directory.Tenant{}, directory.IgnoreNotFound(s.ports.Tenants.RemoveTenant(ctx, t.ID, e))
	}
	from := t.Removal.After
	t, err = s.ports.Tenants.UpdateTenant(ctx, t.ID, func(old directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
		r := *old.Removal
		r.Found += n
		if r.After == from { // otherwise another process has continued from here
			r.After = next
			if next == "" {
				r.Found, r.Next = 0, s.rt.Time().Add(betweenPasses)
			}
		}
		old.Removal = &r
		return old, nil, nil
	})
	if directory.IsKind(err, directory.NotFound) {
		return directory.Tenant{}, nil
	}
	return t, err
}
