package directorytest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

func TestCreateUser(t *testing.T) {
	o := newOffice(t)
	profile := directory.Profile{UserName: "Anna", ExternalID: "x1", Active: true, Manager: "m", Attributes: []byte(`{}`),
		Lookups: []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: "v"}}}
	at := o.later(time.Minute)
	u, err := o.tryUser(o.caller, profile)
	o.must(err)
	if !u.ScimID.IsUser() || string(u.ID) != string(u.ScimID) {
		t.Errorf("ids %q and %q", u.ID, u.ScimID)
	}
	o.equal("user", u, directory.User{ID: u.ID, ScimID: u.ScimID, Provider: o.p.ID, Profile: profile, Version: 1, Created: at, Modified: at,
		Account: directory.Account{OrgID: directory.DefaultOrg, OrgSource: directory.SourceSingle}})
	v, err := o.s.User(o.ctx, o.caller, u.ScimID, directory.UserWant{}, nil)
	o.must(err)
	o.equal("read", v.User, u)
	o.equal("entry", o.last(directory.LogQuery{User: u.ID}), directory.LogEntry{
		At: at, Provider: o.p.ID, Action: directory.UserCreated, User: u.ID, Name: "Anna", Version: 1,
		Actor:   directory.Actor{Kind: directory.ActorProvider, ID: string(o.p.Credentials[0].ID), RequestID: "r1", ClientRequestID: "c1"},
		Changes: append(logged(directory.Profile{}, profile), directory.NewChange(directory.AttrOrganization, nil, "odefault")),
		Effects: []directory.Effect{directory.EffectCreated},
	})
}

func TestProfilesThatBreakARule(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "anna")
	for name, detail := range map[string]string{"": "required", strings.Repeat("é", 513): "longer than 1024"} {
		_, err := o.tryUser(o.caller, directory.Profile{UserName: name})
		o.refused("creating", err, directory.Invalid, directory.AttrUserName, detail)
		_, changed, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.UserName = name })
		o.refused("changing", err, directory.Invalid, directory.AttrUserName, detail)
		if changed {
			t.Error("a refused change was reported")
		}
	}
	_, err := o.tryUser(o.caller, directory.Profile{UserName: strings.Repeat("é", 512)})
	o.must(err)
	_, err = o.s.CreateUser(o.ctx, o.caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return directory.Profile{UserName: "x"}, nil, directory.Errorf(directory.TooLarge, "mine")
	})
	o.refused("an error of the caller", err, directory.TooLarge, "", "mine")
	_, err = o.s.CreateUser(o.ctx, o.caller, "", func(directory.Provider) error { return directory.Errorf(directory.Forbidden, "no") }, nil)
	o.refused("an admit of the caller", err, directory.Forbidden, "", "no")
}

func TestUserActions(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "anna")
	version := u.Version
	for _, c := range []struct {
		edit func(*directory.Profile)
		want directory.Action // "" for no change
	}{
		{func(p *directory.Profile) { p.ExternalID = "x2" }, directory.UserUpdated},
		{func(p *directory.Profile) {}, ""},
		{func(p *directory.Profile) { p.Active = false }, directory.UserDisabled},
		{func(p *directory.Profile) { p.Active = false }, ""},
		{func(p *directory.Profile) { p.Attributes = []byte(`{"title":"x"}`) }, directory.UserUpdated},
		{func(p *directory.Profile) { p.Active, p.Manager = true, "m" }, directory.UserEnabled},
		{func(p *directory.Profile) { p.Active, p.UserName = false, "Anna" }, directory.UserDisabled},
		{func(p *directory.Profile) { p.UserName = "ANNA" }, directory.UserUpdated},
	} {
		at := o.later(time.Second)
		entries := len(o.log(directory.LogQuery{User: u.ID}))
		v, changed, err := o.edit(o.caller, u.ScimID, c.edit)
		o.must(err)
		if changed != (c.want != "") {
			t.Errorf("changed is %v, want action %q", changed, c.want)
		}
		if !changed {
			if n := len(o.log(directory.LogQuery{User: u.ID})); n != entries || v.Version != version {
				t.Errorf("no change wrote %d entries, version %d became %d", n-entries, version, v.Version)
			}
			continue
		}
		version++
		e := o.last(directory.LogQuery{User: u.ID})
		if e.Action != c.want || e.Version != version || v.Version != version || !e.At.Equal(at) || !v.Modified.Equal(at) ||
			e.Name != v.UserName {
			t.Errorf("want %s of version %d at %v, got entry %+v and user %+v", c.want, version, at, e, v.User)
		}
	}
	// A clock that runs behind does not turn lastModified back.
	before := o.s.Now()
	o.later(-time.Hour)
	v, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.ExternalID = "x3" })
	o.must(err)
	if !v.Modified.Equal(before) {
		t.Errorf("modified %v, want still %v", v.Modified, before)
	}
}

