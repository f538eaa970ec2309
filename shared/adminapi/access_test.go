package adminapi_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/adminapi"
	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/random"
	"rollcall/shared/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// bodies holds the request body of each operation that needs one.
var bodies = map[string]string{
	"createProvider": `{"displayName":"New"}`, "updateProvider": `{"displayName":"Renamed"}`, "createToken": `{"overlapSeconds":0}`,
	"createUser": `{"userName":"new@agency.example"}`, "updateUser": `{"title":"Officer"}`,
	"convertConflict": `{"reason":"same person"}`, "ignoreConflict": `{"reason":"test"}`,
	"renameConflict":   `{"reason":"two people","userName":"other@agency.example"}`,
	"importCustodians": "userName\nlocal.CANARY@agency.example\n",
	"createApiKey":     `{"displayName":"New","role":"auditor"}`,
	"createTenant":     `{"displayName":"New"}`, "removeTenant": `{"confirm":"Spare"}`, "createTenantApiKey": `{"displayName":"First"}`,
	"blockUser": `{"reason":"test"}`, "unblockUser": `{"reason":"test"}`, "deactivateUser": `{"reason":"test"}`,
	"reactivateUser":     `{"reason":"test"}`,
	"cancelDeactivation": `{"reason":"test"}`, "convertUserToLocal": `{"reason":"test"}`,
	"eraseUser":                  `{"reason":"test","confirm":"local.CANARY@agency.example"}`,
	"convertUserToProvisioned":   `{"reason":"test","provider":"PROVIDER","confirm":"local.CANARY@agency.example"}`,
	"preApproveConflicts":        `{"provider":"PROVIDER","userNames":["local.CANARY@agency.example"],"reason":"test"}`,
	"cancelPendingDeactivations": `{"users":["LEAVER"],"reason":"test"}`,
	"createLegalHold":            `{"name":"New"}`, "closeLegalHold": `{"reason":"test"}`, "placeHolds": `{"users":["LOCAL"]}`,
	"releaseHold":          `{"reason":"test"}`,
	"setDeactivationDelay": `{"deactivationDelaySeconds":60}`, "setGuard": `{"minimum":30}`, "approveGuardEvent": `{"reason":"test"}`,
	"rejectGuardEvent": `{"reason":"test"}`,
	"createWebhook":    `{"displayName":"New","url":"https://hooks.agency.example/"}`, "updateWebhook": `{"state":"paused"}`,
	"replayWebhook":      `{"since":"2026-11-01T00:00:00Z","until":"2026-11-30T00:00:00Z"}`,
	"createOrganization": `{"name":"New"}`, "updateOrganization": `{"name":"Renamed"}`, "createRole": `{"name":"New"}`,
	"updateRole":      `{"name":"Renamed"}`,
	"createWatchlist": `{"type":"custom","title":"New"}`, "updateWatchlist": `{"title":"Renamed"}`,
	"setOrganizationMapping": `{"method":"single","organizationId":"odefault"}`, "setRoleMapping": `{"mode":"groups"}`,
	"createOrganizationMappingEntry": `{"groups":["g0000000000000000000000000"],"organizationId":"odefault"}`,
	"updateOrganizationMappingEntry": `{"organizationId":"odefault"}`,
	"createRoleMappingEntry":         `{"groups":["g0000000000000000000000000"],"roles":["agent-user"]}`,
	"updateRoleMappingEntry":         `{"roles":["agent-user"]}`,
	"reorderOrganizationMapping":     `{"mappings":["m1111111111111111111111111","m0000000000000000000000000"]}`,
	"moveUser":                       `{"organizationId":"odefault"}`, "grantRole": `{"role":"agent-user"}`,
	"updateSettings": `{"userRetentionDays":30}`,
	"planConfig":     `{"roles":[{"id":"new","name":"New"}]}`, "applyConfig": `{"roles":[{"id":"new","name":"New"}]}`,
}

// withoutID lists the changes whose answer has no id.
var withoutID = []string{"setGuard", "setDeactivationDelay", "placeHolds", "importCustodians", "releaseHold", "cancelPendingDeactivations",
	"preApproveConflicts"}

