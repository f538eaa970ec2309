package directorytest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

// idle starts nothing, so that runs make no progress.
type idle struct{}

func (idle) StartRun(context.Context, directory.RunRef) error { return nil }

// slow makes the office's runs wait until play.
func (o *office) slow() {
	o.s = directorytest.New(o.s.Ports, directory.Runtime{Now: func() time.Time { return o.now }, External: directory.External{Runs: idle{}}})
}

func TestGroupsThatAreLeftToMap(t *testing.T) {
	o := newOffice(t)
	state := func() administration.MappingState {
		t.Helper()
		s, err := o.s.As(o.admin).Mappings.State(o.ctx, o.p.ID)
		o.must(err)
		return s
	}
	if s := state(); s.OrgUse.State() != administration.GroupsNone || s.RoleUse.State() != administration.GroupsNone {
		t.Errorf("before any group: %+v", s.OrgUse)
	}
	a, b := o.group(o.caller, "A"), o.group(o.caller, "B")
	m := o.mapOrg(directory.DefaultOrg, a.ID)
	if s := state(); s.OrgUse != (administration.GroupUse{Total: 2, Unmapped: 1}) || s.OrgUse.State() != administration.GroupsOpen {
		t.Errorf("one mapped: %+v", s.OrgUse)
	}
	_, _, err := o.s.As(o.admin).OrgMappings.Add(o.ctx, o.p.ID, anyProvider, []directory.GroupID{b.ID, a.ID}, directory.DefaultOrg)
	o.refused("a group in two mappings", err, directory.Conflict, "groups", "at most one mapping")
	_, _, err = o.s.As(o.admin).OrgMappings.Add(o.ctx, o.p.ID, anyProvider, []directory.GroupID{"g" + directory.GroupID(random.ID())},
		directory.DefaultOrg)
	o.refused("an unknown group", err, directory.Invalid, "groups", "exist")
	_, _, err = o.s.As(o.admin).OrgMappings.Add(o.ctx, o.p.ID, anyProvider, nil, directory.DefaultOrg)
	o.refused("no group", err, directory.Invalid, "groups", "at least one")
	_, _, err = o.s.As(o.admin).OrgMappings.Patch(o.ctx, o.p.ID, anyProvider, m, &[]directory.GroupID{a.ID, b.ID}, nil)
	o.must(err)
	if s := state(); s.OrgUse.State() != administration.GroupsMapped || s.RoleUse.State() != administration.GroupsOpen {
		t.Errorf("all mapped: %+v %+v", s.OrgUse, s.RoleUse)
	}
	if p := o.stored(o.p.ID); p.ConfigVersion != 2 || p.AppliedVersion != 0 {
		t.Errorf("configuration %d, applied %d", p.ConfigVersion, p.AppliedVersion)
	}
}

func TestGroupsRenamedDeletedAndCreatedAgain(t *testing.T) {
	o := newOffice(t)
	hq := o.org("HQ")
	u := o.user(o.caller, "anna")
	create := func(name string) directory.Group {
		t.Helper()
		g, err := o.s.CreateGroup(o.ctx, o.caller, nil,
			func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
				return directory.GroupProfile{DisplayName: name, ExternalID: "object-1"}, []directory.ScimID{u.ScimID}, nil, nil
			})
		o.must(err)
		return g.Group
	}
	o.method(directory.OrgGroups, directory.DefaultOrg)
	g := create("Divers")
	m := o.mapOrg(hq.ID, g.ID)
	o.deliver()
	in := func(what string, want directory.OrgID) {
		t.Helper()
		o.deliver()
		if got := o.reload(u.ID).OrgID; got != want {
			t.Errorf("%s: in %s, want %s", what, got, want)
		}
	}
	in("member", hq.ID)
	version := o.reload(u.ID).Version
	_, _, err := o.s.UpdateGroup(o.ctx, o.caller, g.ID, directory.GroupWant{}, nil,
		func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
			p := v.GroupProfile
			p.DisplayName = "Frogmen"
			return provisioning.GroupEdit{Profile: p}, nil
		})
	o.must(err)
	in("renamed", hq.ID)
	if got := o.reload(u.ID).Version; got != version {
		t.Errorf("a renamed group moved the user to version %d", got)
	}
	o.must(o.s.DeleteGroup(o.ctx, o.caller, g.ID, func(directory.Group) error { return nil }))
	in("deleted", directory.DefaultOrg)
	again := create("Divers")
	in("created again under another id", directory.DefaultOrg)
	s, err := o.s.As(o.admin).Mappings.State(o.ctx, o.p.ID)
	o.must(err)
	if _, there := s.Present[g.ID]; there || s.Relink[g.ID].ID != again.ID || s.Mappings.Orgs[0].Groups[0].Name != "Divers" {
		t.Errorf("the mapping is not flagged, or offers no other group: %+v", s)
	}
	_, _, err = o.s.As(o.admin).OrgMappings.Patch(o.ctx, o.p.ID, anyProvider, m, &[]directory.GroupID{again.ID}, nil)
	o.must(err)
	o.regroup(again.ID, nil, []directory.ScimID{u.ScimID})
	o.regroup(again.ID, []directory.ScimID{u.ScimID}, nil)
	in("linked again", hq.ID)
}