func TestUpdateSeesTheWholeUser(t *testing.T) {
	o := newOffice(t)
	boss, u := o.user(o.caller, "boss"), o.user(o.caller, "anna")
	_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Manager = string(boss.ScimID) })
	o.must(err)
	g := o.group(o.caller, "g", u.ScimID)
	var provider directory.Provider
	v, changed, err := o.s.UpdateUser(o.ctx, o.caller, u.ScimID, directory.UserWant{Groups: true, ManagerName: true},
		func(p directory.Provider) error {
			provider = p
			return nil
		}, func(p directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			o.equal("groups", old.Groups, []directory.GroupID{g.ID})
			o.equal("manager", old.Manager.ID, boss.ID)
			o.equal("provider", p.ID, o.p.ID)
			return old.Profile, nil, nil
		})
	o.must(err)
	if changed || provider.ID != o.p.ID || len(v.Groups) != 1 || v.Manager == nil {
		t.Errorf("got %+v, changed %v, by provider %s", v, changed, provider.ID)
	}
}

func TestDeleteUser(t *testing.T) {
	o := newOffice(t)
	_, other := o.provider("Other")
	u := o.user(o.caller, "anna")
	report := o.user(o.caller, "bob")
	_, _, err := o.edit(o.caller, report.ScimID, func(p *directory.Profile) { p.Manager = string(u.ScimID) })
	o.must(err)
	o.refused("by another provider", o.remove(other, u.ScimID), directory.NotFound, "", "")
	err = o.s.DeleteUser(o.ctx, o.caller, u.ScimID, func(seen directory.User) error {
		o.equal("what check sees", seen, u)
		return directory.Errorf(directory.VersionMismatch, "changed")
	})
	o.refused("a precondition", err, directory.VersionMismatch, "", "changed")
	at := o.later(time.Minute)
	o.must(o.remove(o.caller, u.ScimID))
	o.refused("again", o.remove(o.caller, u.ScimID), directory.NotFound, "", "")
	_, _, err = o.edit(o.caller, u.ScimID, func(*directory.Profile) {})
	o.refused("a change", err, directory.NotFound, "", "")
	v, err := o.s.As(o.admin).Users.ByID(o.ctx, u.ID)
	o.must(err)
	if !v.RemovedAt.Equal(at) || v.Version != 2 || v.DirectoryState() != directory.DirectoryRemoved || v.UserName != "anna" {
		t.Errorf("the account inside: %+v", v.User)
	}
	e := o.last(directory.LogQuery{User: u.ID})
	if e.Action != directory.UserDeleted || e.Version != 2 || e.Name != "anna" || !e.At.Equal(at) {
		t.Errorf("entry %+v", e)
	}
	cleared := o.last(directory.LogQuery{User: report.ID})
	if cleared.Action != directory.UserUpdated || cleared.Actor.Kind != directory.ActorSystem ||
		cleared.Changes[0].Attr != directory.AttrManager ||
		string(cleared.Changes[0].Before) != `"`+string(u.ScimID)+`"` || cleared.Changes[0].After != nil {
		t.Errorf("entry of the report: %+v", cleared)
	}
	o.user(o.caller, "ANNA") // the name is free
}

// meanwhile lets something happen between a request's read and its write.
type meanwhile struct {
	directory.Users
	happen func()
}

func (m meanwhile) ReadUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.ScimID, want directory.UserWant, admit directory.Admit,
) (directory.UserView, error) {
	v, err := m.Users.ReadUser(ctx, t, p, id, want, admit)
	if err == nil {
		m.happen()
	}
	return v, err
}

