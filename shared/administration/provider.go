package administration

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// NewProvider is the input for a new provider.
type NewProvider struct {
	DisplayName       string
	Profile           string
	AuthType          directory.AuthType // "" means AuthOAuthToken
	DeactivationDelay *time.Duration     // nil: the tenant's
	TokenExpiresAt    time.Time          // zero: never
	Extensions        []directory.Extension
	Matching          []string // paths of its matching attributes
}

// Create creates a provider in state setup with its first token, whose clear text is returned and never shown again.
// Errors: Invalid; Conflict (displayName).
func (s Providers) Create(ctx context.Context, n NewProvider) (directory.Provider, string, error) {
	name, err := directory.ValidDisplayName(n.DisplayName)
	if err != nil {
		return directory.Provider{}, "", err
	}
	tenant, err := s.ports.Tenants.Tenant(ctx, s.tenant)
	if err != nil {
		return directory.Provider{}, "", err
	}
	p := directory.Provider{
		ID: directory.ProviderID(string(s.tenant) + s.rt.NewID()[:directory.ProviderSuffix]), Tenant: s.tenant, DisplayName: name,
		Profile: n.Profile, AuthType: n.AuthType, State: directory.ProviderSetup, SigningKey: []byte(s.rt.Secret()),
		DeactivationDelay: tenant.DeactivationDelay, Extensions: n.Extensions, TenantState: tenant.State,
		OrgMapping: directory.BeforeMappings().OrgMapping, RoleMapping: directory.BeforeMappings().RoleMapping,
		Version: 1, CredentialsVersion: 1, Created: s.rt.Time(), Modified: s.rt.Time(), CreatedBy: s.admin.Actor.ID,
	}
	if p.AuthType == "" {
		p.AuthType = directory.AuthOAuthToken
	}
	if n.DeactivationDelay != nil {
		p.DeactivationDelay = *n.DeactivationDelay
	}
	if err := p.Check(); err != nil {
		return directory.Provider{}, "", err
	}
	if p, err = match(p, n.Matching, ""); err != nil {
		return directory.Provider{}, "", err
	}
	for i := range p.Matching { // there are no users yet
		p.Matching[i].Ready = true
	}
	c, now, err := s.question(ctx, false)
	if err != nil {
		return directory.Provider{}, "", err
	}
	is := now.with(&p, &directory.MappingSet{})
	is.providers[0].secret = true
	if err := c.ask("providers", now, is, false); err != nil {
		return directory.Provider{}, "", alone(err, "the default organization's default roles, which every new provider's people get,")
	}
	cred, token := s.newCredential(directory.TokenPrefixProvider, string(p.ID), n.TokenExpiresAt)
	if err := cred.Check(s.rt.Time()); err != nil {
		return directory.Provider{}, "", err
	}
	p.Credentials = []directory.Credential{cred}
	e := s.entry(directory.ProviderCreated)
	e.Target, e.Name = string(p.ID), p.DisplayName
	if err := s.ports.Providers.CreateProvider(ctx, s.tenant, p, e); err != nil {
		return directory.Provider{}, "", providerTaken(err)
	}
	return p, token, nil
}

func errProviderTaken() *directory.Error {
	return &directory.Error{Kind: directory.Conflict, Attr: "displayName", Detail: "a provider with this display name exists"}
}

func providerTaken(err error) error {
	if _, ok := directory.AsTaken(err); ok {
		return errProviderTaken()
	}
	return err
}

// updateProvider runs an edit that also returns the rest of the entry's target and the changes for the log. An edit of
// settings without changes, or of credentials without a target, writes nothing.
func (s *session) updateProvider(
	ctx context.Context, id directory.ProviderID, action directory.Action,
	edit func(directory.Provider) (directory.Provider, string, []directory.Change, error),
) (directory.Provider, error) {
	return s.updateProviderEntry(ctx, id, action, func(old directory.Provider, e *directory.LogEntry) (directory.Provider, error) {
		p, target, changes, err := edit(old)
		e.Target, e.Changes = string(old.ID)+target, changes
		return p, err
	})
}