// successes are the statuses of operations that do not answer 200.
var successes = map[string]int{"createProvider": 201, "createToken": 201, "createUser": 201, "createApiKey": 201, "createTenant": 201,
	"createTenantApiKey": 201, "removeTenant": 202, "deleteProvider": 202,
	"createLegalHold": 201, "closeLegalHold": 202, "approveGuardEvent": 202, "rejectGuardEvent": 202, "createWebhook": 201,
	"createOrganization": 201, "createRole": 201, "createWatchlist": 201, "createOrganizationMappingEntry": 201,
	"createRoleMappingEntry": 201, "createApplyRun": 201}

func success(operation string) int {
	if s, ok := successes[operation]; ok {
		return s
	}
	return 200
}

// prepare changes the world so that the operation succeeds.
func (f *fixture) prepare(w *world, operation string) {
	f.t.Helper()
	run := "/providers/" + w.provider + "/apply-runs/" + w.run
	switch operation {
	case "restoreProvider":
		w.provider = f.want(201, "POST", "/providers", `{"displayName":"Deleted"}`).str("id")
		f.want(202, "DELETE", "/providers/"+w.provider, "")
		f.deliver()
	case "resumeProvider":
		f.want(200, "POST", "/providers/"+w.provider+":pause", "")
	case "resumeTenant":
		f.want(200, "POST", "/tenants/"+w.tenant+":pause", "")
	case "unblockOrganization":
		f.want(200, "POST", "/organizations/"+w.organization+":block", "")
	case "reactivateOrganization":
		f.want(200, "POST", "/organizations/"+w.organization+":deactivate", "")
	case "unpinOrganization":
		f.want(200, "POST", "/users/"+w.local+":pin-organization", "")
	case "eraseUser":
		f.want(200, "POST", "/users/"+w.local+":deactivate", `{"reason":"test"}`)
	case "preApproveConflicts":
		f.want(200, "DELETE", "/users/"+w.local+"/role-grants/org-manager", "")
	case "approveRoleMappingEntry", "rejectRoleMappingEntry", "approveApplyRun":
		f.proposePrivileged(w, operation == "approveApplyRun")
	case "approveProposal", "rejectProposal":
		f.want(200, "PATCH", "/settings", `{"dualControl":true}`)
		w.proposal = f.want(202, "POST", "/users/"+w.local+"/role-grants", `{"role":"security-administrator"}`,
			"Authorization", "Bearer "+f.newKey(f.tenant, directory.RoleAdministrator, time.Time{})).str("id")
	case "confirmApiKey":
		w.apiKey = f.want(201, "POST", "/api-keys", `{"displayName":"Made","role":"auditor"}`,
			"Authorization", "Bearer "+f.newKey(f.tenant, directory.RoleAdministrator, time.Time{})).str("id")
	case "unlinkGroup":
		_, _, err := f.svc.Ports.Mappings.UpdateMappings(context.Background(), f.tenant, directory.ProviderID(w.provider),
			func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, *directory.LogEntry, error) {
				const gone = directory.GroupID("g0000000000000000000000007")
				m, changes := follow.WithGroup(m, directory.MappedGroup{ID: directory.GroupID(w.group)}, directory.MappedGroup{ID: gone})
				m, more := follow.WithGroup(m, directory.MappedGroup{ID: gone}, directory.MappedGroup{ID: directory.GroupID(w.group), Was: gone})
				p.Version, m.Version = p.Version+1, m.Version+1
				e := directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: f.clock(), Action: directory.MappingsUpdated, Audit: true,
					Actor: directory.Actor{Kind: directory.ActorSystem}, Target: w.provider, Changes: append(changes, more...), Version: p.Version}
				return p, m, &e, nil
			})
		if err != nil {
			f.t.Fatal(err)
		}
	case "undoApplyRun":
		f.want(200, "POST", run+":apply", "")
		f.deliver()
	}
}

