package directory

import (
	"context"
	"time"
)

// CreateTenant makes the administrator's tenant.
// Errors: Invalid; Conflict when it exists.
func (s *Service) CreateTenant(ctx context.Context, a Admin, displayName string) (Tenant, error) {
	name, err := validDisplayName(displayName)
	if err != nil {
		return Tenant{}, err
	}
	if !a.Tenant.Valid() {
		return Tenant{}, &Error{Kind: Invalid, Attr: "id", Detail: "a tenant id has 5 to 7 characters of 0-9a-z"}
	}
	t := Tenant{ID: a.Tenant, DisplayName: name, DeactivationDelay: DefaultDeactivationDelay, Version: 1, Created: s.Now(), Modified: s.Now()}
	if a.DryRun {
		_, err := s.Tenants.Tenant(ctx, t.ID)
		if err == nil {
			err = Errorf(Conflict, "the tenant's id is taken")
		} else if IsKind(err, NotFound) {
			err = nil
		}
		return t, err
	}
	e := s.adminEntry(a, TenantCreated)
	e.Target, e.Name = string(t.ID), t.DisplayName
	if err := s.Tenants.CreateTenant(ctx, t, e); err != nil {
		return t, err
	}
	return t, s.SeedTenant(ctx, a, name)
}

// operator refuses everybody else.
func operator(a Admin) error {
	if a.Tenant != OperatorScope {
		return Errorf(Forbidden, "only an operator of the deployment may do this")
	}
	return nil
}

// AddTenant makes a tenant; id "" lets the service choose one.
// Errors: Forbidden; Invalid; Conflict when the id is taken.
func (s *Service) AddTenant(ctx context.Context, a Admin, id TenantID, displayName string) (Tenant, error) {
	if err := operator(a); err != nil {
		return Tenant{}, err
	}
	if a.Tenant = id; id == "" {
		a.Tenant = TenantID(s.newID()[:7])
	}
	return s.CreateTenant(ctx, a, displayName)
}

// TenantByID reads a tenant for the operator.
// Errors: Forbidden; NotFound.
func (s *Service) TenantByID(ctx context.Context, a Admin, id TenantID) (Tenant, error) {
	if err := operator(a); err != nil {
		return Tenant{}, err
	}
	return s.Tenants.Tenant(ctx, id)
}

// AddTenantKey makes the first administrator's key of a tenant; further ones are made by its administrators. So an
// operator's key alone does not open a tenant that somebody uses.
// Errors: Forbidden; NotFound; Invalid; Conflict (it has an administrator's key that works, or is being removed).
func (s *Service) AddTenantKey(ctx context.Context, a Admin, id TenantID, displayName string, expires time.Time) (APIKey, string, error) {
	t, err := s.TenantByID(ctx, a, id)
	if err != nil {
		return APIKey{}, "", err
	}
	if t.State == TenantRemoving {
		return APIKey{}, "", errRemoving()
	}
	keys, err := s.APIKeys.ListAPIKeys(ctx, id)
	if err != nil {
		return APIKey{}, "", err
	}
	for _, k := range keys {
		if k.Role == RoleAdministrator && k.usable(s.Now()) {
			return APIKey{}, "", Errorf(Conflict, "the tenant has an administrator's key: its administrators make further ones")
		}
	}
	a.Tenant = id
	return s.CreateAPIKey(ctx, a, NewAPIKey{DisplayName: displayName, Role: RoleAdministrator, ExpiresAt: expires})
}

func errRemoving() *Error { return Errorf(Conflict, "the tenant is being removed") }

// SetTenantState pauses a tenant (TenantPaused) or lets it go on (TenantActive). check sees the tenant first. When it
// returns, every request is answered by the new state.
// Errors: Forbidden; NotFound; Conflict (it is being removed); what check returns.
func (s *Service) SetTenantState(ctx context.Context, a Admin, id TenantID, check func(Tenant) error, to TenantState) (Tenant, error) {
	action := TenantResumed
	if to == TenantPaused {
		action = TenantPausedNow
	}
	return s.changeTenant(ctx, a, id, action, func(t Tenant) (Tenant, error) {
		t.State = to
		return t, check(t)
	})
}

