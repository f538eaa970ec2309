package directorytest_test

import (
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
)

func (o *office) inState(state directory.ConflictState) []directory.ConflictCase {
	o.Helper()
	cs, err := o.s.As(o.admin).Conflicts.List(o.ctx, state, "", 100)
	o.must(err)
	return cs
}

func TestConvertToProvisioned(t *testing.T) {
	o := newOffice(t)
	u := o.local("anna")
	_, err := o.s.As(o.admin).Users.GrantRole(o.ctx, u.ID, anyUser, "desktop-user")
	o.must(err)
	_, err = o.s.As(o.admin).Users.Move(o.ctx, u.ID, anyUser, directory.DefaultOrg, false)
	o.must(err)
	_, err = o.tryUser(o.caller, directory.Profile{UserName: "anna", Active: true})
	o.refused("while it is local", err, directory.Conflict, directory.AttrUserName, "local user")
	o.equal("conflicts", len(o.inState(directory.ConflictOpen)), 1)
	convert := func(p directory.ProviderID, confirm string) (directory.User, error) {
		return o.s.As(o.admin).Users.Convert(o.ctx, u.ID, anyUser, p, confirm)
	}
	_, err = convert(o.p.ID[:9]+"zzz", "")
	o.refused("an unknown provider", err, directory.Invalid, "provider", string(o.p.ID[:9]+"zzz"))
	_, err = o.s.As(o.admin).Users.GrantRole(o.ctx, u.ID, anyUser, "customer-cloud-admin")
	o.must(err)
	_, err = convert(o.p.ID, "")
	o.refused("a privileged user", err, directory.Conflict, "confirm", "privileged")
	got, err := convert(o.p.ID, "ANNA")
	o.must(err)
	if got.ID != u.ID || got.ScimID != directory.ScimID(u.ID) || got.Provider != o.p.ID || !got.Active || !got.OrgPinned ||
		got.OrgSource != directory.SourceAdopted {
		t.Errorf("converted: %+v", got)
	}
	for _, g := range got.RoleGrants {
		o.equal("source of "+string(g.Role), g.Source, directory.SourceAdopted)
	}
	_, err = convert(o.p.ID, "anna")
	o.refused("again", err, directory.Conflict, "", "already")
	found, err := o.s.FindUsers(o.ctx, o.caller, directory.Lookup{Attr: directory.AttrUserName, Value: "anna"}, 2, directory.UserWant{}, nil)
	o.must(err)
	o.equal("found by the directory", len(found), 1)
	o.deliver()
	o.equal("the conflict is settled", len(o.inState(directory.ConflictConverted)), 1)
	_, err = o.decide(u.ID, directory.DecideLocal)
	o.must(err)
	_, err = convert(o.p.ID, "anna")
	o.must(err)
}

// A user approved in advance is converted by the directory's POST, and no other.
func TestPreApproved(t *testing.T) {
	o := newOffice(t)
	_, otherCaller := o.provider("Other")
	anna, boss := o.local("Anna"), o.local("boss")
	_, err := o.s.As(o.admin).Users.GrantRole(o.ctx, boss.ID, anyUser, "customer-cloud-admin")
	o.must(err)
	approve := func(name string) error { return o.s.As(o.admin).Conflicts.PreApprove(o.ctx, o.p.ID, name) }
	o.must(approve("anna"))
	o.must(approve("anna")) // again changes nothing
	o.refused("a privileged user", approve("boss"), directory.Conflict, "", "privileged")
	o.refused("nobody", approve("carl"), directory.NotFound, "", "no local user")
	cs := o.inState(directory.ConflictPreApproved)
	if len(cs) != 1 || cs[0].Holder != anna.ID || cs[0].Version != 1 {
		t.Fatalf("conflicts: %+v", cs)
	}
	_, err = o.tryUser(otherCaller, directory.Profile{UserName: "anna", Active: true})
	o.refused("another provider", err, directory.Conflict, directory.AttrUserName, "")
	_, err = o.tryUser(o.caller, directory.Profile{UserName: "boss", Active: true})
	o.refused("a user who is not approved", err, directory.Conflict, directory.AttrUserName, "local user")
	u, err := o.tryUser(o.caller, directory.Profile{UserName: "anna", ExternalID: "x1", Active: true, Attributes: []byte(`{"title":"Diver"}`)})
	o.must(err)
	if u.ID != anna.ID || u.Provider != o.p.ID || u.ExternalID != "x1" || u.UserName != "anna" ||
		string(u.Attributes) != `{"title":"Diver"}` || !u.MaySignIn() {
		t.Errorf("converted: %+v", u)
	}
	e := o.last(directory.LogQuery{User: u.ID})
	o.equal("the entry", []any{e.Action, e.Actor.Kind, e.Provider, e.Effects},
		[]any{directory.UserConverted, directory.ActorProvider, o.p.ID, []directory.Effect{directory.EffectUpdated, directory.EffectConverted}})
	_, err = o.tryUser(o.caller, directory.Profile{UserName: "anna", Active: true})
	o.refused("the same POST again", err, directory.Conflict, directory.AttrUserName, "exists")
	o.deliver()
	o.equal("settled", o.inState(directory.ConflictConverted)[0].Holder, anna.ID)
	o.equal("approved", len(o.inState(directory.ConflictPreApproved)), 0)

	dora := o.local("dora") // created disabled: waits as any leaver
	o.must(approve("dora"))
	u, err = o.tryUser(o.caller, directory.Profile{UserName: "dora"})
	o.must(err)
	if u.ID != dora.ID || u.Pending == nil || u.MaySignIn() {
		t.Errorf("created disabled: %+v", u)
	}
	emil := o.local("emil") // renamed meanwhile: nobody is converted
	o.must(approve("emil"))
	_, err = o.s.As(o.admin).Users.UpdateLocal(o.ctx, emil.ID, func(directory.User) (administration.LocalProfile, []directory.Change, error) {
		return administration.LocalProfile{UserName: "emil2"}, []directory.Change{{Attr: "userName"}}, nil
	})
	o.must(err)
	u, err = o.tryUser(o.caller, directory.Profile{UserName: "emil", Active: true})
	o.must(err)
	if u.ID == emil.ID {
		t.Error("a user of another name was converted")
	}
}

