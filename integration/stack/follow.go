package stack

import (
	"context"
	"slices"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// Entries reads the whole log of the tenant and its provider, oldest first.
func (s *Stack) Entries(t testing.TB) []directory.LogEntry {
	t.Helper()
	var all []directory.LogEntry
	for _, p := range []directory.ProviderID{"", s.Provider.ID} {
		es, err := s.Service.Log.Entries(context.Background(), s.Admin.Tenant, directory.LogQuery{Provider: p, Count: 1_000_000})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, es...)
	}
	slices.SortStableFunc(all, func(a, b directory.LogEntry) int { return a.At.Compare(b.At) })
	return all
}

// Follow carries out the steps that follow from the log, as the background does, until none are left. It follows each
// entry twice, because an entry may be delivered twice.
func (s *Stack) Follow(t testing.TB) {
	t.Helper()
	for followed := true; followed; {
		followed = false
		for _, e := range s.Entries(t) {
			if s.followed[e.ID] {
				continue
			}
			for range 2 {
				if err := s.Service.FollowEntry(context.Background(), s.Admin.Tenant, e); err != nil {
					t.Fatal(err)
				}
			}
			s.followed[e.ID], followed = true, true
			if e.OfUser(e.User).OfGroup(e.Group).ID != e.ID {
				t.Errorf("the entry %s %s is not in the log shard of its subject", e.Action, e.ID)
			}
		}
	}
}

// Pass advances the clock by d: it follows the log before and after, and fires the wake-ups that are due then.
func (s *Stack) Pass(t testing.TB, d time.Duration) {
	t.Helper()
	s.Follow(t)
	s.Clock.Advance(d)
	if err := s.Wake(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.Follow(t)
}
