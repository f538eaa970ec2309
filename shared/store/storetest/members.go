package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/shared/directory"
)

var memberChapter = []promise{
	{"members/one is added and removed", oneMember},
	{"members/a hundred are added and removed in one change", hundredMembers},
	{"members/all are replaced in one change", replaceMembers},
	{"members/profile and members change together", profileAndMembers},
	{"members/an unknown one refuses the whole change", unknownMember},
	{"members/those who are gone are told from those who never were", missingMembers},
	{"members/groups may be members", memberGroups},
	{"members/a user is shown with its current groups", currentGroups},
	{"members/the users among them are read in pages", memberUsers},
}

// people reads the users among a group's members, in pages of n, and fails unless each has the same total.
func (w *world) people(g directory.GroupID, n int) (ids []directory.ScimID, total int) {
	w.Helper()
	for page := (directory.Page{Count: n}); ; {
		got, err := w.Users.MemberUsers(w.ctx, w.tenant, w.p, g, page, directory.UserWant{Groups: true}, nil)
		w.must(err)
		if total = got.Total; got.More && len(got.Users) == 0 {
			w.Fatal("an empty page in the middle")
		}
		for _, v := range got.Users {
			if ids = append(ids, v.ScimID); !slices.Contains(v.Groups, g) {
				w.Errorf("%s has the groups %v", v.ScimID, v.Groups)
			}
		}
		if !got.More {
			return ids, total
		}
		page.After = string(ids[len(ids)-1])
	}
}

func memberUsers(w *world) {
	us := w.users(w.p, 7, "u")
	back, err := w.tryUpdate(w.remove(us[6]), directory.UserEnabled, restored)
	w.must(err)
	us[6] = back
	ids := slices.Sorted(slices.Values(scimIDs(us)))
	inner := w.group(w.p, "inner", ids[0])
	g := w.group(w.p, "g", append(slices.Clone(ids), directory.ScimID(inner.ID))...)
	is := func(what string, want []directory.ScimID) {
		w.Helper()
		for _, n := range []int{1, 3, 7, 100} {
			got, total := w.people(g.ID, n)
			w.equal(fmt.Sprint(what, ", ", n, " at a time"), got, want)
			w.equal(what+": total", total, len(want))
		}
	}
	is("all", ids)
	none, err := w.Users.MemberUsers(w.ctx, w.tenant, w.p, g.ID, directory.Page{}, directory.UserWant{}, nil)
	w.must(err)
	w.equal("only their number", none, directory.UserPage{Total: 7})
	g = w.members(g, nil, []directory.ScimID{ids[1], directory.ScimID(inner.ID)})
	w.remove(w.mustByID(us[0].ID).User)
	left := slices.DeleteFunc(slices.Clone(ids), func(id directory.ScimID) bool { return id == ids[1] || id == us[0].ScimID })
	is("after some have left", left)
	w.must(w.deleteGroup(g))
	is("of a deleted group", nil)
}

func oneMember(w *world) {
	us := w.users(w.p, 2, "u")
	g := w.group(w.p, "g")
	w.wantMembers("empty", g, nil)
	g = w.members(g, []directory.ScimID{us[0].ScimID}, nil)
	w.equal("answered count", g.MemberCount, 1)
	w.wantMembers("one", g, scimIDs(us[:1]))
	g = w.members(g, []directory.ScimID{us[1].ScimID}, []directory.ScimID{us[0].ScimID})
	w.wantMembers("exchanged", g, scimIDs(us[1:]))
	w.members(g, nil, []directory.ScimID{us[1].ScimID})
	w.wantMembers("empty again", g, nil)
	e := w.log(directory.LogQuery{Group: g.ID})
	w.equal("added, newest first", [][]directory.ScimID{e[0].Added, e[1].Added, e[2].Added, e[3].Added},
		[][]directory.ScimID{nil, {us[1].ScimID}, {us[0].ScimID}, nil})
	w.equal("removed, newest first", [][]directory.ScimID{e[0].Removed, e[1].Removed, e[2].Removed},
		[][]directory.ScimID{{us[1].ScimID}, {us[0].ScimID}, nil})
}

func hundredMembers(w *world) {
	ids := scimIDs(w.users(w.p, 100, "u"))
	g := w.group(w.p, "g")
	g = w.members(g, ids, nil)
	w.equal("answered count", g.MemberCount, 100)
	w.wantMembers("added", g, ids)
	created := w.group(w.p, "created", ids...)
	w.equal("answered count of a new group", created.MemberCount, 100)
	w.wantMembers("created with them", created, ids)
	version := g.Version
	g = w.members(g, nil, ids[:99])
	if g.Version <= version {
		w.Errorf("the version is still %d", g.Version)
	}
	w.wantMembers("removed", g, ids[99:])
	w.must(w.deleteGroup(created))
	w.wantMembers("after another group was deleted", g, ids[99:])
	es := w.log(directory.LogQuery{Group: g.ID})
	for i, n := range []int{99, 100} {
		if got := len(es[i].Added) + len(es[i].Removed); got != n {
			w.Errorf("entry %d from the newest has %d members, want %d", i, got, n)
		}
	}
}

