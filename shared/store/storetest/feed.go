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
	{"feed/a batch that was not taken is delivered again, in order", feedRetry},
	{"feed/entries that were not taken are delivered again", feedInterrupted},
	{"feed/old entries are dropped", dropEntries},
}

// patience limits the time of a delivery or its repetition. No test waits for it to pass.
const patience = 30 * time.Second

// own returns the world's own entries of a batch.
func (w *world) own(batch []directory.TenantEntry) (es []directory.LogEntry) {
	w.Helper()
	if len(batch) == 0 {
		w.Error("an empty batch was delivered")
	}
	for _, e := range batch {
		w.must(e.Unreadable)
		if e.Tenant == w.tenant {
			es = append(es, e.Entry)
		}
	}
	return es
}

// deliver calls Deliver until done returns true; fn gets only the world's own entries. An error of fn is that of Deliver.
func (w *world) deliver(fn func([]directory.LogEntry) error, done func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); !done(); {
		var refused error
		n, err := w.Feed.Deliver(w.ctx, func(_ context.Context, batch []directory.TenantEntry) error {
			refused = fn(w.own(batch))
			return refused
		})
		if !errors.Is(err, refused) || refused == nil && err != nil {
			w.Fatalf("%v, want %v", err, refused)
		}
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
	w.deliver(func(es []directory.LogEntry) error {
		got = append(got, es...)
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
		_, err := w.Feed.Deliver(w.ctx, func(_ context.Context, batch []directory.TenantEntry) error {
			again += len(w.own(batch))
			return nil
		})
		w.must(err)
	}
	w.equal("delivered again though taken", again, 0)
}

func feedRetry(w *world) {
	n := w.changes()
	bad := w.log(directory.LogQuery{Provider: w.p})[5].ID
	var first, got []directory.LogEntry
	failures := 0
	w.deliver(func(es []directory.LogEntry) error {
		if slices.ContainsFunc(es, func(e directory.LogEntry) bool { return e.ID == bad }) && failures < 2 {
			if failures++; failures == 1 {
				first = es
			} else {
				w.equal("delivered again", es, first)
			}
			return errors.New("not now")
		}
		got = append(got, es...)
		return nil
	}, func() bool { return len(got) >= n })
	w.equal("failures", failures, 2)
	taken := map[directory.EntryID]bool{}
	for _, e := range got {
		taken[e.ID] = true
	}
	w.equal("entries, each once", len(taken), len(got))
}

// feedInterrupted cancels a delivery, as if the caller died before it took the entries.
func feedInterrupted(w *world) {
	n := w.changes()
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	for end := time.Now().Add(patience); ctx.Err() == nil && time.Now().Before(end); {
		_, _ = w.Feed.Deliver(ctx, func(ctx context.Context, batch []directory.TenantEntry) error {
			if len(w.own(batch)) > 0 {
				cancel()
			}
			return ctx.Err()
		})
	}
	taken := map[directory.EntryID]bool{}
	w.deliver(func(es []directory.LogEntry) error {
		for _, e := range es {
			taken[e.ID] = true
		}
		return nil
	}, func() bool { return len(taken) >= n })
}
