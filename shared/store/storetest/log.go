package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var logChapter = []promise{
	{"log/every field of an entry is kept", everyEntryField},
	{"log/each list has its entries, newest first", logLists},
	{"log/pages have each entry once", logPages},
	{"log/entries of a span of time", logSpan},
	{"log/entries of several days are one list", logDays},
	{"log/one entry is read by its id", oneEntry},
	{"log/entries are read oldest first", entriesAfter},
	{"log/an entry without a change is kept", appendEntry},
}

// equalEntries compares entries except for the fields that a store adds: the version of a group's change and Remaining.
func (w *world) equalEntries(what string, got, want []directory.LogEntry) {
	w.Helper()
	plain := func(es []directory.LogEntry) []directory.LogEntry {
		es = slices.Clone(es)
		for i := range es {
			es[i].Remaining = directory.RemainingNone
			if es[i].Group != "" {
				es[i].Version = 0
			}
		}
		return es
	}
	w.equal(what, plain(got), plain(want))
}

func everyEntryField(w *world) {
	u := w.user(w.p, "u")
	e := directory.LogEntry{
		ID: entryID(), At: w.now(), Provider: w.p, Action: directory.UserUpdated, User: u.ID, Target: "k1/t2", Name: "Ünïcode <&>",
		Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1", RequestID: "r1", ClientRequestID: "c1", Reason: "because \"so\" <&>"},
		Changes: []directory.Change{
			{Attr: "name.familyName", Before: json.RawMessage(`"<Å>"`), After: json.RawMessage(`{"a":[1,2.50,true]}`)},
			{Attr: "title", After: json.RawMessage(`"new"`)}, {Attr: "nickName", Before: json.RawMessage(`"old"`)},
		},
		Added: []directory.ScimID{"ua", "ub"}, Removed: []directory.ScimID{"uc"}, Version: 2, Audit: true,
		Effects: []directory.Effect{directory.EffectUpdated, directory.EffectBlocked},
	}
	u, err := w.Users.UpdateUser(w.ctx, w.tenant, u, func(u directory.User) (directory.User, *directory.LogEntry, error) {
		u.Version, u.Active = 2, false
		return u, &e, nil
	})
	w.must(err)
	got, err := w.Ports.Log.Entry(w.ctx, w.tenant, w.p, e.At, e.ID)
	w.must(err)
	w.equal("Entry", got, e)
	w.equal("Entries of the user", w.log(directory.LogQuery{User: u.ID})[0], e)
	w.equal("Entries of the provider", w.log(directory.LogQuery{Provider: w.p})[0], e)
}

func logLists(w *world) {
	other := w.provider("Other")
	var all, ofUser, ofGroup []directory.LogEntry
	u, v := w.user(w.p, "u"), w.user(w.p, "v")
	g := w.group(w.p, "g", u.ScimID)
	w.user(other, "x")
	u = w.update(u, func(u *directory.User) { u.Active = false })
	_, err := w.rename(g, "renamed")
	w.must(err)
	w.update(v, func(u *directory.User) { u.Active = false })
	w.must(w.deleteGroup(g))
	w.remove(u)
	all = w.log(directory.LogQuery{Provider: w.p})
	for _, e := range all {
		if e.User == u.ID {
			ofUser = append(ofUser, e)
		}
		if e.Group == g.ID {
			ofGroup = append(ofGroup, e)
		}
	}
	var did []string
	for i, e := range all {
		did = append(did, string(e.Action)+" "+e.Name)
		if i > 0 && e.At.After(all[i-1].At) {
			w.Error("the newest is not the first")
		}
	}
	w.equal("of the provider", did, []string{
		"user.deleted u", "group.deleted renamed", "user.updated v", "group.updated g", "user.updated u", "group.created g", "user.created v",
		"user.created u",
	})
	w.equal("of the user", w.log(directory.LogQuery{User: u.ID}), ofUser)
	w.equal("of the group", w.log(directory.LogQuery{Group: g.ID}), ofGroup)
	if len(ofUser) != 3 || len(ofGroup) != 3 || len(w.log(directory.LogQuery{Provider: other})) != 1 {
		w.Errorf("%d entries of the user, %d of the group; want 3 and 3", len(ofUser), len(ofGroup))
	}
	var own []string
	for _, e := range w.log(directory.LogQuery{}) {
		own = append(own, string(e.Action))
	}
	w.equal("of the tenant itself", own, []string{"provider.created", "provider.created", "tenant.created"})
	w.equal("first ones", w.log(directory.LogQuery{Provider: w.p, Count: 3}), all[:3])
	w.equal("unknown", w.log(directory.LogQuery{User: userID()}), nil)
}

