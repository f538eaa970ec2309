package storetest

import (
	"fmt"
	"maps"
	"slices"

	"rollcall/shared/directory"
)

var groupChapter = []promise{
	{"groups/every field is kept", everyGroupField},
	{"groups/unknown ones are NotFound", unknownGroups},
	{"groups/look-ups find a group, follow its changes and end with it", groupLookups},
	{"groups/versions grow with every change", groupVersions},
	{"groups/nil entry writes nothing", nilEntryGroup},
	{"groups/an error of the caller writes nothing", groupCallerError},
	{"groups/a stale copy is read again", staleGroup},
	{"groups/ancestors are all groups above", ancestors},
	{"groups/ancestors read before another group changed are read again", staleAncestors},
	{"groups/deletion cleans both directions", deleteGroup},
	{"groups/deletion calls its caller with the newest copy", deleteStaleGroup},
}

func (w *world) editGroup(g directory.Group, edit func(*directory.GroupProfile)) (directory.Group, error) {
	return w.known(w.Groups.UpdateGroup(w.ctx, w.tenant, directory.GroupView{Group: g}, directory.GroupWant{},
		func(old directory.GroupView) (directory.GroupChange, error) {
			e := w.groupEntry(directory.GroupUpdated, old.Group)
			ch := directory.GroupChange{GroupProfile: old.GroupProfile, Entry: &e}
			edit(&ch.GroupProfile)
			return ch, nil
		}))
}

// known returns a group after a change with its version, which the store may not know.
func (w *world) known(g directory.Group, err error) (directory.Group, error) {
	if err != nil || g.Version != 0 {
		return g, err
	}
	v, err := w.Groups.ReadGroup(w.ctx, w.tenant, g.Provider, g.ID, directory.GroupWant{}, nil)
	g.Version = v.Version
	return g, err
}

func (w *world) deleteGroup(g directory.Group) error {
	return w.Groups.DeleteGroup(w.ctx, w.tenant, g, func(old directory.Group) (directory.LogEntry, error) {
		return w.groupEntry(directory.GroupDeleted, old), nil
	})
}

func (w *world) findGroups(p directory.ProviderID, attr, value string) []directory.GroupID {
	w.Helper()
	vs, err := w.Groups.FindGroups(w.ctx, w.tenant, p, directory.Lookup{Attr: attr, Value: value}, 200, directory.GroupWant{}, nil)
	w.must(err)
	ids := make([]directory.GroupID, len(vs))
	for i, v := range vs {
		ids[i] = v.ID
	}
	return ids
}

// nest makes inner a member of outer, unless inner contains outer.
func (w *world) nest(outer, inner directory.Group) error {
	want := directory.GroupWant{Ancestors: true, Named: []directory.ScimID{directory.ScimID(inner.ID)}}
	old, err := w.Groups.ReadGroup(w.ctx, w.tenant, outer.Provider, outer.ID, want, nil)
	if err != nil {
		return err
	}
	return w.nestView(old, want, inner)
}

func (w *world) nestView(old directory.GroupView, want directory.GroupWant, inner directory.Group) error {
	_, err := w.Groups.UpdateGroup(w.ctx, w.tenant, old, want, func(old directory.GroupView) (directory.GroupChange, error) {
		if old.Ancestors[inner.ID] {
			return directory.GroupChange{}, directory.Errorf(directory.Invalid, "cycle")
		}
		e := w.groupEntry(directory.MembersChanged, old.Group)
		e.Added = []directory.ScimID{directory.ScimID(inner.ID)}
		return directory.GroupChange{GroupProfile: old.GroupProfile, Add: e.Added, Entry: &e}, nil
	})
	return err
}

