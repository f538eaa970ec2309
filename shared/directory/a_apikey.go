package directory

import (
	"context"
	"slices"
	"time"
)

// NewAPIKey is what an administrator chooses for an API key.
type NewAPIKey struct {
	DisplayName string // 1 to 100 characters
	Role        Role
	ExpiresAt   time.Time // zero: never
}

// AuthenticateAPIKey returns the usable key whose clear text token is. Its tenant is the only one the
// caller may see.
// Errors: Unauthenticated, the same for every fault of the token; Forbidden (the tenant is paused); Unavailable.
func (s *Service) AuthenticateAPIKey(ctx context.Context, token string) (APIKey, error) {
	refused := Errorf(Unauthenticated, "a valid API key is required")
	t, ok := TenantOfAPIKey(token)
	if !ok {
		return APIKey{}, refused
	}
	h := HashToken(token)
	k, err := s.APIKeys.APIKeyByHash(ctx, t, h)
	if IsKind(err, NotFound) {
		return APIKey{}, refused
	}
	if err != nil {
		return APIKey{}, err
	}
	if _, ok := match([]Credential{k.Credential}, h, s.Now()); !ok || k.Tenant != t {
		return APIKey{}, refused
	}
	if t == OperatorScope {
		return k, nil
	}
	tenant, err := s.Tenants.Tenant(ctx, t)
	switch {
	case IsKind(err, NotFound) || err == nil && tenant.State == TenantRemoving:
		return APIKey{}, refused
	case err != nil:
		return APIKey{}, err
	case tenant.State == TenantPaused:
		return APIKey{}, Errorf(Forbidden, "the tenant is paused by the operator of this deployment")
	}
	return k, nil
}

// CreateAPIKey makes an API key of the administrator's tenant; its clear text is returned and never shown
// again. A dry run returns no clear text.
// Errors: Invalid.
func (s *Service) CreateAPIKey(ctx context.Context, a Admin, n NewAPIKey) (APIKey, string, error) {
	name, err := validDisplayName(n.DisplayName)
	if err != nil {
		return APIKey{}, "", err
	}
	if (n.Role == RoleOperator) != (a.Tenant == OperatorScope) || n.Role != RoleOperator && !slices.Contains(Roles(), n.Role) {
		return APIKey{}, "", &Error{Kind: Invalid, Attr: "role", Detail: "role must be one of those that a key like yours can give"}
	}
	cred, token := s.newCredential(prefixAPIKey, string(a.Tenant), a, n.ExpiresAt)
	if err := cred.check(s.Now()); err != nil {
		return APIKey{}, "", err
	}
	k := APIKey{Credential: cred, Tenant: a.Tenant, DisplayName: name, Role: n.Role, Version: 1}
	if a.DryRun {
		return k, "", nil
	}
	e := s.adminEntry(a, APIKeyCreated)
	e.Target, e.Name, e.Version = k.ID, k.DisplayName, k.Version
	e.Changes = []Change{change("role", nil, k.Role)}
	if err := s.APIKeys.CreateAPIKey(ctx, a.Tenant, k, e); err != nil {
		return APIKey{}, "", err
	}
	return k, token, nil
}

// ListAPIKeys returns the keys of the administrator's tenant by id, also those that no longer work.
func (s *Service) ListAPIKeys(ctx context.Context, a Admin) ([]APIKey, error) {
	return s.APIKeys.ListAPIKeys(ctx, a.Tenant)
}

// RevokeAPIKey ends a key at once. check sees the key first. Revoking one that was revoked changes
// nothing. A key cannot revoke itself: so one that can make others always remains.
// Errors: NotFound; Conflict (the key of the request); what check returns.
func (s *Service) RevokeAPIKey(ctx context.Context, a Admin, id string, check func(APIKey) error) (APIKey, error) {
	revoke := func(k APIKey) (APIKey, *LogEntry, error) {
		if err := check(k); err != nil {
			return k, nil, err
		}
		if k.State == CredentialRevoked {
			return k, nil, nil
		}
		if a.Actor.Kind != ActorSystem && a.Actor.ID == k.ID {
			return k, nil, Errorf(Conflict, "a key cannot revoke itself: use another administrator's key")
		}
		k.State, k.Version = CredentialRevoked, k.Version+1
		e := s.adminEntry(a, APIKeyRevoked)
		e.Target, e.Name, e.Version = k.ID, k.DisplayName, k.Version
		return k, &e, nil
	}
	if !a.DryRun {
		return s.APIKeys.UpdateAPIKey(ctx, a.Tenant, id, revoke)
	}
	ks, err := s.APIKeys.ListAPIKeys(ctx, a.Tenant)
	if err != nil {
		return APIKey{}, err
	}
	i := slices.IndexFunc(ks, func(k APIKey) bool { return k.ID == id })
	if i < 0 {
		return APIKey{}, Errorf(NotFound, "no such API key")
	}
	k, _, err := revoke(ks[i])
	return k, err
}
