package adminapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/entra"
	"rollcall/shared/proof"
	"rollcall/shared/scim"
)

// TestProfilesAreThoseOfTheDialects keeps the document's profiles equal to those of package entra.
func TestProfilesAreThoseOfTheDialects(t *testing.T) {
	t.Parallel()
	var want []string
	for _, p := range entra.Profiles() {
		want = append(want, string(p))
	}
	var got []string
	for _, p := range asMap(asMap(document()["components"])["schemas"].(map[string]any)["Profile"])["enum"].([]any) {
		got = append(got, fmt.Sprint(p))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the document knows %v, the dialects are %v", got, want)
	}
	f := newFixture(t)
	for i, p := range want {
		f.want(201, "POST", "/providers", fmt.Sprintf(`{"displayName":"%d","profile":%q}`, i, p))
	}
}

// TestWebhooksTakeEveryEvent keeps the document's limit equal to the number of events, which is the API's limit.
func TestWebhooksTakeEveryEvent(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"NewWebhook", "WebhookPatch"} {
		types := asMap(asMap(asMap(asMap(document()["components"])["schemas"])[schema])["properties"])["types"]
		if n := asMap(types)["maxItems"]; fmt.Sprint(n) != fmt.Sprint(len(directory.EventTypes())) {
			t.Errorf("%s takes %v types of events, there are %d", schema, n, len(directory.EventTypes()))
		}
	}
}

// TestTheDocumentListsEverything keeps the document's lists of events, effects, causes and kinds of tasks equal to those of the code.
func TestTheDocumentListsEverything(t *testing.T) {
	t.Parallel()
	schemas := asMap(asMap(document()["components"])["schemas"])
	for schema, want := range map[string]string{
		"EventType": fmt.Sprint(directory.EventTypes()), "Effect": fmt.Sprint(directory.Effects()), "Cause": fmt.Sprint(directory.Causes()),
		"TaskKind": fmt.Sprint(administration.TaskKinds()),
	} {
		if got := fmt.Sprint(asMap(schemas[schema])["enum"]); got != want {
			t.Errorf("%s is %s, want %s", schema, got, want)
		}
	}
}

// TestExtensionsThatAreAcceptedCompile: whatever the API accepts as an extension, SCIM can serve.
func TestExtensionsThatAreAcceptedCompile(t *testing.T) {
	f := newFixture(t)
	id := f.want(201, "POST", "/providers", `{"displayName":"Entra"}`).str("id")
	part := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9._-]{1,8}`), rapid.SampledFrom([]string{
		"urn", "URN", "ietf", "params", "scim", "schemas", "core", "api", "messages", "extension", "enterprise", "2.0", "User", "\u212aelvin",
		"ſ", "$", "",
	}))
	accepted := 0
	proof.Check(t, 100, func(rt *rapid.T) {
		urn := rapid.SampledFrom([]string{"urn:", "URN:", "", "urn:ietf:params:scim:", "urn:ietf:params:scim:schemas:"}).Draw(rt, "prefix")
		for i, p := range rapid.SliceOfN(part, 1, 4).Draw(rt, "parts") {
			if i > 0 {
				urn += ":"
			}
			urn += p
		}
		type attribute struct {
			Name string `json:"name"`
			Type string `json:"type"`
		}
		attributes := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) attribute {
			return attribute{
				rapid.OneOf(rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,3}`), part).Draw(rt, "name"),
				rapid.SampledFrom([]string{"string", "boolean", "integer", "decimal", "dateTime", "complex", "binary", ""}).Draw(rt, "type"),
			}
		}), 0, 3).Draw(rt, "attributes")
		body, err := json.Marshal(map[string]any{"extensions": []any{map[string]any{"urn": urn, "name": "n", "attributes": attributes}}})
		if err != nil {
			rt.Fatal(err)
		}
		if f.do("PATCH", "/providers/"+id, string(body)).status != 200 {
			return
		}
		accepted++
		p, err := f.svc.Providers.Provider(context.Background(), f.tenant, directory.ProviderID(id))
		if err != nil {
			rt.Fatal(err)
		}
		e := p.Extensions[0]
		attrs := make([]scim.Attribute, len(e.Attributes))
		for i, a := range e.Attributes {
			attrs[i] = scim.Attribute{Name: a.Name, Type: a.Type, CaseExact: a.CaseExact}
		}
		if _, err := scim.NewExtension(e.URN, e.Name, attrs); err != nil {
			rt.Fatalf("accepted %s, which SCIM refuses: %v", body, err)
		}
	})
	if accepted == 0 {
		t.Error("no extension was accepted")
	}
}

