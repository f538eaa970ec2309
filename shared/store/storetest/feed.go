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
	{"feed/a failed entry comes again and holds up no other", feedRetry},
	{"feed/what was not taken comes again", feedInterrupted},
	{"feed/old entries are dropped", dropEntries},
}

var followChapter = []promise{
	{"follow/an entry counts once", counts},
	{"follow/completing what is complete changes nothing", completeTwice},
}

// patience is how long a delivery or its repetition may take. Nothing waits for it to pass.
const patience = 30 * time.Second

// deliver calls Deliver until done says so; fn sees only the world's own entries.
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
			time.Sleep(20 * time.Millisecond) // a feed may need a moment to show what was written
		}
	}
}

// changes makes entries of several users and groups, and returns how many.
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
			w.Errorf("%s: version %d came after %d", subject, e.Version, last[subject])
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
		w.Logf("the failed entry came back before the others were through, which is allowed")
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

// feedInterrupted cancels a delivery: the caller dies after it took some.
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
			if taken[e.ID] = true; len(taken) == 5 {
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

func counts(w *world) {
	other := w.provider("Other")
	minute := w.now().Truncate(time.Minute)
	entry := func(p directory.ProviderID, a directory.Action, minutes int) directory.LogEntry {
		e := w.entry(a)
		e.Provider, e.At = p, minute.Add(time.Duration(minutes)*time.Minute+1234*time.Millisecond)
		return e
	}
	es := []directory.LogEntry{
		entry(w.p, directory.UserCreated, 0), entry(w.p, directory.UserDisabled, 1), entry(w.p, directory.UserDisabled, 1),
		entry(w.p, directory.UserDisabled, 2), entry(other, directory.UserDisabled, 2), entry(w.p, directory.UserDeleted, 3),
	}
	w.must(errors.Join(race(len(es)*3, func(i int) error { return w.Follow.Count(w.ctx, w.tenant, es[i%len(es)]) })...))
	is := func(p directory.ProviderID, minutes int, want map[directory.Action]int) {
		w.Helper()
		got, err := w.Follow.Counts(w.ctx, w.tenant, p, minute.Add(time.Duration(minutes)*time.Minute))
		w.must(err)
		w.equal(fmt.Sprintf("since minute %d", minutes), got, want)
	}
	is(w.p, 0, map[directory.Action]int{directory.UserCreated: 1, directory.UserDisabled: 3, directory.UserDeleted: 1})
	is(w.p, 1, map[directory.Action]int{directory.UserDisabled: 3, directory.UserDeleted: 1})
	is(w.p, 2, map[directory.Action]int{directory.UserDisabled: 1, directory.UserDeleted: 1})
	is(w.p, 3, map[directory.Action]int{directory.UserDeleted: 1})
	is(w.p, 4, nil)
	is(other, 0, map[directory.Action]int{directory.UserDisabled: 1})
	got, err := w.Follow.Timeline(w.ctx, w.tenant, w.p, minute.Add(time.Minute))
	w.must(err)
	w.equal("by minute", got, []directory.Minute{
		{At: minute.Add(time.Minute), Counts: map[directory.Action]int{directory.UserDisabled: 2}},
		{At: minute.Add(2 * time.Minute), Counts: map[directory.Action]int{directory.UserDisabled: 1}},
		{At: minute.Add(3 * time.Minute), Counts: map[directory.Action]int{directory.UserDeleted: 1}},
	})
}

// completeTwice completes every entry of a busy tenant again, twice and the oldest last.
func completeTwice(w *world) {
	us := w.users(w.p, 60, "u")
	boss := w.user(w.p, "boss")
	w.update(us[1], func(u *directory.User) { u.Manager = string(boss.ScimID) })
	g, h := w.group(w.p, "g", scimIDs(us)...), w.group(w.p, "h", append(scimIDs(us), boss.ScimID)...)
	w.must(w.nest(h, g))
	w.members(h, nil, scimIDs(us[:50]))
	w.members(h, scimIDs(us[:40]), scimIDs(us[50:]))
	w.remove(boss)
	w.must(w.deleteGroup(g))
	w.group(w.p, "g", scimIDs(us[:3])...)
	before := w.dump()
	es := append(w.log(directory.LogQuery{Provider: w.p}), w.log(directory.LogQuery{})...)
	for range 2 {
		for _, e := range es {
			w.must(w.Follow.Complete(w.ctx, w.tenant, e))
		}
	}
	w.equal("state", w.dump(), before)
	w.wantMembers("h", h, scimIDs(us[:40]))
}

// dropEntries drops those of a provider from before a time, the oldest first, once they were followed.
func dropEntries(w *world) {
	other := w.provider("Other")
	day := w.now().Truncate(24 * time.Hour).Add(-10 * 24 * time.Hour)
	var want []directory.EntryID
	for i := range 8 {
		for _, p := range []directory.ProviderID{w.p, other} {
			e := w.entry(directory.UserUpdated)
			e.Provider, e.At = p, day.Add(time.Duration(i)*12*time.Hour)
			w.must(w.Ports.Log.AppendEntry(w.ctx, w.tenant, e))
			if p == w.p {
				want = append(want, e.ID)
			}
		}
	}
	seen := 0
	w.deliver(func(directory.LogEntry) error { seen++; return nil }, func() bool { return seen >= 16+3 })
	check := func(what string, halves, count, dropped, left int) {
		w.Helper()
		n, err := w.Ports.Log.DropEntries(w.ctx, w.tenant, w.p, day.Add(time.Duration(halves)*12*time.Hour), count)
		w.must(err)
		w.equal(what, n, dropped)
		es, err := w.Ports.Log.EntriesAfter(w.ctx, w.tenant, w.p, "", "", 100)
		w.must(err)
		ids := make([]directory.EntryID, len(es))
		for i, e := range es {
			ids[i] = e.ID
		}
		w.equal(what+": left", ids, want[len(want)-left:])
	}
	check("none is as old", 0, 10, 0, 8)
	check("the oldest two of five", 5, 2, 2, 6)
	check("the other three", 5, 10, 3, 3)
	check("again", 5, 10, 0, 3)
	check("all", 100, 10, 3, 0)
	es, err := w.Ports.Log.EntriesAfter(w.ctx, w.tenant, other, "", "", 100)
	w.must(err)
	w.equal("the other provider's", len(es), 8)
}
