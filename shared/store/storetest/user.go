package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/fsck"
)

var userChapter = []promise{
	{"users/every field is kept", everyUserField},
	{"users/unusual text is kept", unusualText},
	{"users/a change replaces every field", everyUserFieldChanged},
	{"users/unknown ones are NotFound", unknownUsers},
	{"users/groups and manager are read with the user", userView},
	{"users/present ones are read together", presentUsers},
	{"users/look-ups find a user, follow its changes and end with it", userLookups},
	{"users/a work e-mail that is the userName finds a user", emailIsName},
	{"users/a work e-mail finds a user while the userName becomes it and another", emailIsNameRace},
	{"users/look-ups return users in order up to the limit", lookupLimit},
	{"users/versions count changes", userVersions},
	{"users/nil entry writes nothing", nilEntryUser},
	{"users/an error of the caller writes nothing", callerError},
	{"users/a panic of the caller writes nothing", callerPanic},
	{"users/a stale copy is read again", staleUser},
	{"users/administrators search all origins", searchUsers},
	{"users/search pages have each user once", searchPages},
}

// fullUser returns a user with a value in every field; local and removed users never have some of them.
func (w *world) fullUser(name string) directory.User {
	u := w.newUser(w.p, name)
	at := w.now()
	u.Manager = string(userID())
	u.Lookups = append(u.Lookups,
		directory.Lookup{Attr: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", Value: "Ä 42"})
	u.Version, u.Modified = 7, w.now()
	u.Account = directory.Account{
		Lifecycle:  directory.LifecycleDeactivated,
		AdminBlock: &directory.AdminBlock{By: "k1", At: at, Reason: "left \"early\""},
		Pending: &directory.PendingDeactivation{
			RequestedAt: at, DueAt: at.Add(15 * time.Minute), Cause: "scim-disable", Provider: w.p, RequestID: "r9", Generation: 3, Frozen: true,
			Staged: true,
		},
		Holds: []directory.MatterID{"m1", "m2"}, OrgID: "o1", OrgSource: "group:7", OrgPinned: true,
		RoleGrants:  []directory.RoleGrant{{Role: "custodian", Source: "manual", By: "k1", At: at}, {Role: "reader", Source: "mapping:2"}},
		CountryCode: "CH", Review: "v1",
	}
	return u
}

func everyUserField(w *world) {
	u := w.fullUser("Åsa@Example.com")
	got, err := w.Users.CreateUser(w.ctx, w.tenant, w.p, nil, func(directory.Provider) (directory.User, directory.LogEntry, error) {
		return u, w.userEntry(directory.UserCreated, u), nil
	})
	w.must(err)
	w.equal("CreateUser", got, u)
	w.equal("ReadUser", w.mustReadUser(u).User, u)
	v, err := w.Users.UserByID(w.ctx, w.tenant, u.ID)
	w.must(err)
	w.equal("UserByID", v.User, u)

	bare := directory.User{ID: userID(), Provider: w.p, Profile: directory.Profile{UserName: "bare"}, Version: 1, Created: w.now(),
		Modified: w.now()}
	bare.ScimID = directory.ScimID(bare.ID)
	w.must(w.create(bare))
	w.equal("a user with nothing but a name", w.mustReadUser(bare).User, bare)

	removed := w.remove(u)
	v, err = w.Users.UserByID(w.ctx, w.tenant, u.ID)
	w.must(err)
	w.equal("UserByID of a removed user", v.User, removed)

	local := w.fullUser("local")
	local.Provider, local.ScimID = "", ""
	w.must(w.create(local))
	v, err = w.Users.UserByID(w.ctx, w.tenant, local.ID)
	w.must(err)
	w.equal("UserByID of a local user", v.User, local)
}

func unusualText(w *world) {
	long := make([]byte, 1000)
	for i := range long {
		long[i] = 'a' + byte(i%26)
	}
	for _, s := range []string{
		"a\x00b", "quo\"te'", `back\slash`, "per%cent_", "slash/hash#tilde~", "tab\tline\n", "日本", "e\u0301\u200d", "\U0001F600", " blank ",
		"{json}", string(long),
	} {
		u := w.user(w.p, "n"+s, func(u *directory.User) { u.ExternalID, u.Attributes = s, []byte(s) })
		w.equal("user "+s, w.mustReadUser(u).User, u)
		w.equal("look-up of "+s, w.find(w.p, directory.AttrExternalID, s), []directory.UserID{u.ID})
		w.equal("name "+s, w.find(w.p, directory.AttrUserName, directory.UserNameKey(u.UserName)), []directory.UserID{u.ID})
		g := w.group(w.p, "g"+s)
		w.equal("group "+s, w.readGroup(w.p, g.ID).Group, g)
	}
}

func everyUserFieldChanged(w *world) {
	u := w.user(w.p, "before")
	full := w.fullUser("after")
	full.ID, full.ScimID, full.Created = u.ID, u.ScimID, u.Created.Add(time.Millisecond)
	changed := w.update(u, func(u *directory.User) { *u = full })
	full.Version, full.Modified = 2, changed.Modified
	w.equal("UpdateUser", changed, full)
	w.equal("ReadUser", w.mustReadUser(u).User, full)

	bare := directory.User{ID: u.ID, ScimID: u.ScimID, Provider: w.p, Profile: directory.Profile{UserName: "after"}, Created: u.Created}
	changed = w.update(changed, func(u *directory.User) { *u = bare })
	bare.Version, bare.Modified = 3, changed.Modified
	w.equal("ReadUser after everything was unassigned", w.mustReadUser(u).User, bare)
	w.equal("look-up of an unassigned value", w.find(w.p, full.Lookups[1].Attr, full.Lookups[1].Value), nil)
}

func unknownUsers(w *world) {
	u := w.user(w.p, "someone")
	_, err := w.readUser(w.p, directory.ScimID(userID()))
	w.wantKind("ReadUser of an unknown id", err, directory.NotFound)
	_, err = w.readUser(w.p, "")
	w.wantKind("ReadUser of no id", err, directory.NotFound)
	_, err = w.readUser(w.p, directory.ScimID(w.group(w.p, "g").ID))
	w.wantKind("ReadUser of a group's id", err, directory.NotFound)
	_, err = w.Users.UserByID(w.ctx, w.tenant, userID())
	w.wantKind("UserByID of an unknown id", err, directory.NotFound)
	for _, old := range []directory.User{
		{ID: userID(), Provider: w.p, Version: 1}, {ID: userID(), Provider: w.p}, {ID: userID()},
	} {
		_, err = w.tryUpdate(old, directory.UserUpdated, func(u *directory.User) { u.UserName = "new" })
		w.wantKind("UpdateUser of an unknown id", err, directory.NotFound)
	}
	w.equal("find an unknown value", w.find(w.p, directory.AttrExternalID, "unknown"), nil)
	w.equal("find an empty value", w.find(w.p, directory.AttrExternalID, ""), nil)
	w.equal("no user was created by renaming", w.find(w.p, directory.AttrUserName, "new"), nil)
	w.remove(u)
	_, err = w.readUser(w.p, u.ScimID)
	w.wantKind("ReadUser of a removed user", err, directory.NotFound)
	local := w.local("Local")
	w.equal("a local user by userName", w.find("", directory.AttrUserName, "LOCAL"), []directory.UserID{local.ID})
	if l, err := w.readUser("", local.ScimID); !directory.IsKind(err, directory.NotFound) {
		w.Errorf("ReadUser without a provider: got %v, %v, want NotFound", l, err)
	}
}

func userView(w *world) {
	boss := w.user(w.p, "boss")
	u := w.user(w.p, "u", func(u *directory.User) { u.Manager = string(boss.ScimID) })
	a, b := w.group(w.p, "a", u.ScimID), w.group(w.p, "b", u.ScimID, boss.ScimID)
	ids := []directory.GroupID{min(a.ID, b.ID), max(a.ID, b.ID)}
	w.group(w.p, "outer", directory.ScimID(a.ID)) // not a direct membership
	v := w.mustReadUser(u)
	w.equal("groups", v.Groups, ids)
	if v.Manager == nil {
		w.Fatal("the manager was not read")
	}
	w.equal("manager", *v.Manager, boss)
	vs, err := w.Users.FindUsers(w.ctx, w.tenant, w.p, directory.Lookup{Attr: directory.AttrUserName, Value: "u"}, 1,
		directory.UserWant{Groups: true, ManagerName: true}, nil)
	w.must(err)
	w.equal("FindUsers with groups and manager", vs, []directory.UserView{v})
	page, err := w.Users.ListUsers(w.ctx, w.tenant, w.p, directory.Page{Start: 1, Count: 10},
		directory.UserWant{Groups: true, ManagerName: true}, nil)
	w.must(err)
	for _, l := range page.Users {
		if l.ID == u.ID {
			w.equal("ListUsers with groups and manager", l, v)
		}
	}
	byID, err := w.Users.UserByID(w.ctx, w.tenant, u.ID)
	w.must(err)
	w.equal("groups of UserByID", byID.Groups, ids)
	plain, err := w.Users.ReadUser(w.ctx, w.tenant, w.p, u.ScimID, directory.UserWant{}, nil)
	w.must(err)
	w.equal("ReadUser that wants nothing else", plain, directory.UserView{User: u})
	w.update(u, func(u *directory.User) { u.Manager = "nobody yet" })
	if v := w.mustReadUser(u); v.Manager != nil || v.User.Manager != "nobody yet" {
		w.Errorf("a manager that is only a text: got %+v", v)
	}
}

func userLookups(w *world) {
	boss := w.user(w.p, "boss")
	u := w.user(w.p, "u", func(u *directory.User) { u.Manager = string(boss.ScimID) })
	is := func(what, attr, value string, want ...directory.UserID) {
		w.Helper()
		w.equal(what, w.find(w.p, attr, value), want)
	}
	is("userName", directory.AttrUserName, "u", u.ID)
	is("externalId", directory.AttrExternalID, "x-u", u.ID)
	is("work e-mail", directory.AttrWorkEmail, "u@example.com", u.ID)
	is("manager", directory.AttrManager, string(boss.ScimID), u.ID)
	is("externalId is case-sensitive", directory.AttrExternalID, "X-u")
	is("a value under another attribute", directory.AttrWorkEmail, "x-u")

	u = w.update(u, func(u *directory.User) {
		u.UserName, u.ExternalID, u.Manager = "u2", "x-2", "text"
		u.Lookups = []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: "2@example.com"}}
	})
	is("old userName", directory.AttrUserName, "u")
	is("old externalId", directory.AttrExternalID, "x-u")
	is("old work e-mail", directory.AttrWorkEmail, "u@example.com")
	is("old manager", directory.AttrManager, string(boss.ScimID))
	is("new userName", directory.AttrUserName, "u2", u.ID)
	is("new externalId", directory.AttrExternalID, "x-2", u.ID)
	is("new work e-mail", directory.AttrWorkEmail, "2@example.com", u.ID)
	is("new manager", directory.AttrManager, "text", u.ID)

	w.remove(u)
	is("userName of a removed user", directory.AttrUserName, "u2")
	is("externalId of a removed user", directory.AttrExternalID, "x-2")
	is("work e-mail of a removed user", directory.AttrWorkEmail, "2@example.com")
	is("manager of a removed user", directory.AttrManager, "text")
}

