package integration_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/integration/entra"
	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
)

// TestMappingJourney sets up mappings on both stores: people are placed in one organization first, groups are pushed,
// mappings with priorities and roles are saved, previewed, applied, reordered, applied and undone. The results are
// compared with an independent reference.
func TestMappingJourney(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options stack.Options
		users   int
		groups  int
	}{
		"SQLite":   {stack.Options{}, proof.Size(500, 2000), 40},
		"DynamoDB": {stack.Options{Ports: stack.DynamoDB}, proof.Size(30, 2000), proof.Size(12, 40)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stepsJourney(t, stack.New(t, c.options), c.users, c.groups)
		})
	}
}

// transport sends the requests of the simulated Entra through a door.
type transport struct{ stack.Door }

// RoundTrip implements http.RoundTripper.
func (d transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = io.NopCloser(strings.NewReader(""))
	}
	return d.Door(r)
}

// rule is a mapping of the reference: groups by name, and the organization or roles of their members.
type rule struct {
	groups []string
	org    string
	roles  []string
}

// reference returns the organization and the roles of a person in the given groups.
func reference(groups []string, orgs, roles []rule, fallback string, defaults map[string][]string) string {
	in := func(r rule) bool {
		return slices.ContainsFunc(r.groups, func(g string) bool { return slices.Contains(groups, g) })
	}
	org := fallback
	for _, r := range orgs {
		if in(r) {
			org = r.org
			break
		}
	}
	var got []string
	matched := false
	for _, r := range roles {
		if in(r) {
			matched = true
			got = append(got, r.roles...)
		}
	}
	if !matched {
		got = slices.Clone(defaults[org])
	}
	slices.Sort(got)
	return org + " " + strings.Join(slices.Compact(got), ",")
}