// updateProviderEntry runs an edit that fills in the entry.
func (s *session) updateProviderEntry(
	ctx context.Context, id directory.ProviderID, action directory.Action,
	edit func(directory.Provider, *directory.LogEntry) (directory.Provider, error),
) (directory.Provider, error) {
	if t, ok := id.Tenant(); !ok || t != s.tenant {
		return directory.Provider{}, directory.Errorf(directory.NotFound, "no such provider")
	}
	apply := func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
		if old.State == directory.ProviderDeleting {
			return old, nil, &directory.Error{Kind: directory.Conflict, Detail: "the provider is being deleted"}
		}
		e := s.entry(action)
		e.Target = string(old.ID)
		p, err := edit(old, &e)
		if err != nil || e.Target == string(old.ID) && len(e.Changes) == 0 {
			return old, nil, err
		}
		p.Version, p.Modified = old.Version+1, directory.Latest(old.Modified, s.rt.Time())
		e.Name, e.Version = p.DisplayName, p.Version
		return p, &e, nil
	}
	p, err := s.ports.Providers.UpdateProvider(ctx, s.tenant, id, apply)
	return p, providerTaken(err)
}

// SetState moves a provider from setup to live, to paused, and, with ProviderSetup, from paused to
// the state before the pause. check sees the provider first.
// Errors: NotFound; Conflict when the state does not allow it; what check returns.
func (s Providers) SetState(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, to directory.ProviderState,
) (directory.Provider, error) {
	return s.updateProvider(ctx, id, directory.ProviderUpdated,
		func(p directory.Provider) (directory.Provider, string, []directory.Change, error) {
			if err := check(p); err != nil {
				return p, "", nil, err
			}
			before := p.State
			switch {
			case to == directory.ProviderSetup && p.Restoring():
				return p, "", nil, directory.ErrRestoring()
			case to == directory.ProviderPaused && p.State != directory.ProviderPaused:
				p.Resume, p.State = p.State, directory.ProviderPaused
			case to == directory.ProviderSetup && p.State == directory.ProviderPaused: // resume
				p.State, p.Resume = p.Resume, ""
			case to == directory.ProviderLive && p.State == directory.ProviderSetup:
				p.State, p.LiveAt = directory.ProviderLive, s.rt.Time()
			default:
				return p, "", nil, &directory.Error{Kind: directory.Conflict, Attr: "state", Detail: "the provider's state does not allow this"}
			}
			return p, "", []directory.Change{directory.NewChange("state", before, p.State)}, nil
		})
}

// Delete starts the deletion of a provider: SCIM answers 401 from now on. In the background
// (follow.Service.FollowBatch), its users are changed as d says, then its groups and record are removed.
// Errors: NotFound; Invalid; Conflict when it is being deleted already.
func (s Providers) Delete(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, d directory.ProviderDeletion,
) (directory.Provider, error) {
	switch d.Users {
	case directory.FateDeactivate:
		if d.CancelPending {
			return directory.Provider{}, &directory.Error{Kind: directory.Invalid, Attr: "cancelPending",
				Detail: "cancelPending goes with users that are kept, not with users=deactivate"}
		}
	case directory.FateLocal:
	case directory.FateMove:
		to, err := s.ByID(ctx, d.MoveTo)
		if err != nil && !directory.IsKind(err, directory.NotFound) {
			return directory.Provider{}, err
		}
		if err != nil || to.State == directory.ProviderDeleting || to.ID == id {
			return directory.Provider{}, noneOf("moveTo", "must be the id of another provider of the tenant", []directory.ProviderID{d.MoveTo})
		}
	default:
		return directory.Provider{}, &directory.Error{Kind: directory.Invalid, Attr: "users", Detail: "users must be local, deactivate or move"}
	}
	d.RequestedAt, d.RequestedBy = s.rt.Time(), s.admin.Actor.ID
	n, err := s.Count(ctx, id)
	if err != nil {
		return directory.Provider{}, err
	}
	d.UserCount, d.GroupCount = n.Users, n.Groups
	c, now, err := s.question(ctx, d.MoveTo != "")
	if err != nil {
		return directory.Provider{}, err
	}
	now.providers = slices.DeleteFunc(now.providers, func(p *mapped) bool { return p.ID != d.MoveTo })
	is := *now
	is.moved = id
	remove := func(p directory.Provider) (directory.Provider, *directory.LogEntry, error) {
		if p.State == directory.ProviderDeleting {
			return p, nil, &directory.Error{Kind: directory.Conflict, Detail: "the provider is being deleted"}
		}
		if p.Restoring() {
			return p, nil, directory.ErrRestoring()
		}
		if err := check(p); err != nil {
			return p, nil, err
		}
		if err := alone(c.ask(providerSubject(id), now, &is, false), "moving the people"); err != nil {
			return p, nil, err
		}
		e := s.entry(directory.ProviderDeleted)
		d.Task = directory.NewTaskID(follow.TaskDeletion, e)
		p.State, p.Deletion = directory.ProviderDeleting, &d
		p.Version, p.Modified = p.Version+1, directory.Latest(p.Modified, s.rt.Time())
		e.Target, e.Name, e.Remaining, e.Version = string(id), p.DisplayName, directory.RemainingProvider, p.Version
		return p, &e, nil
	}
	return s.ports.Providers.UpdateProvider(ctx, s.tenant, id, remove)
}

