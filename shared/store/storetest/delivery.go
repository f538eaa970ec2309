package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var deliveryChapter = []promise{
	{"deliveries/one for each id, kept as stored", deliveries},
	{"deliveries/listed newest first, in pages", listDeliveries},
	{"deliveries/listed when due, of every tenant", dueDeliveries},
	{"deliveries/one of racing changes sees the other", raceDeliveries},
	{"queues/hold what is pending, by due time", queuedDeliveries},
	{"queues/are due while something is pending", dueQueues},
	{"queues/have one holder at a time", leaseQueues},
	{"queues/are not given up when they have changed", releaseQueues},
	{"queues/wait as a whole while they fail", failingQueues},
	{"queues/are resumed with all that waits", resumedQueues},
	{"queues/lose nothing to a race", raceQueues},
}

// newDelivery returns a pending delivery with every field set, due a minute ago.
func (w *world) newDelivery(n int) directory.Delivery {
	at := w.now()
	return directory.Delivery{
		ID: directory.DeliveryID(fmt.Sprintf("d%03d%s", n, random.ID())), Provider: w.p, At: at, Entry: entryID(),
		Type: directory.EventUserBlocked,
		Body: json.RawMessage(`{"id":"x","name":"\u003cÜ\u003e"}`), State: directory.DeliveryPending, Tries: 2, Status: 503, Cause: "status",
		CreatedAt: at, DueAt: time.Now().UTC().Truncate(time.Millisecond).Add(-time.Minute + time.Duration(n)*time.Second),
	}
}

func (w *world) addDelivery(n int) directory.Delivery {
	w.Helper()
	d := w.newDelivery(n)
	w.must(w.Deliveries.AddDelivery(w.ctx, w.tenant, d))
	return d
}

func deliveries(w *world) {
	d := w.addDelivery(1)
	other := d
	other.Tries = 99
	w.must(w.Deliveries.AddDelivery(w.ctx, w.tenant, other))
	read := func() directory.Delivery {
		got, err := w.Deliveries.Delivery(w.ctx, w.tenant, d.ID)
		w.must(err)
		return got
	}
	w.equal("the first is kept", read(), d)
	if !bytes.Equal(read().Body, d.Body) {
		w.Errorf("the body is %s, want exactly %s", read().Body, d.Body)
	}
	mine := directory.Errorf(directory.Forbidden, "mine")
	_, err := w.Deliveries.UpdateDelivery(w.ctx, w.tenant, d.ID, func(directory.Delivery) (directory.Delivery, error) { return other, mine })
	w.wantKind("an error of the caller", err, directory.Forbidden)
	w.equal("after an error", read(), d)
	done := d
	done.State, done.DoneAt, done.DueAt = directory.DeliveryDelivered, w.now(), time.Time{}
	got, err := w.Deliveries.UpdateDelivery(w.ctx, w.tenant, d.ID, func(old directory.Delivery) (directory.Delivery, error) {
		w.equal("passed to update", old, d)
		return done, nil
	})
	w.must(err)
	w.equal("answer", got, done)
	w.equal("stored", read(), done)
	_, err = w.Deliveries.Delivery(w.ctx, w.tenant, "dunknown")
	w.wantKind("unknown", err, directory.NotFound)
	_, err = w.Deliveries.UpdateDelivery(w.ctx, w.tenant, "dunknown", func(d directory.Delivery) (directory.Delivery, error) { return d, nil })
	w.wantKind("change of an unknown one", err, directory.NotFound)
}

func listDeliveries(w *world) {
	var all []directory.Delivery
	for i := range 23 {
		all = append(all, w.addDelivery(i))
	}
	slices.Reverse(all)
	for _, count := range []int{1, 7, 23, 100} {
		var got []directory.Delivery
		for before := ""; ; before = string(got[len(got)-1].ID) {
			ds, err := w.Deliveries.ListDeliveries(w.ctx, w.tenant, directory.DeliveryID(before), count)
			w.must(err)
			if got = append(got, ds...); len(ds) == 0 {
				break
			}
		}
		w.equal(fmt.Sprint("by ", count), got, all)
	}
}

// dueIDs returns the ids of the world's deliveries that are due.
func (w *world) dueIDs(at time.Time) (ids []string) {
	w.Helper()
	ds, err := w.Deliveries.DueDeliveries(w.ctx, at, 10_000)
	w.must(err)
	for _, d := range ds {
		if d.Tenant == w.tenant {
			ids = append(ids, string(d.ID))
		}
	}
	slices.Sort(ids)
	return ids
}

