package scim_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/golden"
	"rollcall/shared/scim"
)

// The published documents, as committed in testdata: a change here is a change of the contract with clients.
func TestPublishedDocuments(t *testing.T) {
	user := scim.NewResourceType("User", "/Users", "User Account", scim.UserSchema(), scim.EnterpriseUserSchema(), scim.RollcallUserSchema())
	for name, v := range map[string]scim.Value{
		"schema-user":             scim.UserSchema().Value("https://example.com/Schemas/" + scim.UserURN),
		"schema-enterprise":       scim.EnterpriseUserSchema().Value("https://example.com/Schemas/" + scim.EnterpriseURN),
		"schema-rollcall":         scim.RollcallUserSchema().Value("https://example.com/Schemas/" + scim.RollcallURN),
		"schema-group":            scim.GroupSchema().Value("https://example.com/Schemas/" + scim.GroupURN),
		"resourcetype-user":       user.Value("https://example.com/ResourceTypes/User"),
		"resourcetype-group":      groups.Value("https://example.com/ResourceTypes/Group"),
		"service-provider-config": scim.ServiceProviderConfig("https://example.com/ServiceProviderConfig"),
	} {
		var got bytes.Buffer
		if err := json.Indent(&got, v.Append(nil), "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
		golden.Check(t, name, got.Bytes())
	}
}

// The attributes that Entra's validation derives from the published schemas.
func TestPublishedSchemasSuitEntra(t *testing.T) {
	user, group := scim.UserSchema().Value(""), scim.GroupSchema().Value("")
	names := func(v scim.Value) string {
		var out []string
		for _, a := range v.Get("attributes").Elements() {
			out = append(out, a.Get("name").Text())
		}
		return strings.Join(out, " ")
	}
	if diff := cmp.Diff("externalId userName name displayName nickName profileUrl title userType preferredLanguage locale timezone active "+
		"emails phoneNumbers ims photos addresses groups entitlements roles x509Certificates", names(user)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("externalId displayName members", names(group)); diff != "" {
		t.Error(diff)
	}
	canonical := func(attr string) string {
		for _, a := range user.Get("attributes").Elements() {
			for _, s := range a.Get("subAttributes").Elements() {
				if a.Get("name").Text() == attr && s.Get("name").Text() == "type" {
					return render(s.Get("canonicalValues"))
				}
			}
		}
		return "no type"
	}
	for attr, want := range map[string]string{"emails": `["work","home","other"]`, "addresses": `["work","home","other"]`,
		"phoneNumbers": `["work","home","mobile","fax","pager","other"]`, "roles": "null"} {
		if got := canonical(attr); got != want {
			t.Errorf("%s.type: %s", attr, got)
		}
	}
	for _, s := range []*scim.Schema{scim.UserSchema(), scim.EnterpriseUserSchema(), scim.RollcallUserSchema(), scim.GroupSchema()} {
		text := render(s.Value("x"))
		if strings.Contains(text, ":null") || strings.Contains(text, "password") || strings.Contains(text, "c42") {
			t.Errorf("%s publishes too much: %s", s.Name, text)
		}
	}
	if strings.Count(render(user), `"display"`) != 2 {
		t.Error("display is published for entitlements and roles only")
	}
}

func TestNewExtension(t *testing.T) {
	const urn = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"
	tag := []scim.Attribute{{Name: "tag"}}
	if s, err := scim.NewExtension(urn, "Custom", tag); err != nil || s.ID != urn {
		t.Errorf("%+v, %v", s, err)
	}
	for _, c := range []struct {
		name, urn, schema string
		attrs             []scim.Attribute
	}{
		{"no URN", "Custom", "Custom", tag}, {"short URN", "urn:x", "Custom", tag}, {"empty part", "urn::x", "Custom", tag},
		{"blank", "urn:a b:c", "Custom", tag},
		{"quote", `urn:a":c`, "Custom", tag}, {"bracket", `urn:a:c[`, "Custom", tag},
		{"taken", strings.ToUpper(scim.EnterpriseURN), "Custom", tag}, {"message", scim.ErrorURN, "Custom", tag},
		{"long URN", "urn:x:" + strings.Repeat("y", 256), "Custom", tag}, {"no name", urn, "", tag}, {"no attributes", urn, "Custom", nil},
		{"attribute without name", urn, "Custom", []scim.Attribute{{}}}, {"bad name", urn, "Custom", []scim.Attribute{{Name: "a.b"}}},
		{"digit first", urn, "Custom", []scim.Attribute{{Name: "1a"}}},
		{"dollar", urn, "Custom", []scim.Attribute{{Name: "a$"}}}, {"twice", urn, "Custom", []scim.Attribute{{Name: "tag"}, {Name: "TAG"}}},
		{"type", urn, "Custom", []scim.Attribute{{Name: "a", Type: "text"}}},
		{"mutability", urn, "Custom", []scim.Attribute{{Name: "a", Mutability: "x"}}},
		{"returned", urn, "Custom", []scim.Attribute{{Name: "a", Returned: "x"}}},
		{"uniqueness", urn, "Custom", []scim.Attribute{{Name: "a", Uniqueness: "x"}}},
		{"complex without sub-attributes", urn, "Custom", []scim.Attribute{{Name: "a", Type: "complex"}}},
		{"simple with sub-attributes", urn, "Custom", []scim.Attribute{{Name: "a", SubAttributes: tag}}},
		{"two levels", urn, "Custom",
			[]scim.Attribute{{Name: "a", Type: "complex", SubAttributes: []scim.Attribute{{Name: "b", Type: "complex", SubAttributes: tag}}}}},
		{"external", urn, "Custom", []scim.Attribute{{Name: "a", External: true}}},
	} {
		if _, err := scim.NewExtension(c.urn, c.schema, c.attrs); fault(err) != "400 invalidValue" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestResourceType(t *testing.T) {
	if users.ID() != "User" || users.Endpoint() != "/Users" || len(users.Schemas()) != 4 || users.Schemas()[1].ID != E {
		t.Errorf("%s %s %d", users.ID(), users.Endpoint(), len(users.Schemas()))
	}
}

// One URN may begin with another: the longest match wins.
func TestNestedURNs(t *testing.T) {
	short, err := scim.NewExtension("urn:x:ext", "Short", []scim.Attribute{{Name: "v"}, {Name: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	long, err := scim.NewExtension("urn:x:ext:v", "Long", []scim.Attribute{{Name: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	rt := scim.NewResourceType("User", "/Users", "User", scim.UserSchema(), short, long)
	for path, want := range map[string]string{"URN:x:ext:v:a": "urn:x:ext:v:a", "urn:x:ext:a": "urn:x:ext:a"} {
		f, err := rt.ParseFilter(path+" pr", strict)
		if err != nil || f.String() != want+" pr" {
			t.Errorf("%s: %s, %v", path, f, err)
		}
	}
	if _, err := rt.ParseFilter("urn:x:ext-a pr", strict); fault(err) != "400 invalidFilter" {
		t.Errorf("a URN that only begins alike: %v", err)
	}
}