// emailIsName: of an e-mail that is the userName no look-up need be stored, however the two came to be equal.
func emailIsName(w *world) {
	const a, b = "a@example.com", "b@example.com"
	mail := func(v string) []directory.Lookup {
		return []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: v}}
	}
	u := w.user(w.p, "A@example.com", func(u *directory.User) { u.Lookups = mail(a) })
	other := w.user(w.p, b, func(u *directory.User) { u.Lookups = mail(a) })
	both := []directory.UserID{min(u.ID, other.ID), max(u.ID, other.ID)}
	is := func(what, value string, want ...directory.UserID) {
		w.Helper()
		w.equal(what, w.find(w.p, directory.AttrWorkEmail, value), want)
	}
	sound := func(what string) { // a check reads everything that there is
		w.Helper()
		w.must(fsck.CheckTenant(w.ctx, w.Ports, fsck.Options{Now: w.now()}, w.tenant, func(f fsck.Finding) {
			if f.Kind == fsck.LookUp {
				w.Errorf("%s: %s", what, f)
			}
		}))
	}
	is("by name and by look-up", a, both...)
	sound("by name and by look-up")
	is("a userName that is not the e-mail", b)
	vs, err := w.Users.FindUsers(w.ctx, w.tenant, w.p, mail(a)[0], 1, directory.UserWant{}, nil)
	w.must(err)
	if len(vs) != 1 || vs[0].ID != both[0] {
		w.Errorf("with limit 1: %d users, want the first one", len(vs))
	}
	w.equal("of another provider", w.find(w.provider("Other"), directory.AttrWorkEmail, a), nil)

	u = w.update(u, func(u *directory.User) { u.UserName = "c@example.com" })
	is("after the userName changed", a, both...)
	u = w.update(u, func(u *directory.User) { u.UserName = a })
	is("after it changed back", a, both...)
	sound("after it changed back")
	u = w.update(u, func(u *directory.User) { u.Lookups = mail("d@example.com") })
	is("after the e-mail changed", a, other.ID)
	is("the new e-mail", "d@example.com", u.ID)
	sound("the new e-mail")
	u = w.update(u, func(u *directory.User) { u.Lookups = mail(a) })
	is("after that changed back", a, both...)
	w.must(w.index(u))
	is("after the look-ups were replaced", a, other.ID)
	u = w.mustByID(u.ID).User
	w.must(w.index(u, mail(a)...))
	is("and once more", a, both...)
	w.remove(w.mustByID(u.ID).User)
	is("after one was removed", a, other.ID)
	sound("after one was removed")
	u = w.user(w.p, "e@example.com", func(u *directory.User) { u.Lookups = mail("e@example.com") })
	u = w.update(u, func(u *directory.User) { u.UserName = "f@example.com" })
	w.remove(w.update(u, func(u *directory.User) { u.UserName = "e@example.com" }))
	sound("after one was removed whose userName was changed and changed back")
}