func replaceMembers(w *world) {
	ids := scimIDs(w.users(w.p, 130, "u"))
	g := w.group(w.p, "g", ids[:70]...)
	want := directory.GroupWant{AllMembers: true}
	old, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g.ID, want, nil)
	w.must(err)
	g, err = w.Groups.UpdateGroup(w.ctx, w.tenant, old, want, func(old directory.GroupView) (directory.GroupChange, error) {
		e := w.groupEntry(directory.MembersChanged, old.Group)
		e.Added, e.Removed = ids[70:], slices.Sorted(slices.Values(ids[:60]))
		return directory.GroupChange{GroupProfile: old.GroupProfile, Add: e.Added, Remove: e.Removed, Entry: &e}, nil
	})
	w.must(err)
	w.equal("answered count", g.MemberCount, 70)
	w.wantMembers("replaced", g, ids[60:])
	e := w.log(directory.LogQuery{Group: g.ID})[0]
	w.equal("added", slices.Sorted(slices.Values(e.Added)), slices.Sorted(slices.Values(ids[70:])))
	w.equal("removed", slices.Sorted(slices.Values(e.Removed)), slices.Sorted(slices.Values(ids[:60])))
}

func profileAndMembers(w *world) {
	ids := scimIDs(w.users(w.p, 60, "u"))
	g := w.group(w.p, "g")
	for i, n := range []int{1, 59} { // in one transaction, and in more
		before := g
		view := directory.GroupView{Group: g}
		var err error
		rename := func(old directory.GroupView) (directory.GroupChange, error) {
			e := w.groupEntry(directory.GroupUpdated, old.Group)
			e.Added = ids[i : i+n]
			return directory.GroupChange{
				GroupProfile: directory.GroupProfile{DisplayName: fmt.Sprint("name", i), ExternalID: "e", Attributes: []byte(`{}`)}, Add: e.Added,
				Entry: &e,
			}, nil
		}
		g, err = w.known(w.Groups.UpdateGroup(w.ctx, w.tenant, view, directory.GroupWant{}, rename))
		w.must(err)
		if g.Version <= before.Version {
			w.Errorf("the version is still %d", g.Version)
		}
		w.equal("profile", w.readGroup(w.p, g.ID).GroupProfile,
			directory.GroupProfile{DisplayName: fmt.Sprint("name", i), ExternalID: "e", Attributes: []byte(`{}`)})
		w.wantMembers("members", g, ids[:i+n])
		w.equal("old name", w.findGroups(w.p, directory.AttrDisplayName, before.DisplayName), nil)
	}
	// A taken name refuses the members as well.
	w.group(w.p, "taken")
	for _, n := range []int{1, 59} {
		_, err := w.Groups.UpdateGroup(w.ctx, w.tenant, directory.GroupView{Group: g}, directory.GroupWant{},
			func(old directory.GroupView) (directory.GroupChange, error) {
				e := w.groupEntry(directory.GroupUpdated, old.Group)
				e.Removed = ids[:n]
				return directory.GroupChange{GroupProfile: directory.GroupProfile{DisplayName: "Taken"}, Remove: e.Removed, Entry: &e}, nil
			})
		if err == nil {
			w.Error("a taken displayName was accepted")
		}
		w.equal("after the refusal", w.readGroup(w.p, g.ID).Group, g)
		w.wantMembers("after the refusal", g, ids)
	}
}

