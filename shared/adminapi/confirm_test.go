package adminapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rollcall/shared/administration"
)

// A member that is given twice is refused by its name, wherever it stands and whatever its case.
func TestMembersGivenTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := "/providers/" + f.want(201, "POST", "/providers", `{"displayName":"Entra"}`).str("id")
	config := `{"organizations":[{"name":"a","blocked":false,"blocked":true}],"providers":[]}`
	for _, c := range []struct{ method, path, body, field string }{
		{"POST", "/api-keys", `{"displayName":"a","role":"auditor","role":"identity-management-administrator"}`, "role"},
		{"POST", "/api-keys", `{"displayName":"a","role":"auditor","r\u006fle":"auditor"}`, "role"},
		{"POST", "/api-keys", `{"displayName":"a","role":"auditor","ROLE":"auditor"}`, "ROLE"},
		{"PATCH", p, `{"displayName":"a","displayName":"a"}`, "displayName"},
		{"POST", "/users", `{"userName":"a","name":{"givenName":"a","givenName":"b"}}`, "name.givenName"},
		{"POST", "/users", `{"userName":"a","emails":[{"value":"a@b","value":"c@d"}]}`, "emails[0].value"},
		{"PUT", p + "/role-mapping", `{"mode":"groups","strict":true,"strict":false}`, "strict"},
		{"POST", p + ":pause", `{"x":1,"x":2}`, "x"},
		{"POST", "/config:plan", config, "organizations[0].blocked"},
		{"POST", "/config:apply", config, "organizations[0].blocked"},
	} {
		before := len(f.want(200, "GET", "/audit-log", "").items())
		if got := f.want(400, c.method, c.path, c.body); got.str("errors.0.field") != c.field || !strings.Contains(got.raw, "is given twice") {
			t.Errorf("%s %s %s: %s", c.method, c.path, c.body, got.raw)
		}
		if len(f.want(200, "GET", "/audit-log", "").items()) != before {
			t.Errorf("%s %s %s changed something", c.method, c.path, c.body)
		}
	}
}

// Whatever can be called so can be confirmed: the limits of a confirmation are those of the name.
func TestWhateverExistsCanBeConfirmed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	local := func(name string) string {
		u, err := f.svc.As(f.system(f.tenant)).Users.CreateLocal(context.Background(), administration.LocalProfile{UserName: name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.want(200, "POST", "/users/"+string(u.ID)+":deactivate", `{"reason":"x"}`)
		return string(u.ID)
	}
	odd := local("er\x00ase@t.example")
	f.want(200, "POST", "/users/"+odd+":erase", `{"reason":"x","confirm":"er\u0000ase@t.example"}`)
	byID := local("by-id")
	f.want(409, "POST", "/users/"+byID+":erase", `{"reason":"x","confirm":"`+odd+`"}`)
	f.want(200, "POST", "/users/"+byID+":erase", `{"reason":"x","confirm":"`+byID+`"}`)
	long := local(strings.Repeat("ü", 250) + "@t.example")
	f.want(200, "POST", "/users/"+long+":erase", `{"reason":"x","confirm":"`+strings.Repeat("ü", 250)+`@t.example"}`)

	w := f.populate()
	p := "/providers/" + w.provider
	var names, ids []string
	for _, item := range f.want(200, "GET", "/roles", "").items() {
		if r := item.(map[string]any); r["privileged"] == true {
			names, ids = append([]string{fmt.Sprint(r["name"])}, names...), append(ids, fmt.Sprintf("%q", r["id"]))
		}
	}
	body := func(confirm string) string {
		return fmt.Sprintf(`{"groups":[%q],"roles":[%s],"confirm":%q}`, w.group, strings.Join(ids, ","), confirm)
	}
	if got := f.want(400, "POST", p+"/role-mapping/mappings", body(strings.Join(names[1:], ", "))); got.str("errors.0.field") != "confirm" {
		t.Error(got.raw)
	}
	f.want(201, "POST", p+"/role-mapping/mappings", body(strings.Join(names, ", "))) // the other way round
}
