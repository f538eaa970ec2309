package storetest

import (
	"fmt"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

var homeChapter = []promise{
	{"homes/a deleted user leaves its groups and reports", func(w *world) {
		leaving(w, func(w *world, u *directory.User) { u.RemovedAt = w.now() })
	}},
	{"homes/a user that becomes local leaves its groups and reports", func(w *world) {
		leaving(w, func(_ *world, u *directory.User) { u.Provider, u.ScimID, u.Manager = "", "", "" })
	}},
	{"homes/a user that moves to another provider leaves its groups and reports", func(w *world) {
		other := w.provider("Other")
		leaving(w, func(_ *world, u *directory.User) { u.Provider, u.Manager = other, "" })
	}},
	{"homes/another provider finds a user that moved to it", movedUser},
	{"homes/a local user is adopted", adoptedUser},
	{"homes/a restored user has a new id over SCIM", restoredUser},
	{"homes/leaving a hundred groups and reports", leaveMany},
	{"homes/a removed user outlives the provider", outlivedProvider},
}

// restored restores a removed user, with a new SCIM id.
func restored(u *directory.User) {
	u.RemovedAt, u.ScimID = time.Time{}, directory.ScimID(userID())
}

// leaving lets a user leave its provider by leave, and checks all effects.
func leaving(w *world, leave func(*world, *directory.User)) {
	u, stays := w.user(w.p, "u"), w.user(w.p, "stays")
	report := w.user(w.p, "report", func(r *directory.User) { r.Manager = string(u.ScimID) })
	other := w.user(w.p, "other", func(r *directory.User) { r.Manager = string(stays.ScimID) })
	u = w.update(u, func(u *directory.User) { u.Manager = string(u.ScimID) }) // its own manager, too
	before := []directory.Group{w.group(w.p, "a", u.ScimID), w.group(w.p, "b", u.ScimID, stays.ScimID)}
	apart := w.group(w.p, "apart", stays.ScimID)

	var because directory.LogEntry
	left, err := w.Users.UpdateUser(w.ctx, w.tenant, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		n := old
		leave(w, &n)
		n.Version, n.Modified = old.Version+1, w.now()
		because = w.userEntry(directory.UserDeleted, n)
		because.Provider = w.p
		return n, &because, nil
	})
	w.must(err)

	_, err = w.readUser(w.p, u.ScimID)
	w.wantKind("ReadUser by the provider left", err, directory.NotFound)
	w.wantTotals("of the provider left", w.p, 3, 3)
	w.equal("find by userName", w.find(w.p, directory.AttrUserName, "u"), nil)
	w.equal("find by externalId", w.find(w.p, directory.AttrExternalID, "x-u"), nil)
	w.equal("reports left", w.find(w.p, directory.AttrManager, string(u.ScimID)), nil)
	w.equal("groups by member", w.findGroups(w.p, directory.AttrMember, string(u.ScimID)), nil)
	for i, g := range before {
		now := w.readGroup(w.p, g.ID)
		if now.Version <= g.Version || now.MemberCount != i || len(now.Members) != i {
			w.Errorf("group %s: version %d → %d, %d members counted, %d present; want a new version and %d", g.DisplayName, g.Version, now.Version,
				now.MemberCount, len(now.Members), i)
		}
		if !now.Modified.Equal(because.At) {
			w.Errorf("group %s: modified %v, want %v", g.DisplayName, now.Modified, because.At)
		}
	}
	w.equal("a group apart", w.readGroup(w.p, apart.ID).Group, apart)

	cleared, entry := directory.ManagerCleared(report, because)
	w.equal("report", w.mustReadUser(report).User, cleared)
	w.equal("with another manager", w.mustReadUser(other).User, other)
	w.equalEntries("of the report", w.log(directory.LogQuery{User: report.ID})[:1], []directory.LogEntry{entry})
	w.equalEntries("of the user that left", w.log(directory.LogQuery{User: u.ID})[:1], []directory.LogEntry{because})

	v, err := w.Users.UserByID(w.ctx, w.tenant, u.ID)
	w.must(err)
	w.equal("UserByID", v, directory.UserView{User: left})
	// The account can be changed again.
	again := w.update(left, func(u *directory.User) { u.Holds = []directory.MatterID{"m1"} })
	v, err = w.Users.UserByID(w.ctx, w.tenant, u.ID)
	w.must(err)
	w.equal("after another change", v.User, again)
}

