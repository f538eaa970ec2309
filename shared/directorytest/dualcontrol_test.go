package directorytest_test

import (
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

const privileged directory.RoleID = "security-administrator"

// by is the administrator under another name.
func (o *office) by(id string) administration.Admin {
	a := o.admin
	a.Actor = directory.Actor{Kind: directory.ActorAPIKey, ID: id}
	return a
}

func (o *office) dual(id string, on bool) (directory.Tenant, error) {
	return o.s.As(o.by(id)).Settings.Set(o.ctx, func(directory.Tenant) error { return nil }, administration.SettingsChange{DualControl: &on})
}

func TestDualControlTakesTwoToEnd(t *testing.T) {
	o := newOffice(t)
	for _, step := range []struct {
		by      string
		on      bool
		refused bool
		want    bool
	}{
		{"a", false, false, false}, {"a", true, false, true}, {"a", true, false, true},
		{"a", false, false, true}, {"a", false, true, true}, {"b", true, false, true}, // the request to end it is withdrawn
		{"b", false, false, true}, {"b", false, true, true}, {"a", false, false, false}, {"a", false, false, false},
	} {
		tn, err := o.dual(step.by, step.on)
		if step.refused {
			o.refused("the same administrator again", err, directory.Forbidden, "", "another administrator")
			tn, err = o.s.As(o.admin).Settings.Get(o.ctx)
		}
		o.must(err)
		if tn.DualControl != step.want {
			t.Fatalf("%+v: %+v", step, tn)
		}
	}
	logged := 0
	for _, e := range o.log(directory.LogQuery{}) {
		if e.Action == directory.TenantUpdated && e.Audit && len(e.Changes) == 2 {
			logged++
		}
	}
	o.equal("entries", logged, 5)
}

// Under dual control a role mapping that gives privileged roles to more people changes nothing until another
// administrator approves it; anything else takes effect immediately.
func TestPrivilegedRoleMappingsTakeASecondAdministrator(t *testing.T) {
	o := newOffice(t)
	anna, ben := o.user(o.caller, "anna"), o.user(o.caller, "ben")
	g, h := o.group(o.caller, "G", anna.ScimID), o.group(o.caller, "H", ben.ScimID)
	o.rolesFromGroups(false)
	o.deliver()
	add := func(by string, groups []directory.GroupID, confirm string, roles ...directory.RoleID) (directory.RoleMapping, error) {
		return o.s.As(o.by(by)).RoleMappings.Add(o.ctx, o.p.ID, anyProvider, groups, roles, confirm)
	}
	decide := func(by string, id directory.MappingID, approve bool) error {
		_, err := o.s.As(o.by(by)).RoleMappings.Decide(o.ctx, o.p.ID, anyProvider, id, approve)
		return err
	}
	mappings := func() directory.MappingSet {
		m, err := o.s.Mappings.MappingSet(o.ctx, o.admin.Tenant, o.p.ID)
		o.must(err)
		return m
	}
	would := func(u directory.User) string {
		x, err := o.s.As(o.admin).Users.Explain(o.ctx, u.ID)
		o.must(err)
		return where(directory.User{Account: directory.Account{RoleGrants: x.Now.Grants}})
	}
	_, err := o.dual("a", true)
	o.must(err)
	config := o.stored(o.p.ID).ConfigVersion
	m, err := add("a", []directory.GroupID{g.ID}, "", privileged, "agent-user")
	o.must(err)
	if m.ProposedBy != "a" || len(mappings().Roles) != 0 || len(mappings().Proposed) != 1 || o.stored(o.p.ID).ConfigVersion != config {
		t.Fatalf("proposed: %+v, %+v", m, mappings())
	}
	if got := would(anna); got != " : " {
		t.Errorf("while it is proposed anna would get %q", got)
	}
	o.refused("approving one's own", decide("a", m.ID, true), directory.Forbidden, "", "another administrator")
	o.refused("an unknown one", decide("b", "nothing", true), directory.NotFound, "", "")
	o.must(decide("b", m.ID, true))
	if got := mappings(); len(got.Proposed) != 0 || len(got.Roles) != 1 || got.Roles[0].ProposedBy != "" ||
		o.stored(o.p.ID).ConfigVersion != config+1 {
		t.Fatalf("approved: %+v", got)
	}
	o.refused("approving twice", decide("b", m.ID, true), directory.NotFound, "", "")
	patch := func(by string, groups *[]directory.GroupID, roles *[]directory.RoleID) directory.RoleMapping {
		n, err := o.s.As(o.by(by)).RoleMappings.Patch(o.ctx, o.p.ID, anyProvider, m.ID, groups, roles, "")
		o.must(err)
		return n
	}
	// One more group gives the role to more people.
	if n := patch("a", &[]directory.GroupID{g.ID, h.ID}, nil); n.ProposedBy != "a" {
		t.Errorf("a group more: %+v", n)
	}
	if got := would(ben); got != " : " {
		t.Errorf("while it is proposed ben would get %q", got)
	}
	// A change without new privileges takes effect, and discards what was proposed for the mapping before.
	if n := patch("a", nil, &[]directory.RoleID{privileged}); n.ProposedBy != "" || len(mappings().Proposed) != 0 {
		t.Errorf("a role less: %+v, %+v", n, mappings())
	}
	patch("a", &[]directory.GroupID{g.ID, h.ID}, nil)
	o.must(decide("a", m.ID, false))
	if got := mappings(); len(got.Proposed) != 0 || len(got.Roles[0].Groups) != 1 {
		t.Errorf("discarded: %+v", got)
	}
	patch("a", &[]directory.GroupID{g.ID, h.ID}, nil)
	plain, err := add("a", []directory.GroupID{h.ID}, "", "agent-user")
	if err != nil || plain.ProposedBy != "" {
		t.Errorf("a mapping without privileged roles: %+v, %v", plain, err)
	}
	o.refused("a group that has been mapped otherwise", decide("b", m.ID, true), directory.Conflict, "groups", "at most one")
	o.must(o.s.As(o.by("a")).RoleMappings.Delete(o.ctx, o.p.ID, anyProvider, m.ID))
	if got := mappings(); len(got.Proposed) != 0 || len(got.Roles) != 1 {
		t.Errorf("deleted: %+v", got)
	}
	// Without dual control a confirmation is typed.
	_, err = o.dual("a", false)
	o.must(err)
	_, err = o.dual("b", false)
	o.must(err)
	_, err = add("a", []directory.GroupID{g.ID}, "", privileged)
	o.refused("not confirmed", err, directory.Invalid, "confirm", "Security Administrator")
	m, err = add("a", []directory.GroupID{g.ID}, "Security Administrator", privileged)
	if err != nil || m.ProposedBy != "" {
		t.Errorf("confirmed: %+v, %v", m, err)
	}
}

// A run that changes privileged roles waits for a second administrator under dual control, and so does its undo;
// without it, the provider's name is typed.
func TestPrivilegedRunsTakeASecondAdministrator(t *testing.T) {
	o := newOffice(t)
	anna := o.user(o.caller, "anna")
	g := o.group(o.caller, "G", anna.ScimID)
	o.rolesFromGroups(false)
	_, err := o.s.As(o.admin).RoleMappings.Add(o.ctx, o.p.ID, anyProvider, []directory.GroupID{g.ID}, []directory.RoleID{privileged},
		"Security Administrator")
	o.must(err)
	_, _, err = o.s.As(o.admin).RoleMappings.Set(o.ctx, o.p.ID, anyProvider, directory.RoleSettings{Mode: directory.RolesManual}, true)
	o.must(err)
	o.deliver()
	o.rolesFromGroups(false)
	plan := func() directory.RunID {
		o.later(time.Second)
		r, err := o.s.As(o.by("a")).ApplyRuns.Create(o.ctx, o.p.ID, false)
		o.must(err)
		o.deliver()
		if got := o.run(r.ID); got.State != directory.RunPlanned || got.Tally.Privileged != 1 {
			t.Fatalf("planned: %+v", got)
		}
		return r.ID
	}
	state := func(what string, id directory.RunID, want directory.RunState, roles string) {
		t.Helper()
		o.deliver()
		if got := o.run(id); got.State != want {
			t.Errorf("%s: %+v", what, got)
		}
		if got := len(o.reload(anna.ID).RoleGrants); (got == 1) != (roles != "") {
			t.Errorf("%s: anna has %d roles", what, got)
		}
	}
	id := plan()
	_, err = o.s.As(o.by("a")).ApplyRuns.Start(o.ctx, o.p.ID, id, anyRun)
	o.refused("not confirmed", err, directory.Invalid, "confirm", "display name")
	_, err = o.dual("a", true)
	o.must(err)
	r, err := o.s.As(o.by("a")).ApplyRuns.Start(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
	if r.State != directory.RunRequested || r.StartedBy != "a" {
		t.Errorf("requested: %+v", r)
	}
	state("requested", id, directory.RunRequested, "")
	_, err = o.s.As(o.by("b")).ApplyRuns.Start(o.ctx, o.p.ID, id, anyRun)
	o.refused("starting a run that waits", err, directory.Conflict, "", "another administrator")
	_, err = o.s.As(o.by("a")).ApplyRuns.Approve(o.ctx, o.p.ID, id, anyRun)
	o.refused("approving one's own", err, directory.Forbidden, "", "another administrator")
	_, err = o.s.As(o.by("a")).ApplyRuns.Cancel(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
	_, err = o.s.As(o.by("b")).ApplyRuns.Approve(o.ctx, o.p.ID, id, anyRun)
	o.refused("approving a cancelled run", err, directory.Conflict, "", "cancelled")
	id = plan()
	_, err = o.s.As(o.by("b")).ApplyRuns.Approve(o.ctx, o.p.ID, id, anyRun)
	o.refused("approving a run that nobody requested", err, directory.Conflict, "", "planned")
	_, err = o.s.As(o.by("a")).ApplyRuns.Start(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
	r, err = o.s.As(o.by("b")).ApplyRuns.Approve(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
	if r.ApprovedBy != "b" || r.StartedBy != "a" {
		t.Errorf("approved: %+v", r)
	}
	state("approved", id, directory.RunCompleted, "security")
	o.later(time.Second)
	undo, err := o.s.As(o.by("b")).ApplyRuns.Undo(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
	state("undo requested", undo.ID, directory.RunRequested, "security")
	_, err = o.s.As(o.by("b")).ApplyRuns.Approve(o.ctx, o.p.ID, undo.ID, anyRun)
	o.refused("approving one's own undo", err, directory.Forbidden, "", "another administrator")
	_, err = o.s.As(o.by("a")).ApplyRuns.Approve(o.ctx, o.p.ID, undo.ID, anyRun)
	o.must(err)
	state("undone", undo.ID, directory.RunCompleted, "")
	// A request expires as its plan does.
	id = plan()
	_, err = o.s.As(o.by("a")).ApplyRuns.Start(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
	o.later(25 * time.Hour)
	_, err = o.s.As(o.by("b")).ApplyRuns.Approve(o.ctx, o.p.ID, id, anyRun)
	o.refused("an old request", err, directory.Conflict, "", "24 hours")
	for _, by := range []string{"a", "b"} {
		_, err = o.dual(by, false)
		o.must(err)
	}
	id = plan()
	a := o.by("a")
	a.Confirm = o.p.DisplayName
	_, err = o.s.As(a).ApplyRuns.Start(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
	state("confirmed", id, directory.RunCompleted, "security")
	_, err = o.s.As(o.by("a")).ApplyRuns.Undo(o.ctx, o.p.ID, id, anyRun)
	o.refused("an undo that is not confirmed", err, directory.Invalid, "confirm", "display name")
	_, err = o.s.As(a).ApplyRuns.Undo(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
}