// A new user who may be a known person leads to a hint, and to nothing else.
func TestPossiblySamePerson(t *testing.T) {
	o := newOffice(t)
	_, foreign := o.provider("Other")
	hints := func(what string, want int) []directory.ConflictCase {
		t.Helper()
		o.deliver()
		var out []directory.ConflictCase
		for _, c := range o.inState(directory.ConflictOpen) {
			if c.Cause == directory.ConflictSamePerson {
				out = append(out, c)
			}
		}
		o.equal(what, len(out), want)
		return out
	}
	create := func(c provisioning.Caller, name, externalID string) directory.User {
		t.Helper()
		u, err := o.tryUser(c, directory.Profile{UserName: name, ExternalID: externalID, Active: true})
		o.must(err)
		o.later(time.Second)
		return u
	}
	anna := create(o.caller, "anna", "4711")
	create(foreign, "anna2", "4711")
	hints("another provider's", 0)
	again := create(o.caller, "anna.lang", "4711")
	c := hints("the same externalId", 1)[0]
	o.equal("users it names", []any{c.User, c.Holder, c.HolderFrom, c.Provider}, []any{again.ID, anna.ID, o.p.ID, o.p.ID})
	hints("followed again", 1)
	_, err := o.s.As(o.admin).Conflicts.Ignore(o.ctx, c.ID, func(directory.ConflictCase) error { return nil })
	o.must(err)
	_, _, err = o.s.As(o.admin).Conflicts.Convert(o.ctx, c.ID, func(directory.ConflictCase) error { return nil })
	o.refused("converting a hint", err, directory.Conflict, "", "only be ignored")
	hints("ignored", 0)

	bert := create(o.caller, "bert", "1")
	o.deliver()
	o.must(o.remove(o.caller, bert.ScimID))
	o.deliver()
	create(foreign, "bert", "2")
	hints("another provider's of the name", 0)
	us, _, err := o.s.As(o.admin).Users.Search(o.ctx, directory.UserSearch{Text: "bert", Provider: foreign.Provider, Count: 10})
	o.must(err)
	o.must(o.remove(foreign, us[0].ScimID))
	o.deliver()
	returned := create(o.caller, "BERT", "3")
	c = hints("the name of a deleted user", 1)[0]
	o.equal("users it names", []any{c.User, c.Holder}, []any{returned.ID, bert.ID})
	if returned.ID == bert.ID || len(returned.RoleGrants) > 0 {
		t.Error("something was inherited")
	}
}

// A user is found by a former userName for a year.
func TestAliases(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "anna.lang")
	_, _, err := o.s.UpdateUser(o.ctx, o.caller, u.ScimID, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			p := old.Profile
			p.UserName = "anna.kurz"
			return p, []directory.Change{{Attr: directory.AttrUserName, Before: []byte(`"anna.lang"`), After: []byte(`"anna.kurz"`)}}, nil
		})
	o.must(err)
	o.deliver()
	search := func(what string, q directory.UserSearch, want int) {
		t.Helper()
		q.Count = 10
		us, _, err := o.s.As(o.admin).Users.Search(o.ctx, q)
		o.must(err)
		o.equal(what, len(us), want)
	}
	search("the former name", directory.UserSearch{Text: "Anna.Lang"}, 1)
	search("the present name", directory.UserSearch{Text: "anna.kurz"}, 1)
	search("of another state", directory.UserSearch{Text: "anna.lang", State: directory.DirectoryRemoved}, 0)
	search("another name", directory.UserSearch{Text: "anna.langer"}, 0)
	o.later(365 * 24 * time.Hour)
	search("a year later", directory.UserSearch{Text: "anna.lang"}, 1)
	o.later(time.Millisecond)
	search("after that", directory.UserSearch{Text: "anna.lang"}, 0)
}