// emailIsNameRace: whoever looks for the e-mail finds the user at every moment.
func emailIsNameRace(w *world) {
	const mail = "a@example.com"
	u := w.user(w.p, mail, func(u *directory.User) { u.Lookups = []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: mail}} })
	w.must(errors.Join(race(5, func(i int) error {
		for k := range 10 {
			if i == 0 {
				_, err := w.tryUpdate(u, directory.UserUpdated, func(u *directory.User) { u.UserName = []string{"b@example.com", mail}[k%2] })
				if err != nil {
					return err
				}
				continue
			}
			if got := w.find(w.p, directory.AttrWorkEmail, mail); len(got) != 1 {
				return fmt.Errorf("found %v, want one user", got)
			}
		}
		return nil
	})...))
}

func lookupLimit(w *world) {
	same := func(u *directory.User) { u.ExternalID = "same" }
	var want []directory.UserID
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		want = append(want, w.user(w.p, name, same).ID)
	}
	slices.Sort(want)
	w.equal("all with one externalId", w.find(w.p, directory.AttrExternalID, "same"), want)
	vs, err := w.Users.FindUsers(w.ctx, w.tenant, w.p, directory.Lookup{Attr: directory.AttrExternalID, Value: "same"}, 2,
		directory.UserWant{}, nil)
	w.must(err)
	if len(vs) != 2 || vs[0].ID != want[0] || vs[1].ID != want[1] {
		w.Errorf("with limit 2: got %d users, want the first two of %v", len(vs), want)
	}
}

