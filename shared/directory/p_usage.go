package directory

import (
	"context"
	"sync"
	"time"
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
	of map[ProviderID]*usageSeen
}

type usageSeen struct {
	Usage
	written time.Time
}

func (m *usageMeter) note(p ProviderID, note func(*Usage)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil || len(m.of) > maxUsages {
		m.of = map[ProviderID]*usageSeen{}
	}
	if m.of[p] == nil {
		m.of[p] = &usageSeen{}
	}
	note(&m.of[p].Usage)
}

// take returns what is to be written now, false for nothing.
func (m *usageMeter) take(p ProviderID, now time.Time) (Usage, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.of[p]
	if seen == nil || seen.LastRequestAt.IsZero() || now.Sub(seen.written) < usageEvery {
		return Usage{}, false
	}
	u := seen.Usage
	*seen = usageSeen{written: now}
	return u, true
}

// noteRequest notes a request that a credential opened.
func (x *session) noteRequest(credential string) {
	x.s.usage.note(x.caller.Provider, func(u *Usage) {
		if u.FirstRequestAt.IsZero() || x.now.Before(u.FirstRequestAt) {
			u.FirstRequestAt = x.now
		}
		if u.Tokens == nil {
			u.Tokens = map[string]TokenUse{}
		}
		of := u.Tokens[credential]
		u.Tokens[credential] = TokenUse{later(of.LastAt, x.now), of.Count + 1}
		u.LastRequestAt = later(u.LastRequestAt, x.now)
	})
}

// NoteError notes that a request with a valid token of the provider was answered with an error.
func (s *Service) NoteError(p ProviderID) {
	now := s.Now()
	s.usage.note(p, func(u *Usage) { u.LastErrorAt = later(u.LastErrorAt, now) })
}

// WriteUsage writes what was noted of a provider's use, at most once a minute. It is called after a request, in none
// of its budgets: what fails is lost.
func (s *Service) WriteUsage(p ProviderID) {
	u, due := s.usage.take(p, s.Now())
	if !due {
		return
	}
	t, _ := p.Tenant()
	ctx, cancel := context.WithTimeout(context.Background(), usageTimeout)
	defer cancel()
	_ = s.Usages.AddUsage(ctx, t, p, u)
}
