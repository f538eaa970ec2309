package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
)

var ledgerChapter = []promise{
	{"webhooks/each is kept as it was stored", webhooks},
	{"webhooks/racing changes all count", raceWebhooks},
	{"deliveries/one for each id, kept as it was stored", deliveries},
	{"deliveries/listed newest first, in pages", listDeliveries},
	{"deliveries/named when due, of every tenant", dueDeliveries},
	{"deliveries/one of racing changes sees the other", raceDeliveries},
	{"ledger/entries are read oldest first", entriesAfter},
	{"ledger/an entry without a change is kept", appendEntry},
	{"ledger/blocks follow one another", appendBlocks},
	{"ledger/one of racing blocks is appended", raceBlocks},
	{"ledger/a late entry is settled once", lateEntries},
	{"tasks/racing changes all count", tasks},
	{"usages/what several saw adds up", usages},
	{"aliases/users are found by the names they had", aliases},
	{"ledger/an erased entry keeps its stub", eraseEntry},
}

func (w *world) newWebhook(name string) directory.Webhook {
	return directory.Webhook{
		ID: "w" + directory.RandomID(), DisplayName: name, URL: "https://hooks.example/" + name, Types: []directory.EventType{directory.EventUserBlocked},
		State: directory.WebhookPaused, Version: 1, Created: w.now(), Modified: w.now(),
		Secrets: []directory.WebhookSecret{
			{Sealed: []byte{0, 1, 0xff}, LastFour: "abcd", CreatedAt: w.now()},
			{Sealed: []byte{2}, LastFour: "efgh", CreatedAt: w.now(), RetiresAt: w.now()},
		},
	}
}

func (w *world) createWebhook(name string) directory.Webhook {
	w.Helper()
	h := w.newWebhook(name)
	w.must(w.Webhooks.CreateWebhook(w.ctx, w.tenant, h, w.adminEntry(directory.WebhookCreated, h.ID)))
	return h
}

func webhooks(w *world) {
	all := []directory.Webhook{w.createWebhook("a"), w.createWebhook("b"), w.createWebhook("c")}
	slices.SortFunc(all, func(a, b directory.Webhook) int { return strings.Compare(a.ID, b.ID) })
	list := func() []directory.Webhook {
		hs, err := w.Webhooks.ListWebhooks(w.ctx, w.tenant)
		w.must(err)
		return hs
	}
	w.equal("all", list(), all)
	edit := func(id string, write bool) (directory.Webhook, error) {
		return w.Webhooks.UpdateWebhook(w.ctx, w.tenant, id, func(h directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
			h.State, h.Version = directory.WebhookActive, h.Version+1
			e := w.adminEntry(directory.WebhookUpdated, id)
			if !write {
				return h, nil, nil
			}
			return h, &e, nil
		})
	}
	_, err := edit(all[1].ID, false)
	w.must(err)
	w.equal("after no change", list(), all)
	h, err := edit(all[1].ID, true)
	w.must(err)
	all[1].State, all[1].Version = directory.WebhookActive, 2
	w.equal("answer", h, all[1])
	one, err := w.Webhooks.Webhook(w.ctx, w.tenant, all[1].ID)
	w.must(err)
	w.equal("one", one, all[1])
	_, err = edit("wunknown", true)
	w.wantKind("change of an unknown one", err, directory.NotFound)
	del := func(id string) error {
		return w.Webhooks.DeleteWebhook(w.ctx, w.tenant, id, func(h directory.Webhook) (directory.LogEntry, error) {
			w.equal("what is deleted", h, all[0])
			return w.adminEntry(directory.WebhookDeleted, id), nil
		})
	}
	w.must(del(all[0].ID))
	w.equal("after the deletion", list(), all[1:])
	w.wantKind("deleted again", del(all[0].ID), directory.NotFound)
	_, err = w.Webhooks.Webhook(w.ctx, w.tenant, all[0].ID)
	w.wantKind("read when deleted", err, directory.NotFound)
	var did []string
	for _, e := range w.log(directory.LogQuery{Count: 5}) {
		did = append(did, string(e.Action))
	}
	w.equal("entries", did, []string{"webhook.deleted", "webhook.updated", "webhook.created", "webhook.created", "webhook.created"})
}