func TestUsersWhoLeaveMeanwhileAreNotFound(t *testing.T) {
	for what, leave := range map[string]func(*office, *directory.User){
		"deleted":         func(o *office, u *directory.User) { u.RemovedAt = o.s.Now() },
		"made local":      func(_ *office, u *directory.User) { u.Provider, u.ScimID = "", "" },
		"moved elsewhere": func(_ *office, u *directory.User) { u.Provider = "acme1other" },
	} {
		t.Run(what, func(t *testing.T) {
			o := newOffice(t)
			for _, write := range []func(directory.ScimID) error{
				func(id directory.ScimID) error {
					_, _, err := o.edit(o.caller, id, func(p *directory.Profile) { p.Active = false })
					return err
				},
				func(id directory.ScimID) error { return o.remove(o.caller, id) },
			} {
				u := o.user(o.caller, random.ID())
				plain := o.s.Users
				o.use(func(p *directory.Ports) {
					p.Users = meanwhile{plain, func() {
						_, err := plain.UpdateUser(o.ctx, o.admin.Tenant, u, func(u directory.User) (directory.User, *directory.LogEntry, error) {
							leave(o, &u)
							u.Version++
							return u, &directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: o.s.Now(), User: u.ID, Version: u.Version}, nil
						})
						o.must(err)
					}}
				})
				o.refused("the write", write(u.ScimID), directory.NotFound, "", "")
				o.use(func(p *directory.Ports) { p.Users = plain })
				if e := o.last(directory.LogQuery{User: u.ID}); e.Version != 2 {
					t.Errorf("entry %+v", e)
				}
			}
		})
	}
}

func TestManagerClearedCanBeRepeated(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	u := directory.User{ID: "u1", Provider: "p", Profile: directory.Profile{UserName: "bob", Manager: "uremoved"}, Version: 4,
		Modified: at.Add(time.Hour)}
	cause := directory.LogEntry{ID: "e1", At: at, Actor: directory.Actor{Kind: directory.ActorProvider, ID: "k1", RequestID: "r1"},
		Action: directory.UserDeleted, User: "uremoved"}
	n, e := directory.ManagerCleared(u, cause)
	_, again := directory.ManagerCleared(u, cause)
	if n.Manager != "" || n.Version != 5 || !n.Modified.Equal(at.Add(time.Hour)) {
		t.Errorf("user %+v", n)
	}
	if e.ID != again.ID || e.ID == cause.ID || e.Version != 5 || !e.At.Equal(at) || e.Provider != "p" {
		t.Errorf("entry %+v", e)
	}
	if want := directory.EntryActor(cause); e.Actor != want {
		t.Errorf("actor %+v, want %+v", e.Actor, want)
	}
}

func TestDirectoryStates(t *testing.T) {
	t.Parallel()
	removed := time.Unix(1, 0)
	for _, c := range []struct {
		u    directory.User
		want directory.DirectoryState
	}{
		{directory.User{}, directory.DirectoryNone},
		{directory.User{Profile: directory.Profile{Active: true}}, directory.DirectoryNone},
		{directory.User{Provider: "p", Profile: directory.Profile{Active: true}}, directory.DirectoryActive},
		{directory.User{Provider: "p"}, directory.DirectoryInactive},
		{directory.User{Provider: "p", RemovedAt: removed, Profile: directory.Profile{Active: true}}, directory.DirectoryRemoved},
	} {
		if got := c.u.DirectoryState(); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.u, got, c.want)
		}
	}
}

