package integration_test

import (
	"slices"
	"testing"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// Where no mapping gives roles, each role is the administrator's to take, whatever its source, and nothing gives it again:
// not what the directory does next, not a move, not the entry of the creation that is followed again.
func TestManualRolesCanBeTaken(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s *stack.Stack, c client) {
		as := s.Service.As(s.Admin)
		org, err := as.Organizations.Create(t.Context(), administration.NewOrganization{
			Name: "Field", DefaultRoles: []directory.RoleID{"desktop-user", "agent-user"}})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = as.OrgMappings.Set(t.Context(), s.Provider.ID, administration.Unchecked,
			directory.OrgSettings{Method: directory.OrgSingle, Org: org.ID})
		if err != nil {
			t.Fatal(err)
		}
		u := c.send("POST", "/Users", user("kim@example.com"))
		team := c.send("POST", "/Groups", group("Team"))
		s.Follow(t)
		id := person(t, s, "kim@example.com").ID
		roles := func(when string, want ...directory.RoleID) {
			t.Helper()
			got := []directory.RoleID{}
			for _, g := range person(t, s, "kim@example.com").RoleGrants {
				got = append(got, g.Role)
			}
			if !slices.Equal(got, append([]directory.RoleID{}, want...)) {
				t.Errorf("%s: roles %v, want %v", when, got, want)
			}
		}
		roles("new", "agent-user", "desktop-user")
		for _, role := range []directory.RoleID{"desktop-user", "agent-user"} {
			if _, err := as.Users.RevokeRole(t.Context(), id, administration.Unchecked, role); err != nil {
				t.Fatalf("taking a default role: %v", err)
			}
		}
		roles("taken")
		for _, e := range s.Entries(t) {
			if e.User == id && e.Action == directory.UserCreated {
				if err := s.Service.FollowEntry(t.Context(), s.Admin.Tenant, e); err != nil {
					t.Fatal(err)
				}
			}
		}
		roles("the creation is followed again")
		c.send("PATCH", "/Users/"+u.id(), patch(op("replace", "active", false))).wants(t, "disable", 200, "")
		s.Follow(t)
		c.send("PATCH", "/Users/"+u.id(), patch(op("replace", "active", true))).wants(t, "enable", 200, "")
		c.send("PATCH", "/Groups/"+team.id(), patch(op("add", "members", []object{{"value": u.id()}}))).wants(t, "a group", 204, "")
		s.Follow(t)
		roles("after events")
		for _, to := range []directory.OrgID{directory.DefaultOrg, org.ID} {
			if _, err := as.Users.Move(t.Context(), id, administration.Unchecked, to, false); err != nil {
				t.Fatal(err)
			}
		}
		s.Follow(t)
		roles("moved away and back")
		_, err = as.Users.RevokeRole(t.Context(), id, administration.Unchecked, "desktop-user")
		if !directory.IsKind(err, directory.NotFound) {
			t.Errorf("a role they do not have: %v", err)
		}
	})
}

// person reads somebody of the tenant, whatever their home, by userName.
func person(t *testing.T, s *stack.Stack, userName string) directory.User {
	t.Helper()
	us, _, err := s.Service.As(s.Admin).Users.Search(t.Context(), directory.UserSearch{Text: userName, Count: 2})
	if err != nil || len(us) != 1 {
		t.Fatalf("%d users are %s: %v", len(us), userName, err)
	}
	return us[0]
}

// An administrator's deactivation ends with the directory's next enable; a block beside it holds (C31).
func TestDirectoryEndsADeactivationByHand(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s *stack.Stack, c client) {
		as := s.Service.As(s.Admin)
		for decision, signsIn := range map[directory.Decision]bool{directory.DecideDeactivate: true, directory.DecideDeactivateBlock: false} {
			userName := string(decision) + "@example.com"
			u := c.send("POST", "/Users", user(userName))
			if _, err := as.Users.Decide(t.Context(), person(t, s, userName).ID, administration.Unchecked, decision); err != nil {
				t.Fatal(err)
			}
			if now := person(t, s, userName); now.LifecycleIsActive() {
				t.Errorf("%s: still active", decision)
			}
			for _, active := range []bool{false, true} {
				c.send("PATCH", "/Users/"+u.id(), patch(op("replace", "active", active))).wants(t, "active", 200, "")
				s.Follow(t)
			}
			if now := person(t, s, userName); !now.LifecycleIsActive() || now.MaySignIn() != signsIn {
				t.Errorf("%s, then disabled and enabled: lifecycle %q, may sign in %v", decision, now.Lifecycle, now.MaySignIn())
			}
		}
	})
}
