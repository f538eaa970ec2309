package directorytest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
	"rollcall/shared/provisioning"
	"rollcall/shared/store/sqlite"
)

// deliver follows the log until every entry is followed.
func (o *office) deliver() {
	o.Helper()
	for {
		n, err := o.s.Feed.Deliver(o.ctx, o.s.FollowAll)
		o.must(err)
		if n == 0 {
			return
		}
	}
}

func anyUser(directory.User) error        { return nil }
func anyRun(directory.ApplyRun) error     { return nil }
func anyOrg(directory.Organization) error { return nil }

func (o *office) org(name string, roles ...directory.RoleID) directory.Organization {
	o.Helper()
	org, err := o.s.As(o.admin).Organizations.Create(o.ctx, administration.NewOrganization{Name: name, DefaultRoles: roles})
	o.must(err)
	return org
}

func (o *office) method(m directory.OrgMethod, org directory.OrgID) {
	o.Helper()
	_, _, err := o.s.As(o.admin).OrgMappings.Set(o.ctx, o.p.ID, anyProvider, directory.OrgSettings{Method: m, Org: org})
	o.must(err)
}

func (o *office) rolesFromGroups(strict bool) {
	o.Helper()
	_, _, err := o.s.As(o.admin).RoleMappings.Set(o.ctx, o.p.ID, anyProvider,
		directory.RoleSettings{Mode: directory.RolesGroups, Strict: strict}, false)
	o.must(err)
}

func (o *office) mapOrg(org directory.OrgID, groups ...directory.GroupID) directory.MappingID {
	o.Helper()
	m, _, err := o.s.As(o.admin).OrgMappings.Add(o.ctx, o.p.ID, anyProvider, groups, org)
	o.must(err)
	return m.ID
}

func (o *office) mapRoles(roles []directory.RoleID, groups ...directory.GroupID) directory.MappingID {
	o.Helper()
	m, err := o.s.As(o.admin).RoleMappings.Add(o.ctx, o.p.ID, anyProvider, groups, roles, "")
	o.must(err)
	return m.ID
}

func (o *office) reload(id directory.UserID) directory.User {
	o.Helper()
	v, err := o.s.As(o.admin).Users.ByID(o.ctx, id)
	o.must(err)
	return v.User
}

// where is a user's organization and roles in short: "o:role role".
func where(u directory.User) string {
	roles := make([]string, len(u.RoleGrants))
	for i, g := range u.RoleGrants {
		roles[i] = string(g.Role) + "/" + g.Source
	}
	return string(u.OrgID) + " " + u.OrgSource + ": " + strings.Join(roles, " ")
}

func (o *office) regroup(g directory.GroupID, add, remove []directory.ScimID) {
	o.Helper()
	_, _, err := o.s.UpdateGroup(o.ctx, o.caller, g, directory.GroupWant{Named: slices.Concat(add, remove)}, nil,
		func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
			return provisioning.GroupEdit{Profile: v.GroupProfile, Add: add, Remove: remove}, nil
		})
	o.must(err)
}

func TestANewUserGetsDefaultRolesOnce(t *testing.T) {
	o := newOffice(t)
	org := o.org("Base", "agent-user")
	o.method(directory.OrgSingle, org.ID)
	u := o.user(o.caller, "anna")
	if got := where(u); got != string(org.ID)+" single: " {
		t.Errorf("right after the request: %s", got)
	}
	o.deliver()
	want := string(org.ID) + " single: agent-user/orgDefault"
	if got := where(o.reload(u.ID)); got != want {
		t.Errorf("followed: %s, want %s", got, want)
	}
	version := o.reload(u.ID).Version
	_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.ExternalID = "other" })
	o.must(err)
	o.deliver()
	if got := o.reload(u.ID); got.Version != version+1 || where(got) != want {
		t.Errorf("an unrelated attribute resolved the user: %s at version %d", where(got), got.Version)
	}
	got, err := o.s.As(o.admin).Organizations.CountMembers(o.ctx, []directory.OrgID{org.ID, directory.DefaultOrg})
	o.must(err)
	o.equal("members", got, map[directory.OrgID]int{org.ID: 1, directory.DefaultOrg: 0})
	_, roles, err := o.s.As(o.admin).Roles.List(o.ctx)
	o.must(err)
	o.equal("people with the role", roles["agent-user"], 1)
}

