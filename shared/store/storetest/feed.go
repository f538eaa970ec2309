package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
)

var feedChapter = []promise{
	{"feed/every entry is delivered, in order", feedAll},
	{"feed/a failed entry is delivered again and delays no other", feedRetry},
	{"feed/entries that were not taken are delivered again", feedInterrupted},
	{"feed/old entries are dropped", dropEntries},
}

// patience limits the time of a delivery or its repetition. No test waits for it to pass.
const patience = 30 * time.Second

// deliver calls Deliver until done returns true; fn gets only the world's own entries.
func (w *world) deliver(fn func(directory.LogEntry) error, done func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); !done(); {
		n, err := w.Feed.Deliver(w.ctx, func(_ context.Context, t directory.TenantID, e directory.LogEntry) error {
			if t != w.tenant {
				return nil
			}
			return fn(e)
		})
		w.must(err)
		if time.Now().After(end) {
			w.Fatalf("not delivered within %v", patience)
		}
		if n == 0 {
			time.Sleep(20 * time.Millisecond) // a feed may show new entries a moment later
		}
	}
}

// changes writes entries of several users and a group, and returns their number.
func (w *world) changes() int {
	us := w.users(w.p, 3, "u")
	g := w.group(w.p, "g", us[0].ScimID)
	for i := range 4 {
		for k := range us {
			us[k] = w.update(us[k], func(u *directory.User) { u.Active = !u.Active })
		}
		var err error
		g, err = w.rename(g, fmt.Sprint("g", i))
		w.must(err)
	}
	w.remove(us[2])
	return 2 + 3 + 1 + 4*4 + 1 // tenant and provider, users, group, changes, deletion
}

func feedAll(w *world) {
	n := w.changes()
	var got []directory.LogEntry
	w.deliver(func(e directory.LogEntry) error {
		got = append(got, e)
		return nil
	}, func() bool { return len(got) >= n })

	last := map[string]int64{}
	for _, e := range got {
		subject := string(e.User) + string(e.Group)
		if subject != "" && e.Version <= last[subject] {
			w.Errorf("%s: version %d was delivered after %d", subject, e.Version, last[subject])
		}
		last[subject] = e.Version
	}
	byID := func(a, b directory.LogEntry) int { return a.At.Compare(b.At) }
	stored := append(w.log(directory.LogQuery{Provider: w.p}), w.log(directory.LogQuery{})...)
	slices.SortFunc(stored, byID)
	slices.SortFunc(got, byID)
	w.equal("entries", got, stored)
	again := 0
	for range 3 {
		_, err := w.Feed.Deliver(w.ctx, func(_ context.Context, t directory.TenantID, _ directory.LogEntry) error {
			if t == w.tenant {
				again++
			}
			return nil
		})
		w.must(err)
	}
	w.equal("delivered again though taken", again, 0)
}

func feedRetry(w *world) {
	n := w.changes()
	bad := w.log(directory.LogQuery{Provider: w.p})[5].ID
	taken := map[directory.EntryID]int{}
	failures := 0
	take := func(e directory.LogEntry) error {
		if e.ID == bad && failures < 2 {
			failures++
			return errors.New("not now")
		}
		taken[e.ID]++
		return nil
	}
	w.deliver(take, func() bool { return len(taken) >= n-1 })
	if taken[bad] > 0 {
		w.Logf("the failed entry was delivered again before the others, which is allowed")
	}
	w.deliver(take, func() bool { return taken[bad] > 0 })
	w.equal("failures", failures, 2)
	for id, times := range taken {
		if times != 1 {
			w.Errorf("entry %s was taken %d times", id, times)
		}
	}
	w.equal("entries", len(taken), n)
}

// feedInterrupted cancels a delivery, as if the caller died after it took some entries.
func feedInterrupted(w *world) {
	n := w.changes()
	taken := map[directory.EntryID]bool{}
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	for end := time.Now().Add(patience); ctx.Err() == nil && time.Now().Before(end); {
		_, _ = w.Feed.Deliver(ctx, func(_ context.Context, t directory.TenantID, e directory.LogEntry) error {
			if t != w.tenant {
				return nil
			}
			taken[e.ID] = true
			if len(taken) == 5 {
				cancel()
			}
			return nil
		})
	}
	w.deliver(func(e directory.LogEntry) error {
		taken[e.ID] = true
		return nil
	}, func() bool { return len(taken) >= n })
}