func raceWebhooks(w *world) {
	h := w.createWebhook("a")
	errs := race(racers, func(int) error {
		_, err := w.Webhooks.UpdateWebhook(w.ctx, w.tenant, h.ID, func(h directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
			h.Version++
			e := w.adminEntry(directory.WebhookUpdated, h.ID)
			return h, &e, nil
		})
		return err
	})
	w.must(errors.Join(errs...))
	got, err := w.Webhooks.Webhook(w.ctx, w.tenant, h.ID)
	w.must(err)
	w.equal("version", got.Version, int64(1+racers))
}

// newDelivery is a pending one with every field set, due a minute ago.
func (w *world) newDelivery(n int) directory.Delivery {
	at := w.now()
	return directory.Delivery{
		ID: fmt.Sprintf("d%03d%s", n, directory.RandomID()), Webhook: "w1", Provider: w.p, At: at, Entry: entryID(), Type: directory.EventUserBlocked,
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
	w.equal("the first stays", read(), d)
	if !bytes.Equal(read().Body, d.Body) {
		w.Errorf("the body is %s, want it byte for byte: %s", read().Body, d.Body)
	}
	mine := directory.Errorf(directory.Forbidden, "mine")
	_, err := w.Deliveries.UpdateDelivery(w.ctx, w.tenant, d.ID, func(directory.Delivery) (directory.Delivery, error) { return other, mine })
	w.wantKind("an error of the caller", err, directory.Forbidden)
	w.equal("after an error", read(), d)
	done := d
	done.State, done.DoneAt, done.DueAt = directory.DeliveryDelivered, w.now(), time.Time{}
	got, err := w.Deliveries.UpdateDelivery(w.ctx, w.tenant, d.ID, func(old directory.Delivery) (directory.Delivery, error) {
		w.equal("what update sees", old, d)
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
		for before := ""; ; before = got[len(got)-1].ID {
			ds, err := w.Deliveries.ListDeliveries(w.ctx, w.tenant, before, count)
			w.must(err)
			if got = append(got, ds...); len(ds) == 0 {
				break
			}
		}
		w.equal(fmt.Sprint("by ", count), got, all)
	}
}

// dueIDs are which of the world's deliveries are named as due.
func (w *world) dueIDs(at time.Time) (ids []string) {
	w.Helper()
	ds, err := w.Deliveries.DueDeliveries(w.ctx, at, 10_000)
	w.must(err)
	for _, d := range ds {
		if d.Tenant == w.tenant {
			ids = append(ids, d.ID)
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
	soon("now", a.DueAt, a.ID)
	soon("a moment later", b.DueAt, a.ID, b.ID)
	soon("an hour later", later.DueAt, a.ID, b.ID, later.ID)
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
	soon("after changes", later.DueAt, b.ID, later.ID, dead.ID)
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

func (w *world) after(p directory.ProviderID, after, before string, count int) []directory.LogEntry {
	w.Helper()
	es, err := w.Ports.Log.EntriesAfter(w.ctx, w.tenant, p, after, before, count)
	w.must(err)
	return es
}

func entriesAfter(w *world) {
	long := newWorldIn(w.T, w.Ports, directory.TenantID(directory.RandomID()[:6]), 40*24*time.Hour)
	g := long.group(long.p, "g")
	for i := range 12 {
		long.start = long.start.Add(7 * time.Hour)
		var err error
		g, err = long.rename(g, fmt.Sprint("g", i))
		long.must(err)
	}
	all := long.log(directory.LogQuery{Provider: long.p})
	slices.Reverse(all)
	if len(all) != 13 {
		w.Fatalf("%d entries, want 13", len(all))
	}
	w.equal("all", long.after(long.p, "", "", 100), all)
	w.equal("behind one", long.after(long.p, all[4].Position(), "", 100), all[5:])
	w.equal("before one", long.after(long.p, "", all[4].Position(), 100), all[:4])
	w.equal("between", long.after(long.p, all[2].Position(), all[9].Position(), 100), all[3:9])
	w.equal("the first of them", long.after(long.p, all[2].Position(), all[9].Position(), 4), all[3:7])
	w.equal("none between", long.after(long.p, all[2].Position(), all[3].Position(), 4), nil)
	w.equal("none behind", long.after(long.p, all[12].Position(), "", 4), nil)
	var pages []directory.LogEntry
	for after := ""; ; after = pages[len(pages)-1].Position() {
		es := long.after(long.p, after, "", 5)
		if pages = append(pages, es...); len(es) == 0 {
			break
		}
	}
	w.equal("by 5", pages, all)
	own := long.after("", "", "", 100)
	w.equal("the tenant's own", len(own), 2)
}

func appendEntry(w *world) {
	e := w.adminEntry(directory.WebhookRotated, "w1")
	w.must(w.Ports.Log.AppendEntry(w.ctx, w.tenant, e))
	w.equal("newest", w.log(directory.LogQuery{Count: 1})[0], e)
}

func (w *world) head(p directory.ProviderID) directory.ChainHead {
	w.Helper()
	h, err := w.Ledger.Chain(w.ctx, w.tenant, p)
	w.must(err)
	return h
}

// nextBlock is a block with every field set.
func (w *world) nextBlock(seq int64, positions ...string) directory.Block {
	hash := directory.Digest(fmt.Sprint("hash", seq))
	b := directory.Block{Seq: seq, Prev: hash[:4], At: w.now(), Mark: fmt.Sprint("mark", seq), Hash: hash,
		Checkpoint: &directory.Checkpoint{Key: "k", Signature: directory.Digest{9}}}
	for _, p := range positions {
		b.Seals = append(b.Seals, directory.Seal{Position: p, Hash: directory.Digest{3}, Salt: directory.Digest{4}})
	}
	b.Late = b.Seals[:min(1, len(b.Seals))]
	return b
}

func appendBlocks(w *world) {
	w.equal("no chain", w.head(w.p), directory.ChainHead{Provider: w.p})
	var all []directory.Block
	for i := range 12 {
		b := w.nextBlock(int64(i+1), "p1", "p2")
		w.must(w.Ledger.AppendBlock(w.ctx, w.tenant, w.p, b, nil))
		all = append(all, b)
		w.equal("head", w.head(w.p), directory.ChainHead{Provider: w.p}.Next(b))
	}
	own := w.nextBlock(1)
	w.must(w.Ledger.AppendBlock(w.ctx, w.tenant, "", own, nil))
	for _, seq := range []int64{12, 14, 1} {
		w.wantKind(fmt.Sprint("block ", seq), w.Ledger.AppendBlock(w.ctx, w.tenant, w.p, w.nextBlock(seq), nil), directory.Conflict)
	}
	read := func(p directory.ProviderID, from int64, count int) []directory.Block {
		bs, err := w.Ledger.Blocks(w.ctx, w.tenant, p, from, count)
		w.must(err)
		return bs
	}
	w.equal("all", read(w.p, 1, 100), all)
	w.equal("from 0", read(w.p, 0, 2), all[:2])
	w.equal("from the ninth", read(w.p, 9, 2), all[8:10])
	w.equal("behind", read(w.p, 13, 2), nil)
	w.equal("the tenant's own", read("", 1, 100), []directory.Block{own})
	hs, err := w.Ledger.Chains(w.ctx, w.tenant)
	w.must(err)
	w.equal("chains", hs, []directory.ChainHead{directory.ChainHead{}.Next(own), directory.ChainHead{Provider: w.p}.Next(all[11])})
}

func raceBlocks(w *world) {
	errs := race(racers, func(i int) error {
		b := w.nextBlock(1, fmt.Sprint("p", i))
		return w.Ledger.AppendBlock(w.ctx, w.tenant, w.p, b, nil)
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !directory.IsKind(err, directory.Conflict) {
			w.Errorf("error %v, want a conflict", err)
		}
	}
	w.equal("appended", won, 1)
}

func lateEntries(w *world) {
	late := func() []string {
		ps, err := w.Ledger.Late(w.ctx, w.tenant, w.p, 10)
		w.must(err)
		return ps
	}
	add := func(position string) { w.must(w.Ledger.AddLate(w.ctx, w.tenant, w.p, position)) }
	w.equal("none", late(), nil)
	for _, p := range []string{"0b.e2", "0a.e1", "0b.e2"} {
		add(p)
	}
	w.equal("two", late(), []string{"0a.e1", "0b.e2"})
	w.must(w.Ledger.AppendBlock(w.ctx, w.tenant, w.p, w.nextBlock(1), []string{"0a.e1"}))
	w.equal("after one was settled", late(), []string{"0b.e2"})
	add("0a.e1")
	w.equal("after it came again", late(), []string{"0b.e2"})
}

func eraseEntry(w *world) {
	u := w.user(w.p, "u")
	e := w.log(directory.LogQuery{User: u.ID})[0]
	b := w.nextBlock(1, "0other", e.Position())
	w.must(w.Ledger.AppendBlock(w.ctx, w.tenant, w.p, b, nil))
	stub := e.Stub(directory.Digest{4})
	w.must(w.Ledger.EraseEntry(w.ctx, w.tenant, stub, 1))
	got, err := w.Ports.Log.Entry(w.ctx, w.tenant, w.p, e.At, e.ID)
	w.must(err)
	w.equal("stub", got, stub)
	w.equal("of the user", w.log(directory.LogQuery{User: u.ID})[0], stub)
	bs, err := w.Ledger.Blocks(w.ctx, w.tenant, w.p, 1, 1)
	w.must(err)
	w.equal("block", bs, []directory.Block{b.Unsalted(e.Position())})
	w.must(w.Ledger.EraseEntry(w.ctx, w.tenant, stub, 0)) // again, of none
	stub.ID = entryID()
	w.wantKind("unknown", w.Ledger.EraseEntry(w.ctx, w.tenant, stub, 1), directory.NotFound)
}

func tasks(w *world) {
	first, err := w.Tasks.Task(w.ctx, w.tenant, "t")
	w.must(err)
	w.equal("none", first, directory.Task{})
	at := w.now()
	w.must(errors.Join(race(racers, func(int) error {
		return w.Tasks.UpdateTask(w.ctx, w.tenant, "t", func(old directory.Task) directory.Task {
			return directory.Task{ID: "t", After: old.After + "x", DoneAt: at, Version: old.Version + 1}
		})
	})...))
	got, err := w.Tasks.Task(w.ctx, w.tenant, "t")
	w.must(err)
	w.equal("the task", got, directory.Task{ID: "t", After: strings.Repeat("x", racers), DoneAt: at, Version: racers})
	other, err := w.Tasks.Task(w.ctx, w.tenant, "other")
	w.must(err)
	w.equal("another one", other, directory.Task{})
}

func aliases(w *world) {
	at := time.Now().UTC().Truncate(time.Millisecond)
	a, b := userID(), userID()
	if a > b {
		a, b = b, a
	}
	add := func(key string, id directory.UserID, until time.Duration) {
		w.must(w.Aliases.AddAlias(w.ctx, w.tenant, key, id, at.Add(until)))
	}
	add("anna", b, time.Hour)
	add("anna", a, 2*time.Hour)
	add("bert", a, time.Hour)
	add("anna", a, time.Hour) // the later time stays
	is := func(what, key string, after time.Duration, count int, want ...directory.UserID) {
		w.Helper()
		ids, err := w.Aliases.AliasesOf(w.ctx, w.tenant, key, at.Add(after), count)
		w.must(err)
		w.equal(what, ids, want)
	}
	is("both, by id", "anna", 0, 10, a, b)
	is("at most one", "anna", 0, 1, a)
	is("in the last moment", "anna", time.Hour, 10, a, b)
	is("after that", "anna", time.Hour+time.Millisecond, 10, a)
	is("another name", "bert", 0, 10, a)
	is("a name nobody had", "Anna", 0, 10)
}

func usages(w *world) {
	none, err := w.Usages.Usage(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("none", none, directory.Usage{})
	at := w.now()
	seen := func(i int) directory.Usage {
		now := at.Add(time.Duration(i) * time.Second)
		u := directory.Usage{FirstRequestAt: now, LastRequestAt: now, Tokens: map[string]directory.TokenUse{"k1": {LastAt: now, Count: 2}, fmt.Sprint("k", i%2+2): {LastAt: now, Count: 1}}}
		if i == 1 {
			u.LastWriteAt, u.LastErrorAt = now, now
		}
		return u
	}
	w.must(errors.Join(race(racers, func(i int) error { return w.Usages.AddUsage(w.ctx, w.tenant, w.p, seen(i)) })...))
	want := directory.Usage{}
	for i := range racers {
		want = want.And(seen(i))
	}
	got, err := w.Usages.Usage(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("together", got, want)
	if got.Tokens["k1"].Count != 2*racers || !got.FirstRequestAt.Equal(at) || !got.LastRequestAt.Equal(at.Add((racers-1)*time.Second)) {
		w.Errorf("together: %+v", got)
	}
}
