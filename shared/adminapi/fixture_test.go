package adminapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/shared/adminapi"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/keys"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
	"rollcall/shared/reqlog"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/workflow"
)

const origin = "https://rollcall.example"

// canary is in all personal data that the tests send: it must appear in no log.
const canary = "canary-7f3a"

// fixture is the API over a store in memory, with one tenant and a clock that moves a millisecond with each request.
type fixture struct {
	t      testing.TB
	store  *sqlite.Store
	svc    *directorytest.Env
	h      http.Handler
	key    string // an administrator's
	holder string // a legal hold administrator's
	tenant directory.TenantID

	operator string // a key of the deployment's operator

	mu     sync.Mutex
	now    time.Time
	log    bytes.Buffer
	logged sync.Mutex
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

func (f *fixture) Write(p []byte) (int, error) {
	f.logged.Lock()
	defer f.logged.Unlock()
	return f.log.Write(p)
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	store, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	f := &fixture{t: t, store: store, now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), tenant: directory.DefaultTenant}
	k, err := keys.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	f.svc = directorytest.New(store.Ports(), directory.Runtime{Now: f.clock, External: directory.External{
		Sender: workflow.NewWebhooks(workflow.WebhookConfig{}), Secrets: k, Signer: k,
	}})
	f.h = f.wrap(f.svc)
	f.addTenant(f.tenant)
	f.key = f.newKey(f.tenant, directory.RoleAdministrator, time.Time{})
	f.holder = f.newKey(f.tenant, directory.RoleLegalHold, time.Time{})
	f.operator = f.newKey(directory.OperatorScope, directory.RoleOperator, time.Time{})
	return f
}

// wrap returns the handler inside the middleware, as it is deployed.
func (f *fixture) wrap(svc *directorytest.Env) http.Handler {
	return f.wrapWith(svc, adminapi.Options{Origin: origin})
}

func (f *fixture) wrapWith(svc *directorytest.Env, o adminapi.Options) http.Handler {
	o.NewID = random.ID
	return reqlog.Handler(adminapi.Handler(svc.Administration, o), reqlog.Options{
		Log: slog.New(slog.NewJSONHandler(f, nil)), Function: "admin", Now: time.Now, NewID: random.ID, Panicked: adminapi.Panicked,
	})
}

func (f *fixture) system(t directory.TenantID) administration.Admin {
	return administration.Admin{Tenant: t, Actor: directory.Actor{Kind: directory.ActorSystem, ID: "test"}}
}

func (f *fixture) addTenant(id directory.TenantID) {
	f.t.Helper()
	if _, err := f.svc.As(f.system(id)).Tenants.Create(context.Background(), "Test"); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) newKey(t directory.TenantID, role directory.AdminRole, expires time.Time) string {
	f.t.Helper()
	_, token, err := f.svc.As(f.system(t)).APIKeys.Create(context.Background(),
		administration.NewAPIKey{DisplayName: "Test", Role: role, ExpiresAt: expires})
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// reply is an answer, decoded.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// keyFor returns a key whose role may call the operation.
func (f *fixture) keyFor(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	o, ok := operationOf(method, path)
	may := func(r directory.AdminRole) bool { return slices.Contains(o.def["x-roles"].([]any), any(string(r))) }
	switch {
	case !ok || may(directory.RoleAdministrator):
		return f.key
	case may(directory.RoleOperator):
		return f.operator
	}
	return f.holder
}

// do sends a request with the key of keyFor; headers are given in pairs and may replace it.
func (f *fixture) do(method, path, body string, headers ...string) reply {
	f.t.Helper()
	f.advance(time.Millisecond) // entries of one millisecond have no order
	r := httptest.NewRequest(method, origin+"/api/v1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		if strings.Contains(path, ":import") {
			r.Header.Set("Content-Type", "text/csv")
		}
	}
	r.Header.Set("Authorization", "Bearer "+f.keyFor(method, path))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	f.h.ServeHTTP(w, r)
	out := reply{t: f.t, status: w.Code, header: w.Header(), raw: w.Body.String()}
	media, _, _ := strings.Cut(out.header.Get("Content-Type"), ";")
	if err := json.Unmarshal(w.Body.Bytes(), &out.body); err != nil && media != "application/jsonl" && media != "text/csv" {
		f.t.Fatalf("%s %s answered %d with a body that is no JSON object: %s", method, path, w.Code, out.raw)
	}
	checkAnswer(f.t, method, r.URL.Path, out)
	return out
}

// want is do for a request that must be answered with the status.
func (f *fixture) want(status int, method, path, body string, headers ...string) reply {
	f.t.Helper()
	out := f.do(method, path, body, headers...)
	if out.status != status {
		f.t.Fatalf("%s %s = %d, want %d\n%s", method, path, out.status, status, out.raw)
	}
	return out
}

