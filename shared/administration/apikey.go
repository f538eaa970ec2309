package administration

import (
	"context"
	"slices"
	"sync"
	"time"

	"rollcall/shared/directory"
)

// NewAPIKey is the input for a new API key.
type NewAPIKey struct {
	DisplayName string // 1 to 100 characters
	Role        directory.AdminRole
	ExpiresAt   time.Time // zero: never
}

// AuthenticateAPIKey returns the usable key with the clear text token. The caller may see only the key's tenant.
// Errors: Unauthenticated, the same for every fault of the token; Forbidden (the tenant is paused); Unavailable.
func (s *Service) AuthenticateAPIKey(ctx context.Context, token string) (directory.APIKey, error) {
	refused := directory.Errorf(directory.Unauthenticated, "a valid API key is required")
	t, ok := directory.TenantOfAPIKey(token)
	if !ok {
		return directory.APIKey{}, refused
	}
	h := directory.HashToken(token)
	k, err := s.ports.APIKeys.APIKeyByHash(ctx, t, h)
	if directory.IsKind(err, directory.NotFound) {
		return directory.APIKey{}, refused
	}
	if err != nil {
		return directory.APIKey{}, err
	}
	if _, ok := directory.MatchCredential([]directory.Credential{k.Credential}, h, s.rt.Time()); !ok || k.Tenant != t {
		return directory.APIKey{}, refused
	}
	if t == directory.OperatorScope {
		return k, nil
	}
	tenant, err := s.ports.Tenants.Tenant(ctx, t)
	switch {
	case directory.IsKind(err, directory.NotFound) || err == nil && tenant.State == directory.TenantRemoving:
		return directory.APIKey{}, refused
	case err != nil:
		return directory.APIKey{}, err
	case tenant.State == directory.TenantPaused:
		return directory.APIKey{}, directory.Errorf(directory.Forbidden, "the tenant is paused by the operator of this deployment")
	}
	return k, nil
}

// keyUses holds when a process last wrote the use of each key. Safe for concurrent use.
type keyUses struct {
	mu      sync.Mutex
	written map[directory.CredentialID]time.Time
}

// due reports whether the use of a key is to be written, and counts it as written.
func (u *keyUses) due(id directory.CredentialID, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now.Sub(u.written[id]) < directory.UsageEvery {
		return false
	}
	u.written[id] = now
	return true
}

// WriteKeyUse records that a key was used, at most once a minute. Safe for concurrent use.
func (s *Service) WriteKeyUse(k directory.APIKey) {
	now := s.rt.Time()
	if !s.uses.due(k.ID, now) {
		return
	}
	directory.RecordUsage(s.ports.Usages, k.Tenant, directory.APIKeyUsage,
		directory.Usage{Tokens: map[directory.CredentialID]directory.TokenUse{k.ID: {LastAt: now}}})
}

// Uses returns when the keys of the administrator's tenant were last used, to the minute.
func (s APIKeys) Uses(ctx context.Context) (map[directory.CredentialID]directory.TokenUse, error) {
	u, err := s.ports.Usages.Usage(ctx, s.tenant, directory.APIKeyUsage)
	return u.Tokens, err
}

// Create creates an API key of the administrator's tenant; its clear text is returned and never shown again.
// Errors: Invalid.
func (s APIKeys) Create(ctx context.Context, n NewAPIKey) (directory.APIKey, string, error) {
	return s.create(ctx, n, nil)
}

func (s APIKeys) create(ctx context.Context, n NewAPIKey, check directory.Check[directory.APIKey]) (directory.APIKey, string, error) {
	name, err := directory.ValidDisplayName(n.DisplayName)
	if err != nil {
		return directory.APIKey{}, "", err
	}
	if (n.Role == directory.RoleOperator) != (s.tenant == directory.OperatorScope) ||
		n.Role != directory.RoleOperator && !slices.Contains(directory.AdminRoles(), n.Role) {
		return directory.APIKey{}, "",
			&directory.Error{Kind: directory.Invalid, Attr: "role", Detail: "role must be one of those that a key like yours can give"}
	}
	cred, token := s.newCredential(directory.TokenPrefixAPIKey, string(s.tenant), n.ExpiresAt)
	if err := cred.Check(s.rt.Time()); err != nil {
		return directory.APIKey{}, "", err
	}
	k := directory.APIKey{Credential: cred, Tenant: s.tenant, DisplayName: name, Role: n.Role, Version: 1}
	action := directory.APIKeyCreated
	if s.admin.Actor.Kind == directory.ActorAPIKey {
		k.MadeWith = cred.CreatedBy
		if n.Role.Exceeds() {
			action = directory.APIKeyExceeds
			if err := s.askForKey(ctx, k); err != nil {
				return directory.APIKey{}, "", withSecret(err, cred, token)
			}
		}
	}
	e := s.entry(action)
	e.Target, e.Name, e.Version = string(k.ID), k.DisplayName, k.Version
	e.Changes = []directory.Change{directory.NewChange("role", nil, k.Role)}
	if err := s.ports.APIKeys.CreateAPIKey(ctx, s.tenant, k, check, e); err != nil {
		return directory.APIKey{}, "", err
	}
	return k, token, nil
}