// proposePrivileged switches dual control on and lets another administrator propose a privileged role; with run, the
// proposal is approved, and an apply run that grants the role waits for approval.
func (f *fixture) proposePrivileged(w *world, run bool) {
	f.t.Helper()
	other := []string{"Authorization", "Bearer " + f.newKey(f.tenant, directory.RoleAdministrator, time.Time{})}
	base := "/providers/" + w.provider
	f.want(200, "PUT", base+"/role-mapping", `{"mode":"groups"}`)
	f.deliver()
	f.want(200, "PATCH", "/settings", `{"dualControl":true}`)
	f.want(202, "PATCH", base+"/role-mapping/mappings/"+w.roleMapping, `{"roles":["security-administrator"]}`, other...)
	if !run {
		return
	}
	f.want(200, "POST", base+"/role-mapping/proposals/"+w.roleMapping+":approve", "")
	w.run = f.want(201, "POST", base+"/apply-runs", "").str("id")
	f.deliver()
	if got := f.want(200, "POST", base+"/apply-runs/"+w.run+":apply", "", other...); got.str("state") != "needs-approval" {
		f.t.Fatalf("it does not wait: %s", got.raw)
	}
}

// TestEveryRouteWithEveryCredential walks the route table.
func TestEveryRouteWithEveryCredential(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	f.addTenant("other")
	otherAdmin := f.newKey("other", directory.RoleAdministrator, time.Time{})
	otherHolder := f.newKey("other", directory.RoleLegalHold, time.Time{})
	expiring := f.newKey(f.tenant, directory.RoleAdministrator, f.clock().Add(time.Hour))
	revoked := f.newKey(f.tenant, directory.RoleAdministrator, time.Time{})
	f.want(200, "GET", "/me", "", "Authorization", "Bearer "+revoked)
	id := f.want(200, "GET", "/me", "", "Authorization", "Bearer "+revoked).str("key.id")
	f.want(200, "DELETE", "/api-keys/"+id, "")
	roles := map[directory.AdminRole]string{}
	for _, r := range directory.AdminRoles() {
		roles[r] = f.newKey(f.tenant, r, time.Time{})
	}
	roles[directory.RoleOperator] = f.operator
	f.want(200, "GET", "/me", "", "Authorization", "Bearer "+expiring)
	f.advance(time.Hour)
	flipped := f.key[:len(f.key)-1] + string(f.key[len(f.key)-1]^1)
	for _, route := range adminapi.Routes() {
		path, body := w.path(route.Path), w.fill(bodies[route.Operation])
		for name, credential := range map[string]string{
			"none": "", "empty": "Bearer ", "basic": "Basic " + f.key, "bare": f.key, "garbage": "Bearer rk_default_x",
			"long":        "Bearer " + strings.Repeat("a", 5000),
			"one bit off": "Bearer " + flipped, "SCIM token": "Bearer " + w.scimToken, "expired": "Bearer " + expiring,
			"revoked":                    "Bearer " + revoked,
			"another tenant in the text": "Bearer " + strings.Replace(f.key, "rk_default_", "rk_other_", 1),
		} {
			got := f.want(401, route.Method, path, body, "Authorization", credential)
			if got.header.Get("WWW-Authenticate") == "" || strings.Contains(got.raw, "rk_") {
				t.Errorf("%s with %s: %v %s", route.Operation, name, got.header, got.raw)
			}
		}
		for role, key := range roles {
			if !slices.Contains(route.Roles, role) {
				f.want(403, route.Method, path, body, "Authorization", "Bearer "+key)
			} else if route.Method == "GET" {
				f.want(200, route.Method, path, body, "Authorization", "Bearer "+key)
			}
		}
		if strings.Contains(route.Path, "{id}") && !strings.HasPrefix(route.Path, "/tenants") {
			key := otherAdmin
			if !slices.Contains(route.Roles, directory.RoleAdministrator) {
				key = otherHolder
			}
			f.want(404, route.Method, path, body, "Authorization", "Bearer "+key)
		}
	}
	for _, list := range []string{"/providers", "/users", "/conflicts", "/sync-log"} {
		if got := f.want(200, "GET", list, "", "Authorization", "Bearer "+otherAdmin); len(got.items()) != 0 {
			t.Errorf("%s shows another tenant's: %s", list, got.raw)
		}
	}
	f.want(404, "GET", "/users?provider="+w.provider, "", "Authorization", "Bearer "+otherAdmin)
	f.want(404, "GET", "/sync-log?provider="+w.provider, "", "Authorization", "Bearer "+otherAdmin)
	f.want(400, "DELETE",
		"/providers/"+f.want(201, "POST", "/providers", `{"displayName":"Mine"}`, "Authorization", "Bearer "+otherAdmin).str("id")+
			"?users=move&moveTo="+w.provider, "", "Authorization", "Bearer "+otherAdmin)
}