// Deleted reads the deleted providers of the tenant that can be restored, by id.
func (s Providers) Deleted(ctx context.Context) ([]directory.ArchivedProvider, error) {
	all, err := s.ports.Providers.ArchivedProviders(ctx, s.tenant)
	return slices.DeleteFunc(all, func(a directory.ArchivedProvider) bool { return !s.rt.Time().Before(a.Until()) }), err
}

// Restore undoes the deletion of a provider, under another displayName unless it is "". The provider is paused. In the
// background (follow.Service.FollowEntry), its people and groups come back; until then it cannot be resumed.
// Errors: NotFound, also when its time is over; Invalid; Conflict (displayName, or while it is being deleted or is not
// deleted); what check returns; Waiting.
func (s Providers) Restore(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, name string,
) (directory.Provider, error) {
	if t, ok := id.Tenant(); !ok || t != s.tenant {
		return directory.Provider{}, errNoDeletedProvider()
	}
	if p, err := s.ByID(ctx, id); err == nil {
		detail := "the provider is not deleted"
		if p.State == directory.ProviderDeleting {
			detail = "the provider is still being deleted: restore it when that has ended"
		}
		return p, &directory.Error{Kind: directory.Conflict, Detail: detail}
	} else if !directory.IsKind(err, directory.NotFound) {
		return p, err
	}
	if name != "" {
		valid, err := directory.ValidDisplayName(name)
		if err != nil {
			return directory.Provider{}, err
		}
		name = valid
	}
	tenant, err := s.ports.Tenants.Tenant(ctx, s.tenant)
	if err != nil {
		return directory.Provider{}, err
	}
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, id)
	if err != nil {
		return directory.Provider{}, err
	}
	c, now, err := s.question(ctx, false)
	if err != nil {
		return directory.Provider{}, err
	}
	p, err := s.ports.Providers.RestoreProvider(ctx, s.tenant, id,
		func(a directory.ArchivedProvider) (directory.Provider, directory.LogEntry, error) {
			e := s.entry(directory.ProviderRestored)
			if !s.rt.Time().Before(a.Until()) || a.Deletion == nil {
				return a.Provider, e, errNoDeletedProvider()
			}
			if err := check(a.Provider); err != nil {
				return a.Provider, e, err
			}
			p := a.Restored(s.admin.Actor.ID, e.At)
			p.DisplayName, p.TenantState = cmp.Or(name, p.DisplayName), tenant.State
			e.Target, e.Name, e.Remaining, e.Version = string(id), p.DisplayName, directory.RemainingRestore, p.Version
			return p, e, c.ask(providerSubject(id), now, now.with(&p, &m), false)
		})
	return p, providerTaken(err)
}

func errNoDeletedProvider() *directory.Error {
	return directory.Errorf(directory.NotFound, "no such deleted provider")
}