// TestLocalUsersEqualThoseOfSCIM: this API writes the same attributes as SCIM for the same body, byte for byte, so that
// converting a user changes no attribute by itself.
func TestLocalUsersEqualThoseOfSCIM(t *testing.T) {
	f := newFixture(t)
	user := scim.NewResourceType("User", "/Users", "", scim.UserSchema(), scim.EnterpriseUserSchema(), scim.RollcallUserSchema())
	text := rapid.Map(rapid.StringMatching("[a-zA-Z \"\\\\<>&/\u2028ß𝔸́]{0,8}[a-z]"), strings.TrimSpace)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		body, ext := map[string]any{"userName": fmt.Sprint("user", n)}, map[string]any{}
		maybe := func(m map[string]any, name string) {
			if rapid.Bool().Draw(rt, name) {
				m[name] = text.Draw(rt, name)
			}
		}
		name := map[string]any{}
		for _, part := range []string{"formatted", "familyName", "givenName"} {
			maybe(name, part)
		}
		body["name"] = name
		maybe(body, "displayName")
		maybe(body, "title")
		maybe(ext, "department")
		var emails []any
		for i := range rapid.IntRange(0, 3).Draw(rt, "emails") {
			emails = append(emails,
				map[string]any{"value": fmt.Sprintf("a%d@b", i), "type": rapid.SampledFrom([]string{"work", "home", "other"}).Draw(rt, "type")})
		}
		if len(emails) > 0 {
			emails[0].(map[string]any)["primary"] = true
		}
		mine := map[string]any{"emails": append([]any{}, emails...)}
		theirs := map[string]any{scim.EnterpriseURN: ext}
		for k, v := range body {
			mine[k], theirs[k] = v, v
		}
		for k, v := range ext {
			mine[k] = v
		}
		if len(emails) > 0 {
			theirs["emails"] = emails
		}
		send, err := json.Marshal(mine)
		if err != nil {
			rt.Fatal(err)
		}
		created := f.want(201, "POST", "/users", string(send))
		view, err := f.svc.Users.UserByID(context.Background(), f.tenant, directory.UserID(created.str("id")))
		if err != nil {
			rt.Fatal(err)
		}
		sent, err := json.Marshal(theirs)
		if err != nil {
			rt.Fatal(err)
		}
		v, err := scim.Parse(sent)
		if err != nil {
			rt.Fatal(err)
		}
		tree, err := user.Decode(v, scim.Tolerance{})
		if err != nil {
			rt.Fatal(err)
		}
		want := string(tree.With("userName", scim.Value{}).Append(nil))
		if want == "{}" {
			want = ""
		}
		if string(view.Attributes) != want {
			rt.Fatalf("this API wrote %s\nSCIM writes %s", view.Attributes, want)
		}
	})
}

// TestOrderOfAttributesIsSCIMs keeps the order of attributes that this API adds to others that it does not know.
func TestOrderOfAttributesIsSCIMs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	all := map[string]any{
		"userName": "all", "nickName": "n", "profileUrl": "https://a", "userType": "u", "preferredLanguage": "en", "locale": "en",
		"timezone":     "UTC",
		"phoneNumbers": []any{map[string]any{"value": "1"}}, "addresses": []any{map[string]any{"region": "x"}},
		"roles":            []any{map[string]any{"value": "r"}},
		"name":             map[string]any{"middleName": "m", "honorificPrefix": "p"},
		scim.EnterpriseURN: map[string]any{"employeeNumber": "1", "division": "d"},
	}
	added := map[string]any{
		"displayName": "D", "title": "T", "emails": []any{map[string]any{"value": "a@b", "type": "work"}},
	}
	user := scim.NewResourceType("User", "/Users", "", scim.UserSchema(), scim.EnterpriseUserSchema())
	decode := func(m map[string]any) string {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		v, err := scim.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := user.Decode(v, scim.Tolerance{})
		if err != nil {
			t.Fatal(err)
		}
		return string(tree.With("userName", scim.Value{}).Append(nil))
	}
	u, err := f.svc.As(f.system(f.tenant)).Users.CreateLocal(context.Background(),
		administration.LocalProfile{UserName: "all", Attributes: []byte(decode(all))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.want(200, "PATCH", "/users/"+string(u.ID),
		`{"displayName":"D","title":"T","emails":[{"value":"a@b"}],"department":"dep","name":{"givenName":"g","familyName":"f"}}`)
	for k, v := range added {
		all[k] = v
	}
	all["name"].(map[string]any)["givenName"], all["name"].(map[string]any)["familyName"] = "g", "f"
	all[scim.EnterpriseURN].(map[string]any)["department"] = "dep"
	view, err := f.svc.Users.UserByID(context.Background(), f.tenant, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := decode(all); string(view.Attributes) != want {
		t.Errorf("this API wrote %s\nSCIM writes %s", view.Attributes, want)
	}
}