func movedUser(w *world) {
	other := w.provider("Other")
	u := w.user(w.p, "u")
	u = w.update(u, func(u *directory.User) { u.Provider = other })
	w.equal("by its new provider", w.mustReadUser(u), directory.UserView{User: u})
	w.equal("by userName", w.find(other, directory.AttrUserName, "u"), []directory.UserID{u.ID})
	w.equal("by externalId", w.find(other, directory.AttrExternalID, "x-u"), []directory.UserID{u.ID})
	w.equal("by work e-mail", w.find(other, directory.AttrWorkEmail, "u@example.com"), []directory.UserID{u.ID})
	w.wantTotals("of the old provider", w.p, 0, 0)
	w.wantTotals("of the new provider", other, 1, 0)
	g := w.group(other, "g", u.ScimID)
	w.equal("groups", w.mustReadUser(u).Groups, []directory.GroupID{g.ID})
	w.wantTaken("the name stays unique", w.create(w.newUser(w.p, "U")),
		directory.TakenError{Attr: directory.AttrUserName, Holder: string(u.ID), Provider: other})
	u = w.update(u, func(u *directory.User) { u.ExternalID = "changed elsewhere" })
	u = w.update(u, func(u *directory.User) { u.Provider = w.p })
	w.equal("back again", w.mustReadUser(u), directory.UserView{User: u})
	w.equal("by its externalId from before", w.find(w.p, directory.AttrExternalID, "x-u"), nil)
	w.equal("by its externalId from the other provider", w.find(w.p, directory.AttrExternalID, "changed elsewhere"), []directory.UserID{u.ID})
	w.wantMembers("the group of the other provider", g, nil)
}

func adoptedUser(w *world) {
	l := w.local("local")
	w.wantTotals("before", w.p, 0, 0)
	u := w.update(l, func(u *directory.User) { u.Provider, u.ScimID = w.p, directory.ScimID(u.ID) })
	w.equal("read", w.mustReadUser(u), directory.UserView{User: u})
	w.equal("found", w.find(w.p, directory.AttrExternalID, u.ExternalID), []directory.UserID{u.ID})
	w.wantTotals("after", w.p, 1, 0)
	w.equal("local users", w.search(directory.UserSearch{Local: true}), nil)
	// With an id over SCIM that differs from the user's, as after a restoration.
	l = w.local("second")
	u = w.update(l, func(u *directory.User) { u.Provider, u.ScimID = w.p, directory.ScimID(userID()) })
	w.equal("read by its own id", w.mustReadUser(u), directory.UserView{User: u})
}

func restoredUser(w *world) {
	u := w.user(w.p, "u")
	old := w.group(w.p, "old", u.ScimID)
	removed := w.remove(u)
	w.wantMembers("group of a removed user", old, nil)
	back, err := w.tryUpdate(removed, directory.UserEnabled, restored)
	w.must(err)
	w.equal("by the new id", w.mustReadUser(back), directory.UserView{User: back})
	_, err = w.readUser(w.p, u.ScimID)
	w.wantKind("by the old id", err, directory.NotFound)
	w.equal("found", w.find(w.p, directory.AttrExternalID, "x-u"), []directory.UserID{u.ID})
	w.wantTotals("one user", w.p, 1, 1)
	page, err := w.Users.ListUsers(w.ctx, w.tenant, w.p, directory.Page{Start: 1, Count: 10}, directory.UserWant{}, nil)
	w.must(err)
	w.equal("listed once", page, directory.UserPage{Users: []directory.UserView{{User: back}}, Total: 1})

	report := w.user(w.p, "report", func(r *directory.User) { r.Manager = string(back.ScimID) })
	if v := w.mustReadUser(report); v.Manager == nil || v.Manager.ID != back.ID {
		w.Errorf("manager by the new id: got %+v", v.Manager)
	}
	_, err = w.tryMembers(old, []directory.ScimID{u.ScimID}, nil)
	w.wantKind("a member by the old id", err, directory.Invalid)
	w.members(old, []directory.ScimID{back.ScimID}, nil)
	w.equal("groups", w.mustReadUser(back).Groups, []directory.GroupID{old.ID})
	w.equal("groups of UserByID", w.mustByID(back.ID).Groups, []directory.GroupID{old.ID})
	back = w.update(back, func(u *directory.User) { u.UserName = "renamed" })
	w.equal("after a change", w.mustReadUser(back).User, back)

	w.remove(back)
	_, err = w.readUser(w.p, back.ScimID)
	w.wantKind("removed again", err, directory.NotFound)
	w.wantMembers("removed again", old, nil)
	w.equal("cleared again", w.mustReadUser(report).User.Manager, "")
	w.wantTotals("only the report", w.p, 1, 1)
}

