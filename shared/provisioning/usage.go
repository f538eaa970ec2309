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
	reported time.Time               // when the minute began in which it is written
	known    directory.RequestReport // what was seen since then
	fresh    bool                    // requests has something that was not known
	extra    int                     // how often it was written since then
}

func (m *usageMeter) note(p directory.ProviderID, note func(*usageSeen)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byProvider == nil || len(m.byProvider) > maxUsages {
		m.byProvider = map[directory.ProviderID]*usageSeen{}
	}
	if m.byProvider[p] == nil {
		m.byProvider[p] = &usageSeen{}
	}
	note(m.byProvider[p])
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

// maxExtra is how many reports a process writes within a minute, because they show something new.
const maxExtra = 20

// add adds to the report of the provider's requests.
func (s *usageSeen) add(r directory.RequestReport) {
	had := len(s.known.Refusals) + len(s.known.Unread)
	s.known, s.requests = s.known.Merge(r), s.requests.Merge(r)
	s.fresh = s.fresh || len(s.known.Refusals)+len(s.known.Unread) > had
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
	r := seen.requests
	switch {
	case now.Sub(seen.reported) >= directory.UsageEvery:
		seen.reported, seen.known, seen.extra = now, r, 0
	case seen.fresh && seen.extra < maxExtra:
		seen.extra++
	default:
		return directory.RequestReport{}, false
	}
	seen.requests, seen.fresh = directory.RequestReport{}, false
	return r, true
}

// noteRequest notes a request with a credential.
func (x *session) noteRequest(credential directory.CredentialID) {
	x.usage.note(x.caller.Provider, func(u *usageSeen) {
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
	s.usage.note(p, func(u *usageSeen) { u.LastErrorAt = directory.Latest(u.LastErrorAt, now) })
}

// NoteRefusal notes that a request with a valid token of the provider was refused for what it holds.
func (s *Service) NoteRefusal(p directory.ProviderID, r directory.RefusedRequest) {
	r.FirstAt, r.LastAt, r.Count = s.rt.Time(), s.rt.Time(), 1
	s.usage.note(p, func(u *usageSeen) {
		u.add(directory.RequestReport{Refused: 1, Refusals: []directory.RefusedRequest{r}})
	})
}

// NoteUnread notes names in a request that no schema has.
func (s *Service) NoteUnread(p directory.ProviderID, names []directory.UnreadAttribute) {
	for i := range names {
		names[i].Count, names[i].LastAt = 1, s.rt.Time()
	}
	s.usage.note(p, func(u *usageSeen) { u.add(directory.RequestReport{Unread: names}) })
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
