package administration

import (
	"context"
	"errors"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// Create creates a token; the newest older one works for the overlap, at most 7 days (0: not at all). The clear text is
// returned and never shown again.
func (s Tokens) Create(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, overlap time.Duration, expires time.Time,
) (directory.Provider, directory.Credential, string, error) {
	cred, token := s.newCredential(directory.TokenPrefixProvider, string(id), expires)
	if err := cred.Check(s.rt.Time()); err != nil {
		return directory.Provider{}, directory.Credential{}, "", err
	}
	if overlap < 0 || overlap > 7*24*time.Hour {
		return directory.Provider{}, directory.Credential{}, "",
			&directory.Error{Kind: directory.Invalid, Attr: "overlap", Detail: "overlap must be between 0 and 7 days"}
	}
	c, now, err := s.question(ctx, false)
	if err != nil {
		return directory.Provider{}, directory.Credential{}, "", err
	}
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, id)
	if err != nil {
		return directory.Provider{}, directory.Credential{}, "", err
	}
	p, err := s.updateProvider(ctx, id, directory.TokenCreated,
		func(p directory.Provider) (directory.Provider, string, []directory.Change, error) {
			if err := check(p); err != nil {
				return p, "", nil, err
			}
			was, is := now.with(&p, &m), now.with(&p, &m)
			is.providers[0].secret = true
			if err := c.ask(providerSubject(id), was, is, false); err != nil {
				return p, "", nil, withSecret(err, cred, token)
			}
			if slices.ContainsFunc(p.Credentials, func(c directory.Credential) bool { return c.ID == cred.ID }) {
				return p, "", nil, nil // another approval was first
			}
			p.Credentials = retireCredentials(p.Credentials, s.rt.Time(), overlap)
			p.Credentials = append(p.Credentials, cred)
			p.CredentialsVersion++
			return p, "/" + string(cred.ID), nil, nil
		})
	return p, cred, token, err
}

// Revoke ends a token immediately. Revoking one that no longer works changes nothing. check sees the provider first.
// Errors: NotFound; what check returns.
func (s Tokens) Revoke(
	ctx context.Context, id directory.ProviderID, token directory.CredentialID, check func(directory.Provider) error,
) (directory.Provider, error) {
	return s.updateProvider(ctx, id, directory.TokenRevoked,
		func(p directory.Provider) (directory.Provider, string, []directory.Change, error) {
			if err := check(p); err != nil {
				return p, "", nil, err
			}
			i := slices.IndexFunc(p.Credentials, func(c directory.Credential) bool { return c.ID == token })
			if i < 0 {
				return p, "", nil, directory.Errorf(directory.NotFound, "no such token")
			}
			if !p.Credentials[i].Usable(s.rt.Time()) {
				return p, "", nil, nil
			}
			p.Credentials = slices.Clone(p.Credentials)
			p.Credentials[i].State = directory.CredentialRevoked
			p.CredentialsVersion++
			return p, "/" + string(token), nil, nil
		})
}

// Expiring is a token of a provider, or an API key, that ends.
type Expiring struct {
	directory.Credential
	Provider    directory.ProviderID // "" for an API key
	DisplayName string               // of the provider or the key
}

// Expiring returns the tokens of providers and the API keys that work now, were not replaced, and end by a time: the first
// to end first.
func (s Tokens) Expiring(ctx context.Context, by time.Time) ([]Expiring, error) {
	now := s.rt.Time()
	var out []Expiring
	add := func(c directory.Credential, p directory.ProviderID, name string) {
		if c.State == directory.CredentialActive && c.Usable(now) && !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(by) {
			out = append(out, Expiring{c, p, name})
		}
	}
	ps, err := s.ports.Providers.ListProviders(ctx, s.tenant)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		for _, c := range p.Credentials {
			if p.State != directory.ProviderDeleting {
				add(c, p.ID, p.DisplayName)
			}
		}
	}
	ks, err := s.ports.APIKeys.ListAPIKeys(ctx, s.tenant)
	for _, k := range ks {
		add(k.Credential, "", k.DisplayName)
	}
	slices.SortStableFunc(out, func(a, b Expiring) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
	return out, err
}

// withSecret keeps a new secret for its approval: whoever asked has its clear text, and it works from then on.
func withSecret(err error, cred directory.Credential, token string) error {
	if w := (*Waiting)(nil); errors.As(err, &w) {
		w.secret, w.Token = &cred, token
	}
	return err
}

// newCredential makes a secret, or returns the one that is approved, without its clear text.
func (s *session) newCredential(prefix, scope string, expires time.Time) (directory.Credential, string) {
	if a := s.admin.Approved; a != nil && a.Secret != nil {
		return *a.Secret, ""
	}
	token := directory.NewToken(prefix, scope, s.rt.Secret())
	return directory.Credential{
		ID: directory.CredentialID("k" + s.rt.NewID()), Hash: directory.HashToken(token), LastFour: token[len(token)-4:],
		CreatedAt: s.rt.Time(), CreatedBy: s.admin.Actor.ID, ExpiresAt: expires, State: directory.CredentialActive,
	}, token
}

// retireCredentials ends the usable credentials: only the newest works for the overlap, so that with the new one at
// most two work.
func retireCredentials(cs []directory.Credential, now time.Time, overlap time.Duration) []directory.Credential {
	out := slices.Clone(cs)
	newest := -1
	for i, c := range out {
		if c.Usable(now) {
			newest = i
		}
	}
	for i := range out {
		if !out[i].Usable(now) {
			continue
		}
		if i != newest || overlap == 0 {
			out[i].State = directory.CredentialRevoked
			continue
		}
		out[i].State = directory.CredentialRetiring
		if end := now.Add(overlap); out[i].RetiresAt.IsZero() || out[i].RetiresAt.After(end) {
			out[i].RetiresAt = end
		}
	}
	if n := len(out) - keptCredentials; n > 0 {
		out = slices.DeleteFunc(out, func(c directory.Credential) bool {
			if n > 0 && !c.Usable(now) {
				n--
				return true
			}
			return false
		})
	}
	return out
}

// keptCredentials is how many credentials that no longer work are kept in the record, to identify them.
const keptCredentials = 5