func dueDeliveries(w *world) {
	a, b := w.addDelivery(1), w.addDelivery(2)
	later := w.newDelivery(3)
	later.DueAt = later.DueAt.Add(time.Hour)
	w.must(w.Deliveries.AddDelivery(w.ctx, w.tenant, later))
	dead := w.newDelivery(4)
	dead.State = directory.DeliveryDead
	w.must(w.Deliveries.AddDelivery(w.ctx, w.tenant, dead))
	soon := func(what string, at time.Time, want ...string) {
		w.Helper()
		var got []string
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if got = w.dueIDs(at); slices.Equal(got, want) {
				return // an index may show it a moment later
			}
		}
		w.equal(what, got, want)
	}
	soon("now", a.DueAt, string(a.ID))
	soon("a moment later", b.DueAt, string(a.ID), string(b.ID))
	soon("an hour later", later.DueAt, string(a.ID), string(b.ID), string(later.ID))
	_, err := w.Deliveries.UpdateDelivery(w.ctx, w.tenant, a.ID, func(d directory.Delivery) (directory.Delivery, error) {
		d.State = directory.DeliveryDelivered
		return d, nil
	})
	w.must(err)
	_, err = w.Deliveries.UpdateDelivery(w.ctx, w.tenant, dead.ID, func(d directory.Delivery) (directory.Delivery, error) {
		d.State = directory.DeliveryPending
		return d, nil
	})
	w.must(err)
	soon("after changes", later.DueAt, string(b.ID), string(later.ID), string(dead.ID))
}

func raceDeliveries(w *world) {
	d := w.addDelivery(1)
	errs := race(racers, func(int) error {
		_, err := w.Deliveries.UpdateDelivery(w.ctx, w.tenant, d.ID, func(d directory.Delivery) (directory.Delivery, error) {
			d.Tries++
			return d, nil
		})
		return err
	})
	w.must(errors.Join(errs...))
	got, err := w.Deliveries.Delivery(w.ctx, w.tenant, d.ID)
	w.must(err)
	w.equal("tries", got.Tries, d.Tries+racers)
}

// queue adds n deliveries of a webhook, each due a second after the one before, from a minute ago on.
func (w *world) queue(webhook directory.WebhookID, n int) (ds []directory.Delivery) {
	w.Helper()
	for i := range n {
		d := w.newDelivery(i)
		d.Webhook = webhook
		ds = append(ds, d)
	}
	w.must(w.Deliveries.AddDeliveries(w.ctx, w.tenant, ds))
	return ds
}

// queued reads up to count deliveries of a webhook that are due.
func (w *world) queued(webhook directory.WebhookID, now time.Time, count int) ([]directory.Delivery, time.Time) {
	w.Helper()
	ds, next, err := w.Deliveries.QueuedDeliveries(w.ctx, w.tenant, webhook, now, count)
	w.must(err)
	return ds, next
}

func queuedDeliveries(w *world) {
	ds := w.queue("w1", 30) // more than one call of a store takes
	other := w.queue("w2", 1)
	now := ds[29].DueAt
	got, next := w.queued("w1", now, 100)
	w.equal("all, by due time", got, ds)
	w.equal("the next", next, time.Time{})
	got, next = w.queued("w1", ds[2].DueAt, 100)
	w.equal("those that are due", got, ds[:3])
	w.equal("when the next is due", next, ds[3].DueAt)
	got, _ = w.queued("w1", now, 7)
	w.equal("at most as many as asked for", got, ds[:7])
	got, _ = w.queued("w2", now, 100)
	w.equal("of the other webhook", got, other)
	if ids := w.dueIDs(now.Add(time.Hour)); len(ids) > 0 {
		w.Errorf("without a webhook are due: %v", ids)
	}

	finish := func(d directory.Delivery, state directory.DeliveryState, at time.Time) directory.Delivery {
		was := d.DueAt
		d.State, d.DueAt, d.Tries = state, at, d.Tries+1
		w.must(w.Deliveries.FinishDelivery(w.ctx, w.tenant, d, was))
		return d
	}
	done := finish(ds[0], directory.DeliveryDelivered, time.Time{})
	later := finish(ds[1], directory.DeliveryPending, now.Add(time.Hour))
	got, next = w.queued("w1", now, 100)
	w.equal("without the finished ones", got, ds[2:])
	w.equal("when the failed one is due", next, later.DueAt)
	stored, err := w.Deliveries.Delivery(w.ctx, w.tenant, done.ID)
	w.must(err)
	w.equal("the finished one", stored, done)
	w.must(w.Deliveries.AddDeliveries(w.ctx, w.tenant, slices.Concat(ds[:2], ds[:2])))
	w.equal("added again, what is finished stays so", fmt.Sprint(len(first(w.queued("w1", now, 100)))), "28")
	stored, err = w.Deliveries.UpdateDelivery(w.ctx, w.tenant, done.ID, func(d directory.Delivery) (directory.Delivery, error) {
		d.State, d.DueAt = directory.DeliveryPending, now
		return d, nil
	})
	w.must(err)
	got, _ = w.queued("w1", now, 100)
	w.equal("again pending, at its place: of those due at the same time by id", got[27], stored)
	finish(ds[0], directory.DeliveryDead, time.Time{}) // of a try from before
	got, _ = w.queued("w1", now, 100)
	w.equal("not finished by a try from before it was replayed", got[27], stored)
}

