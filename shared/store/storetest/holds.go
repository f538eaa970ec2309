package storetest

import (
	"strings"

	"rollcall/shared/directory"
)

// matter makes an active matter.
func (w *world) matter(name string) directory.Matter {
	w.Helper()
	now := w.now()
	m := directory.Matter{
		ID: "m" + directory.RandomID(), Name: name, Reference: "ref " + name, State: directory.MatterActive, CreatedAt: now, CreatedBy: "k1",
		ClosedAt: now, ClosedBy: "k2", Version: 1,
	}
	got, err := w.Holds.UpdateMatter(w.ctx, w.tenant, m.ID, func(old directory.Matter) (directory.Matter, *directory.LogEntry, error) {
		w.equal("the matter before", old, directory.Matter{})
		e := w.adminEntry(directory.HoldCreated, m.ID)
		return m, &e, nil
	})
	w.must(err)
	w.equal("UpdateMatter", got, m)
	return m
}

// place puts a user on hold for an active matter.
func (w *world) place(m directory.Matter, u directory.User) error {
	_, _, err := w.Holds.UpdateCustodian(w.ctx, w.tenant, m.ID, u.ID, func(m directory.Matter, c directory.Custodian, old directory.User) (directory.Custodian, directory.User, *directory.LogEntry, error) {
		if m.State != directory.MatterActive {
			return c, old, nil, directory.Errorf(directory.Conflict, "closed")
		}
		n := old
		n.Holds = append(append([]string{}, old.Holds...), m.ID)
		n.Version++
		e := w.userEntry(directory.HoldPlaced, n)
		return directory.Custodian{Matter: m.ID, User: n.ID, PlacedAt: e.At, PlacedBy: "k1"}, n, &e, nil
	})
	return err
}

func (w *world) closeMatter(m directory.Matter) error {
	_, err := w.Holds.UpdateMatter(w.ctx, w.tenant, m.ID, func(old directory.Matter) (directory.Matter, *directory.LogEntry, error) {
		old.State, old.Version = directory.MatterClosed, old.Version+1
		e := w.adminEntry(directory.HoldClosed, m.ID)
		return old, &e, nil
	})
	return err
}

func keptMatters(w *world) {
	a, b := w.matter("a"), w.matter("b")
	if a.ID > b.ID {
		a, b = b, a
	}
	list := func(after string, count int) []directory.Matter {
		w.Helper()
		ms, err := w.Holds.ListMatters(w.ctx, w.tenant, after, count)
		w.must(err)
		return ms
	}
	w.equal("all", list("", 10), []directory.Matter{a, b})
	w.equal("the first", list("", 1), []directory.Matter{a})
	w.equal("behind the first", list(a.ID, 10), []directory.Matter{b})
	w.must(w.closeMatter(a))
	a.State, a.Version = directory.MatterClosed, 2
	w.equal("after a change", list("", 1), []directory.Matter{a})
	w.equal("entries", w.log(directory.LogQuery{})[0].Action, directory.HoldClosed)
}

func keptCustodians(w *world) {
	m, other := w.matter("m"), w.matter("other")
	us := w.users(w.p, 2, "u")
	gone := w.remove(w.user(w.p, "gone"))
	local := w.local("local")
	us = append(us, gone, local)
	for _, u := range us {
		w.must(w.place(m, u))
	}
	w.must(w.place(other, us[0]))
	ids := sortedIDs(us[0].ID, us[1].ID, gone.ID, local.ID)
	list := func(after directory.UserID, count int) (out []directory.UserID) {
		w.Helper()
		cs, err := w.Holds.Custodians(w.ctx, w.tenant, m.ID, after, count)
		w.must(err)
		for _, c := range cs {
			if c.Matter != m.ID || c.PlacedBy != "k1" || !c.OnHold() {
				w.Errorf("custodian %+v", c)
			}
			out = append(out, c.User)
		}
		return out
	}
	w.equal("all", list("", 10), ids)
	w.equal("a page", list(ids[0], 2), ids[1:3])
	v, err := w.Users.UserByID(w.ctx, w.tenant, us[0].ID)
	w.must(err)
	w.equal("holds of the user", v.Holds, []string{m.ID, other.ID})
	w.equal("version", v.Version, int64(3))
	w.equal("who is gone stays gone", len(w.find(w.p, directory.AttrUserName, "gone")), 0)
	w.equal("the user's log", w.log(directory.LogQuery{User: us[0].ID})[0].Action, directory.HoldPlaced)
	w.wantKind("an unknown matter", w.place(directory.Matter{ID: "munknown"}, us[0]), directory.NotFound)
	w.wantKind("an unknown user", w.place(m, directory.User{ID: userID()}), directory.NotFound)
	none, err := w.Holds.Custodians(w.ctx, w.tenant, "munknown", "", 10)
	w.must(err)
	w.equal("custodians of an unknown matter", none, nil)
}

