package storetest

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"rollcall/shared/directory"
)

var leaverChapter = []promise{
	{"leavers/exactly the due users are found", dueUsers},
	{"leavers/an error ends the search for due users", dueUsersError},
	{"leavers/many users are due at the same moment", manyDue},
	{"leavers/pending deactivations are listed by gate and provider", pendingLists},
	{"leavers/pending deactivations are listed page by page", pendingPages},
	{"leavers/a made-up position is refused", pendingPosition},
	{"leavers/a deleted user is restored", restoreUser},
	{"leavers/the user deleted last is offered first", restoreOrder},
	{"leavers/racing requests restore one user once", restoreRace},
}

// pending returns an edit that schedules a user's deactivation.
func pending(due time.Time) func(*directory.User) {
	return func(u *directory.User) {
		u.Pending = &directory.PendingDeactivation{
			RequestedAt: due.Add(-15 * time.Minute), DueAt: due, Cause: directory.CauseDisable, Provider: u.Provider, RequestID: "r 1",
			Generation: u.Version + 1,
		}
	}
}

// due returns the tenant's users that are due by a time.
func (w *world) due(until time.Time) (us []directory.User) {
	w.Helper()
	var mu sync.Mutex
	w.must(w.Leavers.DueUsers(w.ctx, until, func(_ context.Context, found []directory.DueUser) error {
		mu.Lock()
		defer mu.Unlock()
		for _, u := range found {
			if u.Tenant == w.tenant {
				us = append(us, u.User)
			}
		}
		return nil
	}))
	slices.SortFunc(us, func(a, b directory.User) int { return a.Pending.DueAt.Compare(b.Pending.DueAt) })
	return us
}

func (w *world) pendingNames(q directory.PendingQuery) (names []string, next string) {
	w.Helper()
	us, next, err := w.Leavers.PendingUsers(w.ctx, w.tenant, q)
	w.must(err)
	for _, u := range us {
		names = append(names, u.UserName)
	}
	return names, next
}

func dueUsers(w *world) {
	at := w.now()
	u := w.user(w.p, "due", pending(at))
	later := w.user(w.p, "later", pending(at.Add(time.Millisecond)))
	w.user(w.p, "held", pending(at), func(u *directory.User) { u.Holds = []directory.MatterID{"m1"} })
	frozen := w.user(w.p, "frozen", pending(at), func(u *directory.User) { u.Pending.Frozen = true })
	removed := w.remove(w.user(w.p, "removed", pending(at.Add(-time.Minute))))
	local := w.user("", "local", func(u *directory.User) { u.ScimID = "" }, pending(at.Add(-time.Second)))
	w.user(w.p, "not pending")
	cancelled := w.update(w.user(w.p, "cancelled", pending(at)), func(u *directory.User) { u.Pending = nil })
	w.equal("due", w.due(at), []directory.User{removed, local, u})
	w.equal("due before", w.due(at.Add(-time.Millisecond)), []directory.User{removed, local})
	w.equal("due later", w.due(later.Pending.DueAt), []directory.User{removed, local, u, later})

	frozen = w.update(frozen, func(u *directory.User) { p := *u.Pending; p.Frozen = false; u.Pending = &p })
	u = w.update(u, func(u *directory.User) { p := *u.Pending; p.DueAt = at.Add(time.Hour); u.Pending = &p })
	cancelled = w.update(cancelled, pending(at.Add(time.Second)))
	w.update(removed, func(u *directory.User) { u.Lifecycle, u.Pending = directory.LifecycleDeactivated, nil })
	w.equal("due after changes", w.due(at), []directory.User{local, frozen})
	w.equal("due much later", w.due(at.Add(time.Hour)), []directory.User{local, frozen, later, cancelled, u})
}

func dueUsersError(w *world) {
	at := w.now()
	w.user(w.p, "due", pending(at))
	err := w.Leavers.DueUsers(w.ctx, at, func(context.Context, []directory.DueUser) error {
		return directory.Errorf(directory.Forbidden, "mine")
	})
	w.wantKind("DueUsers", err, directory.Forbidden)
}