func TestOrganizationsEndOnlyWhereNobodyNeedsThem(t *testing.T) {
	o := newOffice(t)
	hq := o.org("HQ")
	end := func(id directory.OrgID) error {
		_, _, err := o.s.As(o.admin).Organizations.Deactivate(o.ctx, id, anyOrg)
		return err
	}
	o.refused("the tenant's", end(directory.DefaultOrg), directory.Conflict, "", "default organization")
	o.method(directory.OrgGroups, hq.ID)
	o.refused("a mapping's default", end(hq.ID), directory.Conflict, "", "falls back")
	o.method(directory.OrgGroups, directory.DefaultOrg)
	u := o.local("held")
	_, err := o.s.As(o.admin).Users.Move(o.ctx, u.ID, anyUser, hq.ID, false)
	o.must(err)
	_, err = o.s.Users.UpdateUser(o.ctx, o.admin.Tenant, o.reload(u.ID), func(u directory.User) (directory.User, *directory.LogEntry, error) {
		u.Holds = []directory.MatterID{"h1"}
		u.Version++
		return u, &directory.LogEntry{ID: "e1", At: o.s.Now(), User: u.ID, Action: directory.UserUpdated}, nil
	})
	o.must(err)
	_, plan, err := o.s.As(administration.Admin{Tenant: o.admin.Tenant, DryRun: true}).Organizations.Deactivate(o.ctx, hq.ID, anyOrg)
	o.refused("with people on hold", err, directory.Conflict, "", "legal hold")
	if plan.Members != 1 || len(plan.Held) != 1 {
		t.Errorf("the plan is %+v", plan)
	}
	_, _, err = o.s.As(o.admin).OrgMappings.Add(o.ctx, o.p.ID, anyProvider, []directory.GroupID{o.group(o.caller, "G").ID}, "onobody")
	o.refused("an unknown target", err, directory.Invalid, "organizationId", "active organization")
}

func TestOneRunAtATimeAndPlansExpire(t *testing.T) {
	o := newOffice(t)
	o.user(o.caller, "anna")
	o.deliver()
	o.slow()
	play := func(r directory.RunID, phase directory.RunPhase) {
		t.Helper()
		o.must(o.s.PlayRun(o.ctx, directory.RunRef{Tenant: o.admin.Tenant, Provider: o.p.ID, Run: r, Phase: phase}))
	}
	create := func() administration.ApplyProgress {
		t.Helper()
		o.later(time.Second) // runs of one moment have no order
		r, err := o.s.As(o.admin).ApplyRuns.Create(o.ctx, o.p.ID, false)
		o.must(err)
		return r
	}
	first := create()
	_, err := o.s.As(o.admin).ApplyRuns.Create(o.ctx, o.p.ID, false)
	o.refused("a second run", err, directory.Conflict, "run", string(first.ID))
	_, err = o.s.As(o.admin).ApplyRuns.Start(o.ctx, o.p.ID, first.ID, anyRun)
	o.refused("applying a run that is being planned", err, directory.Conflict, "", "planning")
	play(first.ID, directory.PhasePlan)
	o.later(25 * time.Hour)
	_, err = o.s.As(o.admin).ApplyRuns.Start(o.ctx, o.p.ID, first.ID, anyRun)
	o.refused("an old plan", err, directory.Conflict, "", "24 hours")
	second := create()
	play(second.ID, directory.PhasePlan)
	o.method(directory.OrgGroups, directory.DefaultOrg)
	_, err = o.s.As(o.admin).ApplyRuns.Start(o.ctx, o.p.ID, second.ID, anyRun)
	o.refused("a plan of an older configuration", err, directory.Conflict, "", "mappings changed")
	if got := o.run(second.ID).State; got != directory.RunExpired {
		t.Errorf("it shows as %s", got)
	}
	older := create()
	play(older.ID, directory.PhasePlan)
	third := create()
	_, err = o.s.As(o.admin).ApplyRuns.Start(o.ctx, o.p.ID, older.ID, anyRun)
	o.refused("a plan with a newer one", err, directory.Conflict, "run", string(third.ID))
	_, err = o.s.As(o.admin).ApplyRuns.Cancel(o.ctx, o.p.ID, third.ID, anyRun)
	o.must(err)
	play(third.ID, directory.PhasePlan)
	if got := o.run(third.ID); got.State != directory.RunCancelled || got.Tally.Users != 0 {
		t.Errorf("cancelled: %+v", got)
	}
	fourth := create()
	play(fourth.ID, directory.PhasePlan)
	_, err = o.s.As(o.admin).ApplyRuns.Cancel(o.ctx, o.p.ID, fourth.ID, anyRun)
	o.must(err)
	_, err = o.s.As(o.admin).ApplyRuns.Start(o.ctx, o.p.ID, fourth.ID, anyRun)
	o.refused("a discarded plan", err, directory.Conflict, "", "cancelled")
	_, err = o.s.As(o.admin).ApplyRuns.Undo(o.ctx, o.p.ID, fourth.ID, anyRun)
	o.refused("undoing a run that was never applied", err, directory.Conflict, "", "was applied")
	rs, err := o.s.As(o.admin).ApplyRuns.List(o.ctx, o.p.ID, "", 10)
	o.must(err)
	if len(rs) != 5 || rs[0].ID != fourth.ID || rs[4].ID != first.ID {
		t.Errorf("listed: %+v", rs)
	}
}