func closingMatter(w *world) {
	const n = 6
	m := w.matter("m")
	us := w.users(w.p, n, "u")
	errs := race(n+1, func(i int) error {
		if i == n {
			return w.closeMatter(m)
		}
		return w.place(m, us[i])
	})
	placed := 0
	for i, err := range errs {
		switch {
		case err == nil && i != n:
			placed++
		case err != nil && !directory.IsKind(err, directory.Conflict):
			w.Error(err)
		}
	}
	// Whoever reads the custodians after closing sees all there ever will be.
	cs, err := w.Holds.Custodians(w.ctx, w.tenant, m.ID, "", 100)
	w.must(err)
	w.equal("custodians", len(cs), placed)
	w.wantKind("after closing", w.place(m, w.user(w.p, "late")), directory.Conflict)
}

func nilEntryHold(w *world) {
	m, u, v := w.matter("m"), w.user(w.p, "u"), w.guardEvent(w.p)
	before := w.dump()
	_, err := w.Holds.UpdateMatter(w.ctx, w.tenant, m.ID, func(old directory.Matter) (directory.Matter, *directory.LogEntry, error) {
		w.equal("matter", old, m)
		old.Name = "changed"
		return old, nil, nil
	})
	w.must(err)
	_, _, err = w.Holds.UpdateCustodian(w.ctx, w.tenant, m.ID, u.ID, func(seen directory.Matter, c directory.Custodian, old directory.User) (directory.Custodian, directory.User, *directory.LogEntry, error) {
		w.equal("matter", seen, m)
		w.equal("custodian", c, directory.Custodian{})
		w.equal("user", old, u)
		old.Holds = []string{m.ID}
		return directory.Custodian{Matter: m.ID, User: u.ID}, old, nil, nil
	})
	w.must(err)
	_, err = w.Guards.UpdateGuard(w.ctx, w.tenant, w.p, v.ID, func(p directory.Provider, old directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
		w.equal("event", old, v)
		p.Guard.Event, old.Count = "changed", 7
		return p, old, nil, nil
	})
	w.must(err)
	w.equal("state", w.dump(), before)
}

// guardEvent trips the guard of a provider.
func (w *world) guardEvent(p directory.ProviderID) directory.GuardEvent {
	w.Helper()
	now := w.now()
	v := directory.GuardEvent{
		ID: "v" + strings.TrimSuffix(directory.LogEntry{At: now}.Position(), ".") + directory.RandomID()[:16], Provider: p, State: directory.GuardOpen,
		At: now, Since: now, Count: 26, Limit: 25, Users: 30, DecidedAt: now, DecidedBy: "k1", Version: 1,
	}
	got, err := w.Guards.UpdateGuard(w.ctx, w.tenant, p, v.ID, func(p directory.Provider, old directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
		w.equal("the event before", old, directory.GuardEvent{})
		p.Guard.Event, p.Version = v.ID, p.Version+1
		e := w.adminEntry(directory.GuardTripped, string(p.ID))
		return p, v, &e, nil
	})
	w.must(err)
	w.equal("UpdateGuard", got, v)
	return v
}

