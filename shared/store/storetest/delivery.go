package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var deliveryChapter = []promise{
	{"deliveries/one for each id, kept as stored", deliveries},
	{"deliveries/listed newest first, in pages", listDeliveries},
	{"deliveries/listed when due, of every tenant", dueDeliveries},
	{"deliveries/one of racing changes sees the other", raceDeliveries},
}

// newDelivery returns a pending delivery with every field set, due a minute ago.
func (w *world) newDelivery(n int) directory.Delivery {
	at := w.now()
	return directory.Delivery{
		ID: directory.DeliveryID(fmt.Sprintf("d%03d%s", n, random.ID())), Webhook: "w1", Provider: w.p, At: at, Entry: entryID(),
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
		"Deliveries.UpdateDelivery": func() {
			y := newWorld(x.T, x.Ports)
			_, err := y.Deliveries.UpdateDelivery(ctx, y.tenant, v.delivery.ID,
				func(d directory.Delivery) (directory.Delivery, error) { return d, nil })
			x.notFound("UpdateDelivery", err)
		},
	}
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
