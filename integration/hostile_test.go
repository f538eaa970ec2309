package integration_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
)

// Bad input gets the right SCIM error and changes nothing, through both doors.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, door := range []string{"local", "gateway"} {
		t.Run(door, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{})
			do := s.Local()
			if door == "gateway" {
				do = s.Gateway()
			}
			c := newClient(t, s, do)
			u := c.send(http.MethodPost, "/Users", user("kim@example.com"))
			u.wants(t, "create user", 201, "")
			g := c.send(http.MethodPost, "/Groups", group("Staff", u.id()))
			g.wants(t, "create group", 201, "")
			before := entries(t, s) + 2 // conflicts are opened over the unknown members of a group and of a new one (C24)
			badBodies(t, c, u.id(), g.id())
			badQueries(t, c)
			badPaths(t, c, u.id())
			if after := entries(t, s); after != before {
				t.Errorf("bad input wrote %d log entries", after-before)
			}
			if got := c.send(http.MethodGet, "/Users/"+u.id(), nil); got.json["userName"] != "kim@example.com" || got.header.Get("ETag") != `W/"1"` {
				t.Errorf("the user changed: %s", got.text)
			}
		})
	}
}

func badBodies(t *testing.T, c client, userID, groupID string) {
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	tests := []struct {
		name, method, path string
		body               any
		status             int
		scimType           string
	}{
		{"no JSON", "POST", "/Users", `{"userName":`, 400, "invalidSyntax"},
		{"empty body", "POST", "/Users", ``, 400, "invalidSyntax"},
		{"an array", "POST", "/Users", `[]`, 400, "invalidSyntax"},
		{"text after the object", "POST", "/Users", `{"userName":"a"} x`, 400, "invalidSyntax"},
		{"a name twice", "POST", "/Users", `{"userName":"a","USERNAME":"b"}`, 400, "invalidSyntax"},
		{"10,000-deep nesting", "POST", "/Users", deep, 400, "invalidSyntax"},
		{"10,000-deep nesting in PATCH", "PATCH", "/Users/" + userID, deep, 400, "invalidSyntax"},
		{"invalid UTF-8", "POST", "/Users", []byte("{\"userName\":\"\xff\xfe\"}"), 400, "invalidSyntax"},
		{"5 MB", "POST", "/Users", user(strings.Repeat("a", 5<<20)), 413, ""},
		{"no userName", "POST", "/Users", object{"displayName": "x"}, 400, "invalidValue"},
		{"blank userName", "POST", "/Users", user(""), 400, "invalidValue"},
		{"a number as userName", "POST", "/Users", object{"userName": 5}, 400, "invalidValue"},
		{"text as active", "POST", "/Users", user("b", object{"active": "perhaps"}), 400, "invalidValue"},
		{"an array as name", "POST", "/Users", user("b", object{"name": []int{1, 2}}), 400, "invalidValue"},
		{"two primaries", "POST", "/Users",
			user("b", object{"emails": []object{{"value": "1", "primary": true}, {"value": "2", "primary": true}}}), 400, "invalidValue"},
		{"a text over 4 KB", "POST", "/Users", user("b", object{"title": strings.Repeat("x", 4097)}), 400, "invalidValue"},
		{"PUT without userName", "PUT", "/Users/" + userID, object{"displayName": "x"}, 400, "invalidValue"},
		{"PATCH without schema", "PATCH", "/Users/" + userID, object{"Operations": []object{op("add", "title", "x")}}, 400, "invalidSyntax"},
		{"PATCH without operations", "PATCH", "/Users/" + userID, patch(), 400, "invalidSyntax"},
		{"unknown op", "PATCH", "/Users/" + userID, patch(op("move", "title", "x")), 400, "invalidSyntax"},
		{"unknown path", "PATCH", "/Users/" + userID, patch(op("add", "shoeSize", true)), 400, "invalidPath"},
		{"a malformed path", "PATCH", "/Users/" + userID, patch(op("add", "emails[", "x")), 400, "invalidPath"},
		{"read-only path", "PATCH", "/Users/" + userID, patch(op("replace", "id", "x")), 400, "mutability"},
		{"remove without path", "PATCH", "/Users/" + userID, patch(op("remove", "", nil)), 400, "noTarget"},
		{"remove a required attribute", "PATCH", "/Users/" + userID, patch(op("remove", "userName", nil)), 400, "mutability"},
		{"two primaries by replace", "PATCH", "/Users/" + userID,
			patch(op("replace", "emails", []object{{"value": "1", "primary": true}, {"value": "2", "primary": true}})), 400, "invalidValue"},
		{"a good operation and a bad one", "PATCH", "/Users/" + userID, patch(op("add", "title", "x"), op("add", "shoeSize", true)), 400,
			"invalidPath"},
		{"unknown member", "PATCH", "/Groups/" + groupID, patch(op("add", "members", []object{{"value": "u0000000000000000000000000"}})), 400,
			"invalidValue"},
		{"a member without an id", "PATCH", "/Groups/" + groupID, patch(op("add", "members", []object{{"value": "kim"}})), 400, "invalidValue"},
		{"the group itself as member", "PATCH", "/Groups/" + groupID, patch(op("add", "members", []object{{"value": groupID}})), 400,
			"invalidValue"},
		{"a good member and an unknown one", "POST", "/Groups", group("New", userID, "u0000000000000000000000000"), 400, "invalidValue"},
		{"group without a name", "POST", "/Groups", object{"members": []object{}}, 400, "invalidValue"},
		{"duplicate user", "POST", "/Users", user("KIM@example.com"), 409, "uniqueness"},
		{"duplicate group", "POST", "/Groups", group("STAFF"), 409, "uniqueness"},
		{"search without schema", "POST", "/Users/.search", object{"filter": `userName eq "x"`}, 400, "invalidSyntax"},
		{"bulk without schema", "POST", "/Bulk", object{"Operations": []object{}}, 400, "invalidSyntax"},
	}
	for _, tt := range tests {
		c.send(tt.method, tt.path, tt.body).wants(t, tt.name, tt.status, tt.scimType)
	}
	emails := make([]object, 200) // each text is within its limit, all together exceed the limit of a record
	for i := range emails {
		emails[i] = object{"value": fmt.Sprint(i, strings.Repeat("x", 1000))}
	}
	c.send("POST", "/Users", user("b", object{"emails": emails})).wants(t, "attributes over 150 KB", 413, "")
	c.send("POST", "/Users", user("b"), "Content-Type", "text/xml").wants(t, "another media type", 415, "")
	c.send("POST", "/Users", user("b"), "Content-Encoding", "gzip").wants(t, "an encoded body", 415, "")
	c.send("PATCH", "/Users/"+userID, patch(op("add", "title", "x")), "If-Match", `W/"7"`).wants(t, "If-Match of another version", 412, "")
	c.send("DELETE", "/Groups/"+groupID, nil, "If-Match", `W/"7"`).wants(t, "If-Match of another version", 412, "")
	ops := make([]object, 101)
	for i := range ops {
		ops[i] = object{"method": "DELETE", "path": "/Users/" + userID}
	}
	bulk := object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": ops}
	c.send("POST", "/Bulk", bulk).wants(t, "101 operations", 413, "")
	members := make([]string, 10_001)
	for i := range members {
		members[i] = fmt.Sprintf("u%025d", i)
	}
	c.send("POST", "/Groups", group("Huge", members...)).wants(t, "10,001 members", 413, "")
}

