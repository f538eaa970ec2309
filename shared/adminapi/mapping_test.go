package adminapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
)

func TestMappingsCountUnmappedGroups(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := "/providers/" + f.want(201, "POST", "/providers", `{"displayName":"Empty"}`).str("id")
	if got := f.want(200, "GET", p+"/organization-mapping", ""); got.str("groups.state") != "none" || got.str("method") != "single" ||
		got.str("organizationId") != "odefault" {
		t.Errorf("without groups: %s", got.raw)
	}
	w := f.populateAll()
	p = "/providers/" + w.provider
	got := f.want(200, "GET", p+"/organization-mapping", "")
	for name, want := range map[string]string{
		"groups.state": "some-unmapped", "groups.unmapped": "1", "mappings.0.id": w.orgMapping, "mappings.0.priority": "1",
		"mappings.0.groups.0.memberCount": "1",
		"mappings.1.id":                   w.secondMapping, "mappings.0.organizationId": w.organization, "mappings.0.invalidTarget": "false",
		"configVersion": "4", "appliedVersion": "0",
	} {
		if got.str(name) != want {
			t.Errorf("%s is %q, want %q", name, got.str(name), want)
		}
	}
	if got := f.want(200, "GET", p+"/groups/"+w.group+"/usage", ""); got.str("organizationMappingId") != w.orgMapping ||
		got.str("roleMappingId") != w.roleMapping || got.str("watchlists.0") != w.watchlist {
		t.Errorf("used by %s", got.raw)
	}
	for query, want := range map[string]int{"": 3, "?unmapped=organization": 1, "?unmapped=role": 2} {
		if n := len(f.want(200, "GET", p+"/groups"+query, "").items()); n != want {
			t.Errorf("%q lists %d groups, want %d", query, n, want)
		}
	}
	f.want(201, "POST", p+"/organization-mapping/mappings", `{"groups":["`+w.spareGroup+`"],"organizationId":"odefault"}`)
	if got := f.want(200, "GET", p+"/organization-mapping", ""); got.str("groups.state") != "all-mapped" {
		t.Errorf("all mapped: %s", got.raw)
	}
	f.want(409, "POST", p+"/organization-mapping/mappings", `{"groups":["`+w.group+`"],"organizationId":"odefault"}`)
	f.want(400, "POST", p+"/organization-mapping/mappings:reorder", `{"mappings":["`+w.orgMapping+`"]}`)
	f.want(400, "PUT", p+"/organization-mapping", `{"method":"attribute","organizationId":"odefault"}`)
	f.want(400, "PUT", p+"/role-mapping", `{"mode":"manual","strict":true}`)
	f.want(400, "POST", p+"/role-mapping/mappings", `{"groups":["`+w.spareGroup+`"],"roles":["security-administrator"]}`)
	f.want(409, "POST", "/organizations/odefault:deactivate", "")
	if got := f.want(200, "POST", "/organizations/"+w.organization+":deactivate?dryRun=true", ""); got.str("state") != "deactivated" ||
		got.str("memberCount") != "1" {
		t.Errorf("the plan: %s", got.raw)
	}
}

func TestApplyRunsAreShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	runs := "/providers/" + w.provider + "/apply-runs"
	id := f.want(201, "POST", runs, "").str("id")
	if got := f.want(409, "POST", runs, ""); !strings.Contains(got.raw, id) {
		t.Errorf("the refusal does not name the running one: %s", got.raw)
	}
	f.deliver()
	got := f.want(200, "GET", runs+"/"+id, "")
	for name, want := range map[string]string{
		"state": "planned", "counts.changes": "1", "counts.moves": "1", "organizations.0.from": "odefault", "organizations.0.to": w.organization,
		"organizations.0.users": "1",
		"samples.0.id":          w.provisioned, "samples.0.userName": "member." + canary + "@agency.example", "progress.total": "1",
		"progress.done": "0",
	} {
		if got.str(name) != want {
			t.Errorf("%s is %q, want %q in %s", name, got.str(name), want, got.raw)
		}
	}
	if got.str("expiresAt") == "" {
		t.Errorf("no end of the plan: %s", got.raw)
	}
	if rows := f.want(200, "GET", runs+"/"+id+"/diff?only=privileged", "").items(); len(rows) != 0 {
		t.Errorf("privileged changes: %v", rows)
	}
	csv := f.want(200, "GET", runs+"/"+id+"/diff.csv", "")
	lines := strings.Split(strings.TrimSpace(csv.raw), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], `"user","userName","from","to"`) || !strings.Contains(lines[1], w.provisioned) ||
		csv.header.Get("Next-Cursor") != "" {
		t.Errorf("the export: %v %s", csv.header, csv.raw)
	}
	f.want(200, "POST", runs+"/"+id+":apply", "")
	f.deliver()
	if got := f.want(200, "GET", runs+"/"+id, ""); got.str("state") != "completed" || got.str("counts.applied") != "1" ||
		got.str("progress.done") != "1" {
		t.Errorf("applied: %s", got.raw)
	}
	x := f.want(200, "GET", "/users/"+w.provisioned+"/explain", "")
	if x.str("is.organizationId") != w.organization || x.str("is.mapping") != w.orgMapping || x.str("is.group") != w.group ||
		x.str("organizations.0.result") != "wins" || x.str("is.configVersion") != "4" {
		t.Errorf("explained: %s", x.raw)
	}
	f.want(200, "POST", runs+"/"+id+":undo", "")
	f.deliver()
	if got := f.want(200, "GET", "/users/"+w.provisioned, ""); got.str("organizationId") != "odefault" {
		t.Errorf("undone: %s", got.raw)
	}
	f.want(409, "POST", runs+"/"+id+":undo", "")
	f.want(409, "POST", runs+"/"+id+":apply", "")
	if n := len(f.want(200, "GET", runs+"?limit=2", "").items()); n != 2 {
		t.Errorf("%d runs on a page of 2", n)
	}
}

