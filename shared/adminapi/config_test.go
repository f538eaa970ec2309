package adminapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every error of a configuration is reported with the others, at its place and with the name that stands there; nothing
// is changed.
func TestErrorsOfAConfigurationHavePlaces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	group := "Divers " + canary
	config := strings.ReplaceAll(`{
		"roles": [
			{"id": "fine", "name": "Fine"},
			{"id": "Not An Id", "name": "Bad"},
			{"id": "fine", "name": "Again"}
		],
		"organizations": [
			{"name": "Good", "parent": "Fleet", "defaultRoles": ["fine"]},
			{"name": "Orphan", "parent": "Nowhere", "defaultRoles": ["agent-user", "no-role", "agent-user", "Not An Id"]},
			{"name": "Child", "parent": "Later"},
			{"name": "Later"},
			{"name": "FLEET", "parent": "Good"},
			{"name": "good"}
		],
		"providers": [
			{"provider": "Entra", "organizationMapping": {"method": "groups", "organization": "Gone", "mappings": [
				{"groups": ["GROUP"], "organization": "Good"},
				{"groups": ["Nobody's", "GROUP", "Spare"], "organization": "Not there"},
				{"groups": [], "organization": "Orphan"}
			]}, "roleMapping": {"mode": "groups", "mappings": [
				{"groups": ["GROUP", "Also nobody's"], "roles": ["fine", "no-role"]},
				{"groups": ["Spare"], "roles": []}
			]}},
			{"provider": "Nobody", "organizationMapping": {"method": "single"}, "roleMapping": {"mode": "groups", "mappings": [
				{"groups": ["Any"], "roles": ["neither"]}
			]}},
			{"provider": "ENTRA", "organizationMapping": {"method": "org-name", "template": "No template", "attribute": "title"},
				"roleMapping": {"mode": "manual"}},
			{"provider": "Entra", "organizationMapping": {"method": "attribute", "attribute": "a b", "organization": "Fleet"},
				"roleMapping": {"mode": "manual"}}
		]}`, "GROUP", group)
	want := map[string]string{
		"roles[1].id": "Not An Id", "roles[2].id": "fine",
		"organizations[1].parent": "Nowhere", "organizations[1].defaultRoles[1]": "no-role", "organizations[1].defaultRoles[2]": "agent-user",
		"organizations[2].parent": "Later", "organizations[4].parent": "Good", "organizations[5].name": "good",
		"providers[0].organizationMapping.organization":             "Gone",
		"providers[0].organizationMapping.mappings[1].groups[0]":    "Nobody's",
		"providers[0].organizationMapping.mappings[1].groups[1]":    group,
		"providers[0].organizationMapping.mappings[1].organization": "Not there",
		"providers[0].organizationMapping.mappings[2].groups":       "",
		"providers[0].roleMapping.mappings[0].groups[1]":            "Also nobody's",
		"providers[0].roleMapping.mappings[0].roles[1]":             "no-role",
		"providers[0].roleMapping.mappings[1].roles":                "",
		"providers[1].provider":                                     "Nobody",
		"providers[1].organizationMapping.organization":             "",
		"providers[1].roleMapping.mappings[0].roles[0]":             "neither",
		"providers[2].provider":                                     "ENTRA",
		"providers[2].organizationMapping.template":                 "No template",
		"providers[3].provider":                                     "Entra",
		"providers[3].organizationMapping.attribute":                "a b",
	}
	before := f.dump(w)
	for _, path := range []string{"/config:plan", "/config:apply", "/config:apply?dryRun=true"} {
		got := f.want(400, "POST", path, config)
		found := map[string]string{}
		for _, e := range got.body["errors"].([]any) {
			place, detail := asMap(e)["field"].(string), asMap(e)["detail"].(string)
			name := ""
			if strings.HasPrefix(detail, `"`) {
				if err := json.NewDecoder(strings.NewReader(detail)).Decode(&name); err != nil {
					t.Error(detail, err)
				}
			}
			if _, again := found[place]; again {
				t.Errorf("%s twice: %s", place, detail)
			}
			found[place] = name
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", path, diff, got.raw)
		}
	}
	if diff := cmp.Diff(before, f.dump(w)); diff != "" {
		t.Errorf("a part of it was done:\n%s", diff)
	}
	// The places in what was sent are the ones that decoding names.
	got := f.want(400, "POST", "/config:plan", `{"providers":[{"provider":"Entra","organizationMapping":{"method":"x"}}]}`)
	if !strings.Contains(got.raw, `"providers[0].organizationMapping.method"`) {
		t.Errorf("answered %s", got.raw)
	}
	got = f.want(400, "POST", "/config:apply", `{"organizations":[{"name":"Q","defaultRoles":["security-administrator"]}]}`)
	if got.str("errors.0.field") != "organizations[0]" || !strings.HasPrefix(got.str("errors.0.detail"), `"Q": `) ||
		!strings.Contains(got.raw, "confirmPrivileged confirms: Security Administrator") {
		t.Errorf("not confirmed: %s", got.raw)
	}
	many := `{"providers":[` + strings.Repeat(`{"provider":"Nobody","organizationMapping":{"method":"org-name","organization":"X"},
		"roleMapping":{"mode":"manual"}},`, 99) +
		`		{"provider":"Nobody","organizationMapping":{"method":"org-name"},"roleMapping":{"mode":"manual"}}]}`
	if got := f.want(400, "POST", "/config:plan", many); len(got.body["errors"].([]any)) != 200 || !strings.Contains(got.raw, "(98 more are") {
		t.Errorf("%d errors: %s", len(got.body["errors"].([]any)), got.str("detail"))
	}
}
