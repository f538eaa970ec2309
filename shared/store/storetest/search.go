package storetest

import (
	"errors"
	"fmt"
	"slices"

	"rollcall/shared/directory"
)

var matchingChapter = []promise{
	{"matching/look-ups are replaced without a change of the user", indexUser},
	{"matching/look-ups and changes of a user race", indexRace},
}

const badge = "urn:example:badge:number"

func (w *world) index(u directory.User, keys ...directory.Lookup) error {
	return w.Users.IndexUser(w.ctx, w.tenant, u, func(directory.User) []directory.Lookup { return keys })
}

func indexUser(w *world) {
	u := w.user(w.p, "u")
	mail, one, two := u.Lookups[0], directory.Lookup{Attr: badge, Value: "E 1"}, directory.Lookup{Attr: badge, Value: "e 1"}
	entries := len(w.log(directory.LogQuery{User: u.ID}))
	w.must(w.index(u, mail, one))
	w.equal("by the new look-up", w.find(w.p, badge, "E 1"), []directory.UserID{u.ID})
	w.equal("by the one that stays", w.find(w.p, mail.Attr, mail.Value), []directory.UserID{u.ID})
	indexed := u
	indexed.Lookups = []directory.Lookup{mail, one}
	w.equal("the user", w.mustReadUser(u).User, indexed)
	w.equal("entries", len(w.log(directory.LogQuery{User: u.ID})), entries)

	// A copy from before is outdated: its look-ups are not the stored ones.
	changed := w.update(u, func(u *directory.User) { u.Lookups = []directory.Lookup{mail, two} })
	w.equal("by the replaced look-up", w.find(w.p, badge, "E 1"), nil)
	w.equal("by its successor", w.find(w.p, badge, "e 1"), []directory.UserID{u.ID})
	w.must(w.Users.IndexUser(w.ctx, w.tenant, indexed, func(now directory.User) []directory.Lookup {
		return now.Lookups // of the user read again
	}))
	w.equal("the user after an outdated copy", w.mustReadUser(u).User, changed)

	w.must(w.index(changed, mail))
	w.equal("by the dropped look-up", w.find(w.p, badge, "e 1"), nil)
	w.must(w.index(changed))
	w.equal("without any", w.find(w.p, mail.Attr, mail.Value), nil)
	w.equal("by externalId", w.find(w.p, directory.AttrExternalID, u.ExternalID), []directory.UserID{u.ID})

	removed := w.remove(w.user(w.p, "gone"))
	w.must(w.index(removed, one))
	w.equal("a removed user", w.find(w.p, badge, "E 1"), nil)
	w.wantKind("IndexUser of an unknown id", w.index(directory.User{ID: userID(), Provider: w.p, Version: 1}, one), directory.NotFound)
}

// indexRace lets writers of two kinds meet: each look-up finds the user in the end if and only if the record has it.
func indexRace(w *world) {
	u := w.user(w.p, "u")
	key := func(i int) directory.Lookup { return directory.Lookup{Attr: badge, Value: fmt.Sprint(i)} }
	w.must(errors.Join(race(racers, func(i int) error {
		if i%2 == 0 {
			return w.index(u, key(i))
		}
		_, err := w.tryUpdate(u, directory.UserUpdated, func(u *directory.User) { u.Lookups = []directory.Lookup{key(i)} })
		return err
	})...))
	got := w.mustReadUser(u).User
	w.equal("version", got.Version, u.Version+racers/2)
	for i := range racers {
		var want []directory.UserID
		if got.Lookups[0] == key(i) {
			want = []directory.UserID{u.ID}
		}
		w.equal(fmt.Sprint("by look-up ", i), w.find(w.p, badge, fmt.Sprint(i)), want)
	}
}

// search reads all pages of a search and returns the sorted ids; it fails if one occurs twice.
func (w *world) search(q directory.UserSearch) []directory.UserID {
	w.Helper()
	if q.Count == 0 {
		q.Count = 100
	}
	var ids []directory.UserID
	for range 1000 {
		us, next, err := w.Users.SearchUsers(w.ctx, w.tenant, q)
		w.must(err)
		if len(us) > q.Count {
			w.Errorf("a page of %d has %d", q.Count, len(us))
		}
		for _, u := range us {
			if slices.Contains(ids, u.ID) {
				w.Errorf("user occurs twice: %s", u.ID)
			}
			ids = append(ids, u.ID)
		}
		if next == "" {
			slices.Sort(ids)
			return ids
		}
		if next == q.After {
			w.Fatalf("the search does not continue from %q", next)
		}
		q.After = next
	}
	w.Fatal("the search does not end")
	return nil
}