func manyDue(w *world) {
	const n = 250 // more than a page
	at := w.now()
	for i := range n {
		w.user(w.p, "u"+strconv.Itoa(i), pending(at))
	}
	found := map[directory.UserID]int{}
	for _, u := range w.due(at) {
		found[u.ID]++
	}
	for id, times := range found {
		if times != 1 {
			w.Errorf("%s was found %d times", id, times)
		}
	}
	w.equal("found", len(found), n)
}

func pendingLists(w *world) {
	other := w.provider("Other")
	at := w.now()
	w.user(w.p, "first", pending(at))
	w.user(w.p, "held", pending(at.Add(2*time.Second)), func(u *directory.User) { u.Holds = []directory.MatterID{"m1"} })
	w.user(w.p, "frozen", pending(at.Add(time.Second)), func(u *directory.User) { u.Pending.Frozen = true })
	w.user(w.p, "both", pending(at.Add(3*time.Second)), func(u *directory.User) {
		u.Pending.Frozen, u.Holds = true, []directory.MatterID{"m1"}
	})
	w.user(other, "theirs", pending(at.Add(-time.Second)))
	moved := w.user(w.p, "moved", pending(at.Add(4*time.Second)))
	w.update(moved, func(u *directory.User) { u.Provider, u.ScimID = "", "" })
	for _, c := range []struct {
		q    directory.PendingQuery
		want []string
	}{
		{directory.PendingQuery{}, []string{"theirs", "first", "frozen", "held", "both", "moved"}},
		{directory.PendingQuery{Provider: w.p}, []string{"first", "frozen", "held", "both", "moved"}},
		{directory.PendingQuery{Provider: other}, []string{"theirs"}},
		{directory.PendingQuery{Gate: directory.GateTimer}, []string{"theirs", "first", "moved"}},
		{directory.PendingQuery{Gate: directory.GateHold}, []string{"held", "both"}},
		{directory.PendingQuery{Gate: directory.GateGuard}, []string{"frozen", "both"}},
		{directory.PendingQuery{Gate: directory.GateGuard, Provider: other}, nil},
	} {
		c.q.Count = 10
		names, next := w.pendingNames(c.q)
		w.equal("pending", names, c.want)
		w.equal("position at the end", next, "")
	}
}

func pendingPages(w *world) {
	at := w.now()
	var all []string
	for i := range 7 {
		name := "u" + strconv.Itoa(i)
		all = append(all, name)
		w.user(w.p, name, pending(at.Add(time.Duration(i)*time.Second)), func(u *directory.User) { u.Pending.Frozen = i%2 == 0 })
	}
	for _, size := range []int{1, 3, 7, 8} {
		var seen []string
		for q := (directory.PendingQuery{Count: size}); ; {
			names, next := w.pendingNames(q)
			seen = append(seen, names...)
			if q.After = next; next == "" {
				break
			}
		}
		w.equal("pages of "+strconv.Itoa(size), seen, all)
	}
}

func pendingPosition(w *world) {
	w.user(w.p, "u", pending(w.now()))
	_, _, err := w.Leavers.PendingUsers(w.ctx, w.tenant, directory.PendingQuery{After: "x", Count: 1})
	w.wantKind("a made-up position", err, directory.Invalid)
}

// recreate restores the first removed user offered for an externalId, or creates a new one.
func (w *world) recreate(name, externalID string, see func([]directory.User)) (directory.User, error) {
	return w.Leavers.CreateOrRestoreUser(w.ctx, w.tenant, w.p, externalID, nil,
		func(p directory.Provider, removed []directory.User) (directory.User, directory.LogEntry, error) {
			if see != nil {
				see(removed)
			}
			u := w.newUser(p.ID, name)
			u.ExternalID = externalID
			if len(removed) == 0 {
				return u, w.userEntry(directory.UserCreated, u), nil
			}
			was := removed[0]
			was.RemovedAt, was.ScimID, was.Profile = time.Time{}, u.ScimID, u.Profile
			was.Version++
			return was, w.userEntry(directory.UserRestored, was), nil
		})
}