func userVersions(w *world) {
	u := w.user(w.p, "u")
	for range 5 {
		before := u
		u = w.update(u, func(u *directory.User) { u.Active = !u.Active })
		if u.Version != before.Version+1 {
			w.Errorf("the version changed from %d to %d", before.Version, u.Version)
		}
		w.equal("stored", w.mustReadUser(u).User, u)
	}
}

func nilEntryUser(w *world) {
	u := w.user(w.p, "u")
	got, err := w.Users.UpdateUser(w.ctx, w.tenant, u,
		func(old directory.User) (directory.User, *directory.LogEntry, error) { return old, nil, nil })
	w.must(err)
	w.equal("answer", got, u)
	w.equal("stored", w.mustReadUser(u).User, u)
	if es := w.log(directory.LogQuery{User: u.ID}); len(es) != 1 {
		w.Errorf("entries: got %d, want only the one of the creation", len(es))
	}
}

func callerError(w *world) {
	u := w.user(w.p, "u")
	mine := directory.Errorf(directory.Forbidden, "mine")
	_, err := w.Users.UpdateUser(w.ctx, w.tenant, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		old.UserName = "changed"
		e := w.userEntry(directory.UserUpdated, old)
		return old, &e, mine
	})
	w.sameError("UpdateUser", err, mine)
	_, err = w.Users.CreateUser(w.ctx, w.tenant, w.p, nil, func(directory.Provider) (directory.User, directory.LogEntry, error) {
		v := w.newUser(w.p, "v")
		return v, w.userEntry(directory.UserCreated, v), mine
	})
	w.sameError("CreateUser", err, mine)
	w.equal("stored", w.mustReadUser(u).User, u)
	w.equal("not created", w.find(w.p, directory.AttrUserName, "v"), nil)
	if es := w.log(directory.LogQuery{Provider: w.p}); len(es) != 1 {
		w.Errorf("entries: got %d, want 1", len(es))
	}
}