func TestConflicts(t *testing.T) {
	o := newOffice(t)
	_, other := o.provider("Other")
	holder, theirs, own := o.local("Anna"), o.user(other, "bob"), o.user(o.caller, "carla")
	_, err := o.tryUser(o.caller, directory.Profile{UserName: "CARLA"})
	o.refused("the name of an own user", err, directory.Conflict, directory.AttrUserName, "a user with this userName exists")
	o.equal("conflicts", o.conflicts(), nil)

	at := o.later(time.Minute)
	profile := directory.Profile{UserName: "ANNA", ExternalID: "x1"}
	_, err = o.tryUser(o.caller, profile)
	o.refused("the name of a local user", err, directory.Conflict, directory.AttrUserName,
		"A local user with this user name exists. An administrator can convert it under Conflicts")
	c := directory.ConflictCase{
		ID: directory.ConflictIDOf(o.p.ID, "anna"), Provider: o.p.ID, UserName: "ANNA", ExternalID: "x1", Holder: holder.ID,
		State: directory.ConflictOpen, Count: 1, FirstAt: at, LastAt: at, Version: 1,
	}
	o.equal("conflict", o.conflicts(), []directory.ConflictCase{c})
	e := o.last(directory.LogQuery{User: holder.ID})
	if e.Action != directory.ConflictOpened || e.Target != string(c.ID) || e.Provider != o.p.ID || e.Actor.RequestID != "r1" {
		t.Errorf("entry %+v", e)
	}

	c.LastAt, c.Count, c.Version, c.UserName, c.ExternalID = o.later(time.Minute), 2, 2, "anna", ""
	_, err = o.tryUser(o.caller, directory.Profile{UserName: "anna"})
	o.refused("again", err, directory.Conflict, directory.AttrUserName, "A local user")
	o.equal("the conflict counts", o.conflicts(), []directory.ConflictCase{c})
	if n := len(o.log(directory.LogQuery{User: holder.ID})); n != 2 {
		t.Errorf("entries about the holder: %d, want its creation and one conflict", n)
	}

	_, err = o.tryUser(o.caller, directory.Profile{UserName: "bob"})
	o.refused("the name of another provider's user", err, directory.Conflict, directory.AttrUserName, "this userName is not available")
	if cs := o.conflicts(); len(cs) != 2 {
		t.Errorf("%d conflicts, want 2", len(cs))
	}
	_, _, err = o.edit(o.caller, own.ScimID, func(p *directory.Profile) { p.UserName = "Bob" })
	o.refused("renaming", err, directory.Conflict, directory.AttrUserName, "this userName is not available")
	_, _, err = o.edit(o.caller, own.ScimID, func(p *directory.Profile) { p.UserName = "Anna" })
	o.refused("renaming", err, directory.Conflict, directory.AttrUserName, "A local user")
	if cs := o.conflicts(); len(cs) != 2 || cs[0].Count+cs[1].Count != 3 {
		t.Errorf("a renaming opened or counted a conflict: %+v", cs)
	}
	o.must(o.remove(other, theirs.ScimID))
	o.user(o.caller, "bob")
}

func (o *office) conflicts() []directory.ConflictCase {
	o.Helper()
	cs, err := o.s.As(o.admin).Conflicts.List(o.ctx, "", "", 100)
	o.must(err)
	return cs
}

// A closed conflict opens again when the directory fails again; an ignored one does not.
func TestConflictsOpenAgain(t *testing.T) {
	o := newOffice(t)
	o.local("anna")
	attempt := func() {
		t.Helper()
		_, err := o.tryUser(o.caller, directory.Profile{UserName: "anna"})
		o.refused("attempt", err, directory.Conflict, directory.AttrUserName, "A local user")
	}
	attempt()
	anyConflict := func(directory.ConflictCase) error { return nil }
	c, err := o.s.As(o.admin).Conflicts.Ignore(o.ctx, o.conflicts()[0].ID, anyConflict)
	o.must(err)
	attempt()
	if c := o.conflicts()[0]; c.State != directory.ConflictIgnored || c.Count != 2 {
		t.Errorf("after ignoring: %+v", c)
	}
	_, _, err = o.s.As(o.admin).Conflicts.Rename(o.ctx, c.ID, anyConflict, "anna.local")
	o.must(err)
	u := o.user(o.caller, "anna")
	o.must(o.remove(o.caller, u.ScimID))
	o.local("Anna")
	attempt()
	c = o.conflicts()[0]
	if c.State != directory.ConflictOpen || c.Count != 3 {
		t.Errorf("after another failure: %+v", c)
	}
	c, u, err = o.s.As(o.admin).Conflicts.Convert(o.ctx, c.ID, anyConflict)
	o.must(err)
	if c.State != directory.ConflictConverted || u.Provider != o.p.ID || u.ScimID != directory.ScimID(u.ID) {
		t.Errorf("converted: %+v, %+v", c, u)
	}
	vs, err := o.s.FindUsers(o.ctx, o.caller, directory.Lookup{Attr: directory.AttrUserName, Value: "anna"}, 2, directory.UserWant{}, nil)
	if err != nil || len(vs) != 1 || vs[0].ID != u.ID {
		t.Errorf("the provider finds %d users, %v", len(vs), err)
	}
}
