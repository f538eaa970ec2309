package adminapi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
	"rollcall/shared/store/storetest"
)

// An operator creates a tenant and its first key, pauses, resumes and removes it; no other tenant is changed, and an
// operator's key gives access to no tenant.
func TestOperatorAndTenants(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	created := f.want(201, "POST", "/tenants", `{"displayName":"Coast"}`)
	path, id := "/tenants/"+created.str("id"), directory.TenantID(created.str("id"))
	if !id.Valid() || created.str("state") != "active" || created.header.Get("Location") != origin+"/api/v1"+path {
		t.Fatalf("created %s, at %s", created.raw, created.header.Get("Location"))
	}
	f.want(409, "POST", "/tenants", `{"displayName":"Other","id":"`+string(id)+`"}`)
	f.want(400, "POST", "/tenants", `{"displayName":"Other","id":"UPPER"}`)
	f.want(409, "POST", "/tenants?dryRun=true", `{"displayName":"Other","id":"`+string(id)+`"}`)
	key := "Bearer " + f.want(201, "POST", path+"/api-keys", `{"displayName":"First"}`).str("token")
	f.want(409, "POST", path+"/api-keys", `{"displayName":"Second"}`)
	p := f.want(201, "POST", "/providers", `{"displayName":"Entra"}`, "Authorization", key)
	caller := provisioning.Caller{Provider: directory.ProviderID(p.str("id")), Token: p.str("token")}
	scim := func(want directory.Kind) {
		t.Helper()
		if err := f.svc.Authorize(context.Background(), caller, nil); want == 0 && err != nil || want != 0 && !directory.IsKind(err, want) {
			t.Errorf("SCIM answers %v, want kind %v", err, want)
		}
	}
	scim(0)
	// While it is paused, SCIM is unavailable, its administrators see why, and other tenants are not affected.
	paused := f.want(200, "POST", path+":pause", "")
	f.want(412, "POST", path+":resume", "", "If-Match", `W/"1"`)
	if paused.str("state") != "paused" {
		t.Errorf("paused: %s", paused.raw)
	}
	scim(directory.Unavailable)
	if got := f.want(403, "GET", "/users", "", "Authorization", key); !strings.Contains(got.str("detail"), "paused") {
		t.Errorf("its administrators see %s", got.raw)
	}
	f.want(200, "POST", path+":pause", "")
	f.want(200, "GET", "/users", "")
	f.want(200, "POST", path+":resume", "")
	scim(0)
	f.want(200, "GET", "/users", "", "Authorization", key)
	// The tenant's own log shows the actions of the operator.
	if got := f.want(200, "GET", "/audit-log?action=tenant.paused", "", "Authorization", key); len(got.items()) != 1 ||
		got.str("items.0.actor.kind") != "operator" {
		t.Errorf("its audit log: %s", got.raw)
	}
	// An operator's key belongs to no tenant.
	for _, refused := range []string{"/users", "/providers", "/sync-log", "/users/" + w.local, "/legal-holds", "/config"} {
		f.want(403, "GET", refused, "", "Authorization", "Bearer "+f.operator)
	}
	if got := f.want(200, "GET", "/audit-log", "", "Authorization", "Bearer "+f.operator); strings.Contains(got.raw, string(f.tenant)) {
		t.Errorf("an operator reads the log of a tenant: %s", got.raw)
	}
	f.want(404, "GET", "/tenants/operator", "")
	f.want(404, "POST", "/tenants/nobody0:pause", "")
	// Removing requires the name, and is refused while a user is on hold.
	f.want(400, "POST", path+":remove", `{"confirm":"coast"}`)
	f.want(409, "POST", "/tenants/"+string(f.tenant)+":remove", `{"confirm":"Test"}`) // a user is on hold there
	f.want(202, "POST", path+":remove", `{"confirm":"Coast"}`)
	scim(directory.Unauthenticated)
	f.want(401, "GET", "/users", "", "Authorization", key)
	f.want(409, "POST", path+":resume", "")
	f.want(409, "POST", path+"/api-keys", `{"displayName":"Back"}`)
	f.want(409, "POST", "/tenants", `{"displayName":"Other","id":"`+string(id)+`"}`)
	// It is erased step by step; its record is deleted when a later pass finds nothing.
	f.deliver()
	before := storetest.Dump(t.Context(), f.svc.Ports, f.tenant)
	erase := func(steps int) {
		t.Helper()
		if err := f.svc.EraseTenants(context.Background(), func() bool { steps--; return steps < 0 }); err != nil {
			t.Fatal(err)
		}
	}
	erase(2)
	if got := f.want(200, "GET", path, ""); got.str("state") != "removing" {
		t.Errorf("while it is erased: %s", got.raw)
	}
	erase(1000)
	if n := len(f.entries(id)); n > 1 {
		t.Errorf("%d entries are left", n)
	}
	f.want(200, "GET", path, "")
	f.advance(time.Hour)
	erase(1000)
	f.advance(time.Hour)
	erase(1000)
	f.want(404, "GET", path, "")
	if got := f.want(200, "GET", "/audit-log?action=tenant.erased", "", "Authorization", "Bearer "+f.operator); len(got.items()) != 1 ||
		got.str("items.0.target") != string(id) || got.str("items.0.actor.kind") != "operator" {
		t.Errorf("the operators' log: %s", got.raw)
	}
	if storetest.Dump(t.Context(), f.svc.Ports, f.tenant) != before {
		t.Errorf("another tenant has changed:\n%s", cmp.Diff(before, storetest.Dump(t.Context(), f.svc.Ports, f.tenant)))
	}
}

// If the request dies after pausing the tenant and before pausing its providers, following the entry pauses them.
func TestPausedTenantIsCompletedByItsEntry(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deliver()
	p := f.want(201, "POST", "/providers", `{"displayName":"Entra"}`)
	ctx := context.Background()
	_, err := f.svc.Tenants.UpdateTenant(ctx, f.tenant, func(n directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
		n.State, n.Version = directory.TenantPaused, n.Version+1
		e := directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: f.clock(), Action: directory.TenantWasPaused, Audit: true,
			Remaining: directory.RemainingTenant}
		return n, &e, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	caller := provisioning.Caller{Provider: directory.ProviderID(p.str("id")), Token: p.str("token")}
	if err := f.svc.Authorize(ctx, caller, nil); err != nil {
		t.Errorf("before: %v", err)
	}
	f.deliver()
	if err := f.svc.Authorize(ctx, caller, nil); !directory.IsKind(err, directory.Unavailable) {
		t.Errorf("after: %v", err)
	}
}
