package follow

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// warnExpiring warns of the tokens of providers and of the API keys that end soon. The credential remembers its warning
// in the write that has the entry, so each is given once.
func (s *Service) warnExpiring(ctx context.Context, t directory.Tenant) error {
	if t.State == directory.TenantRemoving {
		return nil
	}
	ps, err := s.ports.Providers.ListProviders(ctx, t.ID)
	if err != nil {
		return err
	}
	now := s.rt.Time()
	for _, p := range ps {
		for _, c := range p.Credentials {
			if warningDue(c, now) == 0 {
				continue
			}
			if err := s.warnToken(ctx, t.ID, p.ID, c.ID); err != nil {
				return err
			}
		}
	}
	ks, err := s.ports.APIKeys.ListAPIKeys(ctx, t.ID)
	if err != nil {
		return err
	}
	for _, k := range ks {
		if warningDue(k.Credential, now) == 0 {
			continue
		}
		if err := s.warnKey(ctx, t.ID, k.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) warnToken(ctx context.Context, t directory.TenantID, id directory.ProviderID, token directory.CredentialID) error {
	_, err := s.ports.Providers.UpdateProvider(ctx, t, id, func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
		p, e := old, s.entry(fromJob(directory.JobSweep), directory.TokenExpiring)
		if p.State == directory.ProviderDeleting {
			return old, nil, nil
		}
		p.Credentials = append([]directory.Credential(nil), old.Credentials...)
		for i, c := range p.Credentials {
			days := warningDue(c, e.At)
			if c.ID != token || days == 0 {
				continue
			}
			p.Credentials[i].Warned = days
			p.Version, p.Modified = old.Version+1, directory.Latest(old.Modified, e.At)
			e.Target, e.Name, e.Version = string(p.ID)+"/"+string(token), p.DisplayName, p.Version
			return p, ofWarning(e, c, days), nil
		}
		return old, nil, nil
	})
	return directory.IgnoreNotFound(err)
}

func (s *Service) warnKey(ctx context.Context, t directory.TenantID, id directory.CredentialID) error {
	_, err := s.ports.APIKeys.UpdateAPIKey(ctx, t, id, nil, func(old directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
		k, e := old, s.entry(fromJob(directory.JobSweep), directory.APIKeyExpiring)
		days := warningDue(k.Credential, e.At)
		if days == 0 {
			return old, nil, nil
		}
		k.Warned, k.Version = days, old.Version+1
		e.Target, e.Name, e.Version = string(k.ID), k.DisplayName, k.Version
		return k, ofWarning(e, old.Credential, days), nil
	})
	return directory.IgnoreNotFound(err)
}

// attrExpiresAt is the change of a warning's entry that has the credential's end.
const attrExpiresAt = "expiresAt"

// ofWarning completes the entry of a warning.
func ofWarning(e directory.LogEntry, c directory.Credential, days int) *directory.LogEntry {
	var before any
	if c.Warned != 0 {
		before = c.Warned
	}
	e.Audit = true
	e.Changes = []directory.Change{directory.NewChange("warnedDays", before, days), directory.NewChange(attrExpiresAt, nil, c.ExpiresAt)}
	return &e
}

// expiring returns the credential that the entry of a warning is about, its provider ("" for an API key), and its end.
func expiring(e directory.LogEntry) (p directory.ProviderID, id string, at time.Time) {
	id = e.Target
	if provider, token, ok := strings.Cut(e.Target, "/"); ok {
		p, id = directory.ProviderID(provider), token
	}
	for _, c := range e.Changes {
		if c.Attr == attrExpiresAt {
			_ = json.Unmarshal(c.After, &at) // absent from an erased entry
		}
	}
	return p, id, at
}

// warningDue returns how many days before the end the warning is given that is due now: 30, 7 or 1, or up to a day earlier,
// since credentials are looked at once a day; 0 for none. Each is given once; of several that are due, only the last. An end
// that was closer when the credential was made needs no warning, and neither does a credential that was replaced.
func warningDue(c directory.Credential, now time.Time) int {
	if c.State != directory.CredentialActive || c.ExpiresAt.IsZero() || !c.Usable(now) {
		return 0
	}
	for _, days := range []int{1, 7, 30} {
		at := c.ExpiresAt.AddDate(0, 0, -days)
		if now.Before(at.Add(-passEvery)) {
			continue
		}
		if !at.After(c.CreatedAt) || c.Warned != 0 && c.Warned <= days {
			return 0
		}
		return days
	}
	return 0
}