func (w *world) mustByID(id directory.UserID) directory.UserView {
	w.Helper()
	v, err := w.Users.UserByID(w.ctx, w.tenant, id)
	w.must(err)
	return v
}

// leaveMany removes more than fits in one transaction.
func leaveMany(w *world) {
	const n = 100
	u := w.user(w.p, "u")
	stays := w.user(w.p, "stays")
	for i := range n {
		w.group(w.p, fmt.Sprint("g", i), u.ScimID, stays.ScimID)
		w.user(w.p, fmt.Sprint("r", i), func(r *directory.User) { r.Manager = string(u.ScimID) })
	}
	if got := len(w.mustReadUser(u).Groups); got != n {
		w.Errorf("groups before: got %d, want %d", got, n)
	}
	w.remove(u)
	w.equal("groups by member", w.findGroups(w.p, directory.AttrMember, string(u.ScimID)), nil)
	w.equal("reports", w.find(w.p, directory.AttrManager, string(u.ScimID)), nil)
	page, err := w.Groups.ListGroups(w.ctx, w.tenant, w.p, directory.Page{Start: 1, Count: 2 * n}, directory.GroupWant{AllMembers: true}, nil)
	w.must(err)
	for _, g := range page.Groups {
		if g.MemberCount != 1 || len(g.Members) != 1 || g.Version < 2 {
			w.Errorf("group %s: count %d, members %v, version %d", g.DisplayName, g.MemberCount, g.Members, g.Version)
		}
	}
	reports, err := w.Users.ListUsers(w.ctx, w.tenant, w.p, directory.Page{Start: 1, Count: 2 * n}, directory.UserWant{}, nil)
	w.must(err)
	for _, r := range reports.Users {
		if r.ID != stays.ID && (r.User.Manager != "" || r.Version != 2) {
			w.Errorf("report %s: manager %q at version %d", r.UserName, r.User.Manager, r.Version)
		}
	}
	if len(reports.Users) != n+1 || len(page.Groups) != n {
		w.Errorf("%d users and %d groups left, want %d and %d", len(reports.Users), len(page.Groups), n+1, n)
	}
}

func outlivedProvider(w *world) {
	u := w.remove(w.user(w.p, "u"))
	w.must(w.removeProvider(w.p))
	w.equal("UserByID", w.mustByID(u.ID).User, u)
	purged := w.update(u, func(u *directory.User) { u.Lifecycle, u.UserName = directory.LifecyclePurged, "purged" })
	w.equal("after a change", w.mustByID(u.ID).User, purged)
	w.equal("searched", w.search(directory.UserSearch{State: directory.DirectoryRemoved}), []directory.UserID{u.ID})
	local := w.update(purged, func(u *directory.User) { u.RemovedAt, u.Provider, u.ScimID = time.Time{}, "", "" })
	w.equal("as a local user", w.mustByID(u.ID).User, local)
	w.equal("searched as a local user", w.search(directory.UserSearch{Local: true}), []directory.UserID{u.ID})
	w.equal("no longer removed", w.search(directory.UserSearch{State: directory.DirectoryRemoved}), nil)
}

// RekeyAll stores the keys of all names anew, as the daily job does.
func RekeyAll(t *testing.T, p directory.Ports) {
	t.Helper()
	err := find.EachTenant(t.Context(), p.Tenants, func(tenant directory.Tenant) error {
		ps, err := p.Providers.ListProviders(t.Context(), tenant.ID)
		if err != nil {
			return err
		}
		for _, provider := range ps {
			all := directory.Page{ByCursor: true, Count: 1000}
			page, err := p.Groups.ListGroups(t.Context(), tenant.ID, provider.ID, all, directory.GroupWant{}, nil)
			if err != nil {
				return err
			}
			for _, g := range page.Groups {
				if err := p.Groups.RekeyGroup(t.Context(), tenant.ID, g.Group); err != nil {
					return err
				}
			}
		}
		return find.EachUser(t.Context(), p.Users, tenant.ID, directory.UserSearch{}, func(u directory.User) error {
			return p.Users.RekeyUser(t.Context(), tenant.ID, u)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
