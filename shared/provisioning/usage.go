package provisioning

import (
	"context"
	"sync"
	"time"

	"rollcall/shared/directory"
)

const (
	// usageEvery is how often a process writes a provider's usage at most.
	usageEvery = time.Minute
	// usageTimeout is how long it waits for that at most.
	usageTimeout = time.Second
	// maxUsages is of how many providers a process keeps usage: one that serves more forgets some.
	maxUsages = 10_000
)

// usageMeter is the usage that a process has seen and not written yet. Safe for concurrent use.
type usageMeter struct {
	mu sync.Mutex
	of map[directory.ProviderID]*usageSeen
}

type usageSeen struct {
	directory.Usage
	written time.Time
}

func (m *usageMeter) note(p directory.ProviderID, note func(*directory.Usage)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil || len(m.of) > maxUsages {
		m.of = map[directory.ProviderID]*usageSeen{}
	}
	if m.of[p] == nil {
		m.of[p] = &usageSeen{}
	}
	note(&m.of[p].Usage)
}

// take returns what is to be written now, false for nothing.
func (m *usageMeter) take(p directory.ProviderID, now time.Time) (directory.Usage, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.of[p]
	if seen == nil || seen.LastRequestAt.IsZero() || now.Sub(seen.written) < usageEvery {
		return directory.Usage{}, false
	}
	u := seen.Usage
	*seen = usageSeen{written: now}
	return u, true
}

// noteRequest notes a request that a credential opened.
func (x *session) noteRequest(credential directory.CredentialID) {
	x.usage.note(x.caller.Provider, func(u *directory.Usage) {
		if u.FirstRequestAt.IsZero() || x.now.Before(u.FirstRequestAt) {
			u.FirstRequestAt = x.now
		}
		if u.Tokens == nil {
			u.Tokens = map[directory.CredentialID]directory.TokenUse{}
		}
		of := u.Tokens[credential]
		u.Tokens[credential] = directory.TokenUse{LastAt: directory.Latest(of.LastAt, x.now), Count: of.Count + 1}
		u.LastRequestAt = directory.Latest(u.LastRequestAt, x.now)
	})
}

// NoteError notes that a request with a valid token of the provider was answered with an error.
func (s *Service) NoteError(p directory.ProviderID) {
	now := s.rt.Time()
	s.usage.note(p, func(u *directory.Usage) { u.LastErrorAt = directory.Latest(u.LastErrorAt, now) })
}

// WriteUsage writes what was noted of a provider's use, at most once a minute. It is called after a request, in none
// of its budgets: what fails is lost.
func (s *Service) WriteUsage(p directory.ProviderID) {
	u, due := s.usage.take(p, s.rt.Time())
	if !due {
		return
	}
	t, _ := p.Tenant()
	ctx, cancel := context.WithTimeout(context.Background(), usageTimeout)
	defer cancel()
	_ = s.ports.Usages.AddUsage(ctx, t, p, u)
}
