package directory

import (
	"context"
	"slices"
	"time"
)

// NewProvider is what an administrator chooses for a provider.
type NewProvider struct {
	DisplayName       string
	Profile           string
	AuthType          AuthType       // "" means AuthOAuthToken
	DeactivationDelay *time.Duration // nil: the tenant's
	TokenExpiresAt    time.Time      // zero: never
	Extensions        []Extension
}

// CreateProvider makes a provider in state setup with its first token, whose clear text is returned and
// never shown again.
// Errors: Invalid; Conflict (displayName).
func (s *Service) CreateProvider(ctx context.Context, a Admin, n NewProvider) (Provider, string, error) {
	name, err := validDisplayName(n.DisplayName)
	if err != nil {
		return Provider{}, "", err
	}
	tenant, err := s.Tenants.Tenant(ctx, a.Tenant)
	if err != nil {
		return Provider{}, "", err
	}
	p := Provider{
		ID: ProviderID(string(a.Tenant) + s.newID()[:providerSuffix]), Tenant: a.Tenant, DisplayName: name,
		Profile: n.Profile, AuthType: n.AuthType, State: ProviderSetup, SigningKey: []byte(s.newSecret()),
		DeactivationDelay: tenant.DeactivationDelay, Extensions: n.Extensions, TenantState: tenant.State,
		OrgMapping: BeforeMappings().OrgMapping, RoleMapping: BeforeMappings().RoleMapping,
		Version: 1, CredentialsVersion: 1, Created: s.Now(), Modified: s.Now(), CreatedBy: a.Actor.ID,
	}
	if p.AuthType == "" {
		p.AuthType = AuthOAuthToken
	}
	if n.DeactivationDelay != nil {
		p.DeactivationDelay = *n.DeactivationDelay
	}
	if err := p.check(); err != nil {
		return Provider{}, "", err
	}
	cred, token := s.newCredential(prefixProvider, string(p.ID), a, n.TokenExpiresAt)
	if err := cred.check(s.Now()); err != nil {
		return Provider{}, "", err
	}
	p.Credentials = []Credential{cred}
	e := s.adminEntry(a, ProviderCreated)
	e.Target, e.Name = string(p.ID), p.DisplayName
	if a.DryRun {
		return p, "", s.providerNameFree(ctx, a.Tenant, p)
	}
	if err := s.Providers.CreateProvider(ctx, a.Tenant, p, e); err != nil {
		return Provider{}, "", providerTaken(err)
	}
	return p, token, nil
}

func (s *Service) providerNameFree(ctx context.Context, t TenantID, p Provider) error {
	all, err := s.Providers.ListProviders(ctx, t)
	if err != nil {
		return err
	}
	for _, q := range all {
		if q.ID != p.ID && q.DisplayNameKey() == p.DisplayNameKey() {
			return errProviderTaken()
		}
	}
	return nil
}

func errProviderTaken() *Error {
	return &Error{Kind: Conflict, Attr: "displayName", Detail: "a provider with this display name exists"}
}

func providerTaken(err error) error {
	if _, ok := asTaken(err); ok {
		return errProviderTaken()
	}
	return err
}

// updateProvider runs an edit that also names what it was about and the changes for the log. An edit of
// settings without changes, or of credentials without a target, writes nothing.
func (s *Service) updateProvider(ctx context.Context, a Admin, id ProviderID, action Action, edit func(Provider) (Provider, string, []Change, error)) (Provider, error) {
	return s.updateProviderEntry(ctx, a, id, action, func(old Provider, e *LogEntry) (Provider, error) {
		p, target, changes, err := edit(old)
		e.Target, e.Changes = string(old.ID)+target, changes
		return p, err
	})
}

// updateProviderEntry runs an edit that fills in the entry.
func (s *Service) updateProviderEntry(ctx context.Context, a Admin, id ProviderID, action Action, edit func(Provider, *LogEntry) (Provider, error)) (Provider, error) {
	if t, ok := id.Tenant(); !ok || t != a.Tenant {
		return Provider{}, Errorf(NotFound, "no such provider")
	}
	apply := func(old Provider) (Provider, *LogEntry, error) {
		if old.State == ProviderDeleting {
			return old, nil, &Error{Kind: Conflict, Detail: "the provider is being deleted"}
		}
		e := s.adminEntry(a, action)
		e.Target = string(old.ID)
		p, err := edit(old, &e)
		if err != nil || e.Target == string(old.ID) && len(e.Changes) == 0 {
			return old, nil, err
		}
		p.Version, p.Modified = old.Version+1, later(old.Modified, s.Now())
		e.Name, e.Version = p.DisplayName, p.Version
		return p, &e, nil
	}
	if a.DryRun {
		old, err := s.Providers.Provider(ctx, a.Tenant, id)
		if err != nil {
			return Provider{}, err
		}
		p, _, err := apply(old)
		if err == nil {
			err = s.providerNameFree(ctx, a.Tenant, p)
		}
		return p, err
	}
	p, err := s.Providers.UpdateProvider(ctx, a.Tenant, id, apply)
	return p, providerTaken(err)
}