func missingMembers(w *world) {
	other := w.provider("Other")
	there, thereGroup := w.user(w.p, "there"), w.group(w.p, "there")
	removed, localized := w.remove(w.user(w.p, "removed")), w.user(w.p, "localized")
	w.update(localized, func(u *directory.User) { u.Provider, u.ScimID = "", "" })
	restored := w.remove(w.user(w.p, "restored"))
	w.update(restored, func(u *directory.User) { u.RemovedAt, u.ScimID = time.Time{}, directory.ScimID(userID()) })
	gone := w.group(w.p, "gone", there.ScimID)
	w.must(w.deleteGroup(gone))
	former := []directory.ScimID{removed.ScimID, localized.ScimID, restored.ScimID, directory.ScimID(gone.ID)}
	unknown := []directory.ScimID{directory.ScimID(userID()), directory.ScimID(groupID()), w.user(other, "foreign").ScimID,
		directory.ScimID(w.group(other, "foreign").ID), "nobody"}
	asked := slices.Concat(former, []directory.ScimID{there.ScimID, directory.ScimID(thereGroup.ID)}, unknown)
	gotFormer, gotUnknown, err := w.Groups.MissingMembers(w.ctx, w.tenant, w.p, asked)
	w.must(err)
	w.equal("former ids", gotFormer, former)
	w.equal("unknown ids", gotUnknown, unknown)
	gotFormer, gotUnknown, err = w.Groups.MissingMembers(w.ctx, w.tenant, other, former)
	w.must(err)
	w.equal("another provider's former ids", len(gotFormer), 0)
	w.equal("another provider's former ids, unknown", gotUnknown, former)
}

func unknownMember(w *world) {
	other := w.provider("Other")
	ids := scimIDs(w.users(w.p, 60, "u"))
	removed := w.remove(w.user(w.p, "removed"))
	g := w.group(w.p, "g", ids[0])
	groups := w.total(w.p, true)
	strangers := map[string]directory.ScimID{
		"an unknown user":           directory.ScimID(userID()),
		"an unknown group":          directory.ScimID(groupID()),
		"a removed user":            removed.ScimID,
		"another provider's user":   w.user(other, "foreign").ScimID,
		"another provider's group":  directory.ScimID(w.group(other, "foreign").ID),
		"a local user":              directory.ScimID(w.local("local").ID),
		"a user's id with a letter": ids[1][:25] + "w",
	}
	for what, stranger := range strangers {
		for _, n := range []int{1, 55} { // in one transaction, and in more
			add := append(slices.Clone(ids[1:1+n]), stranger)
			_, err := w.tryMembers(g, add, ids[:1])
			w.wantKind("adding "+what, err, directory.Invalid)
			_, err = w.tryGroup(w.newGroup(w.p, "new"), add...)
			w.wantKind("creating with "+what, err, directory.Invalid)
		}
		w.wantMembers("after "+what, g, ids[:1])
		w.equal("after "+what, w.readGroup(w.p, g.ID).Group, g)
	}
	w.equal("groups", w.total(w.p, true), groups)
	w.equal("the refused group", w.findGroups(w.p, directory.AttrDisplayName, "new"), nil)
	w.equal("groups of a refused member", w.mustByID(directory.UserID(ids[2])).Groups, nil)
	if es := w.log(directory.LogQuery{Group: g.ID}); len(es) != 1 {
		w.Errorf("entries: got %d, want 1", len(es))
	}
}

func memberGroups(w *world) {
	u := w.user(w.p, "u")
	inner, second := w.group(w.p, "inner", u.ScimID), w.group(w.p, "second")
	outer := w.group(w.p, "outer", directory.ScimID(inner.ID), u.ScimID)
	w.wantMembers("created with a group", outer, []directory.ScimID{directory.ScimID(inner.ID), u.ScimID})
	w.must(w.nest(outer, second))
	w.must(w.nest(inner, second))
	w.wantMembers("with two", outer, []directory.ScimID{directory.ScimID(inner.ID), directory.ScimID(second.ID), u.ScimID})
	w.members(outer, nil, []directory.ScimID{directory.ScimID(inner.ID)})
	w.must(w.nest(inner, outer)) // no longer a ring
	w.wantMembers("nested the other way", inner, []directory.ScimID{directory.ScimID(outer.ID), directory.ScimID(second.ID), u.ScimID})
	w.must(w.deleteGroup(second))
	w.wantMembers("after deletion", outer, []directory.ScimID{u.ScimID})
	w.wantMembers("after deletion", inner, []directory.ScimID{directory.ScimID(outer.ID), u.ScimID})
}

// currentGroups reads a user after each change of its groups: no answer may be from before.
func currentGroups(w *world) {
	u := w.user(w.p, "u")
	is := func(what string, want ...directory.GroupID) {
		w.Helper()
		w.equal(what, w.mustReadUser(u).Groups, want)
	}
	is("alone")
	g := w.group(w.p, "g", u.ScimID)
	is("in a new group", g.ID)
	h := w.members(w.group(w.p, "h"), []directory.ScimID{u.ScimID}, nil)
	is("added to another", slices.Sorted(slices.Values([]directory.GroupID{g.ID, h.ID}))...)
	w.members(g, nil, []directory.ScimID{u.ScimID})
	is("removed from the first", h.ID)
	w.must(w.deleteGroup(h))
	is("after the other was deleted")
}

