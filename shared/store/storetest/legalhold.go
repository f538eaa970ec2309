package storetest

import (
	"slices"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var legalHoldChapter = []promise{
	{"leavers/matters are kept", keptMatters},
	{"leavers/custodians are kept", keptCustodians},
	{"leavers/a closing matter gets no custodians", closingMatter},
	{"leavers/a nil entry changes no matter, custodian or guard", nilEntryHold},
}

// matter creates an active matter.
func (w *world) matter(name string) directory.Matter {
	w.Helper()
	now := w.now()
	m := directory.Matter{
		ID: directory.MatterID("m" + random.ID()), Name: name, Reference: "ref " + name, State: directory.MatterActive, CreatedAt: now,
		CreatedBy: "k1",
		ClosedAt:  now, ClosedBy: "k2", Version: 1,
	}
	got, err := w.LegalHolds.UpdateMatter(w.ctx, w.tenant, m.ID, func(old directory.Matter) (directory.Matter, *directory.LogEntry, error) {
		w.equal("the matter before", old, directory.Matter{})
		e := w.adminEntry(directory.HoldCreated, string(m.ID))
		return m, &e, nil
	})
	w.must(err)
	w.equal("UpdateMatter", got, m)
	return m
}

// place puts a user on hold for an active matter.
func (w *world) place(m directory.Matter, u directory.User) error {
	_, _, err := w.LegalHolds.UpdateCustodian(w.ctx, w.tenant, m.ID, u.ID,
		func(m directory.Matter, c directory.Custodian, old directory.User) (directory.Custodian, directory.User, *directory.LogEntry, error) {
			if m.State != directory.MatterActive {
				return c, old, nil, directory.Errorf(directory.Conflict, "closed")
			}
			n := old
			n.Holds = append(slices.Clone(old.Holds), m.ID)
			n.Version++
			e := w.userEntry(directory.HoldPlaced, n)
			return directory.Custodian{Matter: m.ID, User: n.ID, PlacedAt: e.At, PlacedBy: "k1"}, n, &e, nil
		})
	return err
}

func (w *world) closeMatter(m directory.Matter) error {
	_, err := w.LegalHolds.UpdateMatter(w.ctx, w.tenant, m.ID, func(old directory.Matter) (directory.Matter, *directory.LogEntry, error) {
		old.State, old.Version = directory.MatterClosed, old.Version+1
		e := w.adminEntry(directory.HoldClosed, string(m.ID))
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
		ms, err := w.LegalHolds.ListMatters(w.ctx, w.tenant, directory.MatterID(after), count)
		w.must(err)
		return ms
	}
	w.equal("all", list("", 10), []directory.Matter{a, b})
	w.equal("the first", list("", 1), []directory.Matter{a})
	w.equal("after the first", list(string(a.ID), 10), []directory.Matter{b})
	w.must(w.closeMatter(a))
	a.State, a.Version = directory.MatterClosed, 2
	w.equal("after a change", list("", 1), []directory.Matter{a})
	w.equal("entries", w.log(directory.LogQuery{})[0].Action, directory.HoldClosed)
}

func keptCustodians(w *world) {
	m, other := w.matter("m"), w.matter("other")
	us := w.users(w.p, 2, "u")
	removed := w.remove(w.user(w.p, "removed"))
	local := w.local("local")
	us = append(us, removed, local)
	for _, u := range us {
		w.must(w.place(m, u))
	}
	w.must(w.place(other, us[0]))
	ids := sortedIDs(us[0].ID, us[1].ID, removed.ID, local.ID)
	list := func(after directory.UserID, count int) (out []directory.UserID) {
		w.Helper()
		cs, err := w.LegalHolds.Custodians(w.ctx, w.tenant, m.ID, after, count)
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
	w.equal("holds of the user", v.Holds, []directory.MatterID{m.ID, other.ID})
	w.equal("version", v.Version, int64(3))
	w.equal("a removed user is still removed", len(w.find(w.p, directory.AttrUserName, "removed")), 0)
	w.equal("the user's log", w.log(directory.LogQuery{User: us[0].ID})[0].Action, directory.HoldPlaced)
	w.wantKind("an unknown matter", w.place(directory.Matter{ID: "munknown"}, us[0]), directory.NotFound)
	w.wantKind("an unknown user", w.place(m, directory.User{ID: userID()}), directory.NotFound)
	none, err := w.LegalHolds.Custodians(w.ctx, w.tenant, "munknown", "", 10)
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
	// No custodian is added after the matter has closed.
	cs, err := w.LegalHolds.Custodians(w.ctx, w.tenant, m.ID, "", 100)
	w.must(err)
	w.equal("custodians", len(cs), placed)
	w.wantKind("after closing", w.place(m, w.user(w.p, "late")), directory.Conflict)
}

func nilEntryHold(w *world) {
	m, u, v := w.matter("m"), w.user(w.p, "u"), w.guardEvent(w.p)
	before := w.dump()
	_, err := w.LegalHolds.UpdateMatter(w.ctx, w.tenant, m.ID, func(old directory.Matter) (directory.Matter, *directory.LogEntry, error) {
		w.equal("matter", old, m)
		old.Name = "changed"
		return old, nil, nil
	})
	w.must(err)
	_, _, err = w.LegalHolds.UpdateCustodian(w.ctx, w.tenant, m.ID, u.ID,
		func(seen directory.Matter, c directory.Custodian, old directory.User) (directory.Custodian, directory.User, *directory.LogEntry, error) {
			w.equal("matter", seen, m)
			w.equal("custodian", c, directory.Custodian{})
			w.equal("user", old, u)
			old.Holds = []directory.MatterID{m.ID}
			return directory.Custodian{Matter: m.ID, User: u.ID}, old, nil, nil
		})
	w.must(err)
	_, err = w.Guards.UpdateGuard(w.ctx, w.tenant, w.p, v.ID,
		func(p directory.Provider, old directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
			w.equal("event", old, v)
			p.Guard.Event, old.Count = "changed", 7
			return p, old, nil, nil
		})
	w.must(err)
	w.equal("state", w.dump(), before)
}

func (x intruder) legalHoldsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"LegalHolds.UpdateMatter": func() {
			_, err := x.LegalHolds.UpdateMatter(ctx, t, v.matter.ID, func(m directory.Matter) (directory.Matter, *directory.LogEntry, error) {
				x.equal("passed to update", m, directory.Matter{})
				return m, nil, nil
			})
			x.must(err)
		},
		"LegalHolds.ListMatters": func() {
			ms, err := x.LegalHolds.ListMatters(ctx, t, "", 10)
			x.empty("ListMatters", len(ms), err)
		},
		"LegalHolds.UpdateCustodian": func() {
			x.notFound("UpdateCustodian", x.place(v.matter, v.u))
			x.notFound("UpdateCustodian of an own matter", x.place(x.matter("own"), v.u))
		},
		"LegalHolds.Custodians": func() {
			cs, err := x.LegalHolds.Custodians(ctx, t, v.matter.ID, "", 10)
			x.empty("Custodians", len(cs), err)
		},
		"LegalHolds.Matter": func() {
			_, err := x.LegalHolds.Matter(ctx, t, v.matter.ID)
			x.notFound("Matter", err)
		},
		"LegalHolds.Custodian": func() {
			c, err := x.LegalHolds.Custodian(ctx, t, v.matter.ID, v.u.ID)
			x.must(err)
			x.equal("another tenant's custodian", c, directory.Custodian{})
		},
	}
}