func badQueries(t *testing.T, c client) {
	terms := strings.Repeat(`title eq "x" or `, 100_000) + `title eq "x"`
	for _, tt := range []struct{ name, query, scimType string }{
		{"no operator", "filter=" + url.QueryEscape(`userName`), "invalidFilter"},
		{"unknown operator", "filter=" + url.QueryEscape(`userName is "x"`), "invalidFilter"},
		{"unknown attribute", "filter=" + url.QueryEscape(`shoeSize eq "x"`), "invalidFilter"},
		{"a quote like SQL", "filter=" + url.QueryEscape(`userName eq 'x'`), "invalidFilter"},
		{"an open quote", "filter=" + url.QueryEscape(`userName eq "x`), "invalidFilter"},
		{"password", "filter=" + url.QueryEscape(`password eq "x"`), "invalidFilter"},
		{"an order of booleans", "filter=" + url.QueryEscape(`active gt true`), "invalidFilter"},
		{"101 terms", "filter=" + url.QueryEscape(strings.Repeat(`title pr or `, 100)+`title pr`), "invalidFilter"},
		{"33 levels", "filter=" + url.QueryEscape(strings.Repeat("(", 33)+"title pr"+strings.Repeat(")", 33)), "invalidFilter"},
		{"100,000 terms", "filter=" + url.QueryEscape(terms), "invalidFilter"},
		{"count is no number", "count=many", "invalidValue"},
		{"startIndex is no number", "startIndex=1.5", "invalidValue"},
		{"attributes and excludedAttributes", "attributes=title&excludedAttributes=name", "invalidValue"},
		{"unknown sort attribute", "sortBy=shoeSize", "invalidValue"},
		{"cursor and startIndex", "cursor=&startIndex=1", "invalidValue"},
		{"a forged cursor", "cursor=MXwxfDEwMHx1fDA.AAAAAAAAAAAAAAAAAAAAAA", "invalidCursor"},
		{"count too large for cursors", "cursor=&count=201", "invalidCount"},
	} {
		c.send("GET", "/Users?"+tt.query, nil).wants(t, tt.name, 400, tt.scimType)
	}
	for _, endpoint := range []string{"/Schemas", "/ResourceTypes", "/ServiceProviderConfig"} {
		c.send("GET", endpoint+"?filter="+url.QueryEscape(`id pr`), nil).wants(t, "a filter on "+endpoint, 403, "")
	}
}