// askForKey is control.ask for a key with rights that its maker's lacks.
func (s APIKeys) askForKey(ctx context.Context, k directory.APIKey) error {
	c, err := s.control(ctx)
	if err != nil || !c.on || c.approved != nil {
		return err
	}
	return &Waiting{subject: "api-keys/" + string(k.ID), ways: []way{{role: directory.RoleID(k.Role), kind: wayPerson}}}
}

// Confirm says that a key is somebody else's than the one that it was made with. A key that is of its own already is
// not changed.
// Errors: NotFound; Forbidden (to the person whose key it counts as); what check returns.
func (s APIKeys) Confirm(ctx context.Context, id directory.CredentialID, check func(directory.APIKey) error) (directory.APIKey, error) {
	same, err := s.samePerson(ctx)
	if err != nil {
		return directory.APIKey{}, err
	}
	confirm := func(k directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
		if err := check(k); err != nil {
			return k, nil, err
		}
		if k.MadeWith == "" || k.ConfirmedBy != "" {
			return k, nil, nil
		}
		if same(string(id), s.admin.Actor.ID) {
			return k, nil, errNeedsSecondAdmin
		}
		k.ConfirmedBy, k.Version = s.admin.Actor.ID, k.Version+1
		e := s.entry(directory.APIKeyConfirmed)
		e.Target, e.Name, e.Version = string(k.ID), k.DisplayName, k.Version
		return k, &e, nil
	}
	return s.ports.APIKeys.UpdateAPIKey(ctx, s.tenant, id, nil, confirm)
}

// Persons returns the administrators' keys that work and are of their own: those of different persons.
func (s APIKeys) Persons(ctx context.Context, since time.Time) ([]directory.APIKey, error) {
	all, err := s.List(ctx)
	var out []directory.APIKey
	for _, k := range all {
		if k.Role == directory.RoleAdministrator && k.Usable(s.rt.Time()) && directory.PersonOf(all, since, string(k.ID)) == string(k.ID) {
			out = append(out, k)
		}
	}
	return out, err
}

// List returns the keys of the administrator's tenant by id, also those that no longer work.
func (s APIKeys) List(ctx context.Context) ([]directory.APIKey, error) {
	return s.ports.APIKeys.ListAPIKeys(ctx, s.tenant)
}

// Revoke ends a key immediately; check sees the key first. Revoking it again changes nothing. A key cannot revoke
// itself, nor the last one that can create others.
// Errors: NotFound; Conflict (the key of the request; the last one); what check returns.
func (s APIKeys) Revoke(ctx context.Context, id directory.CredentialID, check func(directory.APIKey) error) (directory.APIKey, error) {
	revoke := func(k directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
		if err := check(k); err != nil {
			return k, nil, err
		}
		if k.State == directory.CredentialRevoked {
			return k, nil, nil
		}
		if s.admin.Actor.Kind != directory.ActorSystem && s.admin.Actor.ID == string(k.ID) {
			return k, nil, directory.Errorf(directory.Conflict, "a key cannot revoke itself: use another administrator's key")
		}
		k.State, k.Version = directory.CredentialRevoked, k.Version+1
		e := s.entry(directory.APIKeyRevoked)
		e.Target, e.Name, e.Version = string(k.ID), k.DisplayName, k.Version
		return k, &e, nil
	}
	return s.ports.APIKeys.UpdateAPIKey(ctx, s.tenant, id, s.notLast(id), revoke)
}

// notLast refuses to revoke the last usable key that can create others.
func (s APIKeys) notLast(id directory.CredentialID) directory.Check[directory.APIKey] {
	return func(all []directory.APIKey) error {
		i := slices.IndexFunc(all, func(k directory.APIKey) bool { return k.ID == id })
		if i < 0 || !s.creates(all[i]) || slices.ContainsFunc(all, func(k directory.APIKey) bool { return k.ID != id && s.creates(k) }) {
			return nil
		}
		return directory.Errorf(directory.Conflict, "this is the last key that can create others: create another one first")
	}
}

// creates reports whether a key works and can create others.
func (s APIKeys) creates(k directory.APIKey) bool {
	return (k.Role == directory.RoleAdministrator || k.Role == directory.RoleOperator) && k.Usable(s.rt.Time())
}