func stepsJourney(t *testing.T, s *stack.Stack, users, groups int) {
	ctx, p := t.Context(), s.Provider.ID
	c := &population{T: t, s: s, followed: map[directory.EntryID]bool{},
		admin: administration.Admin{Tenant: s.Provider.Tenant, Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}}}
	anyProvider := func(directory.Provider) error { return nil }
	anyRun := func(directory.ApplyRun) error { return nil }
	orgs := map[string]directory.OrgID{"": directory.DefaultOrg}
	defaults := map[string][]string{"Landing": {"agent-user"}, "East": nil, "West": {"desktop-user", "proe-user"},
		"North": {"audit-log-viewer"}}
	for _, name := range []string{"Landing", "East", "West", "North"} {
		o, err := s.Service.As(c.admin).Organizations.Create(ctx,
			administration.NewOrganization{Name: name, DefaultRoles: roleIDs(defaults[name])})
		c.must(err)
		orgs[name] = o.ID
	}
	names := map[directory.OrgID]string{}
	for name, id := range orgs {
		names[id] = name
	}
	set := func(method directory.OrgMethod, org string) {
		t.Helper()
		_, _, err := s.Service.As(c.admin).OrgMappings.Set(ctx, p, anyProvider, directory.OrgSettings{Method: method, Org: orgs[org]})
		c.must(err)
	}
	// New users are created in one organization.
	set(directory.OrgSingle, "Landing")
	state, err := s.Service.As(c.admin).Mappings.State(ctx, p)
	c.must(err)
	c.equal("before the first cycle", state.OrgUse.State(), administration.GroupsNone)
	// People and groups are pushed.
	dir := entra.Generate(entra.Options{Users: users, Groups: groups, Seed: 7})
	job := &entra.Job{BaseURL: s.BaseURL, Token: s.Token, Concurrency: 1, HTTP: &http.Client{Transport: transport{s.Local()}}}
	cycle, err := job.Cycle(ctx, dir)
	c.must(err)
	if len(cycle.Failures) > 0 {
		t.Fatalf("%d failures, first %+v", len(cycle.Failures), cycle.Failures[0])
	}
	c.follow()

	groupsOf := map[string][]string{}
	for _, g := range dir.Groups {
		for _, m := range g.Members {
			groupsOf[m] = append(groupsOf[m], g.DisplayName)
		}
	}
	found := map[string]directory.User{} // people by object id
	by := map[string]string{}
	for _, person := range dir.People {
		by[person.MailNickname] = person.ObjectID // sent as externalId
	}
	load := func() {
		t.Helper()
		clear(found)
		for q := (directory.UserSearch{Provider: p, Count: 500}); ; {
			us, next, err := s.Service.As(c.admin).Users.Search(ctx, q)
			c.must(err)
			for _, u := range us {
				if id, ok := by[u.ExternalID]; ok {
					found[id] = u
				}
			}
			if q.After = next; next == "" {
				return
			}
		}
	}
	actual := func(u directory.User) string {
		var roles []string
		for _, g := range u.RoleGrants {
			roles = append(roles, string(g.Role))
		}
		slices.Sort(roles)
		return names[u.OrgID] + " " + strings.Join(slices.Compact(roles), ",")
	}
	check := func(what string, want func(id string) string) {
		t.Helper()
		load()
		if len(found) < users*9/10 {
			t.Fatalf("%s: %d people of %d", what, len(found), users)
		}
		bad := 0
		for id, u := range found {
			if got := actual(u); got != want(id) {
				if bad++; bad <= 3 {
					t.Errorf("%s: %s with %v is %q, want %q", what, u.UserName, groupsOf[id], got, want(id))
				}
			}
		}
		if bad > 0 {
			t.Fatalf("%s: %d of %d are misplaced", what, bad, len(found))
		}
	}
	check("after the first cycle", func(string) string { return "Landing agent-user" })
	// Groups are mapped to organizations and roles.
	ids := map[string]directory.GroupID{}
	gs, _, err := s.Service.As(c.admin).Groups.Search(ctx, p, "", "", 500)
	c.must(err)
	for _, g := range gs {
		ids[g.DisplayName] = g.ID
	}
	title := func(i int) string { return dir.Groups[i].DisplayName }
	half := groups / 2
	orgRules := []rule{{groups: []string{title(1), title(2)}, org: "East"}, {groups: []string{title(3)}, org: "West"},
		{groups: []string{title(half)}, org: "North"}}
	for i := 4; i < half; i++ {
		orgRules = append(orgRules, rule{groups: []string{title(i)}, org: []string{"East", "West", "North"}[i%3]})
	}
	roleRules := []rule{{groups: []string{title(2), title(5)}, roles: []string{"desktop-user", "proe-user"}},
		{groups: []string{title(3)}, roles: []string{"org-manager", "desktop-user"}},
		{groups: []string{title(half + 1)}, roles: []string{"audit-log-viewer"}}}
	set(directory.OrgGroups, "Landing")
	_, _, err = s.Service.As(c.admin).RoleMappings.Set(ctx, p, anyProvider, directory.RoleSettings{Mode: directory.RolesGroups}, false)
	c.must(err)
	var order []directory.MappingID
	for _, r := range orgRules {
		m, _, err := s.Service.As(c.admin).OrgMappings.Add(ctx, p, anyProvider, groupIDs(ids, r.groups), orgs[r.org])
		c.must(err)
		order = append(order, m.ID)
	}
	for _, r := range roleRules {
		_, err := s.Service.As(c.admin).RoleMappings.Add(ctx, p, anyProvider, groupIDs(ids, r.groups), roleIDs(r.roles), "")
		c.must(err)
	}
	c.follow()
	check("saved, not applied", func(string) string { return "Landing agent-user" })
	landed := map[string]directory.Placement{}
	for id, u := range found {
		landed[id] = u.Placement()
	}
	wanted := func(id string) string { return reference(groupsOf[id], orgRules, roleRules, "Landing", defaults) }
	apply := func() administration.ApplyProgress {
		t.Helper()
		r, err := s.Service.As(c.admin).ApplyRuns.Create(ctx, p, true)
		c.must(err)
		c.follow()
		moves := 0
		load()
		for id, u := range found {
			if wanted(id) != actual(u) {
				moves++
			}
		}
		planned := c.run(r.ID)
		rows, _, err := s.Service.As(c.admin).ApplyRuns.Diff(ctx, p, r.ID, "", users+1, nil)
		c.must(err)
		visible := 0 // a row in which only the source of a role changes is not visible
		for _, row := range rows {
			if row.Before.Org != row.After.Org || len(row.Added())+len(row.Removed()) > 0 {
				visible++
			}
		}
		if planned.State != directory.RunPlanned || visible != moves || planned.Tally.Changes != len(rows) {
			t.Fatalf("the preview shows %d changes, %d of them visible, want %d; the run is %s", len(rows), visible, moves, planned.State)
		}
		_, err = s.Service.As(c.admin).ApplyRuns.Start(ctx, p, r.ID, anyRun)
		c.must(err)
		c.follow()
		done := c.run(r.ID)
		if done.State != directory.RunCompleted || done.Tally.Applied != planned.Tally.Changes {
			t.Fatalf("applied: %+v", done)
		}
		return done
	}
	first := apply()
	check("applied", wanted)
	applied := map[string]directory.Placement{}
	for id, u := range found {
		applied[id] = u.Placement()
	}
	// The priorities are changed.
	slices.Reverse(order)
	slices.Reverse(orgRules)
	_, _, err = s.Service.As(c.admin).OrgMappings.Reorder(ctx, p, anyProvider, order)
	c.must(err)
	second := apply()
	check("reordered and applied", wanted)
	for _, undo := range []struct {
		run  directory.RunID
		want map[string]directory.Placement
	}{{second.ID, applied}, {first.ID, landed}} {
		s.Clock.Advance(time.Second)
		r, err := s.Service.As(c.admin).ApplyRuns.Undo(ctx, p, undo.run, anyRun)
		c.must(err)
		c.follow()
		if got := c.run(r.ID); got.State != directory.RunCompleted || got.Tally.Skipped != 0 {
			t.Fatalf("undone: %+v", got)
		}
		load()
		got := map[string]directory.Placement{}
		for id, u := range found {
			got[id] = u.Placement()
		}
		c.equal(fmt.Sprint("after undoing ", undo.run), got, undo.want)
	}
}

func groupIDs(ids map[string]directory.GroupID, names []string) (out []directory.GroupID) {
	for _, n := range names {
		out = append(out, ids[n])
	}
	return out
}

// roleIDs converts names to ids of roles.
func roleIDs(names []string) (out []directory.RoleID) {
	for _, n := range names {
		out = append(out, directory.RoleID(n))
	}
	return out
}