// str returns a member by path, such as "tokens.0.id", as text: "" when there is none.
func (p reply) str(path string) string {
	var v any = p.body
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i < len(x) {
				v = x[i]
				continue
			}
			return ""
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (p reply) items() []any {
	p.t.Helper()
	items, ok := p.body["items"].([]any)
	if !ok {
		p.t.Fatalf("no items in %s", p.raw)
	}
	return items
}

// entries returns the whole log of a tenant, newest first.
func (f *fixture) entries(t directory.TenantID) []directory.LogEntry {
	f.t.Helper()
	ctx := context.Background()
	ps, err := f.svc.Providers.ListProviders(ctx, t)
	if err != nil {
		f.t.Fatal(err)
	}
	deleted, err := f.svc.Providers.ArchivedProviders(ctx, t)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, a := range deleted {
		ps = append(ps, a.Provider)
	}
	var all []directory.LogEntry
	for _, p := range append(ps, directory.Provider{}) {
		es, err := f.svc.Log.Entries(ctx, t, directory.LogQuery{Provider: p.ID, Count: 100_000})
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(all, es...)
	}
	return all
}

// allEntries returns the whole log of every tenant and of the operators.
func (f *fixture) allEntries() []directory.LogEntry {
	f.t.Helper()
	ts, err := f.svc.Tenants.ListTenants(context.Background(), "", 100)
	if err != nil {
		f.t.Fatal(err)
	}
	all := f.entries(directory.OperatorScope)
	for _, t := range ts {
		all = append(all, f.entries(t.ID)...)
	}
	return all
}

// world holds the ids of one of everything.
type world struct {
	provider, scimToken, token, group, local, provisioned, conflict, apiKey, webhook, delivery string
	tenant                                                                                     string // another one
	organization, watchlist, orgMapping, roleMapping, spareGroup, run, secondMapping, proposal string
	create                                                                                     func(userName string) (directory.User, error)
	leavers

	task string // it waits for a person
}

func (w world) path(route string) string {
	for _, c := range []struct{ prefix, first, second string }{
		{"/tenants", w.tenant, ""},
		{"/providers/{id}/guard-events", w.provider, w.event}, {"/legal-holds", w.matter, w.custodian},
		{"/users/{id}:cancel", w.leaver, ""}, {"/users/{id}:unblock", w.leaver, ""}, {"/users/{id}:reactivate", w.deactivated, ""},
		{"/users/{id}:convert-to-local", w.provisioned, ""},
		{"/pending", "", ""}, {"/reports", "", ""}, {"/settings", "", ""}, {"/conflicts:pre", "", ""}, {"/expiring", "", ""},
		{"/providers/{id}/tokens", w.provider, w.token}, {"/providers/{id}/groups", w.provider, w.group},
		{"/providers/{id}/organization-mapping", w.provider, w.orgMapping}, {"/providers/{id}/role-mapping", w.provider, w.roleMapping},
		{"/settings", "", ""}, {"/reports", "", ""}, {"/proposals", w.proposal, ""},
		{"/providers/{id}/apply-runs", w.provider, w.run}, {"/providers", w.provider, ""},
		{"/organizations", w.organization, ""}, {"/roles", "own", ""}, {"/watchlists", w.watchlist, ""},
		{"/users", w.local, "org-manager"}, {"/conflicts", w.conflict, ""}, {"/api-keys", w.apiKey, ""},
		{"/webhooks", w.webhook, ""}, {"/deliveries", w.delivery, ""}, {"/tasks", w.task, ""}, {"/", "", ""},
	} {
		if strings.HasPrefix(route, c.prefix) {
			route = strings.Replace(route, "{id}", c.first, 1)
			return strings.Replace(route, "{id}", c.second, 1)
		}
	}
	panic(route)
}

// populate creates one of everything in the fixture's tenant.
func (f *fixture) populate() world {
	f.t.Helper()
	var w world
	p := f.want(201, "POST", "/providers", `{"displayName":"Entra"}`)
	w.provider, w.scimToken, w.token = p.str("id"), p.str("token"), p.str("tokens.0.id")
	w.local = f.want(201, "POST", "/users", `{"userName":"local.`+canary+`@agency.example","displayName":"Local `+canary+`",
		"emails":[{"value":"mail.`+canary+`@agency.example"}]}`).str("id")
	caller := provisioning.Caller{Provider: directory.ProviderID(w.provider), Token: w.scimToken, RequestID: "scim"}
	ctx := context.Background()
	create := func(userName string) (directory.User, error) {
		return f.svc.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: userName, ExternalID: "ext-" + userName, Active: true,
				Attributes: []byte(`{"name":{"givenName":"Given","familyName":"` + canary + `"},"displayName":"Given ` + canary +
					`","title":"Diver"}`)}, nil, nil
		})
	}
	w.create = create
	u, err := create("member." + canary + "@agency.example")
	if err != nil {
		f.t.Fatal(err)
	}
	w.provisioned = string(u.ID)
	if _, err := create("LOCAL." + canary + "@agency.example"); !directory.IsKind(err, directory.Conflict) {
		f.t.Fatalf("a taken userName gave %v", err)
	}
	g, err := f.svc.CreateGroup(ctx, caller, nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: "Divers " + canary, ExternalID: "ext"}, []directory.ScimID{u.ScimID}, nil, nil
		})
	if err != nil {
		f.t.Fatal(err)
	}
	w.group = string(g.ID)
	w.conflict = f.want(200, "GET", "/conflicts", "").str("items.0.id")
	w.tenant = f.want(201, "POST", "/tenants", `{"id":"spare1","displayName":"Spare"}`).str("id")
	w.apiKey = f.want(201, "POST", "/api-keys", `{"displayName":"Other","role":"help-desk"}`).str("id")
	w.webhook = f.want(201, "POST", "/webhooks",
		`{"displayName":"App","url":"https://hooks.example/`+canary+`","types":["user.removed"]}`).str("id")
	f.want(200, "POST", "/webhooks/"+w.webhook+":test", "")
	if _, err := f.svc.Feed.Deliver(ctx, f.svc.FollowAll); err != nil {
		f.t.Fatal(err)
	}
	w.delivery = f.want(200, "GET", "/deliveries", "").str("items.0.id")
	return w
}