// TestOnlyAdministratorsChange lists the roles that may change anything: administrators, the help desk only to unblock
// users, and separate roles for legal holds and tenants.
func TestOnlyAdministratorsChange(t *testing.T) {
	t.Parallel()
	for _, r := range adminapi.Routes() {
		want := []directory.AdminRole{directory.RoleAdministrator}
		switch {
		case strings.HasPrefix(r.Path, "/tenants"):
			want = []directory.AdminRole{directory.RoleOperator}
		case r.Operation == "revokeApiKey":
			want = append(want, directory.RoleOperator) // for operators' keys
		case strings.HasPrefix(r.Path, "/legal-holds"):
			want = []directory.AdminRole{directory.RoleLegalHold}
		case r.Operation == "unblockUser" || r.Operation == "cancelDeactivation":
			want = append(want, directory.RoleHelpDesk)
		}
		if r.Method != "GET" && !slices.Equal(r.Roles, want) {
			t.Errorf("%s may be called by %v", r.Operation, r.Roles)
		}
	}
}

// Every operation that changes something writes one entry, by the key of the request. The dry run before it writes
// nothing and gives the same answer as the real run.
func TestEveryMutationLeavesOneEntryOfTheKey(t *testing.T) {
	t.Parallel()
	for _, route := range adminapi.Routes() {
		if route.Method == "GET" {
			continue
		}
		t.Run(route.Operation, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			w := f.populateAll()
			f.prepare(&w, route.Operation)
			path, body := w.path(route.Path), w.fill(bodies[route.Operation])
			keyID := f.want(200, "GET", "/me", "", "Authorization", "Bearer "+f.keyFor(route.Method, path)).str("key.id")

			before := len(f.allEntries())
			state := f.dump(w)
			dry := f.want(200, route.Method, path+"?dryRun=true", body)
			if dry.str("dryRun") != "true" || dry.str("token")+dry.str("secret") != "" || dry.header.Get("ETag") != "" {
				t.Errorf("dry run answered %v %s", dry.header, dry.raw)
			}
			if strings.HasPrefix(route.Operation, "create") != (dry.str("id") == "") && !slices.Contains(withoutID, route.Operation) {
				t.Errorf("a new record must have no id, an existing one must have one: %s", dry.raw)
			}
			if diff := cmp.Diff(state, f.dump(w)); diff != "" {
				t.Errorf("the dry run wrote (-before +after):\n%s", diff)
			}

			f.advance(-time.Millisecond) // to the moment of the dry run
			got := f.want(success(route.Operation), route.Method, path, body)
			if diff := cmp.Diff(comparablePart(got.body), comparablePart(dry.body)); diff != "" {
				t.Errorf("the dry run answered something else (-real +dry):\n%s", diff)
			}
			after := f.allEntries()
			known := map[directory.EntryID]bool{}
			found := 0
			for _, e := range after {
				if known[e.ID] {
					t.Errorf("the entry %s occurs twice", e.ID)
				}
				known[e.ID] = true
				if string(e.Actor.RequestID) != got.header.Get("X-Request-Id") {
					continue
				}
				found++
				kind := directory.ActorAPIKey
				if strings.HasPrefix(route.Path, "/tenants") {
					kind = directory.ActorOperator
				}
				if e.Actor.Kind != kind || e.Actor.ID != keyID || !e.Audit && e.User == "" && e.Group == "" {
					t.Errorf("the entry %+v does not name its actor, or is in no log", e)
				}
				if e.OfUser(e.User).OfGroup(e.Group).ID != e.ID {
					t.Errorf("the entry %s %s is not in the log shard of its subject", e.Action, e.ID)
				}
				if strings.HasSuffix(route.Path, "convert") && e.Actor.Reason != "same person" {
					t.Errorf("the entry has reason %q", e.Actor.Reason)
				}
			}
			want := 1
			if route.Operation == "createApplyRun" || route.Operation == "undoApplyRun" || strings.HasSuffix(route.Path, ":convert") ||
				strings.HasSuffix(route.Path, ":rename") || route.Operation == "approveProposal" {
				want = 2 // the user's and the conflict's; the provider's and the run's; the proposal's and that of its request
			}
			if route.Operation == "createTenant" {
				want = 3 // its organization's and its roles'
			}
			if route.Operation == "planConfig" {
				want = 0
			}
			if found != want || len(after) != before+want {
				t.Errorf("%d entries of the request, %d in all, want %d more than %d", found, len(after), want, before)
			}
		})
	}
}

