package administration

import (
	"context"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// Create creates the administrator's tenant.
// Errors: Invalid; Conflict when it exists.
func (s Tenants) Create(ctx context.Context, displayName string) (directory.Tenant, error) {
	name, err := directory.ValidDisplayName(displayName)
	if err != nil {
		return directory.Tenant{}, err
	}
	if !s.tenant.Valid() {
		return directory.Tenant{}, &directory.Error{Kind: directory.Invalid, Attr: "id", Detail: "a tenant id has 5 to 7 characters of 0-9a-z"}
	}
	t := directory.Tenant{ID: s.tenant, DisplayName: name, DeactivationDelay: directory.DefaultDeactivationDelay, Version: 1,
		Created: s.rt.Time(), Modified: s.rt.Time()}
	e := s.entry(directory.TenantCreated)
	e.Target, e.Name = string(t.ID), t.DisplayName
	if err := s.ports.Tenants.CreateTenant(ctx, t, e); err != nil {
		return t, err
	}
	return t, s.Seed(ctx, name)
}

// requireOperator refuses anybody but an operator.
func (s Tenants) requireOperator() error {
	if s.tenant != directory.OperatorScope {
		return directory.Errorf(directory.Forbidden, "only an operator of the deployment may do this")
	}
	return nil
}

// Add creates a tenant; with id "" the service chooses one.
// Errors: Forbidden; Invalid; Conflict when the id is taken.
func (s Tenants) Add(ctx context.Context, id directory.TenantID, displayName string) (directory.Tenant, error) {
	if err := s.requireOperator(); err != nil {
		return directory.Tenant{}, err
	}
	s.tenant = id
	if id == "" {
		s.tenant = directory.TenantID(s.rt.NewID()[:7])
	}
	return s.Create(ctx, displayName)
}

// ByID reads a tenant for the operator.
// Errors: Forbidden; NotFound.
func (s Tenants) ByID(ctx context.Context, id directory.TenantID) (directory.Tenant, error) {
	if err := s.requireOperator(); err != nil {
		return directory.Tenant{}, err
	}
	return s.ports.Tenants.Tenant(ctx, id)
}

// List reads tenants by id, after the given one.
// Errors: Forbidden.
func (s Tenants) List(ctx context.Context, after directory.TenantID, count int) ([]directory.Tenant, error) {
	if err := s.requireOperator(); err != nil {
		return nil, err
	}
	return s.ports.Tenants.ListTenants(ctx, after, count)
}

// AddKey creates the first administrator's key of a tenant; its administrators create further ones. So an operator's
// key alone gives no access to a tenant in use.
// Errors: Forbidden; NotFound; Invalid; Conflict (it has an administrator's key that works, or is being removed).
func (s Tenants) AddKey(
	ctx context.Context, id directory.TenantID, displayName string, expires time.Time,
) (directory.APIKey, string, error) {
	t, err := s.ByID(ctx, id)
	if err != nil {
		return directory.APIKey{}, "", err
	}
	if t.State == directory.TenantRemoving {
		return directory.APIKey{}, "", errRemoving()
	}
	keys := APIKeys{s.within(id)}
	first := func(all []directory.APIKey) error {
		if slices.ContainsFunc(all, keys.creates) {
			return directory.Errorf(directory.Conflict, "the tenant has an administrator's key: its administrators create further ones")
		}
		return nil
	}
	return keys.create(ctx, NewAPIKey{DisplayName: displayName, Role: directory.RoleAdministrator, ExpiresAt: expires}, first)
}

func errRemoving() *directory.Error {
	return directory.Errorf(directory.Conflict, "the tenant is being removed")
}

// SetState pauses a tenant (TenantPaused) or resumes it (TenantActive). check sees the tenant first. When it returns,
// the new state applies to every request.
// Errors: Forbidden; NotFound; Conflict (it is being removed); what check returns.
func (s Tenants) SetState(
	ctx context.Context, id directory.TenantID, check func(directory.Tenant) error, to directory.TenantState,
) (directory.Tenant, error) {
	action := directory.TenantResumed
	if to == directory.TenantPaused {
		action = directory.TenantWasPaused
	}
	return s.changeTenant(ctx, id, action, func(t directory.Tenant) (directory.Tenant, error) {
		t.State = to
		return t, check(t)
	})
}

// Remove removes a tenant: when it returns, its credentials are refused. Its data is erased in the background.
// Errors: Forbidden; NotFound; Conflict (it is being removed already; a legal hold is active); what check returns.
func (s Tenants) Remove(ctx context.Context, id directory.TenantID, check func(directory.Tenant) error) (directory.Tenant, error) {
	if err := s.requireOperator(); err != nil {
		return directory.Tenant{}, err
	}
	if err := s.requireNoActiveMatter(ctx, id); err != nil {
		return directory.Tenant{}, err
	}
	return s.changeTenant(ctx, id, directory.TenantRemoved, func(t directory.Tenant) (directory.Tenant, error) {
		t.State, t.Removal = directory.TenantRemoving, &directory.TenantRemoval{At: s.rt.Time(), By: s.admin.Actor}
		return t, check(t)
	})
}

// requireNoActiveMatter refuses a tenant with an active matter: data on hold must not be destroyed.
func (s Tenants) requireNoActiveMatter(ctx context.Context, id directory.TenantID) error {
	const batch = 100
	for after := directory.MatterID(""); ; {
		ms, err := s.ports.LegalHolds.ListMatters(ctx, id, after, batch)
		if err != nil {
			return err
		}
		for _, m := range ms {
			after = m.ID
			if m.State == directory.MatterActive {
				return directory.Errorf(directory.Conflict, "the tenant has an active legal hold: its legal hold administrator must close it first")
			}
		}
		if len(ms) < batch {
			return nil
		}
	}
}

// changeTenant changes a tenant with its entry, in the tenant's own log, and then its providers.
func (s Tenants) changeTenant(
	ctx context.Context, id directory.TenantID, action directory.Action, edit func(directory.Tenant) (directory.Tenant, error),
) (directory.Tenant, error) {
	if err := s.requireOperator(); err != nil {
		return directory.Tenant{}, err
	}
	e := s.entry(action)
	change := func(old directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
		if old.State == directory.TenantRemoving {
			return old, nil, errRemoving()
		}
		t, err := edit(old)
		if err != nil || t.State == old.State {
			return old, nil, err
		}
		t.Version, t.Modified = old.Version+1, directory.Latest(old.Modified, s.rt.Time())
		e.Target, e.Name, e.Version, e.Remaining = string(id), t.DisplayName, t.Version, directory.RemainingTenant
		return t, &e, nil
	}
	t, err := s.ports.Tenants.UpdateTenant(ctx, id, change)
	if err != nil {
		return t, err
	}
	return t, s.follow().SettleTenant(ctx, id, e)
}

// Seed creates a tenant's default organization and catalogue unless it has them: for a new tenant, one of an older
// release, and one whose creation was interrupted.
func (s Tenants) Seed(ctx context.Context, name string) error {
	o := directory.Organization{ID: directory.DefaultOrg, Name: name, State: directory.OrgActive, CreatedBy: s.admin.Actor.ID, Version: 1,
		Created: s.rt.Time(), Modified: s.rt.Time()}
	e := s.entry(directory.OrganizationCreated)
	e.Target, e.Name, e.Version = string(o.ID), o.Name, o.Version
	if err := s.ports.Organizations.CreateOrganization(ctx, s.tenant, o, nil, e); err != nil && !directory.IsKind(err, directory.Conflict) {
		if _, taken := directory.AsTaken(err); !taken {
			return err
		}
	}
	_, err := s.ports.Roles.UpdateCatalogue(ctx, s.tenant, func(old directory.Catalogue) (directory.Catalogue, *directory.LogEntry, error) {
		if old.Version > 0 {
			return old, nil, nil
		}
		c := firstCatalogue()
		c.Version = 1
		e := s.entry(directory.RolesUpdated)
		e.Target, e.Version = "roles", c.Version
		return c, &e, nil
	})
	return err
}

// Get reads the administrator's tenant.
// Errors: NotFound.
func (s Settings) Get(ctx context.Context) (directory.Tenant, error) {
	return s.ports.Tenants.Tenant(ctx, s.tenant)
}

// SettingsChange is an administrator's change of the tenant's settings; nil fields do not change.
type SettingsChange struct {
	DualControl                 *bool          // ended by two persons, one after the other
	UserRetention, LogRetention *time.Duration // 0: the default
}

// Set changes the settings of the administrator's tenant. check sees the tenant first.
// Errors: NotFound; Invalid; Forbidden (the same person ends dual control again); what check returns.
func (s Settings) Set(ctx context.Context, check func(directory.Tenant) error, c SettingsChange) (directory.Tenant, error) {
	same, err := s.samePerson(ctx)
	if err != nil {
		return directory.Tenant{}, err
	}
	return s.ports.Tenants.UpdateTenant(ctx, s.tenant, func(old directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		n, err := c.apply(old, s.admin.Actor.ID, same)
		if n.DualControl && !old.DualControl {
			n.DualControlSince = s.rt.Time()
		}
		if err != nil || n == old {
			return old, nil, err
		}
		n.Version, n.Modified = old.Version+1, directory.Latest(old.Modified, s.rt.Time())
		e := s.entry(directory.TenantUpdated)
		e.Target, e.Name, e.Version = string(n.ID), n.DisplayName, n.Version
		if n.DualControl != old.DualControl || n.DualControlEndRequestedBy != old.DualControlEndRequestedBy {
			e.Changes = append(e.Changes, directory.NewChange("dualControl", old.DualControl, n.DualControl),
				directory.NewChange("dualControlEndedBy", directory.OrNil(old.DualControlEndRequestedBy), directory.OrNil(n.DualControlEndRequestedBy)))
		}
		if n.Retention != old.Retention {
			e.Changes = append(e.Changes, directory.NewChange("retention", old.Retention, n.Retention))
		}
		return n, &e, nil
	})
}

// apply returns t as changed by the administrator.
func (c SettingsChange) apply(t directory.Tenant, by string, same func(a, b string) bool) (directory.Tenant, error) {
	if c.UserRetention != nil {
		t.Retention.Users = *c.UserRetention
	}
	if c.LogRetention != nil {
		t.Retention.Log = *c.LogRetention
	}
	switch on := c.DualControl; {
	case on == nil:
	case *on:
		t.DualControl, t.DualControlEndRequestedBy = true, ""
	case !t.DualControl:
	case t.DualControlEndRequestedBy == "":
		t.DualControlEndRequestedBy = by
	case same(t.DualControlEndRequestedBy, by):
		return t, errNeedsSecondAdmin
	default:
		t.DualControl, t.DualControlEndRequestedBy = false, ""
	}
	return t, checkRetention(t.Retention)
}

// checkRetention refuses a retention outside its limits.
// Errors: Invalid.
func checkRetention(r directory.Retention) error {
	for _, x := range []struct {
		attr string
		d    time.Duration
	}{{"userRetentionDays", r.Users}, {"logRetentionDays", r.Log}} {
		if x.d != 0 && (x.d < directory.MinRetention || x.d > directory.MaxRetention) {
			return &directory.Error{Kind: directory.Invalid, Attr: x.attr, Detail: x.attr + " must be between 1 and 3650"}
		}
	}
	return nil
}