func searchUsers(w *world) {
	other := w.provider("Other")
	anna := w.user(w.p, "Anna@example.com")
	ann := w.user(other, "ann@example.com", func(u *directory.User) { u.Active = false })
	local := w.local("annabel")
	removed := w.remove(w.user(w.p, "anne"))
	bob := w.user(w.p, "bob", func(u *directory.User) { u.Manager = "m" })
	w.managersAreNamed()
	is := func(what string, q directory.UserSearch, want ...directory.User) {
		w.Helper()
		ids := make([]directory.UserID, len(want))
		for i, u := range want {
			ids[i] = u.ID
		}
		slices.Sort(ids)
		w.equal(what, w.search(q), ids)
	}
	is("all users", directory.UserSearch{}, anna, ann, local, removed, bob)
	is("beginning of the name, any case", directory.UserSearch{Text: "ANN"}, anna, ann, local, removed)
	is("not the middle of the name", directory.UserSearch{Text: "example"})
	is("a provider", directory.UserSearch{Provider: w.p}, anna, removed, bob)
	is("another provider", directory.UserSearch{Provider: other}, ann)
	is("local ones", directory.UserSearch{Local: true}, local)
	is("removed ones", directory.UserSearch{State: directory.DirectoryRemoved}, removed)
	is("inactive ones", directory.UserSearch{State: directory.DirectoryInactive}, ann)
	is("no directory", directory.UserSearch{State: directory.DirectoryNone}, local)
	is("externalId as a whole", directory.UserSearch{Text: "x-bob"}, bob)
	is("part of an externalId", directory.UserSearch{Text: "x-b"})
	is("work e-mail", directory.UserSearch{Text: "BOB@example.com"}, bob)
	is("all together", directory.UserSearch{Text: "ann", Provider: w.p, State: directory.DirectoryActive}, anna)
}

func searchPages(w *world) {
	other := w.provider("Other")
	var want []directory.UserID
	for _, u := range append(w.users(w.p, 7, "a"), w.users(other, 5, "b")...) {
		want = append(want, u.ID)
	}
	for _, name := range []string{"l1", "l2", "l3"} {
		want = append(want, w.local(name).ID)
	}
	slices.Sort(want)
	for _, n := range []int{1, 2, 3, 15, 16} {
		w.equal("pages together", w.search(directory.UserSearch{Count: n}), want)
	}
}

func presentUsers(w *world) {
	us := w.users(w.p, 120, "u")
	g := w.group(w.p, "g", us[0].ScimID, us[119].ScimID)
	back := w.user(w.p, "back", func(u *directory.User) { u.ScimID = directory.ScimID(userID()) })
	gone, local, foreign := w.remove(us[7]), w.local("local"), w.user(w.provider("other"), "foreign")
	read := func(p directory.ProviderID, ids ...string) map[string]directory.UserView {
		vs, err := w.Users.PresentUsers(w.ctx, w.tenant, p, ids, true)
		w.must(err)
		return vs
	}
	want := map[string]directory.UserView{string(back.ScimID): {User: back}, string(back.ID): {User: back}}
	ids := []string{"", "unknown", string(gone.ID), string(local.ID), string(foreign.ID), string(back.ID), string(back.ScimID)}
	for i, u := range us {
		ids = append(ids, string(u.ID))
		if v := (directory.UserView{User: u}); i != 7 {
			if i == 0 || i == 119 {
				v.Groups = []directory.GroupID{g.ID}
			}
			want[string(u.ID)] = v
		}
	}
	w.equal("users of the provider", read(w.p, ids...), want)
	w.equal("local users", read("", ids...), map[string]directory.UserView{string(local.ID): {User: local}})
	w.equal("no users", read(w.p), map[string]directory.UserView{})
}

func (x intruder) presentUsersRow() {
	for _, p := range []directory.ProviderID{x.v.p, x.p, ""} {
		ids := []string{string(x.v.u.ID), string(x.v.u.ScimID)}
		vs, err := x.Users.PresentUsers(x.ctx, x.tenant, p, ids, true)
		x.empty("PresentUsers", len(vs), err)
	}
}