func logPages(w *world) {
	u := w.user(w.p, "u")
	g := w.group(w.p, "g")
	at := w.now()
	same := func(id directory.UserID) directory.LogEntry {
		e := w.entry(directory.UserUpdated)
		e.User, e.At = id, at // all in one millisecond
		return e
	}
	for i := range 23 {
		var err error
		u, err = w.Users.UpdateUser(w.ctx, w.tenant, u, func(u directory.User) (directory.User, *directory.LogEntry, error) {
			e := same(u.ID)
			u.Version++
			e.Version = u.Version
			return u, &e, nil
		})
		w.must(err)
		g, err = w.rename(g, fmt.Sprint("g", i))
		w.must(err)
	}
	for what, q := range map[string]directory.LogQuery{"provider": {Provider: w.p}, "user": {User: u.ID}, "group": {Group: g.ID}} {
		all := w.log(q)
		if want := map[string]int{"provider": 48, "user": 24, "group": 24}[what]; len(all) != want {
			w.Errorf("%s: %d entries, want %d", what, len(all), want)
		}
		for _, count := range []int{1, 5, 24} {
			var got []directory.LogEntry
			for page := q; ; {
				page.Count = count
				es := w.log(page)
				if len(es) == 0 {
					break
				}
				got = append(got, es...)
				page.Before = es[len(es)-1].Position()
			}
			w.equal(fmt.Sprintf("%s by %d", what, count), got, all)
		}
	}
}

func logSpan(w *world) {
	g := w.group(w.p, "g")
	for i := range 10 {
		g, _ = w.rename(g, fmt.Sprint("g", i))
	}
	all := w.log(directory.LogQuery{Group: g.ID})
	span := func(since, until time.Time, before string, want []directory.LogEntry) {
		w.Helper()
		for _, q := range []directory.LogQuery{{Group: g.ID}, {Provider: w.p}} {
			q.Since, q.Until, q.Before = since, until, before
			w.equal("span", w.log(q), want)
		}
	}
	none := time.Time{}
	span(all[4].At, none, "", all[:5])                      // inclusive
	span(none, all[4].At, "", all[5:])                      // exclusive
	span(all[7].At, all[2].At, "", all[3:8])                // both
	span(all[7].At, all[2].At, all[4].Position(), all[5:8]) // and paging
	span(none, all[4].At, all[1].Position(), all[5:])       // the earlier bound is used
	span(all[3].At, all[3].At, "", nil)                     // empty
	span(all[0].At.Add(time.Hour), none, "", nil)
}

// logDays writes entries on several days, with days without entries between them.
func logDays(w *world) {
	long := newWorldIn(w.T, w.Ports, directory.TenantID(random.ID()[:6]), 40*24*time.Hour)
	g := long.group(long.p, "g")
	for _, d := range []time.Duration{time.Minute, 23 * time.Hour, 30 * time.Hour, 31 * 24 * time.Hour} {
		long.start = long.start.Add(d)
		var err error
		g, err = long.rename(g, fmt.Sprint("after ", d))
		long.must(err)
	}
	for _, q := range []directory.LogQuery{{Provider: long.p}, {Group: g.ID}} {
		var ats []time.Time
		all := long.log(q)
		for _, e := range all {
			ats = append(ats, e.At)
		}
		if len(ats) != 5 || !slices.IsSortedFunc(ats, func(a, b time.Time) int { return b.Compare(a) }) {
			w.Errorf("entries of five days: %v", ats)
			continue
		}
		q.Count = 2
		w.equal("the newest", long.log(q), all[:2])
		q.Before = all[1].Position()
		w.equal("the next", long.log(q), all[2:4])
		q.Before, q.Since = "", all[3].At
		q.Count = 10
		w.equal("since the first day", long.log(q), all[:4])
		q.Until = all[1].At
		w.equal("until the last day", long.log(q), all[2:4])
	}
}