func TestRolesThatNoLongerExist(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "anna")
	g := o.group(o.caller, "G", u.ScimID)
	o.deliver()
	o.rolesFromGroups(false)
	_, err := o.s.As(o.admin).RoleMappings.Add(o.ctx, o.p.ID, anyProvider, []directory.GroupID{g.ID},
		[]directory.RoleID{"security-administrator"}, "yes")
	o.refused("a privileged role, not confirmed", err, directory.Invalid, "confirm", "Security Administrator")
	o.mapRoles([]directory.RoleID{"agent-user", "org-admin", "cross-org-manager"}, g.ID)
	o.must(o.s.As(o.admin).Roles.Delete(o.ctx, "cross-org-manager"))
	o.must(o.s.As(o.admin).Roles.Delete(o.ctx, "org-admin"))
	r, err := o.s.As(o.admin).ApplyRuns.Create(o.ctx, o.p.ID, false)
	o.must(err)
	o.deliver()
	done := o.apply(r.ID)
	rows := o.rows(r.ID)
	if done.State != directory.RunWithErrors || done.Tally.Errors != 1 || !rows[u.ID].Written {
		t.Errorf("%+v %+v", done, rows)
	}
	o.equal("note", rows[u.ID].Note, "these roles no longer exist and were not given: cross-org-manager, org-admin")
	if got := where(o.reload(u.ID)); !strings.Contains(got, "agent-user/mapping:") || strings.Contains(got, "cross") {
		t.Errorf("the user is %s", got)
	}
}

func TestBackToManualRoles(t *testing.T) {
	for _, remove := range []bool{false, true} {
		t.Run(map[bool]string{false: "keep", true: "remove"}[remove], func(t *testing.T) {
			o := newOffice(t)
			u := o.user(o.caller, "anna")
			g := o.group(o.caller, "G")
			o.rolesFromGroups(false)
			o.mapRoles([]directory.RoleID{"agent-user"}, g.ID)
			o.regroup(g.ID, []directory.ScimID{u.ScimID}, nil)
			_, err := o.s.As(o.admin).Users.GrantRole(o.ctx, u.ID, anyUser, "org-manager")
			o.must(err)
			o.deliver()
			_, _, err = o.s.As(o.admin).RoleMappings.Set(o.ctx, o.p.ID, anyProvider, directory.RoleSettings{Mode: directory.RolesManual}, remove)
			o.must(err)
			o.deliver()
			o.regroup(g.ID, nil, []directory.ScimID{u.ScimID}) // touches no role any more
			o.deliver()
			want := "odefault single: agent-user/manual org-manager/manual"
			if remove {
				want = "odefault single: org-manager/manual"
			}
			if got := where(o.reload(u.ID)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

func TestOrganizationNamesAreUniqueAndRemembered(t *testing.T) {
	o := newOffice(t)
	hq := o.org("Head Quarters")
	_, err := o.s.As(o.admin).Organizations.Create(o.ctx, administration.NewOrganization{Name: " HEAD  quarters "})
	o.refused("the same name", err, directory.Conflict, "name", "this name")
	name := "Base"
	got, err := o.s.As(o.admin).Organizations.Patch(o.ctx, hq.ID, anyOrg, administration.OrganizationPatch{Name: &name})
	o.must(err)
	o.equal("aliases", got.Aliases, []string{"Head Quarters"})
	_, err = o.s.As(o.admin).Organizations.Create(o.ctx, administration.NewOrganization{Name: "head quarters"})
	o.refused("an earlier name", err, directory.Conflict, "name", "this name")
	below, err := o.s.As(o.admin).Organizations.Create(o.ctx, administration.NewOrganization{Name: "Below", Parent: hq.ID})
	o.must(err)
	_, err = o.s.As(o.admin).Organizations.Patch(o.ctx, hq.ID, anyOrg, administration.OrganizationPatch{Parent: &below.ID})
	o.refused("a circle", err, directory.Invalid, "parentId", "below")
	_, err = o.s.As(o.admin).Organizations.Create(o.ctx, administration.NewOrganization{Name: "X", DefaultRoles: []directory.RoleID{"nobody"}})
	o.refused("an unknown role", err, directory.Invalid, "defaultRoles", "catalogue")
	for _, bad := range []string{"", " ", "a\x00b", strings.Repeat("ä", 256), "\xff"} {
		_, err := o.s.As(o.admin).Organizations.Create(o.ctx, administration.NewOrganization{Name: bad})
		o.refused("the name "+bad, err, directory.Invalid, "name", "1 to 255")
	}
}
