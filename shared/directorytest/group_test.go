package directorytest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

func (o *office) editGroup(
	c provisioning.Caller, id directory.GroupID, want directory.GroupWant, edit func(*provisioning.GroupEdit),
) (directory.GroupView, bool, error) {
	return o.s.UpdateGroup(o.ctx, c, id, want, nil, func(_ directory.Provider, old directory.GroupView) (provisioning.GroupEdit, error) {
		ed := provisioning.GroupEdit{Profile: old.GroupProfile}
		edit(&ed)
		return ed, nil
	})
}

func (o *office) members(id directory.GroupID) []directory.ScimID {
	o.Helper()
	ms, err := o.s.Groups.Members(o.ctx, o.admin.Tenant, o.p.ID, id, "", 100)
	o.must(err)
	return ms
}

func TestCreateGroup(t *testing.T) {
	o := newOffice(t)
	a, b := o.user(o.caller, "a"), o.user(o.caller, "b")
	at := o.later(time.Minute)
	g := o.group(o.caller, "Staff", a.ScimID, b.ScimID, a.ScimID)
	o.equal("group", g,
		directory.Group{ID: g.ID, Provider: o.p.ID, GroupProfile: directory.GroupProfile{DisplayName: "Staff"}, MemberCount: 2, Version: 1,
			Created: at, Modified: at})
	o.equal("entry", o.last(directory.LogQuery{Group: g.ID}), directory.LogEntry{
		At: at, Provider: o.p.ID, Action: directory.GroupCreated, Group: g.ID, Name: "Staff", Version: 1,
		Added: []directory.ScimID{a.ScimID, b.ScimID},
		Actor: directory.Actor{Kind: directory.ActorProvider, ID: string(o.p.Credentials[0].ID), RequestID: "r1", ClientRequestID: "c1"},
	})
	for name, detail := range map[string]string{"": "required", strings.Repeat("x", 1025): "longer than 1024"} {
		_, err := o.tryGroup(o.caller, name)
		o.refused("creating", err, directory.Invalid, directory.AttrDisplayName, detail)
		_, changed, err := o.editGroup(o.caller, g.ID, directory.GroupWant{}, func(e *provisioning.GroupEdit) { e.Profile.DisplayName = name })
		o.refused("changing", err, directory.Invalid, directory.AttrDisplayName, detail)
		if changed {
			t.Error("a refused change was reported")
		}
	}
	_, err := o.tryGroup(o.caller, "STAFF")
	o.refused("a taken name", err, directory.Conflict, directory.AttrDisplayName, "a group with this displayName exists")
	h := o.group(o.caller, "Other")
	_, _, err = o.editGroup(o.caller, h.ID, directory.GroupWant{}, func(e *provisioning.GroupEdit) { e.Profile.DisplayName = "staff" })
	o.refused("a taken name", err, directory.Conflict, directory.AttrDisplayName, "a group with this displayName exists")
	o.equal("conflicts", o.conflicts(), nil)
}

func TestMembersAGroupCannotHave(t *testing.T) {
	o := newOffice(t)
	_, other := o.provider("Other")
	u, foreign := o.user(o.caller, "u"), o.user(other, "foreign")
	inner := o.group(o.caller, "inner")
	middle := o.group(o.caller, "middle", directory.ScimID(inner.ID))
	outer := o.group(o.caller, "outer", directory.ScimID(middle.ID))
	for what, c := range map[string]struct {
		group  directory.Group
		member directory.ScimID
		detail string
	}{
		"a text":               {inner, "somebody", "must be the id of a user or group"},
		"no id":                {inner, "", "must be the id of a user or group"},
		"an unknown user":      {inner, directory.ScimID("u" + random.ID()), "must be the id of a user or group"},
		"another provider's":   {inner, foreign.ScimID, "must be the id of a user or group"},
		"itself":               {inner, directory.ScimID(inner.ID), "cannot be a member of itself"},
		"the one around":       {inner, directory.ScimID(middle.ID), "cannot contain a group it is contained in"},
		"the one around those": {inner, directory.ScimID(outer.ID), "cannot contain a group it is contained in"},
	} {
		add := []directory.ScimID{u.ScimID, c.member}
		want := directory.GroupWant{Named: add, Ancestors: true}
		_, changed, err := o.editGroup(o.caller, c.group.ID, want, func(e *provisioning.GroupEdit) { e.Add = add })
		o.refused(what, err, directory.Invalid, "members", c.detail)
		if changed || len(o.members(c.group.ID)) != 0 {
			t.Errorf("%s: a part of the change was made", what)
		}
		if !c.member.IsGroup() {
			_, err = o.tryGroup(o.caller, "new", add...)
			o.refused("creating with "+what, err, directory.Invalid, "members", c.detail)
		}
	}
}

