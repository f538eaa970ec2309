package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/integration/stack"
)

// What a directory asks for in vain can be seen: about whom, what, why, how often, and no value of it.
func TestRefusedRequestsAreReported(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s *stack.Stack, c client) {
		kim := c.send("POST", "/Users", user("kim@example.com"))
		c.send("POST", "/Users", user("lee@example.com")).wants(t, "lee", 201, "")
		team := c.send("POST", "/Groups", group("Team"))
		stranger := "u0000000000000000000000000"
		for range 3 {
			c.send("PATCH", "/Users/"+kim.id(), patch(op("replace", "userName", "lee@example.com"))).
				wants(t, "a taken name", 409, "uniqueness")
		}
		c.send("POST", "/Users", user("KIM@example.com")).wants(t, "a twin", 409, "uniqueness")
		strangers := []object{{"value": stranger}, {"value": "pat@example.com"}}
		c.send("PATCH", "/Groups/"+team.id(), patch(op("add", "members", strangers))).wants(t, "an unknown member", 400, "invalidValue")
		c.send("POST", "/Bulk", object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": []object{
			{"method": "PATCH", "path": "/Users/" + kim.id(), "data": patch(op("replace", "title", []string{"a", "b"}))}}}).
			wants(t, "bulk", 200, "")
		c.send("GET", "/Users/"+stranger, nil).wants(t, "nobody", 404, "")
		s.Clock.Advance(2 * time.Minute) // what was seen again within a minute is written now
		c.send("GET", "/Users/"+kim.id(), nil).wants(t, "any request", 200, "")
		report, err := s.Service.As(s.Admin).Providers.Requests(t.Context(), s.Provider.ID)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range report.Refusals {
			if r.RequestID == "" || r.FirstAt.IsZero() || r.LastAt.Before(r.FirstAt) {
				t.Errorf("%+v", r)
			}
			about := map[string]string{kim.id(): "kim", team.id(): "team"}[string(r.ID)]
			got = append(got, fmt.Sprint(r.Method, " ", r.ResourceType, " ", about, " ", r.Status, " ", r.ScimType, " ", r.Attribute, " ",
				r.Count, " ", r.MemberCount, " ", r.Members))
		}
		slices.Sort(got)
		want := []string{
			"PATCH Group team 400 invalidValue members 1 2 [" + stranger + "]",
			"PATCH User kim 400 invalidValue title 1 0 []",
			"PATCH User kim 409 uniqueness userName 3 0 []",
			"POST User  409 uniqueness userName 1 0 []",
		}
		if !slices.Equal(got, want) || report.Refused != 6 {
			t.Errorf("%d refused:\n%s\nwant 6:\n%s", report.Refused, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// Names that no schema has are reported, from POST, PUT and PATCH, in every place where they can stand (C23).
func TestUnreadAttributesAreReported(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s *stack.Stack, c client) {
		const urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
		kim := c.send("POST", "/Users", user("kim@example.com", object{
			"id": "x", "meta": object{}, "badgeColour": "red", "name": object{"givenName": "Kim", "nickname": "K"},
			"emails": []object{{"value": "k@example.com", "label": "L"}}, urn: object{"floor": "3", "department": "D"},
			"urn:example:other:1.0:User": object{"a": "b"},
		}))
		c.send("PUT", "/Users/"+kim.id(), user("kim@example.com", object{"badgeColour": "blue"})).wants(t, "put", 200, "")
		c.send("PATCH", "/Users/"+kim.id(), patch(op("replace", "", object{"badgecolour": "red", "title": "T", urn + ":shoe": "42"}))).
			wants(t, "path-less", 200, "")
		c.send("PATCH", "/Users/"+kim.id(), patch(op("add", `emails[type eq "work"].label`, "x"))).wants(t, "path", 200, "")
		c.send("PATCH", "/Users/"+kim.id(), patch(op("replace", "accountEnabled", false))).wants(t, "a switch", 400, "invalidPath")
		s.Clock.Advance(2 * time.Minute)
		c.send("GET", "/Users/"+kim.id(), nil).wants(t, "any request", 200, "")
		report, err := s.Service.As(s.Admin).Providers.Requests(t.Context(), s.Provider.ID)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range report.Unread {
			got = append(got, fmt.Sprint(u.Name, " ", u.Boolean, " ", u.Count))
		}
		want := []string{
			"accountEnabled true 1", "badgeColour false 3", "emails.label false 2", "name.nickname false 1",
			"urn:example:other:1.0:User false 1", urn + ":floor false 1", urn + ":shoe false 1",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
