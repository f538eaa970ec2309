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
	written  time.Time
	requests directory.RequestReport
	reported time.Time // when requests was written last
	news     int       // how many refusals and names in it no write of the last minute had
	known    directory.RequestReport
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
	seen.Usage, seen.written = directory.Usage{}, now
	return u, true
}

// maxNews is how many reports a minute a process writes at once, because they show something new.
const maxNews = 20

// noteRequests adds to the report of a provider's requests.
func (m *usageMeter) noteRequests(p directory.ProviderID, r directory.RequestReport) {
	m.note(p, func(*directory.Usage) {})
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.byProvider[p]
	if seen == nil {
		return
	}
	had := len(seen.known.Refusals) + len(seen.known.Unread)
	seen.known = seen.known.Merge(r)
	if len(seen.known.Refusals)+len(seen.known.Unread) > had {
		seen.news++
	}
	seen.requests = seen.requests.Merge(r)
}

// takeRequests returns the report to write now, and false for none: at once when it shows something new, else once a
// minute.
func (m *usageMeter) takeRequests(p directory.ProviderID, now time.Time) (directory.RequestReport, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.byProvider[p]
	if seen == nil || seen.requests.Empty() {
		return directory.RequestReport{}, false
	}
	minute := now.Sub(seen.reported) >= directory.UsageEvery
	if !minute && (seen.news == 0 || seen.news > maxNews) {
		return directory.RequestReport{}, false
	}
	r := seen.requests
	seen.requests = directory.RequestReport{}
	if minute {
		seen.reported, seen.known, seen.news = now, r, 0
	}
	return r, true
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

// NoteRefusal notes that a request with a valid token of the provider was refused for what it holds.
func (s *Service) NoteRefusal(p directory.ProviderID, r directory.RefusedRequest) {
	r.FirstAt, r.LastAt, r.Count = s.rt.Time(), s.rt.Time(), 1
	s.usage.noteRequests(p, directory.RequestReport{Refused: 1, Refusals: []directory.RefusedRequest{r}})
}

// NoteUnread notes names in a request that no schema has.
func (s *Service) NoteUnread(p directory.ProviderID, names []directory.UnreadAttribute) {
	for i := range names {
		names[i].Count, names[i].LastAt = 1, s.rt.Time()
	}
	s.usage.noteRequests(p, directory.RequestReport{Unread: names})
}

// WriteUsage writes the noted usage of a provider, at most once a minute, and what its requests showed.
func (s *Service) WriteUsage(p directory.ProviderID) {
	t, _ := p.Tenant()
	if u, due := s.usage.take(p, s.rt.Time()); due {
		directory.RecordUsage(s.ports.Usages, t, p, u)
	}
	if r, due := s.usage.takeRequests(p, s.rt.Time()); due {
		directory.RecordRequests(s.ports.Usages, t, p, r)
	}
}