// manyUsers creates n users with several workers.
func (w *world) manyUsers(n int) []directory.ScimID {
	w.Helper()
	us := make([]directory.User, n)
	for i := range us {
		us[i] = directory.User{ID: userID(), Provider: w.p, Profile: directory.Profile{UserName: fmt.Sprint("many", i), Active: true},
			Version: 1, Created: w.now(), Modified: w.now()}
		us[i].ScimID = directory.ScimID(us[i].ID)
	}
	const workers = 8
	w.must(errors.Join(race(workers, func(worker int) error {
		for i := worker; i < n; i += workers {
			if err := again(func() error { return w.create(us[i]) }); err != nil {
				return err
			}
		}
		return nil
	})...))
	return scimIDs(us)
}

// largeGroup changes and reads n members, and one member more, which at the limit is too many.
func largeGroup(w *world, n int) {
	ids := w.manyUsers(n + 1)
	slices.Sort(ids)
	w.wantTotals("users", w.p, n+1, 0)
	w.wantUsers(ids)

	g := w.group(w.p, "g", ids[:n]...)
	w.wantLarge("created with all but one", g, ids[:n])
	small := w.group(w.p, "small", ids[n])
	w.tooMany("two groups with all members", n, func(want directory.GroupWant) error {
		_, err := w.Groups.ListGroups(w.ctx, w.tenant, w.p, directory.Page{Start: 1, Count: 10}, want, nil)
		return err
	})
	g = w.members(g, ids[n:], nil)
	w.equal("count", g.MemberCount, n+1)
	w.equal("by page", w.memberPages(g, 1000), ids)
	w.tooMany("ReadGroup", n, func(want directory.GroupWant) error {
		_, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g.ID, want, nil)
		return err
	})
	w.tooMany("FindGroups", n, func(want directory.GroupWant) error {
		_, err := w.Groups.FindGroups(w.ctx, w.tenant, w.p, directory.Lookup{Attr: directory.AttrExternalID, Value: g.ExternalID}, 1, want, nil)
		return err
	})
	w.must(w.deleteGroup(small))
	g = w.largeAndSmall(g, ids)

	_, err := w.tryMembers(g, append(slices.Clone(ids[20:n]), directory.ScimID(userID())), nil)
	w.wantKind("many with an unknown one", err, directory.Invalid)
	w.wantLarge("after the refusal", g, ids[:20])
	g = w.members(g, ids[20:n], ids[:20])
	w.wantLarge("many exchanged for 20", g, ids[20:n])
	w.must(w.deleteGroup(g))
	w.wantTotals("after deletion", w.p, n+1, 0)
	for _, id := range []directory.ScimID{ids[0], ids[n/2], ids[n-1]} {
		w.equal("groups of a former member", w.mustByID(directory.UserID(id)).Groups, nil)
	}
}

// largeAndSmall removes all members from ids[20] on in one change while ten others are added one by one.
func (w *world) largeAndSmall(g directory.Group, ids []directory.ScimID) directory.Group {
	w.Helper()
	w.members(g, nil, ids[10:20])
	var wg sync.WaitGroup
	errs := make([]error, 11)
	for i := range 10 {
		wg.Go(func() {
			errs[i] = again(func() error {
				_, err := w.tryMembers(g, []directory.ScimID{ids[10+i]}, nil)
				return err
			})
		})
	}
	wg.Go(func() {
		errs[10] = again(func() error {
			_, err := w.tryMembers(g, nil, ids[20:])
			return err
		})
	})
	wg.Wait()
	w.must(errors.Join(errs...))
	w.wantLarge("after large and small changes", g, ids[:20])
	return w.readGroup(w.p, g.ID).Group
}

func (w *world) wantLarge(what string, g directory.Group, want []directory.ScimID) {
	w.Helper()
	v := w.readGroup(w.p, g.ID)
	if v.MemberCount != len(want) || !slices.Equal(v.Members, want) || len(v.Present) != len(want) {
		w.Fatalf("%s: count %d, %d members, %d present, want the %d given", what, v.MemberCount, len(v.Members), len(v.Present), len(want))
	}
	for _, i := range []int{0, len(want) / 2, len(want) - 1} {
		w.equal(what+": groups of a member", w.mustByID(directory.UserID(want[i])).Groups, []directory.GroupID{g.ID})
	}
}

// tooMany reads the groups of largeGroup with all their members, one more than n: too many where n is the limit.
func (w *world) tooMany(what string, n int, read func(directory.GroupWant) error) {
	w.Helper()
	if err := read(directory.GroupWant{AllMembers: true}); n == directory.MaxMemberChange {
		w.wantKind(what, err, directory.TooMany)
	} else {
		w.must(err)
	}
	w.must(read(directory.GroupWant{}))
}