// wantMembers checks a group's members in every way they can be read: all together, by page, by name, by count, and
// from the member's side.
func (w *world) wantMembers(what string, g directory.Group, want []directory.ScimID) {
	w.Helper()
	want = slices.Sorted(slices.Values(want))
	v := w.readGroup(g.Provider, g.ID)
	w.equal(what+": all members", v.Members, want)
	if v.MemberCount != len(want) {
		w.Errorf("%s: count is %d, want %d", what, v.MemberCount, len(want))
	}
	present := map[directory.ScimID]bool{}
	for _, m := range want {
		present[m] = true
	}
	w.equal(what+": present", v.Present, present)
	w.equal(what+": by page", w.memberPages(g, 7), want)
	stranger := directory.ScimID(userID())
	named, err := w.Groups.ReadGroup(w.ctx, w.tenant, g.Provider, g.ID,
		directory.GroupWant{Named: append([]directory.ScimID{stranger}, want...)}, nil)
	w.must(err)
	w.equal(what+": by name", named.Present, present)
	for _, m := range want {
		if m.IsUser() {
			u, err := w.readUser(g.Provider, m)
			w.must(err)
			if !slices.Contains(u.Groups, g.ID) {
				w.Errorf("%s: member %s is not shown with the group", what, m)
			}
		}
		if !slices.Contains(w.findGroups(g.Provider, directory.AttrMember, string(m)), g.ID) {
			w.Errorf("%s: the group is not found by member %s", what, m)
		}
	}
}

// memberPages reads a group's members page by page.
func (w *world) memberPages(g directory.Group, count int) (all []directory.ScimID) {
	w.Helper()
	after := directory.ScimID("")
	for {
		ms, err := w.Groups.Members(w.ctx, w.tenant, g.Provider, g.ID, after, count)
		w.must(err)
		all = append(all, ms...)
		if len(ms) < count {
			return all
		}
		after = ms[len(ms)-1]
	}
}

func everyGroupField(w *world) {
	u := w.user(w.p, "u")
	g := w.newGroup(w.p, "Ärzte <1>")
	g.Version = 5
	got, err := w.tryGroup(g, u.ScimID)
	w.must(err)
	g.MemberCount = 1
	w.equal("CreateGroup", got, g)
	w.equal("ReadGroup", w.readGroup(w.p, g.ID).Group, g)

	got, err = w.editGroup(g, func(p *directory.GroupProfile) {
		*p = directory.GroupProfile{DisplayName: "two", ExternalID: "x2", Attributes: []byte(`{"a":[1,2]}`)}
	})
	w.must(err)
	g.GroupProfile = directory.GroupProfile{DisplayName: "two", ExternalID: "x2", Attributes: []byte(`{"a":[1,2]}`)}
	if got.Version <= g.Version || !got.Modified.After(g.Modified) {
		w.Errorf("after a change: version %d, modified %v; before: %d, %v", got.Version, got.Modified, g.Version, g.Modified)
	}
	g.Version, g.Modified = got.Version, got.Modified
	w.equal("UpdateGroup", got, g)
	w.equal("ReadGroup after a change", w.readGroup(w.p, g.ID).Group, g)

	got, err = w.editGroup(g, func(p *directory.GroupProfile) { *p = directory.GroupProfile{DisplayName: "two"} })
	w.must(err)
	w.equal("ReadGroup after everything was unassigned", w.readGroup(w.p, g.ID).GroupProfile, directory.GroupProfile{DisplayName: "two"})
	w.equal("the answer", w.readGroup(w.p, g.ID).Group, got)
}

func unknownGroups(w *world) {
	u := w.user(w.p, "u")
	for _, id := range []directory.GroupID{groupID(), "", directory.GroupID(u.ID)} {
		_, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, id, directory.GroupWant{AllMembers: true, Ancestors: true}, nil)
		w.wantKind("ReadGroup", err, directory.NotFound)
		_, err = w.Groups.Members(w.ctx, w.tenant, w.p, id, "", 10)
		w.wantKind("Members", err, directory.NotFound)
		_, err = w.editGroup(directory.Group{ID: id, Provider: w.p, Version: 1}, func(p *directory.GroupProfile) { p.DisplayName = "x" })
		w.wantKind("UpdateGroup", err, directory.NotFound)
		w.wantKind("DeleteGroup", w.deleteGroup(directory.Group{ID: id, Provider: w.p, Version: 1}), directory.NotFound)
	}
	w.wantTotals("after all that", w.p, 1, 0)
	if es := w.log(directory.LogQuery{Provider: w.p}); len(es) != 1 {
		w.Errorf("entries: got %d, want 1", len(es))
	}
}