func oneEntry(w *world) {
	u := w.user(w.p, "u")
	e := w.log(directory.LogQuery{User: u.ID})[0]
	read := func(p directory.ProviderID, at time.Time, id directory.EntryID) error {
		got, err := w.Ports.Log.Entry(w.ctx, w.tenant, p, at, id)
		if err == nil {
			w.equal("entry", got, e)
		}
		return err
	}
	w.must(read(w.p, e.At, e.ID))
	w.wantKind("unknown id", read(w.p, e.At, entryID()), directory.NotFound)
	w.wantKind("another time", read(w.p, e.At.Add(time.Millisecond), e.ID), directory.NotFound)
	w.wantKind("another provider", read(w.provider("Other"), e.At, e.ID), directory.NotFound)
	w.wantKind("no provider", read("", e.At, e.ID), directory.NotFound)
}

func (w *world) after(p directory.ProviderID, after, before string, count int) []directory.LogEntry {
	w.Helper()
	es, err := w.Ports.Log.EntriesAfter(w.ctx, w.tenant, p, after, before, count)
	w.must(err)
	return es
}

func entriesAfter(w *world) {
	long := newWorldIn(w.T, w.Ports, directory.TenantID(random.ID()[:6]), 40*24*time.Hour)
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
	w.equal("after one", long.after(long.p, all[4].Position(), "", 100), all[5:])
	w.equal("before one", long.after(long.p, "", all[4].Position(), 100), all[:4])
	w.equal("between", long.after(long.p, all[2].Position(), all[9].Position(), 100), all[3:9])
	w.equal("the first of them", long.after(long.p, all[2].Position(), all[9].Position(), 4), all[3:7])
	w.equal("none between", long.after(long.p, all[2].Position(), all[3].Position(), 4), nil)
	w.equal("none after the last", long.after(long.p, all[12].Position(), "", 4), nil)
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

// dropEntries drops the entries of a provider from before a time, the oldest first, once they were followed.
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
	w.deliver(func(es []directory.LogEntry) error { seen += len(es); return nil }, func() bool { return seen >= 16+3 })
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

func (x intruder) logRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Log.Entries": func() {
			for _, q := range []directory.LogQuery{{Provider: v.p}, {User: v.u.ID}, {User: v.local.ID}, {Group: v.g.ID},
				{Provider: v.p, Before: "~"}} {
				x.empty("Entries", len(x.log(q)), nil)
			}
			for _, e := range x.log(directory.LogQuery{}) {
				if e.ID == v.own.ID {
					x.Error("another tenant's own entries are shown")
				}
			}
		},
		"Log.Entry": func() {
			_, err := x.Ports.Log.Entry(ctx, t, v.p, v.entry.At, v.entry.ID)
			x.notFound("Entry", err)
			_, err = x.Ports.Log.Entry(ctx, t, "", v.own.At, v.own.ID)
			x.notFound("Entry", err)
		},
		"Log.EntriesAfter": func() {
			x.empty("EntriesAfter", len(x.after(v.p, "", "", 10)), nil)
			for _, e := range x.after("", "", "", 100) {
				if e.ID == v.own.ID {
					x.Error("another tenant's own entries are shown")
				}
			}
		},
		"Log.DropEntries": func() {
			n, err := x.Ports.Log.DropEntries(ctx, t, v.p, v.now.Add(age), 10)
			x.empty("DropEntries", n, err)
		},
		"Log.NumberEntries": func() {
			es, err := v.Ports.Log.Entries(ctx, v.tenant, directory.LogQuery{Group: v.g.ID, Count: 1})
			x.must(err)
			es[0].Version, es[0].Unnumbered = 0, true
			es, err = x.Ports.Log.NumberEntries(ctx, t, es)
			x.must(err)
			x.equal("the number", es[0].Version, int64(0))
		},
		"Log.AppendEntry": func() {
			x.must(x.Ports.Log.AppendEntry(ctx, t, x.adminEntry(directory.WebhookRotated, string(v.webhook.ID))))
		},
	}
}