func first[A, B any](a A, _ B) A { return a }

// dueQueue returns the world's queue of a webhook, and whether it is due.
func (w *world) dueQueue(webhook directory.WebhookID, now time.Time) (directory.Queue, bool) {
	w.Helper()
	qs, err := w.Deliveries.DueQueues(w.ctx, now, 10_000)
	w.must(err)
	i := slices.IndexFunc(qs, func(q directory.Queue) bool { return q.Tenant == w.tenant && q.Webhook == webhook })
	if i < 0 {
		return directory.Queue{}, false
	}
	return qs[i], true
}

// wantDue waits until a webhook's queue is due at a time, and not a millisecond before; the zero time for never.
func (w *world) wantDue(what string, webhook directory.WebhookID, at time.Time) {
	w.Helper()
	var q directory.Queue
	var due, before bool
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		now := at
		if now.IsZero() {
			now = time.Now().Add(1000 * time.Hour)
		}
		q, due = w.dueQueue(webhook, now)
		_, before = w.dueQueue(webhook, now.Add(-time.Millisecond))
		if due == !at.IsZero() && !before && q.DueAt.Equal(at) {
			return // an index may show it a moment later
		}
	}
	w.Errorf("%s: due %v (%v), before that %v, want it at %v", what, due, q.DueAt, before, at)
}

func (w *world) lease(webhook directory.WebhookID, holder string, now time.Time) directory.Queue {
	w.Helper()
	q, err := w.Deliveries.LeaseQueue(w.ctx, w.tenant, webhook, holder, now, now.Add(time.Minute))
	w.must(err)
	return q
}

func dueQueues(w *world) {
	ds := w.queue("w1", 3)
	w.wantDue("with pending ones", "w1", ds[0].DueAt)
	w.wantDue("without any", "w2", time.Time{})
	q := w.lease("w1", "me", ds[0].DueAt)
	w.wantDue("with a holder", "w1", ds[0].DueAt)
	q.DueAt = ds[2].DueAt.Add(time.Hour)
	w.must(w.Deliveries.ReleaseQueue(w.ctx, q))
	w.wantDue("later", "w1", q.DueAt)
	d := w.newDelivery(0)
	d.Webhook = "w1"
	w.must(w.Deliveries.AddDeliveries(w.ctx, w.tenant, []directory.Delivery{d}))
	w.wantDue("with a new delivery", "w1", d.DueAt)
	q = w.lease("w1", "me", ds[2].DueAt)
	q.DueAt = time.Time{}
	w.must(w.Deliveries.ReleaseQueue(w.ctx, q))
	w.wantDue("ended", "w1", time.Time{})
	_, err := w.Deliveries.LeaseQueue(w.ctx, w.tenant, "w1", "me", ds[2].DueAt, ds[2].DueAt.Add(time.Minute))
	w.wantKind("lease of an ended one", err, directory.NotFound)
	_, err = w.Deliveries.UpdateDelivery(w.ctx, w.tenant, d.ID, func(d directory.Delivery) (directory.Delivery, error) { return d, nil })
	w.must(err)
	w.wantDue("with a pending delivery, stored again", "w1", d.DueAt)
}