func groupLookups(w *world) {
	u := w.user(w.p, "u")
	a, b := w.group(w.p, "a", u.ScimID), w.group(w.p, "b", u.ScimID)
	inner := w.group(w.p, "inner")
	w.members(a, []directory.ScimID{directory.ScimID(inner.ID)}, nil)
	both := []directory.GroupID{min(a.ID, b.ID), max(a.ID, b.ID)}
	is := func(what, attr, value string, want ...directory.GroupID) {
		w.Helper()
		w.equal(what, w.findGroups(w.p, attr, value), want)
	}
	is("displayName", directory.AttrDisplayName, "a", a.ID)
	is("externalId", directory.AttrExternalID, "x-b", b.ID)
	is("member", directory.AttrMember, string(u.ScimID), both...)
	is("member group", directory.AttrMember, string(inner.ID), a.ID)
	is("an unknown member", directory.AttrMember, string(userID()))
	is("empty externalId", directory.AttrExternalID, "")

	vs, err := w.Groups.FindGroups(w.ctx, w.tenant, w.p, directory.Lookup{Attr: directory.AttrMember, Value: string(u.ScimID)}, 1,
		directory.GroupWant{AllMembers: true}, nil)
	w.must(err)
	w.equal("limit and members", vs, []directory.GroupView{w.readGroup(w.p, both[0])})
	vs, err = w.Groups.FindGroups(w.ctx, w.tenant, w.p, directory.Lookup{Attr: directory.AttrDisplayName, Value: "inner"}, 1,
		directory.GroupWant{Ancestors: true, Named: []directory.ScimID{u.ScimID}}, nil)
	w.must(err)
	w.equal("ancestors", vs[0].Ancestors, map[directory.GroupID]bool{a.ID: true})
	w.equal("named", vs[0].Present, map[directory.ScimID]bool{})

	_, err = w.editGroup(b, func(p *directory.GroupProfile) { p.DisplayName, p.ExternalID = "c", "x-a" })
	w.must(err)
	is("old displayName", directory.AttrDisplayName, "b")
	is("new displayName", directory.AttrDisplayName, "c", b.ID)
	is("old externalId", directory.AttrExternalID, "x-b")
	is("shared externalId", directory.AttrExternalID, "x-a", both...)
	w.must(w.deleteGroup(b))
	is("displayName of a deleted group", directory.AttrDisplayName, "c")
	is("externalId of a deleted group", directory.AttrExternalID, "x-a", a.ID)
	is("member of a deleted group", directory.AttrMember, string(u.ScimID), a.ID)
}

func groupVersions(w *world) {
	u := w.user(w.p, "u")
	g := w.group(w.p, "g")
	seen := map[int64]bool{g.Version: true}
	check := func(what string, n directory.Group) {
		w.Helper()
		if n.Version <= g.Version || seen[n.Version] || n.Modified.Before(g.Modified) {
			w.Errorf("%s: version %d → %d, modified %v → %v", what, g.Version, n.Version, g.Modified, n.Modified)
		}
		seen[n.Version] = true
		w.equal(what+": stored", w.readGroup(w.p, g.ID).Group, n)
		w.number()
		e := w.log(directory.LogQuery{Group: g.ID})[0]
		if e.Version != n.Version || !e.At.Equal(n.Modified) {
			w.Errorf("%s: the entry has version %d of %v, the group %d of %v", what, e.Version, e.At, n.Version, n.Modified)
		}
		g = n
	}
	check("adding", w.members(g, []directory.ScimID{u.ScimID}, nil))
	n, err := w.rename(g, "new name")
	w.must(err)
	check("renaming", n)
	check("removing", w.members(g, nil, []directory.ScimID{u.ScimID}))
	check("adding again", w.members(g, []directory.ScimID{u.ScimID}, nil))
}

