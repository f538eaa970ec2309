package directory

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Usage is when a provider and its tokens were used. It is telemetry: stamps of the last minute may be missing, and
// what a process noted when it died is lost.
type Usage struct {
	FirstRequestAt time.Time           `json:",omitzero"`
	LastRequestAt  time.Time           `json:",omitzero"`  // with a valid token
	LastWriteAt    time.Time           `json:",omitzero"`  // that changed something
	LastErrorAt    time.Time           `json:",omitzero"`  // answered with an error, to a valid token
	Tokens         map[string]TokenUse `json:",omitempty"` // by id
}

// TokenUse is when and how often a token was used.
type TokenUse struct {
	LastAt time.Time
	Count  int64
}

// And is u with what was seen since.
func (u Usage) And(v Usage) Usage {
	if u.FirstRequestAt.IsZero() || !v.FirstRequestAt.IsZero() && v.FirstRequestAt.Before(u.FirstRequestAt) {
		u.FirstRequestAt = v.FirstRequestAt
	}
	u.LastRequestAt, u.LastWriteAt, u.LastErrorAt = later(u.LastRequestAt, v.LastRequestAt), later(u.LastWriteAt, v.LastWriteAt), later(u.LastErrorAt, v.LastErrorAt)
	if u.Tokens = maps.Clone(u.Tokens); u.Tokens == nil {
		u.Tokens = map[string]TokenUse{}
	}
	for id, t := range v.Tokens {
		old := u.Tokens[id]
		u.Tokens[id] = TokenUse{later(old.LastAt, t.LastAt), old.Count + t.Count}
	}
	return u
}

// Usages stores when providers were used, as items of their own.
type Usages interface {
	// AddUsage adds what was seen of a provider, without an entry.
	AddUsage(ctx context.Context, t TenantID, p ProviderID, u Usage) error
	// Usage reads it; the zero one when there is none.
	Usage(ctx context.Context, t TenantID, p ProviderID) (Usage, error)
}

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

// Health is how a provider's directory gets on.
type Health string

// The healths.
const (
	HealthNever   Health = "never-used"
	HealthQuiet   Health = "quiet"   // no request for two hours: Entra's cycle takes 40 minutes
	HealthFailing Health = "failing" // the last request was answered with an error
	HealthGood    Health = "healthy"
)

const quietAfter = 2 * time.Hour

// Health judges the usage.
func (u Usage) Health(now time.Time) Health {
	switch {
	case u.LastRequestAt.IsZero():
		return HealthNever
	case now.Sub(u.LastRequestAt) > quietAfter:
		return HealthQuiet
	case !u.LastErrorAt.Before(u.LastRequestAt):
		return HealthFailing
	}
	return HealthGood
}