// RemoveTenant ends a tenant: when it returns, its people and keys are refused. What it has is erased in the background
// (EraseTenants).
// Errors: Forbidden; NotFound; Conflict (it is being removed already; somebody is on legal hold); what check returns.
func (s *Service) RemoveTenant(ctx context.Context, a Admin, id TenantID, check func(Tenant) error) (Tenant, error) {
	if err := operator(a); err != nil {
		return Tenant{}, err
	}
	if err := s.unheld(ctx, id); err != nil {
		return Tenant{}, err
	}
	return s.changeTenant(ctx, a, id, TenantRemoved, func(t Tenant) (Tenant, error) {
		t.State, t.Removal = TenantRemoving, &TenantRemoval{At: s.Now(), By: a.Actor}
		return t, check(t)
	})
}

// unheld refuses while a matter is active: what it holds must not be destroyed.
func (s *Service) unheld(ctx context.Context, id TenantID) error {
	const batch = 100
	for after := ""; ; {
		ms, err := s.Holds.ListMatters(ctx, id, after, batch)
		if err != nil {
			return err
		}
		for _, m := range ms {
			if after = m.ID; m.State == MatterActive {
				return Errorf(Conflict, "the tenant has an active legal hold: its legal hold administrator must close it first")
			}
		}
		if len(ms) < batch {
			return nil
		}
	}
}

// changeTenant changes a tenant with its entry, in the tenant's own log, and then its providers.
func (s *Service) changeTenant(ctx context.Context, a Admin, id TenantID, action Action, edit func(Tenant) (Tenant, error)) (Tenant, error) {
	if err := operator(a); err != nil {
		return Tenant{}, err
	}
	e := s.adminEntry(a, action)
	change := func(old Tenant) (Tenant, *LogEntry, error) {
		if old.State == TenantRemoving {
			return old, nil, errRemoving()
		}
		t, err := edit(old)
		if err != nil || t.State == old.State {
			return old, nil, err
		}
		t.Version, t.Modified = old.Version+1, later(old.Modified, s.Now())
		e.Target, e.Name, e.Version, e.Rest = string(id), t.DisplayName, t.Version, RestTenant
		return t, &e, nil
	}
	t, err := s.updateTenant(ctx, a, id, change)
	if err != nil || a.DryRun {
		return t, err
	}
	return t, s.settleTenant(ctx, id, e)
}

// updateTenant changes a tenant, or, as a dry run, says what it would be.
func (s *Service) updateTenant(ctx context.Context, a Admin, id TenantID, update func(Tenant) (Tenant, *LogEntry, error)) (Tenant, error) {
	if !a.DryRun {
		return s.Tenants.UpdateTenant(ctx, id, update)
	}
	t, err := s.Tenants.Tenant(ctx, id)
	if err == nil {
		t, _, err = update(t)
	}
	return t, err
}

// SeedTenant gives a tenant what it begins with, unless it has it: the default organization and the catalogue.
// A tenant that an older program made, or whose creation was cut off, gets them so.
func (s *Service) SeedTenant(ctx context.Context, a Admin, name string) error {
	o := Organization{ID: DefaultOrg, Name: name, State: OrgActive, CreatedBy: a.Actor.ID, Version: 1, Created: s.Now(), Modified: s.Now()}
	e := s.adminEntry(a, OrganizationCreated)
	e.Target, e.Name, e.Version = string(o.ID), o.Name, o.Version
	if err := s.Organizations.CreateOrganization(ctx, a.Tenant, o, nil, e); err != nil && !IsKind(err, Conflict) {
		if _, taken := asTaken(err); !taken {
			return err
		}
	}
	_, err := s.Settings.UpdateCatalogue(ctx, a.Tenant, func(old Catalogue) (Catalogue, *LogEntry, error) {
		if old.Version > 0 {
			return old, nil, nil
		}
		c := firstCatalogue()
		c.Version = 1
		e := s.adminEntry(a, RolesUpdated)
		e.Target, e.Version = "roles", c.Version
		return c, &e, nil
	})
	return err
}
