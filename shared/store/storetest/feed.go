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
	{"feed/entries of a group are numbered in the order of its changes", feedNumbers},
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
		if subject != "" && e.Version <= last[subject] && !e.Unnumbered {
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

var setAsideChapter = []promise{
	{"set aside/stored, replaced and removed", setAside},
	{"set aside/listed newest first, in pages", listSetAside},
	{"set aside/named when due, of every tenant and in every state", dueSetAside},
	{"set aside/one of racing changes sees the other", raceSetAside},
}

// newSetAside returns work with every field set, due a minute ago.
func (w *world) newSetAside(n int) directory.Delivery {
	d := w.newDelivery(n)
	d.Webhook, d.Steps = "", []string{"count", "check the guard"}
	return d
}

func (w *world) putSetAside(d directory.Delivery) directory.Delivery {
	w.Helper()
	got, err := w.SetAsides.UpdateSetAside(w.ctx, w.tenant, d.ID, func(directory.Delivery) (directory.Delivery, error) { return d, nil })
	w.must(err)
	w.equal("answer", got, d)
	return d
}

func (w *world) listedSetAside() []directory.Delivery {
	w.Helper()
	ds, err := w.SetAsides.ListSetAside(w.ctx, w.tenant, "", 100)
	w.must(err)
	return ds
}

func setAside(w *world) {
	none, err := w.SetAsides.UpdateSetAside(w.ctx, w.tenant, "dnone", func(old directory.Delivery) (directory.Delivery, error) {
		w.equal("passed to update", old, directory.Delivery{})
		return old, nil
	})
	w.must(err)
	w.equal("nothing stored", none, directory.Delivery{})
	d := w.putSetAside(w.newSetAside(1))
	w.equal("stored", w.listedSetAside(), []directory.Delivery{d})
	mine := directory.Errorf(directory.Forbidden, "mine")
	_, err = w.SetAsides.UpdateSetAside(w.ctx, w.tenant, d.ID, func(old directory.Delivery) (directory.Delivery, error) {
		w.equal("passed to update", old, d)
		return directory.Delivery{}, mine
	})
	w.wantKind("an error of the caller", err, directory.Forbidden)
	d.Steps, d.State, d.Tries = nil, directory.DeliveryDead, 9
	w.putSetAside(d)
	w.equal("replaced", w.listedSetAside(), []directory.Delivery{d})
	_, err = w.SetAsides.UpdateSetAside(w.ctx, w.tenant, d.ID, func(directory.Delivery) (directory.Delivery, error) {
		return directory.Delivery{}, nil
	})
	w.must(err)
	w.equal("removed", w.listedSetAside(), nil)
	ds, err := w.Deliveries.ListDeliveries(w.ctx, w.tenant, "", 10)
	w.must(err)
	w.equal("deliveries", ds, nil)
}

func listSetAside(w *world) {
	var all []directory.Delivery
	for i := range 23 {
		all = append(all, w.putSetAside(w.newSetAside(i)))
	}
	slices.Reverse(all)
	for _, count := range []int{1, 7, 23, 100} {
		var got []directory.Delivery
		for before := directory.DeliveryID(""); ; before = got[len(got)-1].ID {
			ds, err := w.SetAsides.ListSetAside(w.ctx, w.tenant, before, count)
			w.must(err)
			if got = append(got, ds...); len(ds) == 0 {
				break
			}
		}
		w.equal(fmt.Sprint("by ", count), got, all)
	}
}

func dueSetAside(w *world) {
	a, b := w.putSetAside(w.newSetAside(1)), w.putSetAside(w.newSetAside(2))
	dead := w.newSetAside(3)
	dead.State, dead.DueAt = directory.DeliveryDead, dead.DueAt.Add(time.Hour)
	w.putSetAside(dead)
	due := func(what string, at time.Time, want ...directory.DeliveryID) {
		w.Helper()
		var got []directory.DeliveryID
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			ds, err := w.SetAsides.DueSetAside(w.ctx, at, 10_000)
			w.must(err)
			got = nil
			for _, d := range ds {
				if d.Tenant == w.tenant {
					got = append(got, d.ID)
				}
			}
			if slices.Equal(got, want) {
				return // an index may show it a moment later
			}
		}
		w.equal(what, got, want)
	}
	due("now", a.DueAt, a.ID)
	due("an hour later", dead.DueAt, a.ID, b.ID, dead.ID)
	a.DueAt = dead.DueAt.Add(time.Hour)
	w.putSetAside(a)
	due("after a change", dead.DueAt, b.ID, dead.ID)
}

func raceSetAside(w *world) {
	d := w.newSetAside(1)
	w.must(errors.Join(race(racers, func(int) error {
		_, err := w.SetAsides.UpdateSetAside(w.ctx, w.tenant, d.ID, func(old directory.Delivery) (directory.Delivery, error) {
			n := d
			n.Tries = old.Tries + 1
			return n, nil
		})
		return err
	})...))
	d.Tries = racers
	w.equal("the work", w.listedSetAside(), []directory.Delivery{d})
}

func (x intruder) setAsidesRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"SetAsides.UpdateSetAside": func() {
			_, err := x.SetAsides.UpdateSetAside(ctx, t, v.aside.ID, func(old directory.Delivery) (directory.Delivery, error) {
				x.equal("passed to update", old, directory.Delivery{})
				return old, nil
			})
			x.must(err)
		},
		"SetAsides.ListSetAside": func() {
			ds, err := x.SetAsides.ListSetAside(ctx, t, "", 10)
			x.empty("ListSetAside", len(ds), err)
		},
	}
}
