package adminapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// An organization that is blocked or deactivated bars its people wherever the API says who may sign in, from the request
// on and until it is ended; nobody's record changes, and one event stands for all (C41).
func TestOrganizationsBarTheirPeople(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	org := f.want(201, "POST", "/organizations", `{"name":"Field"}`).str("id")
	people := map[string]string{}
	for _, name := range []string{"ann", "bob", "cat"} {
		people[name] = f.want(201, "POST", "/users", `{"userName":"`+name+`@agency.example"}`).str("id")
	}
	for _, name := range []string{"ann", "bob"} {
		f.want(200, "POST", "/users/"+people[name]+":move", `{"organizationId":"`+org+`"}`)
	}
	f.want(200, "POST", "/users/"+people["bob"]+":block", `{"reason":"x"}`)
	f.deliver()
	names := func(query string) string {
		t.Helper()
		var out []string
		for _, u := range f.want(200, "GET", "/users?"+query, "").items() {
			out = append(out, strings.TrimSuffix(u.(map[string]any)["userName"].(string), "@agency.example"))
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	check := func(when string, barred bool) {
		t.Helper()
		f.deliver()
		state, maySignIn, shown := "active", "true", "ann cat"
		if barred {
			state, maySignIn, shown = "organization-blocked", "false", "cat"
		}
		for what, reply := range map[string]reply{
			"the person": f.want(200, "GET", "/users/"+people["ann"], ""),
			"a change":   f.want(200, "PATCH", "/users/"+people["ann"], `{"title":"`+when+`"}`),
			"a dry run":  f.want(200, "POST", "/users/"+people["ann"]+":move?dryRun=true", `{"organizationId":"`+org+`","pin":true}`),
		} {
			if reply.str("maySignIn") != maySignIn || reply.str("shownState") != state {
				t.Errorf("%s: %s says %s, %s", when, what, reply.str("maySignIn"), reply.str("shownState"))
			}
		}
		for path, want := range map[string]string{"/organizations/" + org + "/members": maySignIn, "/users?search=ann": maySignIn} {
			u := f.want(200, "GET", path, "").items()
			i := slices.IndexFunc(u, func(u any) bool { return u.(map[string]any)["id"] == people["ann"] })
			if i < 0 || fmt.Sprint(u[i].(map[string]any)["maySignIn"]) != want {
				t.Errorf("%s: %s lists %v", when, path, u)
			}
		}
		all := map[bool]string{true: "ann bob", false: "bob"}[barred]
		for query, want := range map[string]string{
			"maySignIn=true": shown, "maySignIn=false": all, "shownState=active": shown, "shownState=blocked": all,
			"shownState=organization-blocked": strings.TrimSuffix(all, "bob")[:len(all)-3],
		} {
			if got := names(query); got != strings.TrimSpace(want) {
				t.Errorf("%s: %s finds %q, want %q", when, query, got, want)
			}
		}
		if got := f.want(200, "GET", "/users/"+people["bob"], "").str("shownState"); got != "blocked" {
			t.Errorf("%s: somebody blocked by hand is %s", when, got)
		}
	}
	before := f.want(200, "GET", "/users/"+people["cat"], "").str("version")
	check("before", false)
	f.want(200, "POST", "/organizations/"+org+":block", `{}`)
	check("blocked", true)
	f.want(200, "POST", "/organizations/"+org+":unblock", `{}`)
	check("unblocked", false)
	f.want(200, "PATCH", "/organizations/"+org, `{"blocked":true}`)
	check("blocked by PATCH", true)
	f.want(200, "PATCH", "/organizations/"+org, `{"name":"Fields"}`)
	f.want(200, "POST", "/organizations/"+org+":unblock", `{}`)
	if after := f.want(200, "GET", "/users/"+people["cat"], "").str("version"); after != before {
		t.Errorf("version %s became %s", before, after)
	}
	f.want(200, "POST", "/organizations/"+org+":deactivate", `{}`) // its people are deactivated in the background
	if got := f.want(200, "GET", "/users/"+people["ann"], ""); got.str("maySignIn") != "false" || got.str("lifecycle") != "active" {
		t.Errorf("just after the deactivation: %s, %s", got.str("maySignIn"), got.str("lifecycle"))
	}
	if got := names("maySignIn=false&lifecycle=active"); got != "ann bob" {
		t.Errorf("barred by a deactivated organization: %s", got)
	}
	f.want(400, "GET", "/users?maySignIn=yes", "")
	f.want(400, "GET", "/users?shownState=Blocked", "")
	f.want(400, "GET", "/users?lifecycle=gone", "")
	var events []string
	for _, e := range f.allEntries() {
		if e.Action != directory.OrganizationUpdated {
			continue
		}
		for _, ev := range follow.Events(f.tenant, e) {
			events = append(events, fmt.Sprint(ev.Type, " ", ev.Subject == org, " ", *ev.People, " ", ev.Sequence))
		}
	}
	slices.Sort(events)
	want := []string{
		"organization.blocked true 2 2", "organization.blocked true 2 4", "organization.blocked true 2 7",
		"organization.unblocked true 2 3", "organization.unblocked true 2 6",
	}
	if !slices.Equal(events, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(events, "\n"), strings.Join(want, "\n"))
	}
}

// An entry keeps the userName of its time, and shows the present one to whoever asks.
func TestEntriesShowThePresentUserName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.want(201, "POST", "/users", `{"userName":"ann@agency.example"}`).str("id")
	f.want(200, "PATCH", "/users/"+id, `{"userName":"anna@agency.example"}`)
	items := f.want(200, "GET", "/sync-log?userNames=true&action=user.created", "").items()
	if len(items) != 1 || items[0].(map[string]any)["name"] != "ann@agency.example" ||
		items[0].(map[string]any)["userNameNow"] != "anna@agency.example" {
		t.Errorf("%v", items)
	}
	if items := f.want(200, "GET", "/sync-log", "").items(); items[0].(map[string]any)["userNameNow"] != nil {
		t.Errorf("not asked for: %v", items)
	}
	f.want(400, "GET", "/sync-log?userNames=yes", "")
}