func TestGroupEditsHaveNetEffects(t *testing.T) {
	o := newOffice(t)
	a, b, c := o.user(o.caller, "a").ScimID, o.user(o.caller, "b").ScimID, o.user(o.caller, "c").ScimID
	g := o.group(o.caller, "g", a, b)
	all := directory.GroupWant{Named: []directory.ScimID{a, b, c}}
	version := int64(1)
	for _, row := range []struct {
		what                   string
		add, remove            []directory.ScimID
		name                   string
		action                 directory.Action
		added, removed, remain []directory.ScimID
	}{
		{"nothing", nil, nil, "g", "", nil, nil, []directory.ScimID{a, b}},
		{"a present one joins", []directory.ScimID{a}, nil, "g", "", nil, nil, []directory.ScimID{a, b}},
		{"an absent one leaves", nil, []directory.ScimID{c}, "g", "", nil, nil, []directory.ScimID{a, b}},
		{"some of many", []directory.ScimID{a, c, c}, []directory.ScimID{b, b}, "g", directory.MembersChanged, []directory.ScimID{c},
			[]directory.ScimID{b}, []directory.ScimID{a, c}},
		{"the name and nobody", []directory.ScimID{a}, []directory.ScimID{b}, "G", directory.GroupUpdated, nil, nil, []directory.ScimID{a, c}},
		{"the name and one", []directory.ScimID{b}, nil, "h", directory.GroupUpdated, []directory.ScimID{b}, nil, []directory.ScimID{a, b, c}},
		{"everybody", nil, []directory.ScimID{a, b, c}, "h", directory.MembersChanged, nil, []directory.ScimID{a, b, c}, nil},
	} {
		at := o.later(time.Second)
		before := o.log(directory.LogQuery{Group: g.ID})
		v, changed, err := o.editGroup(o.caller, g.ID, all, func(e *provisioning.GroupEdit) {
			e.Add, e.Remove, e.Profile.DisplayName = row.add, row.remove, row.name
		})
		o.must(err)
		if changed != (row.action != "") || v.MemberCount != len(row.remain) || v.DisplayName != row.name {
			t.Errorf("%s: changed %v, group %+v", row.what, changed, v.Group)
		}
		o.equal(row.what, o.members(g.ID), slices.Sorted(slices.Values(row.remain)))
		after := o.log(directory.LogQuery{Group: g.ID})
		if !changed {
			if len(after) != len(before) || v.Version != version {
				t.Errorf("%s: %d entries were written", row.what, len(after)-len(before))
			}
			continue
		}
		e := after[0]
		if version++; e.Action != row.action || e.Version != version || v.Version != 0 || e.Name != row.name || !v.Modified.Equal(at) {
			t.Errorf("%s: entry %+v, group %+v", row.what, e, v.Group)
		}
		o.equal(row.what+": added", e.Added, row.added)
		o.equal(row.what+": removed", e.Removed, row.removed)
	}
}

func TestMemberChangesHaveALimit(t *testing.T) {
	o := newOffice(t)
	g := o.group(o.caller, "g")
	ids := make([]directory.ScimID, directory.MaxMemberChange+1)
	for i := range ids {
		ids[i] = directory.ScimID("u" + random.ID())
	}
	_, err := o.tryGroup(o.caller, "new", ids...)
	o.refused("creating with 10,001", err, directory.TooLarge, "", "at most 10000 members")
	_, err = o.tryGroup(o.caller, "new", ids[1:]...)
	o.refused("creating with 10,000 unknown ones", err, directory.Invalid, "members", "")
	_, _, err = o.editGroup(o.caller, g.ID, directory.GroupWant{}, func(e *provisioning.GroupEdit) { e.Add = ids })
	o.refused("adding 10,001", err, directory.TooLarge, "", "at most 10000 members")
}

func TestDeleteGroup(t *testing.T) {
	o := newOffice(t)
	_, other := o.provider("Other")
	g := o.group(o.caller, "g", o.user(o.caller, "u").ScimID)
	remove := func(c provisioning.Caller, check error) error {
		return o.s.DeleteGroup(o.ctx, c, g.ID, func(seen directory.Group) error {
			o.equal("what check sees", seen, g)
			return check
		})
	}
	o.refused("by another provider", remove(other, nil), directory.NotFound, "", "")
	o.refused("a precondition", remove(o.caller, directory.Errorf(directory.VersionMismatch, "changed")), directory.VersionMismatch, "",
		"changed")
	at := o.later(time.Minute)
	o.must(remove(o.caller, nil))
	o.refused("again", remove(o.caller, nil), directory.NotFound, "", "")
	e := o.last(directory.LogQuery{Group: g.ID})
	if e.Action != directory.GroupDeleted || e.Name != "g" || e.Version <= g.Version || !e.At.Equal(at) {
		t.Errorf("entry %+v", e)
	}
	_, _, err := o.editGroup(o.caller, g.ID, directory.GroupWant{}, func(*provisioning.GroupEdit) {})
	o.refused("a change", err, directory.NotFound, "", "")
}