func badPaths(t *testing.T, c client, userID string) {
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/Users/" + userID + "x", 404},
		{"GET", "/Users/" + strings.ToUpper(userID), 404},
		{"GET", "/Users/" + userID + "/name", 404},
		{"GET", "/Users/%2e%2e/Groups", 404},
		{"GET", "/Users/..%2f..%2fGroups", 404},
		{"GET", "/Users%2f" + userID, 404},
		{"GET", "/Nothing", 404},
		{"GET", "/user", 404},
		{"GET", "/Groups/" + userID, 404},
		{"PUT", "/Users/u0000000000000000000000000", 404},
		{"PATCH", "/Users/u0000000000000000000000000", 404},
		{"DELETE", "/Users/u0000000000000000000000000", 404},
		{"DELETE", "/Users", 405},
		{"POST", "/Users/" + userID, 405},
		{"PUT", "/Schemas", 405},
		{"GET", "/Bulk", 405},
		{"GET", "/Users/.search", 405},
		{"GET", "/Me", 501},
	} {
		var body any
		if tt.method == "PUT" || tt.method == "PATCH" {
			body = patch(op("add", "title", "x"))
			if tt.method == "PUT" {
				body = user("x")
			}
		}
		a := c.send(tt.method, tt.path, body)
		a.wants(t, tt.method+" "+tt.path, tt.status, "")
		if tt.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", tt.method, tt.path)
		}
	}
}

// Without a valid token, every request gets the same 401 response.
func TestWrongTokens(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	other := stack.New(t, stack.Options{})
	good := newClient(t, s, s.Local())
	u := good.send("POST", "/Users", user("kim@example.com"))
	u.wants(t, "create", 201, "")
	requests := []struct {
		method, path string
		body         any
	}{
		{"GET", "/Users", nil},
		{"GET", "/Users?filter=nonsense", nil},
		{"GET", "/Users/" + u.id(), nil},
		{"GET", "/Users/unknown", nil},
		{"POST", "/Users", user("new@example.com")},
		{"POST", "/Users", "{"},
		{"PUT", "/Users/" + u.id(), user("x")},
		{"PATCH", "/Users/" + u.id(), patch(op("add", "title", "x"))},
		{"DELETE", "/Users/" + u.id(), nil},
		{"POST", "/Users/.search", object{}},
		{"GET", "/Groups", nil},
		{"POST", "/Groups", group("G")},
		{"PATCH", "/Groups/unknown", patch(op("add", "displayName", "x"))},
		{"DELETE", "/Groups/unknown", nil},
		{"GET", "/Schemas", nil},
		{"GET", "/ResourceTypes", nil},
		{"GET", "/ServiceProviderConfig", nil},
		{"GET", "/Me", nil},
		{"POST", "/Bulk", object{}},
		{"POST", "/.search", object{}},
		{"GET", "/Nothing", nil},
		{"DELETE", "/Users", nil},
	}
	tokens := map[string]string{
		"none": "", "another provider's": other.Token, "truncated": s.Token[:len(s.Token)-1], "longer": s.Token + "0",
		"not a token": "abc", "an administrator's form": "rk" + s.Token[2:],
	}
	for name, token := range tokens {
		c := good
		c.token = token
		for _, r := range requests {
			a := c.send(r.method, r.path, r.body)
			a.wants(t, fmt.Sprintf("%s %s with token %s", r.method, r.path, name), 401, "")
			if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %s: WWW-Authenticate %q", r.method, r.path, a.header.Get("WWW-Authenticate"))
			}
		}
	}
	for _, base := range []string{"defaultzzzzz", "x", "../../etc", "UPPERCASE12"} {
		c := good
		c.base = stack.Origin + "/scim/v2/" + base
		c.send("GET", "/Users", nil).wants(t, "unknown provider "+base, 401, "")
	}
	good.send("GET", "/Users/"+u.id(), nil).wants(t, "the right token afterwards", 200, "")
	if got := s.Log.String(); strings.Contains(got, s.Token) || strings.Contains(got, "kim@example.com") || strings.Contains(got, "nonsense") {
		t.Error("the log holds a token, a userName or a filter")
	}
}

func entries(t testing.TB, s *stack.Stack) int {
	t.Helper()
	tenant, _ := s.Provider.ID.Tenant()
	es, err := s.Service.Log.Entries(t.Context(), tenant, directory.LogQuery{Provider: s.Provider.ID, Count: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(es)
}
