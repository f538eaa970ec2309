package directory

import (
	"context"
	"slices"
	"time"
)

// Admin is an administrator's authenticated request: the tenant it may see and the actor for the log.
type Admin struct {
	Tenant TenantID
	Actor  Actor
	DryRun bool // check everything, write nothing
	// Confirm is what the administrator typed to be sure, where that is asked for: of apply runs.
	Confirm string
}

func (s *Service) adminEntry(a Admin, action Action) LogEntry {
	return LogEntry{ID: s.entryID(), At: s.Now(), Actor: a.Actor, Action: action, Audit: true}
}

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

// check refuses settings outside their limits.
func (p Provider) check() error {
	switch {
	case p.DeactivationDelay < 0 || p.DeactivationDelay > MaxDeactivationDelay:
		return &Error{Kind: Invalid, Attr: "deactivationDelay", Detail: "deactivationDelay must be between 0 seconds and 30 days"}
	case p.AuthType != AuthOAuthToken && p.AuthType != AuthClientCredentials:
		return &Error{Kind: Invalid, Attr: "authType", Detail: "authType must be oauth-token or oauth-client-credentials"}
	}
	return checkExtensions(p.Extensions)
}

func (c Credential) check(now time.Time) error {
	if !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(now) {
		return &Error{Kind: Invalid, Attr: "expiresAt", Detail: "expiresAt must be in the future"}
	}
	return nil
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

func (s *Service) newCredential(prefix, scope string, a Admin, expires time.Time) (Credential, string) {
	token := newToken(prefix, scope, s.newSecret())
	return Credential{
		ID: "k" + s.newID(), Hash: HashToken(token), LastFour: token[len(token)-4:],
		CreatedAt: s.Now(), CreatedBy: a.Actor.ID, ExpiresAt: expires, State: CredentialActive,
	}, token
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

// RegenerateToken makes a new token; the older ones keep working for overlap, at most 7 days (0: not at
// all). The clear text is returned and never shown again.
func (s *Service) RegenerateToken(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, overlap time.Duration, expires time.Time) (Provider, Credential, string, error) {
	cred, token := s.newCredential(prefixProvider, string(id), a, expires)
	if err := cred.check(s.Now()); err != nil {
		return Provider{}, Credential{}, "", err
	}
	if overlap < 0 || overlap > 7*24*time.Hour {
		return Provider{}, Credential{}, "", &Error{Kind: Invalid, Attr: "overlap", Detail: "overlap must be between 0 and 7 days"}
	}
	p, err := s.updateProvider(ctx, a, id, TokenCreated, func(p Provider) (Provider, string, []Change, error) {
		if err := check(p); err != nil {
			return p, "", nil, err
		}
		p.Credentials = retire(p.Credentials, s.Now(), overlap)
		p.Credentials = append(p.Credentials, cred)
		p.CredentialsVersion++
		return p, "/" + cred.ID, nil, nil
	})
	if a.DryRun {
		token = ""
	}
	return p, cred, token, err
}

// keptCredentials is how many credentials that no longer work stay in the record, to recognize them by.
const keptCredentials = 5

// retire lets the usable credentials end: only the newest may go on for overlap, so that with the one
// to come at most two work.
func retire(cs []Credential, now time.Time, overlap time.Duration) []Credential {
	out := slices.Clone(cs)
	newest := -1
	for i, c := range out {
		if c.usable(now) {
			newest = i
		}
	}
	for i := range out {
		if !out[i].usable(now) {
			continue
		}
		if i != newest || overlap == 0 {
			out[i].State = CredentialRevoked
			continue
		}
		out[i].State = CredentialRetiring
		if end := now.Add(overlap); out[i].RetiresAt.IsZero() || out[i].RetiresAt.After(end) {
			out[i].RetiresAt = end
		}
	}
	if n := len(out) - keptCredentials; n > 0 {
		out = slices.DeleteFunc(out, func(c Credential) bool {
			if n > 0 && !c.usable(now) {
				n--
				return true
			}
			return false
		})
	}
	return out
}

// RevokeToken ends a token at once. Revoking one that no longer works changes nothing.
// check sees the provider first.
// Errors: NotFound; what check returns.
func (s *Service) RevokeToken(ctx context.Context, a Admin, id ProviderID, token string, check func(Provider) error) (Provider, error) {
	return s.updateProvider(ctx, a, id, TokenRevoked, func(p Provider) (Provider, string, []Change, error) {
		if err := check(p); err != nil {
			return p, "", nil, err
		}
		i := slices.IndexFunc(p.Credentials, func(c Credential) bool { return c.ID == token })
		if i < 0 {
			return p, "", nil, Errorf(NotFound, "no such token")
		}
		if !p.Credentials[i].usable(s.Now()) {
			return p, "", nil, nil
		}
		p.Credentials = slices.Clone(p.Credentials)
		p.Credentials[i].State = CredentialRevoked
		p.CredentialsVersion++
		return p, "/" + token, nil, nil
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

// emptyProvider carries out a provider's deletion: each user's and group's change is a transaction of
// its own, so a repetition goes on where the last one stopped.
func (s *Service) emptyProvider(ctx context.Context, t TenantID, because LogEntry) error {
	id := ProviderID(because.Target)
	p, err := s.Providers.Provider(ctx, t, id)
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	d, err := s.feasible(ctx, t, *p.Deletion)
	if err != nil {
		return err
	}
	actor := because.Actor
	actor.Kind, actor.ID = ActorSystem, string(because.ID)
	entry := func(a Action) LogEntry {
		return LogEntry{ID: s.entryID(), At: s.Now(), Provider: id, Actor: actor, Action: a}
	}
	const batch = 200
	for {
		page, err := s.Users.ListUsers(ctx, t, id, Page{ByCursor: true, Count: batch}, UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, v := range page.Users {
			if err := s.resettle(ctx, t, v.User, d, p.DeactivationDelay, entry); err != nil {
				return err
			}
		}
		if len(page.Users) == 0 {
			break
		}
	}
	for {
		page, err := s.Groups.ListGroups(ctx, t, id, Page{ByCursor: true, Count: batch}, GroupWant{}, nil)
		if err != nil {
			return err
		}
		for _, v := range page.Groups {
			err := s.Groups.DeleteGroup(ctx, t, v.Group, func(g Group) (LogEntry, error) {
				e := entry(GroupDeleted)
				e.Group, e.Name = g.ID, g.DisplayName
				return e, nil
			})
			if err != nil && !IsKind(err, NotFound) {
				return err
			}
		}
		if len(page.Groups) == 0 {
			break
		}
	}
	err = s.Providers.RemoveProvider(ctx, t, id, entry(ProviderDeleted))
	if IsKind(err, NotFound) {
		return nil
	}
	return err
}

// feasible returns d, with local users in place of a move to a provider that was deleted since.
func (s *Service) feasible(ctx context.Context, t TenantID, d ProviderDeletion) (ProviderDeletion, error) {
	if d.Users != FateMove {
		return d, nil
	}
	to, err := s.Providers.Provider(ctx, t, d.MoveTo)
	if err != nil && !IsKind(err, NotFound) {
		return d, err
	}
	if err != nil || to.State == ProviderDeleting {
		d.Users = FateLocal
	}
	return d, nil
}

// resettle gives one user of a deleted provider the new home. A pending deactivation goes on unless the
// administrator cancelled those.
func (s *Service) resettle(ctx context.Context, t TenantID, u User, d ProviderDeletion, delay time.Duration, entry func(Action) LogEntry) error {
	_, err := s.Users.UpdateUser(ctx, t, u, func(old User) (User, *LogEntry, error) {
		if old.Gone() || old.Provider != u.Provider {
			return old, nil, nil
		}
		n, e := old, entry(UserConverted)
		if d.CancelPending {
			n.Pending = nil
		}
		if d.Users == FateDeactivate {
			n = n.departed(departure{at: d.RequestedAt, delay: delay, cause: CauseProvider, provider: old.Provider, request: e.Actor.RequestID})
		}
		if d.Users == FateMove {
			n.Provider, n.Manager = d.MoveTo, "" // names a user of the old provider
		} else {
			n = n.local()
		}
		if n.Pending != nil {
			n = n.pendingAs(func(p *PendingDeactivation) { p.Frozen, p.Staged = false, false }) // the guard goes with the provider
		}
		return conclude(old, n, e)
	})
	if IsKind(err, NotFound) {
		return nil
	}
	return err
}