func leaseQueues(w *world) {
	now := w.queue("w1", 1)[0].DueAt
	until := now.Add(time.Minute)
	a := w.lease("w1", "a", now)
	w.equal("held", a, directory.Queue{Tenant: w.tenant, Webhook: "w1", DueAt: now, Holder: "a", Until: until, Revision: a.Revision})
	w.equal("by nobody else", w.lease("w1", "b", until.Add(-time.Millisecond)), a)
	w.equal("longer", w.lease("w1", "a", now.Add(time.Second)).Until, until.Add(time.Second))
	b := w.lease("w1", "b", until.Add(time.Second))
	w.equal("by another one when it ended", b.Holder, "b")
	w.wantKind("release by the former holder", w.Deliveries.ReleaseQueue(w.ctx, a), directory.Conflict)
	w.equal("still held", w.lease("w1", "c", until.Add(time.Second)), b)
	var won atomic.Int64
	at := b.Until
	errs := race(racers, func(i int) error {
		q, err := w.Deliveries.LeaseQueue(w.ctx, w.tenant, "w1", fmt.Sprint("racer", i), at, at.Add(time.Minute))
		if q.Holder == fmt.Sprint("racer", i) {
			won.Add(1)
		}
		return err
	})
	w.must(errors.Join(errs...))
	w.equal("winners", won.Load(), int64(1))
}

func releaseQueues(w *world) {
	d := w.queue("w1", 1)[0]
	q := w.lease("w1", "me", d.DueAt)
	w.queue("w1", 1)
	q.DueAt = time.Time{}
	w.wantKind("of one with a new delivery", w.Deliveries.ReleaseQueue(w.ctx, q), directory.Conflict)
	q = w.lease("w1", "me", d.DueAt)
	w.must(w.Deliveries.AddDeliveries(w.ctx, w.tenant, []directory.Delivery{d}))
	q.DueAt = d.DueAt
	w.wantKind("of one with a delivery added again", w.Deliveries.ReleaseQueue(w.ctx, q), directory.Conflict)
	q = w.lease("w1", "me", d.DueAt)
	q.DueAt = d.DueAt.Add(time.Second)
	w.must(w.Deliveries.ReleaseQueue(w.ctx, q))
	w.wantKind("again", w.Deliveries.ReleaseQueue(w.ctx, q), directory.Conflict)
	w.equal("next holder", w.lease("w1", "you", d.DueAt).Holder, "you")
}

func failingQueues(w *world) {
	now := w.queue("w2", 1)[0].DueAt
	q := w.lease("w2", "me", now)
	q.Failures, q.Status, q.Cause, q.DueAt = 3, 503, "status", now.Add(time.Hour)
	w.must(w.Deliveries.ReleaseQueue(w.ctx, q))
	w.queue("w2", 2)
	w.wantDue("with new deliveries", "w2", q.DueAt)
	got := w.lease("w2", "you", q.DueAt)
	q.Holder, q.Until, q.Revision = "you", q.DueAt.Add(time.Minute), got.Revision
	w.equal("kept as stored", got, q)
}

func resumedQueues(w *world) {
	ds := w.queue("w1", 4)
	other := w.queue("w2", 1)[0]
	now := ds[3].DueAt.Add(time.Second)
	q := w.lease("w1", "me", now)
	for i, pause := range []time.Duration{0, time.Millisecond, 72 * time.Hour} { // the last one was not tried
		was := ds[i].DueAt
		ds[i].DueAt = now.Add(pause)
		w.must(w.Deliveries.FinishDelivery(w.ctx, w.tenant, ds[i], was))
	}
	later := other
	later.DueAt = now.Add(time.Hour)
	w.must(w.Deliveries.FinishDelivery(w.ctx, w.tenant, later, other.DueAt))
	q.Failures, q.Status, q.Cause, q.DueAt = 3, 503, "status", now.Add(time.Hour)
	w.must(w.Deliveries.ReleaseQueue(w.ctx, q))
	held := w.lease("w1", "you", now)
	w.must(w.Deliveries.ResumeQueue(w.ctx, w.tenant, "w1", now))
	w.wantDue("resumed", "w1", now)
	w.wantKind("release of one resumed meanwhile", w.Deliveries.ReleaseQueue(w.ctx, held), directory.Conflict)
	got := w.lease("w1", "you", now)
	w.equal("as if none had failed", fmt.Sprint(got.Failures, got.DueAt), fmt.Sprint(0, now))
	ds[1].DueAt, ds[2].DueAt = now, now
	due, next := w.queued("w1", now, 10)
	w.equal("due, the one that was not tried first", due, []directory.Delivery{ds[3], ds[0], ds[1], ds[2]})
	w.equal("the next", next, time.Time{})
	due, next = w.queued("w2", now, 10)
	w.equal("of another webhook", fmt.Sprint(len(due), next), fmt.Sprint(0, later.DueAt))
	got.DueAt = time.Time{}
	w.must(w.Deliveries.ReleaseQueue(w.ctx, got))
	w.must(w.Deliveries.ResumeQueue(w.ctx, w.tenant, "w1", now))
	w.wantDue("resumed after it ended", "w1", now)
}

