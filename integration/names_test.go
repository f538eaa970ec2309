package integration_test

import (
	"context"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
)

// A manager who is named before they exist is linked when they come, also by a rename, however the name is spelled.
func TestManagersAreLinkedByAnySpelling(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s *stack.Stack, c client) {
		report := func(userName, boss string) {
			t.Helper()
			c.send("POST", "/Users", user(userName, manager(boss))).wants(t, "a report", 201, "")
			s.Follow(t)
		}
		linked := func(userName string, boss answer) {
			t.Helper()
			s.Follow(t)
			if got := person(t, s, userName).Manager; got != boss.id() {
				t.Errorf("the manager of %s is %q, want %q", userName, got, boss.id())
			}
		}
		report("ann@example.com", "BOSS@example.com ")
		report("bob@example.com", "\u200bChief@Example.com")
		boss := c.send("POST", "/Users", user("boss@example.com"))
		linked("ann@example.com", boss)
		report("cat@example.com", "Boss@EXAMPLE.com")
		linked("cat@example.com", boss)
		c.send("PATCH", "/Users/"+boss.id(), patch(op("replace", "userName", "chief@example.com\u3000"))).wants(t, "rename", 200, "")
		linked("bob@example.com", boss)
	})
}

// manager is the attribute of a user, as Entra sends it.
func manager(name string) object {
	return object{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": object{"manager": name}}
}

// twinned is a store in which another user has the name of one with invisible ends, as it was possible once. The tests of
// the stores make such records; here it is what follows that matters.
type twinned struct {
	directory.Users
	holder *directory.TakenError
}

func (u *twinned) RekeyUser(ctx context.Context, t directory.TenantID, who directory.User) error {
	if u.holder != nil {
		return u.holder
	}
	return u.Users.RekeyUser(ctx, t, who)
}

// Two people whose names are equal by now are listed under Conflicts, once, until they are not.
func TestTwinsAreListed(t *testing.T) {
	t.Parallel()
	for name, ports := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users := &twinned{}
			s := stack.New(t, stack.Options{Ports: func(t testing.TB) directory.Ports {
				p := ports(t)
				users.Users = p.Users
				p.Users = users
				return p
			}})
			c := newClient(t, s, s.Local())
			c.send("POST", "/Users", user("kim@example.com")).wants(t, "kim", 201, "")
			c.send("POST", "/Users", user("lee@example.com\u3000")).wants(t, "lee", 201, "")
			s.Follow(t)
			kim, lee := person(t, s, "kim@example.com"), person(t, s, "lee@example.com")
			listed := func(when string, want ...directory.ConflictState) {
				t.Helper()
				s.Clock.Advance(25 * time.Hour)
				if err := s.Service.PurgeAll(t.Context(), func() bool { return false }); err != nil {
					t.Fatal(err)
				}
				s.Follow(t)
				cs, err := s.Service.As(s.Admin).Conflicts.List(t.Context(), "", "", 10)
				if err != nil || len(cs) != len(want) {
					t.Fatalf("%s: %+v, %v", when, cs, err)
				}
				for i, c := range cs {
					if c.Cause != directory.ConflictSameName || c.State != want[i] || c.User != lee.ID || c.Holder != kim.ID || c.Count != 1 {
						t.Errorf("%s: %+v", when, c)
					}
				}
			}
			listed("before")
			users.holder = &directory.TakenError{Attr: directory.AttrUserName, Holder: string(kim.ID), Provider: s.Provider.ID}
			listed("twins", directory.ConflictOpen)
			listed("still", directory.ConflictOpen)
			users.holder = nil
			listed("no longer", directory.ConflictSucceeded)
		})
	}
}