// The state of a run, in the list and by itself, is the one that the next call finds: only a plan that is shown as planned
// can be applied, and only one that needs approval can be approved.
func TestStatesOfPlansAreTrue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	runs := "/providers/" + w.provider + "/apply-runs"
	other := []string{"Authorization", "Bearer " + f.newKey(f.tenant, directory.RoleAdministrator, time.Time{})}
	agree := func(want ...string) {
		t.Helper()
		f.deliver()
		items := f.want(200, "GET", runs, "").items()
		for i, item := range items[:len(want)] {
			one := f.want(200, "GET", runs+"/"+asMap(item)["id"].(string), "")
			state := one.str("state")
			if asMap(item)["state"] != want[i] || state != want[i] {
				t.Errorf("run %d of %v is shown as %v and %s", i, want, asMap(item)["state"], state)
			}
			if future := one.str("expiresAt") > f.clock().Format(time.RFC3339); future != (state == "planned" || state == "needs-approval") {
				t.Errorf("the %s run expires at %q", state, one.str("expiresAt"))
			}
			for command, in := range map[string]string{":apply": "planned", ":approve": "needs-approval"} {
				got := f.do("POST", runs+"/"+one.str("id")+command+"?dryRun=true", `{}`, other...)
				if (got.status == 200) != (state == in) {
					t.Errorf("%s of a run in state %s: %d %s", command, state, got.status, got.raw)
				}
			}
		}
	}
	create := func() string { return f.want(201, "POST", runs, "").str("id") }
	agree("planned") // the run of the fixture
	f.proposePrivileged(&w, true)
	agree("needs-approval", "expired") // by an older configuration as well
	third := create()
	items := f.want(200, "GET", runs, "").items()
	if states := fmt.Sprint(asMap(items[0])["state"], " ", asMap(items[1])["state"]); states != "planning expired" {
		t.Errorf("while the newer one is planned: %s", states)
	}
	agree("planned", "expired", "expired")
	f.want(200, "POST", runs+"/"+third+":cancel", "")
	agree("cancelled", "expired", "expired")
	create()
	agree("planned", "cancelled", "expired", "expired")
	create()
	agree("planned", "expired", "cancelled", "expired", "expired")
	if got := f.want(200, "GET", "/proposals", ""); strings.Contains(got.raw, "startApplyRun") {
		t.Errorf("a run that was replaced waits: %s", got.raw)
	}
	f.advance(25 * time.Hour)
	agree("expired", "expired", "cancelled", "expired", "expired")
}

func TestConfigurationsAreCarriedOver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.populateAll()
	config := f.want(200, "GET", "/config", "").raw
	if strings.Contains(config, "token") || strings.Contains(config, "hash") {
		t.Errorf("the export holds %s", config)
	}
	if got := f.want(200, "POST", "/config:plan", config); len(got.body["changes"].([]any)) != 0 {
		t.Errorf("the exported configuration differs: %s", got.raw)
	}
	changed := strings.Replace(config, `"mode":"manual"`, `"mode":"groups"`, 1)
	for range 2 {
		if got := f.want(200, "POST", "/config:plan", changed); len(got.body["changes"].([]any)) != 2 {
			t.Errorf("planned: %s", got.raw)
		}
	}
	f.want(200, "POST", "/config:apply", changed)
	if got := f.want(200, "POST", "/config:apply", changed); len(got.body["changes"].([]any)) != 0 {
		t.Errorf("applied twice: %s", got.raw)
	}
	for _, bad := range []string{
		`{"providers":[{"provider":"Nobody","organizationMapping":{"method":"single"},"roleMapping":{"mode":"manual"}}]}`,
		`{"providers":[{"provider":"Entra","organizationMapping":{"method":"single","organization":"Nowhere"},"roleMapping":{"mode":"manual"}}]}`,
		`{"organizations":[{"name":"A","parent":"Nowhere"}]}`, `{"organizations":[{"name":"A","color":1}]}`,
	} {
		f.want(400, "POST", "/config:apply", bad)
		f.want(400, "POST", "/config:plan", bad)
	}
}