// callerPanic: a server recovers from the panic of one request and continues with the others.
func callerPanic(w *world) {
	u, g := w.user(w.p, "u"), w.group(w.p, "g")
	panics := func(call func()) {
		defer func() {
			if recover() == nil {
				w.Error("the panic was swallowed")
			}
		}()
		call()
	}
	panics(func() { _, _ = w.tryUpdate(u, directory.UserUpdated, func(*directory.User) { panic("update") }) })
	panics(func() { _, _ = w.editGroup(g, func(*directory.GroupProfile) { panic("update") }) })
	panics(func() {
		_, _ = w.Users.CreateUser(w.ctx, w.tenant, w.p, func(directory.Provider) error { panic("admit") }, nil)
	})
	w.equal("stored", w.mustReadUser(u).User, u)
	w.update(u, func(u *directory.User) { u.Active = false })
	w.members(g, []directory.ScimID{u.ScimID}, nil)
}

func (w *world) sameError(what string, got, want error) {
	w.Helper()
	if got != want { //nolint:errorlint // the caller's own error is returned unwrapped
		w.Errorf("%s: got error %v, want exactly the caller's own: %v", what, got, want)
	}
}

func staleUser(w *world) {
	first := w.user(w.p, "u")
	second := w.update(first, func(u *directory.User) { u.ExternalID = "second" })
	var seen []int64
	third, err := w.tryUpdate(first, directory.UserUpdated, func(u *directory.User) {
		seen = append(seen, u.Version) // the stale one first if the store checks last
		u.Manager = "m"
	})
	w.must(err)
	if third.Version != 3 || third.ExternalID != second.ExternalID || seen[len(seen)-1] != 2 {
		w.Errorf("update of a stale copy: got %+v after update was called with versions %v", third, seen)
	}
	// A caller that knows only the id gets the current user, in any home.
	got, err := w.tryUpdate(directory.User{ID: first.ID}, directory.UserUpdated, func(u *directory.User) { u.Manager = "n" })
	w.must(err)
	third.Version, third.Manager, third.Modified = 4, "n", got.Modified
	w.equal("update by id alone", w.mustReadUser(first).User, third)
	// A copy from another home leads to the user in its current home.
	removed := w.remove(got)
	purged, err := w.tryUpdate(got, directory.UserUpdated, func(u *directory.User) { u.Lifecycle = directory.LifecyclePurged })
	w.must(err)
	if purged.Version != removed.Version+1 || !purged.Removed() {
		w.Errorf("update of a user removed meanwhile: got %+v", purged)
	}
}