func nilEntryGroup(w *world) {
	g := w.group(w.p, "g", w.user(w.p, "u").ScimID)
	got, err := w.Groups.UpdateGroup(w.ctx, w.tenant, directory.GroupView{Group: g}, directory.GroupWant{},
		func(old directory.GroupView) (directory.GroupChange, error) {
			return directory.GroupChange{GroupProfile: old.GroupProfile}, nil
		})
	w.must(err)
	w.equal("answer", got, g)
	w.equal("stored", w.readGroup(w.p, g.ID).Group, g)
	if es := w.log(directory.LogQuery{Group: g.ID}); len(es) != 1 {
		w.Errorf("entries: got %d, want 1", len(es))
	}
}

func groupCallerError(w *world) {
	u := w.user(w.p, "u")
	g := w.group(w.p, "g")
	mine := directory.Errorf(directory.VersionMismatch, "mine")
	_, err := w.Groups.UpdateGroup(w.ctx, w.tenant, directory.GroupView{Group: g}, directory.GroupWant{},
		func(old directory.GroupView) (directory.GroupChange, error) {
			e := w.groupEntry(directory.GroupUpdated, old.Group)
			return directory.GroupChange{GroupProfile: directory.GroupProfile{DisplayName: "x"}, Add: []directory.ScimID{u.ScimID}, Entry: &e}, mine
		})
	w.sameError("UpdateGroup", err, mine)
	err = w.Groups.DeleteGroup(w.ctx, w.tenant, g, func(old directory.Group) (directory.LogEntry, error) {
		return w.groupEntry(directory.GroupDeleted, old), mine
	})
	w.sameError("DeleteGroup", err, mine)
	_, err = w.Groups.CreateGroup(w.ctx, w.tenant, w.p, nil,
		func(directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error) {
			h := w.newGroup(w.p, "h")
			return h, nil, w.groupEntry(directory.GroupCreated, h), mine
		})
	w.sameError("CreateGroup", err, mine)
	w.equal("stored", w.readGroup(w.p, g.ID).Group, g)
	w.wantMembers("after refusals", g, nil)
	w.wantTotals("after refusals", w.p, 1, 1)
	if es := w.log(directory.LogQuery{Provider: w.p}); len(es) != 2 {
		w.Errorf("entries: got %d, want 2", len(es))
	}
}

func staleGroup(w *world) {
	us := w.users(w.p, 2, "u")
	g := w.group(w.p, "g")
	want := directory.GroupWant{Named: scimIDs(us), Ancestors: true}
	stale, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g.ID, want, nil)
	w.must(err)
	w.members(g, []directory.ScimID{us[0].ScimID}, nil)
	outer := w.group(w.p, "outer", directory.ScimID(g.ID))
	var last directory.GroupView
	_, err = w.Groups.UpdateGroup(w.ctx, w.tenant, stale, want, func(old directory.GroupView) (directory.GroupChange, error) {
		last = old
		e := w.groupEntry(directory.MembersChanged, old.Group)
		ch := directory.GroupChange{GroupProfile: old.GroupProfile, Entry: &e}
		for _, u := range us {
			if !old.Present[u.ScimID] {
				ch.Add = append(ch.Add, u.ScimID)
			}
		}
		e.Added = ch.Add
		return ch, nil
	})
	w.must(err)
	w.equal("present, as passed to update", last.Present, map[directory.ScimID]bool{us[0].ScimID: true})
	w.equal("ancestors, as passed to update", last.Ancestors, map[directory.GroupID]bool{outer.ID: true})
	w.wantMembers("after the update", g, scimIDs(us))
}

