package directory

import (
	"context"
	"slices"
	"time"
)

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

func (s *Service) newCredential(prefix, scope string, a Admin, expires time.Time) (Credential, string) {
	token := newToken(prefix, scope, s.newSecret())
	return Credential{
		ID: "k" + s.newID(), Hash: HashToken(token), LastFour: token[len(token)-4:],
		CreatedAt: s.Now(), CreatedBy: a.Actor.ID, ExpiresAt: expires, State: CredentialActive,
	}, token
}