func keptGuards(w *world) {
	other := w.provider("Other")
	a, b, c := w.guardEvent(w.p), w.guardEvent(w.p), w.guardEvent(w.p)
	theirs := w.guardEvent(other)
	list := func(p directory.ProviderID, before string, count int) []directory.GuardEvent {
		w.Helper()
		vs, err := w.Guards.GuardEvents(w.ctx, w.tenant, p, before, count)
		w.must(err)
		return vs
	}
	w.equal("all, the newest first", list(w.p, "", 10), []directory.GuardEvent{c, b, a})
	w.equal("a page", list(w.p, "", 2), []directory.GuardEvent{c, b})
	w.equal("the next", list(w.p, b.ID, 2), []directory.GuardEvent{a})
	w.equal("of the other provider", list(other, "", 10), []directory.GuardEvent{theirs})
	p, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("the provider's guard", p.Guard.Event, c.ID)
	w.equal("entry", w.log(directory.LogQuery{})[0].Action, directory.GuardTripped)
	_, err = w.Guards.UpdateGuard(w.ctx, w.tenant, directory.ProviderID(string(w.tenant)+"zzzzz"), "v1", func(p directory.Provider, v directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
		w.Error("update was called for a provider that does not exist")
		return p, v, nil, nil
	})
	w.wantKind("an unknown provider", err, directory.NotFound)
}

// leaverRows are what an intruder tries on leavers, holds and guards.
func (x intruder) leaverRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Leavers.CreateOrRestoreUser": func() {
			_, err := x.Leavers.CreateOrRestoreUser(ctx, t, v.p, v.gone.ExternalID, x.stranger, func(p directory.Provider, gone []directory.User) (directory.User, directory.LogEntry, error) {
				x.equal("the provider that make sees", p, directory.Provider{})
				x.empty("CreateOrRestoreUser", len(gone), nil)
				return directory.User{}, directory.LogEntry{}, directory.Errorf(directory.Forbidden, "seen")
			})
			x.wantKind("CreateOrRestoreUser", err, directory.Forbidden)
		},
		"Leavers.DueUsers": func() { x.empty("DueUsers", len(x.due(v.leaver.Pending.DueAt)), nil) }, // serves the system, which must know the tenant
		"Leavers.PendingUsers": func() {
			for _, q := range []directory.PendingQuery{{}, {Provider: v.p}, {Gate: directory.GateTimer}} {
				q.Count = 10
				names, _ := x.pendingNames(q)
				x.empty("PendingUsers", len(names), nil)
			}
		},
		"Holds.UpdateMatter": func() {
			_, err := x.Holds.UpdateMatter(ctx, t, v.matter.ID, func(m directory.Matter) (directory.Matter, *directory.LogEntry, error) {
				x.equal("what update sees", m, directory.Matter{})
				return m, nil, nil
			})
			x.must(err)
		},
		"Holds.ListMatters": func() {
			ms, err := x.Holds.ListMatters(ctx, t, "", 10)
			x.empty("ListMatters", len(ms), err)
		},
		"Holds.UpdateCustodian": func() {
			x.notFound("UpdateCustodian", x.place(v.matter, v.u))
			x.notFound("UpdateCustodian of one's own matter", x.place(x.matter("own"), v.u))
		},
		"Holds.Custodians": func() {
			cs, err := x.Holds.Custodians(ctx, t, v.matter.ID, "", 10)
			x.empty("Custodians", len(cs), err)
		},
		"Guards.UpdateGuard": func() {
			_, err := x.Guards.UpdateGuard(ctx, t, v.p, v.guard.ID, func(p directory.Provider, e directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
				x.Error("update was called for another tenant's provider")
				return p, e, nil, nil
			})
			x.notFound("UpdateGuard", err)
		},
		"Guards.GuardEvents": func() {
			vs, err := x.Guards.GuardEvents(ctx, t, v.p, "", 10)
			x.empty("GuardEvents", len(vs), err)
		},
	}
}