// ancestors reads a diamond with a tail: top contains left and right, both contain bottom.
func ancestors(w *world) {
	bottom := w.group(w.p, "bottom")
	left, right := w.group(w.p, "left", directory.ScimID(bottom.ID)), w.group(w.p, "right", directory.ScimID(bottom.ID))
	top := w.group(w.p, "top", directory.ScimID(left.ID), directory.ScimID(right.ID))
	w.group(w.p, "apart", w.user(w.p, "u").ScimID)
	chain := []directory.Group{top}
	for i := range 6 {
		chain = append(chain, w.group(w.p, fmt.Sprint("chain", i), directory.ScimID(chain[i].ID)))
	}
	want := map[directory.GroupID]bool{left.ID: true, right.ID: true}
	for _, g := range chain {
		want[g.ID] = true
	}
	read := func(g directory.Group) map[directory.GroupID]bool {
		v, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g.ID, directory.GroupWant{Ancestors: true}, nil)
		w.must(err)
		return v.Ancestors
	}
	w.equal("above the bottom", read(bottom), want)
	w.equal("above the last of the chain", read(chain[6]), nil)
	w.wantKind("closing the ring", w.nest(bottom, chain[6]), directory.Invalid)
	w.must(w.deleteGroup(top))
	w.equal("after the top was deleted", slices.Sorted(maps.Keys(read(bottom))),
		[]directory.GroupID{min(left.ID, right.ID), max(left.ID, right.ID)})
}

// staleAncestors: a new member of one group changes the ancestors of another, whose version is unchanged.
func staleAncestors(w *world) {
	a, b := w.group(w.p, "a"), w.group(w.p, "b")
	read := func(g, inner directory.Group) (directory.GroupView, directory.GroupWant) {
		want := directory.GroupWant{Ancestors: true, Named: []directory.ScimID{directory.ScimID(inner.ID)}}
		v, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g.ID, want, nil)
		w.must(err)
		return v, want
	}
	oldA, wantA := read(a, b)
	oldB, wantB := read(b, a)
	w.must(w.nestView(oldA, wantA, b))
	w.wantKind("closing the ring with an old view", w.nestView(oldB, wantB, a), directory.Invalid)
	w.wantMembers("a", a, []directory.ScimID{directory.ScimID(b.ID)})
	w.wantMembers("b", b, nil)
}

func deleteGroup(w *world) {
	us := w.users(w.p, 3, "u")
	inner := w.group(w.p, "inner", us[0].ScimID)
	g := w.group(w.p, "g", append(scimIDs(us), directory.ScimID(inner.ID))...)
	outer := w.group(w.p, "outer", directory.ScimID(g.ID), us[0].ScimID)
	apart := w.group(w.p, "apart", us[1].ScimID)
	g = w.readGroup(w.p, g.ID).Group
	w.must(w.deleteGroup(g))

	_, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g.ID, directory.GroupWant{}, nil)
	w.wantKind("ReadGroup", err, directory.NotFound)
	w.wantKind("deleting again", w.deleteGroup(g), directory.NotFound)
	_, err = w.rename(g, "back")
	w.wantKind("renaming", err, directory.NotFound)
	w.wantTotals("after deletion", w.p, 3, 3)
	w.equal("groups of a member", w.mustReadUser(us[2]).Groups, nil)
	w.equal("by member", w.findGroups(w.p, directory.AttrMember, string(us[2].ScimID)), nil)
	w.equal("by member group", w.findGroups(w.p, directory.AttrMember, string(inner.ID)), nil)
	w.wantMembers("the group inside", inner, []directory.ScimID{us[0].ScimID})
	w.wantMembers("the group around", outer, []directory.ScimID{us[0].ScimID})
	if now := w.readGroup(w.p, outer.ID); now.Version <= outer.Version {
		w.Errorf("the group around is still at version %d", now.Version)
	}
	w.equal("a group apart", w.readGroup(w.p, apart.ID).Group, apart)
	if e := w.log(directory.LogQuery{Group: g.ID})[0]; e.Action != directory.GroupDeleted {
		w.Errorf("newest entry: %s, want %s", e.Action, directory.GroupDeleted)
	}
	_, err = w.tryMembers(outer, []directory.ScimID{directory.ScimID(g.ID)}, nil)
	w.wantKind("a deleted group as a member", err, directory.Invalid)
	w.group(w.p, "g", us[2].ScimID) // the name is free, and no old members are left
}