// populateAll is populate, with mappings and leavers.
func (f *fixture) populateAll() world {
	f.t.Helper()
	w := f.populate()
	f.addMappings(&w)
	f.addLeavers(&w)
	return w
}

// addMappings adds mappings and a planned run of the provider, an organization, a role and a watchlist.
func (f *fixture) addMappings(w *world) {
	f.t.Helper()
	caller := provisioning.Caller{Provider: directory.ProviderID(w.provider), Token: w.scimToken, RequestID: "scim"}
	spare := func(name string) string {
		g, err := f.svc.CreateGroup(context.Background(), caller, nil,
			func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
				return directory.GroupProfile{DisplayName: name, ExternalID: name}, nil, nil, nil
			})
		if err != nil {
			f.t.Fatal(err)
		}
		return string(g.ID)
	}
	w.spareGroup = spare("Spare")
	f.deliver() // the entries before the mappings
	w.organization = f.want(201, "POST", "/organizations", `{"name":"Fleet","defaultRoles":["agent-user"]}`).str("id")
	w.watchlist = f.want(201, "POST", "/watchlists", `{"type":"custom","title":"List","groups":["`+w.group+`"]}`).str("id")
	f.want(201, "POST", "/roles", `{"name":"Own"}`)
	base := "/providers/" + w.provider
	f.want(200, "PUT", base+"/organization-mapping", `{"method":"groups","organizationId":"odefault"}`)
	w.orgMapping = f.want(201, "POST", base+"/organization-mapping/mappings",
		`{"groups":["`+w.group+`"],"organizationId":"`+w.organization+`"}`).str("id")
	w.secondMapping = f.want(201, "POST", base+"/organization-mapping/mappings",
		`{"groups":["`+spare("Other")+`"],"organizationId":"odefault"}`).str("id")
	w.roleMapping = f.want(201, "POST", base+"/role-mapping/mappings", `{"groups":["`+w.group+`"],"roles":["desktop-user"]}`).str("id")
	f.want(200, "POST", "/users/"+w.local+"/role-grants", `{"role":"org-manager"}`)
	f.want(200, "POST", "/users/"+w.local+":move", `{"organizationId":"`+w.organization+`"}`)
	w.run = f.want(201, "POST", base+"/apply-runs", "").str("id")
	f.deliver()
	w.task = f.want(200, "GET", "/tasks", "").str("items.0.id")
	f.failTask(w.task)
}

// failTask has a task wait for a person.
func (f *fixture) failTask(id string) {
	f.t.Helper()
	_, err := f.svc.Ports.Tasks.UpdateTask(context.Background(), f.tenant, directory.TaskID(id),
		func(k directory.Task) (directory.Task, error) {
			k.State, k.Failures, k.Cause, k.DueAt = directory.TaskWaiting, directory.MaxTaskFailures, directory.CauseInside, time.Time{}
			return k, nil
		})
	if err != nil {
		f.t.Fatal(err)
	}
}

// deliver follows the entries that were not followed yet.
func (f *fixture) deliver() {
	f.t.Helper()
	for {
		n, err := f.svc.Feed.Deliver(context.Background(), f.svc.FollowAll)
		if err != nil {
			f.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}
