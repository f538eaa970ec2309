package directory

import (
	"context"
	"time"
)

// Tenant reads the administrator's tenant.
// Errors: NotFound.
func (s *Service) Tenant(ctx context.Context, a Admin) (Tenant, error) {
	return s.Tenants.Tenant(ctx, a.Tenant)
}

// SettingsChange is what an administrator changes of the tenant; nil leaves it as it is.
type SettingsChange struct {
	DualControl                 *bool          // ended by two administrators, one after the other
	UserRetention, LogRetention *time.Duration // 0: the default
}

// SetSettings changes what the administrator's tenant has chosen. check sees the tenant first.
// Errors: NotFound; Invalid; Forbidden (the same administrator ends dual control again); what check returns.
func (s *Service) SetSettings(ctx context.Context, a Admin, check func(Tenant) error, c SettingsChange) (Tenant, error) {
	return s.updateTenant(ctx, a, a.Tenant, func(old Tenant) (Tenant, *LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		n, err := c.apply(old, a.Actor.ID)
		if err != nil || n == old {
			return old, nil, err
		}
		n.Version, n.Modified = old.Version+1, later(old.Modified, s.Now())
		e := s.adminEntry(a, TenantUpdated)
		e.Target, e.Name, e.Version = string(n.ID), n.DisplayName, n.Version
		if n.DualControl != old.DualControl || n.DualEndedBy != old.DualEndedBy {
			e.Changes = append(e.Changes, change("dualControl", old.DualControl, n.DualControl), change("dualControlEndedBy", orNil(old.DualEndedBy), orNil(n.DualEndedBy)))
		}
		if n.Retention != old.Retention {
			e.Changes = append(e.Changes, change("retention", old.Retention, n.Retention))
		}
		return n, &e, nil
	})
}

// apply returns t as administrator by changes it.
func (c SettingsChange) apply(t Tenant, by string) (Tenant, error) {
	if c.UserRetention != nil {
		t.Retention.Users = *c.UserRetention
	}
	if c.LogRetention != nil {
		t.Retention.Log = *c.LogRetention
	}
	switch on := c.DualControl; {
	case on == nil:
	case *on:
		t.DualControl, t.DualEndedBy = true, ""
	case !t.DualControl:
	case t.DualEndedBy == "":
		t.DualEndedBy = by
	case t.DualEndedBy == by:
		return t, errSecond
	default:
		t.DualControl, t.DualEndedBy = false, ""
	}
	return t, t.Retention.check()
}