func deleteStaleGroup(w *world) {
	g := w.group(w.p, "g")
	now, err := w.rename(g, "renamed")
	w.must(err)
	var saw directory.Group
	w.must(w.Groups.DeleteGroup(w.ctx, w.tenant, g, func(old directory.Group) (directory.LogEntry, error) {
		saw = old
		return w.groupEntry(directory.GroupDeleted, old), nil
	}))
	w.equal("passed to del last", saw, now)
}

func (x intruder) groupsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Groups.ReadGroup": func() {
			for _, p := range []directory.ProviderID{v.p, x.p} {
				_, err := x.Groups.ReadGroup(ctx, t, p, v.g.ID, directory.GroupWant{AllMembers: true, Ancestors: true}, nil)
				x.notFound("ReadGroup", err)
			}
		},
		"Groups.FindGroups": func() {
			for _, key := range []directory.Lookup{{Attr: directory.AttrDisplayName, Value: v.g.DisplayNameKey()},
				{Attr: directory.AttrExternalID, Value: v.g.ExternalID}, {Attr: directory.AttrMember, Value: string(v.u.ScimID)}} {
				for _, p := range []directory.ProviderID{v.p, x.p} {
					vs, err := x.Groups.FindGroups(ctx, t, p, key, 10, directory.GroupWant{}, nil)
					x.empty("FindGroups", len(vs), err)
				}
			}
		},
		"Groups.RekeyGroup": func() {
			g := v.g
			g.DisplayName += " "
			x.must(x.Groups.RekeyGroup(ctx, t, g))
		},
		"Groups.ListGroups": func() {
			got, err := x.Groups.ListGroups(ctx, t, v.p, directory.Page{Start: 1, Count: 10}, directory.GroupWant{AllMembers: true}, x.stranger)
			x.empty("ListGroups", len(got.Groups)+got.Total, err)
		},
		"Groups.Members": func() {
			_, err := x.Groups.Members(ctx, t, v.p, v.g.ID, "", 10)
			x.notFound("Members", err)
		},
		"Groups.CreateGroup": func() {
			_, err := x.tryGroup(x.newGroup(x.p, "with a stranger"), v.u.ScimID)
			x.wantKind("CreateGroup with another tenant's user", err, directory.Invalid)
			_, err = x.tryGroup(x.newGroup(x.p, "with a stranger"), directory.ScimID(v.g.ID))
			x.wantKind("CreateGroup with another tenant's group", err, directory.Invalid)
		},
		"Groups.UpdateGroup": func() {
			_, err := x.editGroup(v.g, func(p *directory.GroupProfile) { p.ExternalID = "stolen" })
			x.notFound("UpdateGroup", err)
			_, err = x.tryMembers(x.group(x.p, "own"), []directory.ScimID{v.u.ScimID}, nil)
			x.wantKind("UpdateGroup with another tenant's user", err, directory.Invalid)
		},
		"Groups.MissingMembers": func() {
			for _, p := range []directory.ProviderID{v.p, x.p} {
				former, unknown, err := x.Groups.MissingMembers(ctx, t, p, []directory.ScimID{v.u.ScimID, directory.ScimID(v.g.ID)})
				if err != nil || len(former) > 0 || len(unknown) != 2 {
					x.Errorf("MissingMembers: former %v, unknown %v, %v", former, unknown, err)
				}
			}
		},
		"Groups.DeleteGroup": func() { x.notFound("DeleteGroup", x.deleteGroup(v.g)) },
	}
}
