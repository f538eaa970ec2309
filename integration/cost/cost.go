// Package cost measures the cost of requests on DynamoDB, in sequential round trips and in on-demand capacity units
// computed from item sizes as AWS bills them, and compares it with a budget for each operation.
package cost

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	"rollcall/shared/store/dynamo/meter"
)

// Budget is the maximum cost of an operation.
type Budget struct {
	Rounds      int
	Read, Write float64
}

// Row is the measured cost of one operation.
type Row struct {
	Operation   string
	Budget      Budget
	Rounds      int
	Read, Write float64
}

// Over reports whether the operation costs more than its budget.
func (r Row) Over() bool {
	return r.Rounds > r.Budget.Rounds || r.Read > r.Budget.Read || r.Write > r.Budget.Write
}

// Client sends requests to a handler on a DynamoDB store.
type Client struct {
	Handler http.Handler
	Base    string // path before the resource, such as /scim/v2/<provider>
	Token   string
}

// send returns the response body and the cost of the request.
func (c Client) send(method, path, body string) (string, *meter.Meter, error) {
	ctx, meter := meter.With(context.Background())
	r := httptest.NewRequestWithContext(ctx, method, c.Base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+c.Token)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, r)
	if w.Code >= http.StatusMultipleChoices {
		return "", nil, fmt.Errorf("%s %s returned %d: %s", method, path, w.Code, w.Body)
	}
	return w.Body.String(), meter, nil
}

func id(body string) string {
	_, rest, _ := strings.Cut(body, `"id":"`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

// person returns a typical record of at most 1 KB, as Entra's default mapping sends it.
func person(i int) string {
	n := strconv.Itoa(i)
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"person` + n + `","userName":"person` + n +
		`@contoso.example",` +
		`"active":true,"displayName":"Person ` + n + `","title":"Analyst","name":{"formatted":"Person ` + n + `","familyName":"` + n +
		`","givenName":"Person"},` +
		`"emails":[{"primary":true,"type":"work","value":"person` + n +
		`@contoso.example"}],"phoneNumbers":[{"type":"work","value":"4255550101"}],` +
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Finance","employeeNumber":"` + n + `"}}`
}

func patch(op, path, value string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"` + op + `","path":"` + path + `","value":` +
		value + `}]}`
}

// Measure creates 205 people and a group of half of them, and runs each operation of the budget once.
func Measure(c Client) ([]Row, error) {
	var ids []string
	for i := range 205 {
		body, _, err := c.send("POST", "/Users", person(i))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id(body))
	}
	body, _, err := c.send("POST", "/Groups", `{"displayName":"Everyone"}`)
	if err != nil {
		return nil, err
	}
	group := "/Groups/" + id(body)
	for at := 0; at < 100; at += 20 {
		if _, _, err := c.send("PATCH", group,
			patch("add", "members", `[{"value":"`+strings.Join(ids[at:at+20], `"},{"value":"`)+`"}]`)); err != nil {
			return nil, err
		}
	}
	user := "/Users/" + ids[0]
	eq := func(attr, value string) string { return "/Users?filter=" + url.QueryEscape(attr+` eq "`+value+`"`) }
	var rows []Row
	for _, op := range []struct {
		name               string
		method, path, body string
		budget             Budget
	}{
		{"GET user by id", "GET", user, "", Budget{1, 3, 0}},
		{"filter on userName", "GET", eq("userName", "PERSON7@contoso.example"), "", Budget{2, 3, 0}},
		{"filter on externalId", "GET", eq("externalId", "person7"), "", Budget{2, 3, 0}},
		{"filter on work e-mail", "GET", eq(`emails[type eq "work"].value`, "person7@contoso.example"), "", Budget{2, 4, 0}},
		{"POST user", "POST", "/Users", person(1000), Budget{2, 2, 14}},
		{"POST user with an object id of Entra's", "POST", "/Users",
			strings.Replace(person(1001), `"externalId":"person1001"`, `"externalId":"8f4b5c1e-0000-4000-8000-000000001001"`, 1), Budget{2, 2, 14}},
		{"PATCH that changes a user", "PATCH", user, patch("replace", "title", `"Director"`), Budget{2, 3, 6}},
		{"PATCH that disables a user", "PATCH", user, patch("Replace", "active", `"False"`), Budget{2, 3, 6}},
		{"PATCH that enables a user again", "PATCH", user, patch("Replace", "active", `"True"`), Budget{2, 3, 6}},
		{"PATCH that renames a user", "PATCH", user, patch("replace", "userName", `"renamed@contoso.example"`), Budget{2, 3, 12}},
		{"PATCH that changes nothing", "PATCH", user, patch("replace", "title", `"Director"`), Budget{1, 3, 0}},
		{"PATCH group, add one member (204)", "PATCH", group, patch("add", "members", `[{"value":"`+ids[200]+`"}]`), Budget{2, 3, 12}},
		{"PATCH group, remove one member (204)", "PATCH", group, patch("remove", "members", `[{"value":"`+ids[200]+`"}]`), Budget{2, 3, 12}},
		{"list page of 100, the first", "GET", "/Users?startIndex=1&count=100", "", Budget{3, 30, 1}},
		{"list page of 100, the next", "GET", "/Users?startIndex=101&count=100", "", Budget{3, 30, 1}},
	} {
		_, meter, err := c.send(op.method, op.path, op.body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op.name, err)
		}
		rows = append(rows,
			Row{Operation: op.name, Budget: op.budget, Rounds: meter.Rounds(), Read: meter.ReadUnits(), Write: meter.WriteUnits()})
	}
	return rows, nil
}