func TestGroupsDecideByPriority(t *testing.T) {
	o := newOffice(t)
	hq, field := o.org("HQ", "desktop-user"), o.org("Field")
	u := o.user(o.caller, "anna")
	a, b := o.group(o.caller, "A", u.ScimID), o.group(o.caller, "B", u.ScimID)
	o.deliver()
	o.method(directory.OrgGroups, directory.DefaultOrg)
	o.rolesFromGroups(false)
	first, second := o.mapOrg(field.ID, b.ID), o.mapOrg(hq.ID, a.ID)
	roles := o.mapRoles([]directory.RoleID{"agent-user", "proe-user"}, b.ID)
	o.deliver()
	if got := where(o.reload(u.ID)); got != "odefault single: " {
		t.Fatalf("a saved mapping moved a user: %s", got)
	}
	check := func(what, want string) {
		t.Helper()
		o.deliver()
		if got := where(o.reload(u.ID)); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	o.regroup(a.ID, nil, []directory.ScimID{u.ScimID})
	byB := string(field.ID) + " group:" + string(first) + ": agent-user/mapping:" + string(roles) + " proe-user/mapping:" + string(roles)
	check("left A", byB)
	o.regroup(a.ID, []directory.ScimID{u.ScimID}, nil)
	check("in both", byB)
	x, err := o.s.As(o.admin).Users.Explain(o.ctx, u.ID)
	o.must(err)
	if len(x.Orgs) != 2 || x.Orgs[0].Result != administration.CheckWins || x.Orgs[0].Group != b.ID ||
		x.Orgs[1].Result != administration.CheckNotReached ||
		x.Roles[0].Result != administration.CheckGives || x.User.OrgGroup != b.ID || x.User.OrgConfig == 0 {
		t.Errorf("the explanation is %+v", x)
	}
	_, _, err = o.s.As(o.admin).Organizations.Deactivate(o.ctx, field.ID, anyOrg)
	o.must(err)
	o.deliver() // its users are deactivated, and so not resolved
	o.regroup(a.ID, nil, []directory.ScimID{u.ScimID})
	o.deliver()
	if got := o.reload(u.ID); got.Lifecycle != directory.LifecycleDeactivated {
		t.Errorf("a member of a deactivated organization is %q", got.Lifecycle)
	}
	v := o.user(o.caller, "bert")
	o.regroup(b.ID, []directory.ScimID{v.ScimID}, nil)
	o.regroup(a.ID, []directory.ScimID{v.ScimID}, nil)
	o.deliver()
	if got := where(o.reload(v.ID)); !strings.HasPrefix(got, string(hq.ID)+" group:"+string(second)) {
		t.Errorf("past a deactivated target: %s", got)
	}
	o.must(o.s.DeleteGroup(o.ctx, o.caller, a.ID, func(directory.Group) error { return nil }))
	o.must(o.s.DeleteGroup(o.ctx, o.caller, b.ID, func(directory.Group) error { return nil }))
	o.deliver()
	if got := where(o.reload(v.ID)); got != "odefault default: " {
		t.Errorf("both groups deleted: %s", got)
	}
}

func TestByHandStays(t *testing.T) {
	o := newOffice(t)
	hq, other := o.org("HQ"), o.org("Other")
	u := o.user(o.caller, "anna")
	g, h := o.group(o.caller, "G"), o.group(o.caller, "H")
	o.method(directory.OrgGroups, directory.DefaultOrg)
	o.rolesFromGroups(false)
	o.mapOrg(hq.ID, g.ID)
	m := o.mapRoles([]directory.RoleID{"agent-user"}, g.ID)
	_, err := o.s.As(o.admin).Users.GrantRole(o.ctx, u.ID, anyUser, "agent-user")
	o.must(err)
	_, err = o.s.As(o.admin).Users.GrantRole(o.ctx, u.ID, anyUser, "org-manager")
	o.must(err)
	_, err = o.s.As(o.admin).Users.Move(o.ctx, u.ID, anyUser, other.ID, false)
	o.must(err)
	o.regroup(h.ID, []directory.ScimID{u.ScimID}, nil)
	o.deliver()
	if got := where(o.reload(u.ID)); got != "odefault default: agent-user/manual org-manager/manual" {
		t.Errorf("the next event after a move by hand: %s", got)
	}
	_, err = o.s.As(o.admin).Users.Move(o.ctx, u.ID, anyUser, other.ID, true)
	o.must(err)
	o.regroup(g.ID, []directory.ScimID{u.ScimID}, nil)
	o.deliver()
	pinned := string(other.ID) + " manual: agent-user/manual agent-user/mapping:" + string(m) + " org-manager/manual"
	if got := where(o.reload(u.ID)); got != pinned {
		t.Errorf("pinned: %s, want %s", got, pinned)
	}
	_, err = o.s.As(o.admin).Users.RevokeRole(o.ctx, u.ID, anyUser, "proe-user")
	o.refused("a role the user does not have", err, directory.NotFound, "", "does not have")
	o.rolesFromGroups(true)
	o.regroup(h.ID, nil, []directory.ScimID{u.ScimID})
	o.deliver()
	if got := where(o.reload(u.ID)); got != string(other.ID)+" manual: agent-user/mapping:"+string(m) {
		t.Errorf("strict: %s", got)
	}
	_, err = o.s.As(o.admin).Users.RevokeRole(o.ctx, u.ID, anyUser, "agent-user")
	o.refused("a role by mapping", err, directory.Conflict, "", "mapping")
}

func TestAttributesCreateOrganizations(t *testing.T) {
	o := newOffice(t)
	template := o.org("Template", "agent-user")
	_, _, err := o.s.As(o.admin).OrgMappings.Set(o.ctx, o.p.ID, anyProvider,
		directory.OrgSettings{Method: directory.OrgNamed, Template: template.ID, Org: directory.DefaultOrg})
	o.must(err)
	named := func(name, org string) directory.User {
		u, err := o.tryUser(o.caller, directory.Profile{UserName: name, Active: true, Attributes: []byte(orgAttributes(org))})
		o.must(err)
		return u
	}
	anna, bert := named("anna", "  Deep   Sea "), named("bert", "deep sea")
	o.deliver()
	a, b := o.reload(anna.ID), o.reload(bert.ID)
	if a.OrgID == directory.DefaultOrg || a.OrgID != b.OrgID || a.OrgSource != directory.SourceAttribute {
		t.Fatalf("%s and %s", where(a), where(b))
	}
	org, err := o.s.As(o.admin).Organizations.ByID(o.ctx, a.OrgID)
	o.must(err)
	if org.Name != "Deep Sea" || org.Auto != o.p.ID || !slices.Equal(org.DefaultRoles, template.DefaultRoles) || len(a.RoleGrants) != 1 {
		t.Errorf("created %+v, %s", org, where(a))
	}
	name := "Ocean"
	_, err = o.s.As(o.admin).Organizations.Patch(o.ctx, org.ID, anyOrg, administration.OrganizationPatch{Name: &name})
	o.must(err)
	carla := named("carla", "DEEP SEA")
	o.deliver()
	if got := o.reload(carla.ID).OrgID; got != org.ID {
		t.Errorf("after a renaming the old name finds %s", got)
	}
	for i := range directory.MaxAutoOrgs + 5 {
		named(fmt.Sprint("user", i), fmt.Sprint("Org ", i))
	}
	o.deliver()
	all, _, err := o.s.As(o.admin).Organizations.Search(o.ctx, "", "", "", 1000)
	o.must(err)
	o.equal("organizations on one day", len(all), 2+directory.MaxAutoOrgs)
	cs, err := o.s.Conflicts.ListConflicts(o.ctx, o.admin.Tenant, "", "", 10)
	o.must(err)
	if len(cs) != 1 || cs[0].Cause != directory.ConflictOverOrganizations {
		t.Fatalf("conflicts: %+v", cs)
	}
	_, _, err = o.s.As(o.admin).Conflicts.Convert(o.ctx, cs[0].ID, func(directory.ConflictCase) error { return nil })
	o.refused("converting it", err, directory.Conflict, "", "only be ignored")
	_, err = o.s.As(o.admin).Conflicts.Ignore(o.ctx, cs[0].ID, func(directory.ConflictCase) error { return nil })
	o.must(err)
	o.later(24 * time.Hour)
	dora := named("dora", "Another day")
	empty := named("emil", "")
	_, _, err = o.edit(o.caller, empty.ScimID, func(p *directory.Profile) { p.Attributes = []byte(orgAttributes("Ocean")) })
	o.must(err)
	o.deliver()
	if where(o.reload(dora.ID)) == "odefault default: " || o.reload(empty.ID).OrgID != org.ID {
		t.Errorf("next day: %s; after the attribute came: %s", where(o.reload(dora.ID)), where(o.reload(empty.ID)))
	}
}

func orgAttributes(org string) string {
	if org == "" {
		return `{"title":"x"}`
	}
	return `{"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"orgName":"` + org + `"}}`
}

// The order of events never changes the organizations and roles of users in the end.
func TestOrderOfEventsNeverMatters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		store, err := sqlite.Open(sqlite.Memory, time.Now)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = store.Close() }()
		o := &office{T: t, ctx: context.Background(), now: time.Now(), admin: administration.Admin{Tenant: "acme1"}}
		o.s = directorytest.New(store.Ports(), directory.Runtime{Now: func() time.Time { return o.now }})
		_, err = o.s.As(o.admin).Tenants.Create(o.ctx, "Acme")
		o.must(err)
		o.p, o.caller = o.provider("Entra")
		orgs := []directory.Organization{o.org("A", "agent-user"), o.org("B"), o.org("C", "org-manager")}
		o.method(directory.OrgGroups, orgs[2].ID)
		o.rolesFromGroups(rapid.Bool().Draw(rt, "strict"))
		people := []directory.User{o.user(o.caller, "a"), o.user(o.caller, "b")}
		var groups []directory.Group
		for i := range 4 {
			groups = append(groups, o.group(o.caller, fmt.Sprint("g", i)))
		}
		o.mapOrg(orgs[0].ID, groups[0].ID, groups[1].ID)
		o.mapOrg(orgs[1].ID, groups[2].ID)
		o.mapRoles([]directory.RoleID{"desktop-user", "agent-user"}, groups[0].ID)
		o.mapRoles([]directory.RoleID{"desktop-user", "proe-user"}, groups[1].ID, groups[3].ID)
		in := map[[2]int]bool{}
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			who, g := rapid.IntRange(0, 1).Draw(rt, "who"), rapid.IntRange(0, 3).Draw(rt, "group")
			ids := []directory.ScimID{people[who].ScimID}
			if in[[2]int{who, g}] {
				o.regroup(groups[g].ID, nil, ids)
			} else {
				o.regroup(groups[g].ID, ids, nil)
			}
			in[[2]int{who, g}] = !in[[2]int{who, g}]
		}
		var entries []directory.LogEntry
		_, err = o.s.Feed.Deliver(o.ctx, func(_ context.Context, batch []directory.TenantEntry) error {
			for _, e := range batch {
				entries = append(entries, e.Entry)
			}
			return nil
		})
		o.must(err)
		order := rapid.Permutation(entries).Draw(rt, "order")
		for _, e := range append(order, order[:len(order)/2]...) { // some twice
			o.must(o.s.FollowEntry(o.ctx, o.admin.Tenant, e))
		}
		for who, u := range people {
			var org directory.OrgID
			roles := map[directory.RoleID]bool{}
			switch { // the reference, by hand
			case in[[2]int{who, 0}] || in[[2]int{who, 1}]:
				org = orgs[0].ID
			case in[[2]int{who, 2}]:
				org = orgs[1].ID
			default:
				org = orgs[2].ID
			}
			if in[[2]int{who, 0}] {
				roles["desktop-user"], roles["agent-user"] = true, true
			}
			if in[[2]int{who, 1}] || in[[2]int{who, 3}] {
				roles["desktop-user"], roles["proe-user"] = true, true
			}

			if len(roles) == 0 {
				switch org {
				case orgs[0].ID:
					roles["agent-user"] = true
				case orgs[2].ID:
					roles["org-manager"] = true
				}
			}
			got := o.reload(u.ID)
			if got.OrgID != org || len(got.RoleGrants) != len(roles) {
				rt.Fatalf("%v: %s, want %s and %v", in, where(got), org, roles)
			}
			for _, g := range got.RoleGrants {
				if !roles[g.Role] {
					rt.Fatalf("%s, want %v", where(got), roles)
				}
			}
		}
	})
}