func restoreUser(w *world) {
	u := w.user(w.p, "before", func(u *directory.User) { u.ExternalID = "x1" }, pending(w.now()))
	unseen := func(us []directory.User) { w.equal("offered", us, nil) }
	other, err := w.recreate("present", "x1", unseen)
	w.must(err)
	removed := w.remove(u)
	_, err = w.recreate("another", "x2", unseen)
	w.must(err)
	back, err := w.recreate("after", "x1", func(us []directory.User) { w.equal("offered", us, []directory.User{removed}) })
	w.must(err)
	if back.ID != u.ID || back.ScimID == u.ScimID || back.Version != removed.Version+1 {
		w.Errorf("restored as %+v", back)
	}
	w.equal("read", w.mustReadUser(back).User, back)
	_, err = w.readUser(w.p, u.ScimID)
	w.wantKind("the old SCIM id", err, directory.NotFound)
	w.equal("by externalId", w.find(w.p, directory.AttrExternalID, "x1"), sortedIDs(other.ID, u.ID))
	w.equal("by userName", w.find(w.p, directory.AttrUserName, "after"), []directory.UserID{u.ID})
	w.wantTotals("with the restored user", w.p, 3, 0)
	w.equal("its log", len(w.log(directory.LogQuery{User: u.ID})), 3)
	_, err = w.recreate("more", "x1", unseen)
	w.must(err)
	_, err = w.recreate("AFTER", "x3", nil)
	w.wantTaken("a taken name", err, directory.TakenError{Attr: directory.AttrUserName, Holder: string(u.ID), Provider: w.p})
}

func sortedIDs(ids ...directory.UserID) []directory.UserID {
	slices.Sort(ids)
	return ids
}

func restoreOrder(w *world) {
	var left []directory.User
	for i := range 3 {
		u := w.user(w.p, "u"+strconv.Itoa(i), func(u *directory.User) { u.ExternalID = "x" })
		left = append([]directory.User{w.remove(u)}, left...)
	}
	_, err := w.recreate("back", "x", func(us []directory.User) { w.equal("offered", us, left) })
	w.must(err)
}

func restoreRace(w *world) {
	removed := w.remove(w.user(w.p, "u", func(u *directory.User) { u.ExternalID = "x" }))
	errs := race(4, func(i int) error {
		_, err := w.recreate("racer"+strconv.Itoa(i), "x", nil)
		return err
	})
	for _, err := range errs {
		w.must(err) // the losers create a new user
	}
	ids := w.find(w.p, directory.AttrExternalID, "x")
	if len(ids) != 4 || !slices.Contains(ids, removed.ID) {
		w.Errorf("found %v, want four, with %s", ids, removed.ID)
	}
	restored := 0
	for _, e := range w.log(directory.LogQuery{Provider: w.p}) {
		if e.Action == directory.UserRestored {
			restored++
		}
	}
	w.equal("restored", restored, 1)
}

func (x intruder) leaversRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Leavers.CreateOrRestoreUser": func() {
			_, err := x.Leavers.CreateOrRestoreUser(ctx, t, v.p, v.removed.ExternalID, x.stranger,
				func(p directory.Provider, removed []directory.User) (directory.User, directory.LogEntry, error) {
					x.equal("the provider passed to create", p, directory.Provider{})
					x.empty("CreateOrRestoreUser", len(removed), nil)
					return directory.User{}, directory.LogEntry{}, directory.Errorf(directory.Forbidden, "seen")
				})
			x.wantKind("CreateOrRestoreUser", err, directory.Forbidden)
		},
		// DueUsers serves the system and returns the tenants of the users.
		"Leavers.DueUsers": func() { x.empty("DueUsers", len(x.due(v.leaver.Pending.DueAt)), nil) },
		"Leavers.PendingUsers": func() {
			for _, q := range []directory.PendingQuery{{}, {Provider: v.p}, {Gate: directory.GateTimer}} {
				q.Count = 10
				names, _ := x.pendingNames(q)
				x.empty("PendingUsers", len(names), nil)
			}
		},
	}
}