// ByID reads a provider of the administrator's tenant.
// Errors: NotFound.
func (s Providers) ByID(ctx context.Context, id directory.ProviderID) (directory.Provider, error) {
	if t, ok := id.Tenant(); !ok || t != s.tenant {
		return directory.Provider{}, directory.Errorf(directory.NotFound, "no such provider")
	}
	return s.ports.Providers.Provider(ctx, s.tenant, id)
}

// List reads all providers of the tenant, by id.
func (s Providers) List(ctx context.Context) ([]directory.Provider, error) {
	return s.ports.Providers.ListProviders(ctx, s.tenant)
}

// Usage reads when a provider was used, and by which credential.
func (s Providers) Usage(ctx context.Context, id directory.ProviderID) (directory.Usage, error) {
	return s.ports.Usages.Usage(ctx, s.tenant, id)
}

// Requests reads what the requests of a provider of the tenant showed.
// Errors: NotFound.
func (s Providers) Requests(ctx context.Context, id directory.ProviderID) (directory.RequestReport, error) {
	if _, err := s.ByID(ctx, id); err != nil {
		return directory.RequestReport{}, err
	}
	return s.ports.Usages.Requests(ctx, s.tenant, id)
}

// ProviderCounts are the sizes of a provider.
type ProviderCounts struct{ Users, Groups int }

// Count returns how many users and groups a provider has now.
func (s Providers) Count(ctx context.Context, id directory.ProviderID) (ProviderCounts, error) {
	us, err := s.ports.Users.ListUsers(ctx, s.tenant, id, directory.Page{Start: 1}, directory.UserWant{}, nil)
	if err != nil {
		return ProviderCounts{}, err
	}
	gs, err := s.ports.Groups.ListGroups(ctx, s.tenant, id, directory.Page{Start: 1}, directory.GroupWant{}, nil)
	return ProviderCounts{Users: us.Total, Groups: gs.Total}, err
}

// ProviderPatch is a change of a provider's settings; nil fields do not change.
type ProviderPatch struct {
	DisplayName       *string
	DeactivationDelay *time.Duration
	Extensions        *[]directory.Extension
	Matching          *[]string // paths of the matching attributes
	Relink            *bool     // whether a group that comes back takes its old place
}

// Patch changes settings of a provider; check sees the provider first. A patch that changes nothing writes nothing.
// Errors: NotFound; Invalid; Conflict (displayName, or the provider is being deleted); what check returns.
func (s Providers) Patch(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, n ProviderPatch,
) (directory.Provider, error) {
	return s.updateProviderEntry(ctx, id, directory.ProviderUpdated,
		func(p directory.Provider, e *directory.LogEntry) (directory.Provider, error) {
			if err := check(p); err != nil {
				return p, err
			}
			var changes []directory.Change
			if n.DisplayName != nil {
				name, err := directory.ValidDisplayName(*n.DisplayName)
				if err != nil {
					return p, err
				}
				if name != p.DisplayName {
					changes = append(changes, directory.NewChange(directory.AttrDisplayName, p.DisplayName, name))
					p.DisplayName = name
				}
			}
			if d := n.DeactivationDelay; d != nil && *d != p.DeactivationDelay {
				changes = append(changes,
					directory.NewChange("deactivationDelaySeconds", int64(p.DeactivationDelay/time.Second), int64(*d/time.Second)))
				p.DeactivationDelay = *d
			}
			if n.Extensions != nil && !slices.EqualFunc(p.Extensions, *n.Extensions, directory.Extension.Equal) {
				changes = append(changes, directory.NewChange("extensions", p.Extensions, *n.Extensions))
				p.Extensions = *n.Extensions
			}
			if n.Relink != nil && *n.Relink == p.NoRelink {
				changes = append(changes, directory.NewChange("relinkGroups", !p.NoRelink, *n.Relink))
				p.NoRelink = !*n.Relink
			}
			var err error
			if e.Changes, err = patchMatching(&p, n.Matching, changes, *e); err != nil {
				return p, err
			}
			return p, p.Check()
		})
}