func TestWatchlistsFollowTheirSources(t *testing.T) {
	o := newOffice(t)
	dept := func(name string) []byte {
		return []byte(`{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"` + name + `"}}`)
	}
	anna, bert := o.user(o.caller, "anna"), o.user(o.caller, "bert")
	local := o.local("local")
	g := o.group(o.caller, "G", anna.ScimID)
	w, err := o.s.As(o.admin).Watchlists.Create(o.ctx, administration.NewWatchlist{
		Type: "departing", Title: " Leavers ", Groups: []directory.GroupID{g.ID}, Departments: []string{"ops"},
		Included: []directory.UserID{local.ID},
	})
	o.must(err)
	check := func(what string, want map[directory.UserID]string) {
		t.Helper()
		o.deliver()
		got := map[directory.UserID]string{}
		us, _, err := o.s.As(o.admin).Users.Search(o.ctx, directory.UserSearch{List: w.ID, Count: 100})
		o.must(err)
		for _, u := range us {
			got[u.ID] = u.Watchlists[0].Why
		}
		o.equal(what, got, want)
		_, n, err := o.s.As(o.admin).Watchlists.ByID(o.ctx, w.ID)
		o.must(err)
		o.equal(what+": the count", n, len(want))
	}
	check("created", map[directory.UserID]string{anna.ID: "group:" + string(g.ID), local.ID: "included"})
	_, _, err = o.s.UpdateUser(o.ctx, o.caller, bert.ScimID, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			p := old.Profile
			p.Attributes = dept("OPS")
			return p, []directory.Change{{Attr: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"}}, nil
		})
	o.must(err)
	check("a department", map[directory.UserID]string{anna.ID: "group:" + string(g.ID), local.ID: "included", bert.ID: "department:ops"})
	_, err = o.s.As(o.admin).Watchlists.Patch(o.ctx, w.ID, func(directory.Watchlist) error { return nil },
		administration.WatchlistPatch{Included: &[]directory.UserID{}, Excluded: &[]directory.UserID{bert.ID}})
	o.must(err)
	check("excluded", map[directory.UserID]string{anna.ID: "group:" + string(g.ID)})
	o.must(o.s.DeleteGroup(o.ctx, o.caller, g.ID, func(directory.Group) error { return nil }))
	check("the group deleted", map[directory.UserID]string{})
	o.must(o.s.As(o.admin).Watchlists.Delete(o.ctx, w.ID, func(directory.Watchlist) error { return nil }))
	o.deliver()
}

func TestManagersAreLinkedWhenTheyAppear(t *testing.T) {
	o := newOffice(t)
	u, err := o.tryUser(o.caller, directory.Profile{UserName: "anna", Manager: "Boss@acme", Active: true})
	o.must(err)
	o.deliver()
	if got := o.reload(u.ID); got.Profile.Manager != "Boss@acme" {
		t.Errorf("waiting: %q", got.Profile.Manager)
	}
	boss := o.user(o.caller, "Boss@acme")
	o.deliver()
	if got := o.reload(u.ID); got.Profile.Manager != string(boss.ScimID) {
		t.Errorf("the manager appeared: %q", got.Profile.Manager)
	}
	late, err := o.tryUser(o.caller, directory.Profile{UserName: "bert", Manager: "boss@ACME", Active: true})
	o.must(err)
	v, _, err := o.s.UpdateUser(o.ctx, o.caller, late.ScimID, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			p := old.Profile
			p.ExternalID = "x"
			return p, []directory.Change{{Attr: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}}, nil
		})
	o.must(err)
	o.deliver()
	if got := o.reload(v.ID); got.Profile.Manager != string(boss.ScimID) {
		t.Errorf("the manager was there: %q", got.Profile.Manager)
	}
}