// raceQueues adds deliveries while another one sends them and gives the queue up whenever it finds nothing: all are found.
func raceQueues(w *world) {
	const n = 30
	now := time.Now().UTC().Truncate(time.Millisecond)
	var added atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for range n {
			d := w.newDelivery(1)
			d.Webhook = "w1"
			if err := again(func() error { return w.Deliveries.AddDeliveries(w.ctx, w.tenant, []directory.Delivery{d}) }); err != nil {
				w.Error(err)
			}
			added.Add(1)
		}
	})
	sent := 0
	for end := time.Now().Add(patience); sent < n && time.Now().Before(end); {
		all := added.Load() == n
		q, err := w.Deliveries.LeaseQueue(w.ctx, w.tenant, "w1", "me", now, now.Add(time.Minute))
		if directory.IsKind(err, directory.NotFound) {
			if all && sent < n {
				break // nobody would look again
			}
			continue
		}
		w.must(err)
		ds, _ := w.queued("w1", now, 4)
		for _, d := range ds {
			was := d.DueAt
			d.State, d.DueAt = directory.DeliveryDelivered, time.Time{}
			w.must(w.Deliveries.FinishDelivery(w.ctx, w.tenant, d, was))
			sent++
		}
		if q.DueAt = (time.Time{}); len(ds) == 0 {
			if err := w.Deliveries.ReleaseQueue(w.ctx, q); !directory.IsKind(err, directory.Conflict) {
				w.must(err)
			}
		}
	}
	w.equal("sent", sent, n)
}

func (x intruder) deliveriesRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Deliveries.AddDelivery": func() { x.must(x.Deliveries.AddDelivery(ctx, t, directory.Delivery{ID: v.delivery.ID})) },
		"Deliveries.Delivery": func() {
			y := newWorld(x.T, x.Ports) // a tenant without a delivery of this id
			_, err := y.Deliveries.Delivery(ctx, y.tenant, v.delivery.ID)
			x.notFound("Delivery", err)
		},
		"Deliveries.ListDeliveries": func() {
			y := newWorld(x.T, x.Ports)
			ds, err := y.Deliveries.ListDeliveries(ctx, y.tenant, "", 10)
			x.empty("ListDeliveries", len(ds), err)
		},
		"Deliveries.AddDeliveries": func() {
			d := directory.Delivery{ID: v.queued.ID, Webhook: v.queued.Webhook, State: directory.DeliveryPending, DueAt: v.now}
			x.must(x.Deliveries.AddDeliveries(ctx, t, []directory.Delivery{d}))
		},
		"Deliveries.FinishDelivery": func() {
			y := newWorld(x.T, x.Ports)
			x.must(y.Deliveries.FinishDelivery(ctx, y.tenant, v.queued, v.queued.DueAt))
		},
		"Deliveries.QueuedDeliveries": func() {
			y := newWorld(x.T, x.Ports)
			ds, _, err := y.Deliveries.QueuedDeliveries(ctx, y.tenant, v.queued.Webhook, v.now.Add(1000*time.Hour), 10)
			x.empty("QueuedDeliveries", len(ds), err)
		},
		"Deliveries.LeaseQueue": func() {
			y := newWorld(x.T, x.Ports)
			_, err := y.Deliveries.LeaseQueue(ctx, y.tenant, v.queued.Webhook, "y", v.now, v.now.Add(time.Minute))
			x.notFound("LeaseQueue", err)
		},
		"Deliveries.ReleaseQueue": func() {
			y := newWorld(x.T, x.Ports)
			err := y.Deliveries.ReleaseQueue(ctx, directory.Queue{Tenant: y.tenant, Webhook: v.queued.Webhook, Holder: "v", Revision: 1})
			x.wantKind("ReleaseQueue", err, directory.Conflict)
		},
		"Deliveries.ResumeQueue": func() {
			x.must(x.Deliveries.ResumeQueue(ctx, t, v.queued.Webhook, v.now.Add(-1000*time.Hour)))
		},
		"Deliveries.UpdateDelivery": func() {
			y := newWorld(x.T, x.Ports)
			_, err := y.Deliveries.UpdateDelivery(ctx, y.tenant, v.delivery.ID,
				func(d directory.Delivery) (directory.Delivery, error) { return d, nil })
			x.notFound("UpdateDelivery", err)
		},
	}
}