// dump returns all stored data of the tenants as text.
func (f *fixture) dump(w world) string {
	f.t.Helper()
	text := storetest.Dump(f.t.Context(), f.svc.Ports, f.tenant)
	if w.tenant != "" {
		text += storetest.Dump(f.t.Context(), f.svc.Ports, directory.TenantID(w.tenant))
	}
	return text
}

// comparablePart returns the part of an answer that is the same in a dry run and the real run: without random ids and
// secrets, and without the plan that only a dry run shows.
func comparablePart(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			if !slices.Contains([]string{"id", "dryRun", "token", "secret", "lastFour", "baseUrl", "tokens", "plan", "task"}, name) {
				out[name] = comparablePart(x)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = comparablePart(x)
		}
		return out
	}
	return v
}

// TestNoSecretsAndPeopleInLogs sends personal data and secrets through every route, also in invalid requests, and reads
// the log.
func TestNoSecretsAndPeopleInLogs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	secrets := []string{f.key, w.scimToken}
	for _, route := range adminapi.Routes() {
		body := strings.ReplaceAll(w.fill(bodies[route.Operation]), "agency", canary)
		got := f.do(route.Method, w.path(route.Path), body)
		if token := got.str("token") + got.str("secret"); token != "" {
			secrets = append(secrets, token)
		}
		f.do(route.Method, w.path(route.Path)+"?"+canary+"=1", body)
		f.do(route.Method, strings.ReplaceAll(w.path(route.Path), w.provider, canary), `{"`+canary+`":1}`)
		f.do(route.Method, w.path(route.Path), `{"displayName":["`+canary+`"]}`, "Idempotency-Key", canary)
	}
	f.want(200, "GET", "/users?search="+canary, "")
	f.want(401, "GET", "/users", "", "Authorization", "Bearer rk_default_"+canary)
	f.logged.Lock()
	defer f.logged.Unlock()
	log := f.log.String()
	if !strings.Contains(log, `"op":"createProvider"`) || !strings.Contains(log, `"problem":"invalid"`) {
		t.Errorf("the log lacks events: %.500s", log)
	}
	for _, s := range append(secrets, canary) {
		if strings.Contains(log, s) || len(s) > 20 && strings.Contains(log, s[len(s)-20:]) {
			t.Errorf("the log holds %s", s)
		}
	}
	if strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("something failed: %s", log)
	}
}

// TestSecretsAreShownOnce reads everything after secrets were created.
func TestSecretsAreShownOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	secrets := []string{
		w.scimToken, f.want(201, "POST", "/providers/"+w.provider+"/tokens", "").str("token"),
		f.want(201, "POST", "/api-keys", `{"displayName":"Other","role":"auditor"}`).str("token"),
		f.want(201, "POST", "/webhooks", bodies["createWebhook"]).str("secret"),
		f.want(200, "POST", "/webhooks/"+w.webhook+":rotate", "").str("secret"),
	}
	for _, route := range adminapi.Routes() {
		if route.Method != "GET" {
			continue
		}
		raw := f.want(200, "GET", w.path(route.Path), "").raw
		for _, secret := range append(secrets, f.key) {
			if strings.Contains(raw, secret) || strings.Contains(raw, secret[12:40]) {
				t.Errorf("%s shows a secret", route.Operation)
			}
		}
	}
	p, err := f.svc.Providers.Provider(context.Background(), f.tenant, directory.ProviderID(w.provider))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range secrets[:2] {
		if _, err := p.Authenticate(token, f.clock()); err != nil {
			t.Errorf("a token that was shown does not work: %v", err)
		}
	}
}