func (x intruder) userByIDRow() {
	for _, u := range []directory.User{x.v.u, x.v.removed, x.v.local} {
		_, err := x.Users.UserByID(x.ctx, x.tenant, u.ID)
		x.notFound("UserByID", err)
	}
}

func (x intruder) userIDsRow() {
	for _, key := range append(x.v.u.AllLookups(), directory.Lookup{Attr: directory.AttrManager, Value: x.v.u.Manager}) {
		for _, p := range []directory.ProviderID{x.v.p, x.p} {
			ids, err := x.Users.UserIDs(x.ctx, x.tenant, p, key, 10)
			x.empty("UserIDs", len(ids), err)
		}
	}
}

func (x intruder) usersRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Users.ReadUser": func() {
			for _, p := range []directory.ProviderID{v.p, x.p} {
				_, err := x.Users.ReadUser(ctx, t, p, v.u.ScimID, directory.UserWant{Groups: true}, nil)
				x.notFound("ReadUser", err)
			}
			_, err := x.Users.ReadUser(ctx, t, v.p, v.u.ScimID, directory.UserWant{}, x.stranger)
			x.notFound("ReadUser", err)
		},
		"Users.FindUsers": func() {
			for _, key := range append(v.u.AllLookups(), directory.Lookup{Attr: directory.AttrUserName, Value: v.u.UserName},
				directory.Lookup{Attr: directory.AttrManager, Value: v.u.Manager}) {
				for _, p := range []directory.ProviderID{v.p, x.p} {
					vs, err := x.Users.FindUsers(ctx, t, p, key, 10, directory.UserWant{}, nil)
					x.empty("FindUsers", len(vs), err)
				}
			}
		},
		"Users.UserIDs":      x.userIDsRow,
		"Users.PresentUsers": x.presentUsersRow,
		"Users.ListUsers": func() {
			for _, page := range []directory.Page{{Start: 1, Count: 10}, {Start: 2, Count: 1}, {ByCursor: true, Count: 10}} {
				got, err := x.Users.ListUsers(ctx, t, v.p, page, directory.UserWant{}, x.stranger)
				x.empty("ListUsers", len(got.Users)+got.Total, err)
			}
		},
		"Users.MemberUsers": func() {
			for _, p := range []directory.ProviderID{v.p, x.p} {
				got, err := x.Users.MemberUsers(ctx, t, p, v.g.ID, directory.Page{Count: 10}, directory.UserWant{}, nil)
				x.empty("MemberUsers", len(got.Users)+got.Total, err)
			}
		},
		"Users.CreateUser": func() {
			_, err := x.Users.CreateUser(ctx, t, v.p, x.stranger, func(p directory.Provider) (directory.User, directory.LogEntry, error) {
				x.equal("the provider passed to create", p, directory.Provider{})
				return directory.User{}, directory.LogEntry{}, directory.Errorf(directory.Forbidden, "seen")
			})
			x.wantKind("CreateUser", err, directory.Forbidden)
		},
		"Users.UpdateUser": func() {
			for _, u := range []directory.User{v.u, v.removed, v.local} {
				_, err := x.tryUpdate(u, directory.UserUpdated, func(u *directory.User) { u.ExternalID = "stolen" })
				x.notFound("UpdateUser", err)
			}
		},
		"Users.IndexUser": func() {
			for _, u := range []directory.User{v.u, v.removed, v.local} {
				x.notFound("IndexUser", x.index(u, directory.Lookup{Attr: badge, Value: "stolen"}))
			}
		},
		"Users.RekeyUser":   x.rekeyUser,
		"Users.UserByID":    x.userByIDRow,
		"Users.SearchUsers": x.searchUsers,
	}
}

func (x intruder) rekeyUser() {
	for _, u := range []directory.User{x.v.u, x.v.removed, x.v.local} {
		u.UserName += " "
		x.must(x.Users.RekeyUser(x.ctx, x.tenant, u))
	}
}
