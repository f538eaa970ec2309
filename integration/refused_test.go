package integration_test

import (
	"encoding/json"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
)

// A disable that survived the refusal of its request is an entry with the result error that names what was refused, and
// is listed until a request about the person succeeds, even one that changes nothing (C22).
func TestRefusedDisableIsListed(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s *stack.Stack, c client) {
		u := c.send("POST", "/Users", user("kim@example.com"))
		c.send("POST", "/Users", user("lee@example.com")).wants(t, "create", 201, "")
		refused := patch(op("replace", "active", false), op("replace", "userName", "lee@example.com"))
		for range 2 {
			c.send("PATCH", "/Users/"+u.id(), refused).wants(t, "a refused disable", 409, "uniqueness")
		}
		s.Follow(t)
		var errors []directory.LogEntry
		for _, e := range s.Entries(t) {
			if e.Result() == directory.ResultError {
				errors = append(errors, e)
			}
		}
		if len(errors) != 1 || errors[0].Action != directory.UserDisabled || string(errors[0].User) == "" {
			t.Fatalf("entries with the result error: %+v", errors)
		}
		var what directory.Refusal
		for _, change := range errors[0].Changes {
			if change.Attr == directory.AttrRefused {
				if err := json.Unmarshal(change.After, &what); err != nil {
					t.Fatal(err)
				}
			}
		}
		if what.Attribute != directory.AttrUserName || what.ScimType != "uniqueness" {
			t.Errorf("the entry names %+v", what)
		}
		listed := func() directory.ConflictCase {
			t.Helper()
			cs, err := s.Service.As(s.Admin).Conflicts.List(t.Context(), "", "", 10)
			if err != nil || len(cs) != 1 {
				t.Fatalf("conflicts: %+v, %v", cs, err)
			}
			return cs[0]
		}
		if got := listed(); got.Cause != directory.ConflictRefusedDisable || got.State != directory.ConflictOpen ||
			got.Attribute != directory.AttrUserName || got.User != errors[0].User {
			t.Errorf("listed: %+v", got)
		}
		c.send("PATCH", "/Users/"+u.id(), patch(op("replace", "active", false))).wants(t, "a request that succeeds", 200, "")
		s.Follow(t)
		if got := listed(); got.State != directory.ConflictSucceeded {
			t.Errorf("after a success: %+v", got)
		}
	})
}

// Members who are gone are named in the entry of the change, once where nothing else changes; refused ones are listed
// until the group changes (C24).
func TestMembersPassedOverAreNoted(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s *stack.Stack, c client) {
		ann, gone := c.send("POST", "/Users", user("ann@example.com")), c.send("POST", "/Users", user("gone@example.com"))
		team := c.send("POST", "/Groups", group("Team"))
		c.send("DELETE", "/Users/"+gone.id(), nil).wants(t, "delete", 204, "")
		add := func(ids ...string) object {
			members := make([]object, len(ids))
			for i, id := range ids {
				members[i] = object{"value": id}
			}
			return patch(op("add", "members", members))
		}
		for range 2 {
			c.send("PATCH", "/Groups/"+team.id(), add(gone.id())).wants(t, "somebody gone", 204, "")
		}
		c.send("PATCH", "/Groups/"+team.id(), add(ann.id(), gone.id())).wants(t, "somebody gone beside another", 204, "")
		warned := 0
		for _, e := range s.Entries(t) {
			for _, change := range e.Changes {
				if change.Attr == directory.AttrSkippedMembers && string(change.After) == `["`+gone.id()+`"]` {
					warned++
				}
			}
		}
		if warned != 2 {
			t.Errorf("%d entries warn of a member who is gone, want one for each change and one for the rest", warned)
		}
		const never = "u0000000000000000000000000"
		for range 2 {
			c.send("PATCH", "/Groups/"+team.id(), add(never)).wants(t, "somebody unknown", 400, "invalidValue")
		}
		open := func() []directory.ConflictCase {
			t.Helper()
			cs, err := s.Service.As(s.Admin).Conflicts.List(t.Context(), directory.ConflictOpen, "", 10)
			if err != nil {
				t.Fatal(err)
			}
			return cs
		}
		cs := open()
		if len(cs) != 1 || cs[0].Cause != directory.ConflictUnknownMembers || cs[0].Count != 2 || cs[0].MemberCount != 1 ||
			string(cs[0].Members[0]) != never || string(cs[0].Group) != team.id() {
			t.Fatalf("listed: %+v", cs)
		}
		s.Clock.Advance(time.Minute)
		c.send("PATCH", "/Groups/"+team.id(), patch(op("replace", "displayName", "Crew"))).wants(t, "rename", 204, "")
		if _, err := s.Service.As(s.Admin).Conflicts.List(t.Context(), "", "", 10); err != nil {
			t.Fatal(err)
		}
		if cs := open(); len(cs) != 0 {
			t.Errorf("still listed after a success: %+v", cs)
		}
	})
}
