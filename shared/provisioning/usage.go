package provisioning

import (
	"sync"
	"time"

	"rollcall/shared/directory"
)

// maxUsages bounds the providers tracked per process; beyond it, unwritten usage is lost.
const maxUsages = 10_000

// usageMeter is the usage that a process has seen and not written yet. Safe for concurrent use.
type usageMeter struct {
	mu         sync.Mutex
	byProvider map[directory.ProviderID]*usageSeen
}

type usageSeen struct {
	directory.Usage
	written time.Time
}

func (m *usageMeter) note(p directory.ProviderID, note func(*directory.Usage)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byProvider == nil || len(m.byProvider) > maxUsages {
		m.byProvider = map[directory.ProviderID]*usageSeen{}
	}
	if m.byProvider[p] == nil {
		m.byProvider[p] = &usageSeen{}
	}
	note(&m.byProvider[p].Usage)
}

// take returns the usage to write now, and false for none.
func (m *usageMeter) take(p directory.ProviderID, now time.Time) (directory.Usage, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.byProvider[p]
	if seen == nil || seen.LastRequestAt.IsZero() || now.Sub(seen.written) < directory.UsageEvery {
		return directory.Usage{}, false
	}
	u := seen.Usage
	*seen = usageSeen{written: now}
	return u, true
}

// noteRequest notes a request with a credential.
func (x *session) noteRequest(credential directory.CredentialID) {
	x.usage.note(x.caller.Provider, func(u *directory.Usage) {
		if u.FirstRequestAt.IsZero() || x.now.Before(u.FirstRequestAt) {
			u.FirstRequestAt = x.now
		}
		if u.Tokens == nil {
			u.Tokens = map[directory.CredentialID]directory.TokenUse{}
		}
		use := u.Tokens[credential]
		u.Tokens[credential] = directory.TokenUse{LastAt: directory.Latest(use.LastAt, x.now), Count: use.Count + 1}
		u.LastRequestAt = directory.Latest(u.LastRequestAt, x.now)
	})
}

// NoteError notes that a request with a valid token of the provider was answered with an error.
func (s *Service) NoteError(p directory.ProviderID) {
	now := s.rt.Time()
	s.usage.note(p, func(u *directory.Usage) { u.LastErrorAt = directory.Latest(u.LastErrorAt, now) })
}

// WriteUsage writes the noted usage of a provider, at most once a minute.
func (s *Service) WriteUsage(p directory.ProviderID) {
	u, due := s.usage.take(p, s.rt.Time())
	if !due {
		return
	}
	t, _ := p.Tenant()
	directory.RecordUsage(s.ports.Usages, t, p, u)
}