// SetProviderState moves a provider from setup to live, to paused, and, with ProviderSetup, from paused to
// the state before the pause. check sees the provider first.
// Errors: NotFound; Conflict when the state does not allow it; what check returns.
func (s *Service) SetProviderState(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, to ProviderState) (Provider, error) {
	return s.updateProvider(ctx, a, id, ProviderUpdated, func(p Provider) (Provider, string, []Change, error) {
		if err := check(p); err != nil {
			return p, "", nil, err
		}
		before := p.State
		switch {
		case to == ProviderPaused && p.State != ProviderPaused:
			p.Resume, p.State = p.State, ProviderPaused
		case to == ProviderSetup && p.State == ProviderPaused: // resume
			p.State, p.Resume = p.Resume, ""
		case to == ProviderLive && p.State == ProviderSetup:
			p.State, p.LiveAt = ProviderLive, s.Now()
		default:
			return p, "", nil, &Error{Kind: Conflict, Attr: "state", Detail: "the provider's state does not allow this"}
		}
		return p, "", []Change{change("state", before, p.State)}, nil
	})
}

// DeleteProvider starts the deletion of a provider: SCIM answers 401 from now on; its users become what
// d says and its groups vanish in the background (FollowEntry), then the record goes.
// Errors: NotFound; Invalid; Conflict when it is being deleted already.
func (s *Service) DeleteProvider(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, d ProviderDeletion) (Provider, error) {
	switch d.Users {
	case FateLocal, FateDeactivate:
	case FateMove:
		to, err := s.ProviderByID(ctx, a, d.MoveTo)
		if err != nil && !IsKind(err, NotFound) {
			return Provider{}, err
		}
		if err != nil || to.State == ProviderDeleting || to.ID == id {
			return Provider{}, &Error{Kind: Invalid, Attr: "moveTo", Detail: "moveTo must be the id of another provider of the tenant"}
		}
	default:
		return Provider{}, &Error{Kind: Invalid, Attr: "users", Detail: "users must be local, deactivate or move"}
	}
	d.RequestedAt, d.RequestedBy = s.Now(), a.Actor.ID
	remove := func(p Provider) (Provider, *LogEntry, error) {
		if p.State == ProviderDeleting {
			return p, nil, &Error{Kind: Conflict, Detail: "the provider is being deleted"}
		}
		if err := check(p); err != nil {
			return p, nil, err
		}
		p.State, p.Deletion = ProviderDeleting, &d
		p.Version, p.Modified = p.Version+1, later(p.Modified, s.Now())
		e := s.adminEntry(a, ProviderDeleted)
		e.Target, e.Name, e.Rest, e.Version = string(id), p.DisplayName, RestProvider, p.Version
		return p, &e, nil
	}
	if !a.DryRun {
		return s.Providers.UpdateProvider(ctx, a.Tenant, id, remove)
	}
	p, err := s.ProviderByID(ctx, a, id)
	if err == nil {
		p, _, err = remove(p)
	}
	return p, err
}

// ProviderByID reads a provider of the administrator's tenant.
// Errors: NotFound.
func (s *Service) ProviderByID(ctx context.Context, a Admin, id ProviderID) (Provider, error) {
	if t, ok := id.Tenant(); !ok || t != a.Tenant {
		return Provider{}, Errorf(NotFound, "no such provider")
	}
	return s.Providers.Provider(ctx, a.Tenant, id)
}

// ProviderCounts are the sizes of a provider.
type ProviderCounts struct{ Users, Groups int }

// CountProvider returns how many users and groups a provider has now.
func (s *Service) CountProvider(ctx context.Context, a Admin, id ProviderID) (ProviderCounts, error) {
	us, err := s.Users.ListUsers(ctx, a.Tenant, id, Page{Start: 1}, UserWant{}, nil)
	if err != nil {
		return ProviderCounts{}, err
	}
	gs, err := s.Groups.ListGroups(ctx, a.Tenant, id, Page{Start: 1}, GroupWant{}, nil)
	return ProviderCounts{Users: us.Total, Groups: gs.Total}, err
}

// ProviderPatch is a change of a provider's settings; nil fields stay.
type ProviderPatch struct {
	DisplayName       *string
	DeactivationDelay *time.Duration
	Extensions        *[]Extension
}

// PatchProvider changes settings of a provider; check sees the provider first. What is equal already is
// no change, and no change writes nothing.
// Errors: NotFound; Invalid; Conflict (displayName, or the provider is being deleted); what check returns.
func (s *Service) PatchProvider(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, n ProviderPatch) (Provider, error) {
	return s.updateProvider(ctx, a, id, ProviderUpdated, func(p Provider) (Provider, string, []Change, error) {
		if err := check(p); err != nil {
			return p, "", nil, err
		}
		var changes []Change
		if n.DisplayName != nil {
			name, err := validDisplayName(*n.DisplayName)
			if err != nil {
				return p, "", nil, err
			}
			if name != p.DisplayName {
				changes = append(changes, change(AttrDisplayName, p.DisplayName, name))
				p.DisplayName = name
			}
		}
		if d := n.DeactivationDelay; d != nil && *d != p.DeactivationDelay {
			changes = append(changes, change("deactivationDelaySeconds", int64(p.DeactivationDelay/time.Second), int64(*d/time.Second)))
			p.DeactivationDelay = *d
		}
		if n.Extensions != nil && !slices.EqualFunc(p.Extensions, *n.Extensions, Extension.equal) {
			changes = append(changes, change("extensions", p.Extensions, *n.Extensions))
			p.Extensions = *n.Extensions
		}
		return p, "", changes, p.check()
	})
}