// A user added to a group of a watchlist is added to the list for that reason, and removed from it with the group.
func TestWatchlistEventsSayWhy(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "anna")
	g := o.group(o.caller, "Divers")
	w, err := o.s.As(o.admin).Watchlists.Create(o.ctx,
		administration.NewWatchlist{Type: "custom", Title: "List", Groups: []directory.GroupID{g.ID}})
	o.must(err)
	o.deliver()
	events := func() (out []string) {
		for _, e := range o.log(directory.LogQuery{User: u.ID}) {
			for _, ev := range follow.Events(o.admin.Tenant, e) {
				if ev.Watchlist != nil {
					out = append(out, fmt.Sprint(ev.Type, " ", *ev.Watchlist))
				}
			}
		}
		return out
	}
	why := fmt.Sprint(directory.EventWatchlist{ID: w.ID, Reason: "group", Group: g.ID})
	o.regroup(g.ID, []directory.ScimID{u.ScimID}, nil)
	o.deliver()
	o.equal("joined", events(), []string{"watchlist.member-added " + why})
	o.later(time.Second)
	o.regroup(g.ID, nil, []directory.ScimID{u.ScimID})
	o.deliver()
	o.equal("left", events(), []string{"watchlist.member-removed " + why, "watchlist.member-added " + why})
}
