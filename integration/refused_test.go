package integration_test

import (
	"encoding/json"
	"testing"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
)

// A disable that survived the refusal of its request is an entry with the result error that names what was refused, and
// is listed until a request about the person succeeds, even one that changes nothing (C22).
func TestRefusedDisableIsListed(t *testing.T) {
	t.Parallel()
	for name, ports := range map[string]func(testing.TB) directory.Ports{"sqlite": stack.SQLite, "dynamodb": stack.DynamoDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Ports: ports})
			c := newClient(t, s, s.Local())
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
}
