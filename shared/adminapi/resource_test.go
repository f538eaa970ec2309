package adminapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/provisioning"
)

// opens reports whether a SCIM token opens the provider.
func (f *fixture) opens(provider, token string) bool {
	f.t.Helper()
	return f.svc.Authorize(context.Background(), provisioning.Caller{Provider: directory.ProviderID(provider), Token: token}, nil) == nil
}

func TestProviderLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.want(201, "POST", "/providers", `{"displayName":" Okta ","profile":"okta","deactivationDelaySeconds":60,
		"extensions":[{"urn":"urn:example:badges","name":"Badges","attributes":[{"name":"badge"},{"name":"level","type":"integer"}]}]}`)
	id, path := p.str("id"), "/providers/"+p.str("id")
	for name, want := range map[string]string{
		"displayName": "Okta", "profile": "okta", "state": "setup", "baseUrl": origin + "/scim/v2/" + id, "deactivationDelaySeconds": "60",
		"extensions.0.attributes.1.type": "integer", "tokens.0.state": "active", "tokens.0.lastFour": p.str("token")[len(p.str("token"))-4:],
	} {
		if p.str(name) != want {
			t.Errorf("%s is %q, want %q", name, p.str(name), want)
		}
	}
	if loc := p.header.Get("Location"); loc != origin+"/api/v1"+path {
		t.Errorf("Location is %s", loc)
	}
	if !f.opens(id, p.str("token")) {
		t.Error("the token does not work")
	}
	if got := f.want(200, "POST", path+":go-live", "{}").str("state"); got != "live" {
		t.Errorf("after go-live the state is %s", got)
	}
	f.want(409, "POST", path+":go-live", "")
	if got := f.want(200, "POST", path+":pause", "").str("state"); got != "paused" || f.opens(id, p.str("token")) {
		t.Errorf("after pause the state is %s", got)
	}
	if got := f.want(200, "POST", path+":resume", "").str("state"); got != "live" || !f.opens(id, p.str("token")) {
		t.Errorf("after resume the state is %s", got)
	}
	got := f.want(200, "PATCH", path, `{"displayName":"Okta, field","deactivationDelaySeconds":0,"extensions":[]}`, "Content-Type",
		"application/merge-patch+json")
	if got.str("displayName") != "Okta, field" || got.str("deactivationDelaySeconds") != "0" || got.str("extensions.0") != "" {
		t.Errorf("after the change: %s", got.raw)
	}
	entry := f.want(200, "GET", "/audit-log?limit=1", "")
	if entry.str("items.0.action") != "provider.updated" ||
		!strings.Contains(entry.raw, `{"attribute":"displayName","before":"Okta","after":"Okta, field"}`) {
		t.Errorf("the entry is %s", entry.raw)
	}
}

func TestTokensOverlapOrNot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.want(201, "POST", "/providers", `{"displayName":"Entra"}`)
	id, first := p.str("id"), p.str("token")
	path := "/providers/" + id + "/tokens"
	second := f.want(201, "POST", path, `{"overlapSeconds":3600}`)
	if !f.opens(id, first) || !f.opens(id, second.str("token")) || second.str("baseUrl") != p.str("baseUrl") {
		t.Error("during the overlap both tokens work, under the same base URL")
	}
	list := f.want(200, "GET", path, "")
	if list.str("items.0.id") != second.str("id") || list.str("items.1.state") != "retiring" || list.str("items.1.retiresAt") == "" {
		t.Errorf("the tokens are %s", list.raw)
	}
	f.advance(time.Hour)
	if f.opens(id, first) || !f.opens(id, second.str("token")) {
		t.Error("after the overlap only the new token works")
	}
	third := f.want(201, "POST", path, `{"overlapSeconds":0,"expiresAt":"2026-11-02T12:00:00+01:00"}`)
	if f.opens(id, second.str("token")) || !f.opens(id, third.str("token")) || third.str("expiresAt") != "2026-11-02T11:00:00.000Z" {
		t.Errorf("without overlap only the new token works: %s", third.raw)
	}
	got := f.want(200, "DELETE", path+"/"+third.str("id"), "")
	if got.str("state") != "revoked" || f.opens(id, third.str("token")) {
		t.Errorf("after revocation: %s", got.raw)
	}
	before := len(f.entries(f.tenant))
	f.want(200, "DELETE", path+"/"+third.str("id"), "")
	if len(f.entries(f.tenant)) != before {
		t.Error("revoking twice wrote twice")
	}
	f.want(404, "DELETE", path+"/"+f.want(201, "POST", "/providers", `{"displayName":"Other"}`).str("tokens.0.id"), "")
}

func TestDeletedProvidersLeaveTheirUsersSomewhere(t *testing.T) {
	t.Parallel()
	for _, fate := range []string{"", "users=local&confirm=Entra", "users=move"} {
		f := newFixture(t)
		w := f.populate()
		to := f.want(201, "POST", "/providers", `{"displayName":"Other"}`).str("id")
		list := f.want(201, "POST", "/watchlists", `{"type":"departing","title":"Leavers","groups":["`+w.group+`"]}`).str("id")
		f.want(201, "POST", "/watchlists", `{"type":"custom","title":"Unconcerned"}`)
		query := "?" + fate
		if fate == "users=move" {
			query += "&moveTo=" + to
		}
		got := f.want(202, "DELETE", "/providers/"+w.provider+query, "")
		if got.str("deletion.watchlists.0.id") != list || got.str("deletion.watchlists.0.title") != "Leavers" ||
			got.str("deletion.watchlists.1.id") != "" {
			t.Errorf("watchlists that lose groups: %s", got.raw)
		}
		if got.str("state") != "deleting" || f.opens(w.provider, w.scimToken) {
			t.Errorf("%s: %s", fate, got.raw)
		}
		f.want(409, "DELETE", "/providers/"+w.provider, "")
		f.want(409, "PATCH", "/providers/"+w.provider, `{"displayName":"x"}`)
		f.want(400, "DELETE", "/providers/"+to+"?users=move&moveTo="+w.provider, "")
		f.deliver()
		f.want(404, "GET", "/providers/"+w.provider, "")
		u := f.want(200, "GET", "/users/"+w.provisioned, "")
		if fate == "users=move" {
			if u.str("provider") != to || u.str("directoryState") != "active" {
				t.Errorf("moved: %s", u.raw)
			}
		} else if u.str("origin") != "local" || u.str("provider") != "" || u.str("directoryState") != "none" {
			t.Errorf("kept: %s", u.raw)
		}
		if log := f.want(200, "GET", "/sync-log?provider="+w.provider+"&action=user.converted", ""); log.str("items.0.user") != w.provisioned {
			t.Errorf("the log of the deleted provider: %s", log.raw)
		}
	}
}

func TestUserSearch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	for query, want := range map[string][]string{
		"":              {w.local, w.provisioned},
		"search=LOCAL.": {w.local},
		"search=mail." + canary + "@AGENCY.example":       {w.local},
		"search=ext-member." + canary + "@agency.example": {w.provisioned},
		"search=nobody":                     {},
		"provider=local":                    {w.local},
		"provider=" + w.provider:            {w.provisioned},
		"provider=defaultzzzzz":             {},
		"state=active":                      {w.provisioned},
		"state=none":                        {w.local},
		"state=gone":                        {},
		"state=inactive":                    {},
		"state=active&search=member":        {w.provisioned},
		"state=none&provider=" + w.provider: {},
	} {
		var got []string
		for _, u := range f.want(200, "GET", "/users?"+query, "").items() {
			got = append(got, fmt.Sprint(u.(map[string]any)["id"]))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s finds %v, want %v", query, got, want)
		}
	}
	u := f.want(200, "GET", "/users/"+w.provisioned, "")
	for name, want := range map[string]string{
		"origin": "provider", "provider": w.provider, "scimId": w.provisioned, "title": "Diver", "name.familyName": canary, "groups.0": w.group,
		"attributes.title": "Diver", "directoryState": "active", "lifecycle": "active",
	} {
		if u.str(name) != want {
			t.Errorf("%s is %q, want %q", name, u.str(name), want)
		}
	}
}

func TestLocalUsersAreMergePatched(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	u := f.want(201, "POST", "/users",
		`{"userName":" glass@agency.example ","displayName":"Glass","name":{"givenName":"Break","familyName":"Glass"},
		"title":"Admin","department":"Ops","emails":[{"value":"a@agency.example","type":"home"},{"value":"b@agency.example","primary":true}]}`)
	path := "/users/" + u.str("id")
	const emails = `"emails":[{"value":"a@agency.example","type":"home"},{"value":"b@agency.example","type":"work","primary":true}]`
	const enterprise = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Ops"}`
	for _, c := range []struct{ patch, want string }{
		{`{}`, `{"name":{"familyName":"Glass","givenName":"Break"},"displayName":"Glass","title":"Admin",` + emails + `,` + enterprise + `}`},
		{`{"title":null,"name":{"givenName":"Brook"}}`,
			`{"name":{"familyName":"Glass","givenName":"Brook"},"displayName":"Glass",` + emails + `,` + enterprise + `}`},
		{`{"title":"\"Q\\<Z>\u2028."}`,
			"{\"name\":{\"familyName\":\"Glass\",\"givenName\":\"Brook\"},\"displayName\":\"Glass\",\"title\":\"\\\"Q\\\\<Z>\u2028.\"," + emails +
				`,` + enterprise + `}`},
		{`{"title":null,"name":{"givenName":null,"familyName":null},"department":null}`, `{"displayName":"Glass",` + emails + `}`},
		{`{"name":{"formatted":"B. Glass"},"displayName":null}`, `{"name":{"formatted":"B. Glass"},` + emails + `}`},
		{`{"emails":[{"value":"c@agency.example"}]}`, `{"name":{"formatted":"B. Glass"},"emails":[{"value":"c@agency.example","type":"work"}]}`},
		{`{"name":null,"emails":null}`, ``},
	} {
		f.want(200, "PATCH", path, c.patch)
		view, err := f.svc.Users.UserByID(context.Background(), f.tenant, directory.UserID(u.str("id")))
		if err != nil {
			t.Fatal(err)
		}
		if string(view.Attributes) != c.want {
			t.Errorf("after %s:\n got %s\nwant %s", c.patch, view.Attributes, c.want)
		}
	}
	renamed := f.want(200, "PATCH", path, `{"userName":"Brook@agency.example","emails":[{"value":"Brook@agency.example"}]}`)
	if renamed.str("userName") != "Brook@agency.example" {
		t.Errorf("renamed: %s", renamed.raw)
	}
	if n := len(f.want(200, "GET", "/users?search=BROOK@agency.example", "").items()); n != 1 {
		t.Errorf("%d users of the new address", n)
	}
	log := f.want(200, "GET", "/sync-log?user="+u.str("id"), "")
	if len(log.items()) != 8 || log.str("items.0.changes.0.attribute") != "userName" || log.str("items.0.actor.kind") != "api-key" {
		t.Errorf("the user's log: %s", log.raw)
	}
}

func TestConvertedUsersAreFoundByTheDirectory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	c := f.want(200, "GET", "/conflicts/"+w.conflict, "")
	for name, want := range map[string]string{"state": "open", "attempts": "1", "holderId": w.local, "provider": w.provider,
		"holder.origin": "local", "holderProvider": ""} {
		if c.str(name) != want {
			t.Errorf("%s is %q, want %q", name, c.str(name), want)
		}
	}
	// State from another directory is dropped; organization and roles set by administrators are kept.
	local, err := f.svc.Users.UserByID(context.Background(), f.tenant, directory.UserID(w.local))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.svc.Users.UpdateUser(context.Background(), f.tenant, local.User,
		func(u directory.User) (directory.User, *directory.LogEntry, error) {
			u.Active, u.OrgID, u.RoleGrants = false, "o1", []directory.RoleGrant{{Role: "desktop-user", Source: "manual"}}
			u.Version++
			return u, &directory.LogEntry{ID: "e1", At: f.clock(), Actor: f.system(f.tenant).Actor, Action: directory.UserUpdated, User: u.ID}, nil
		}); err != nil {
		t.Fatal(err)
	}
	got := f.want(200, "POST", "/conflicts/"+w.conflict+":convert", `{"reason":"same person"}`)
	if got.str("state") != "converted" || got.str("holder.provider") != w.provider || got.str("holder.scimId") != w.local {
		t.Errorf("the answer: %s", got.raw)
	}
	caller := provisioning.Caller{Provider: directory.ProviderID(w.provider), Token: w.scimToken}
	vs, err := f.svc.FindUsers(context.Background(), caller,
		directory.Lookup{Attr: directory.AttrUserName, Value: "local." + canary + "@agency.example"}, 2, directory.UserWant{}, nil)
	if err != nil || len(vs) != 1 || string(vs[0].ID) != w.local || string(vs[0].ScimID) != w.local || !vs[0].Active ||
		vs[0].DirectoryState() != directory.DirectoryActive {
		t.Errorf("the directory finds %v, %v", vs, err)
	} else if u := vs[0]; u.OrgID != "o1" || !u.OrgPinned || u.OrgSource != "adopted" || len(u.RoleGrants) != 1 ||
		u.RoleGrants[0].Source != "adopted" {
		t.Errorf("the account is %+v", u.Account)
	}
	// By address too, now that a directory manages the user.
	vs, err = f.svc.FindUsers(context.Background(), caller,
		directory.Lookup{Attr: directory.AttrWorkEmail, Value: "mail." + canary + "@agency.example"}, 2, directory.UserWant{}, nil)
	if err != nil || len(vs) != 1 {
		t.Errorf("by address the directory finds %v, %v", vs, err)
	}
	f.want(409, "POST", "/conflicts/"+w.conflict+":convert", `{"reason":"again"}`)
	f.want(409, "POST", "/conflicts/"+w.conflict+":ignore", `{"reason":"again"}`)
	f.want(409, "PATCH", "/users/"+w.local, `{"title":"x"}`)
	log := f.want(200, "GET", "/sync-log?user="+w.local, "")
	if log.str("items.1.action")+log.str("items.0.action") != "user.convertedconflict.resolved" &&
		log.str("items.0.action")+log.str("items.1.action") != "user.convertedconflict.resolved" {
		t.Errorf("the user's log: %s", log.raw)
	}
}

func TestIgnoredAndRenamedConflicts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	path := "/conflicts/" + w.conflict
	attempt := func() error {
		_, err := f.svc.CreateUser(context.Background(), provisioning.Caller{Provider: directory.ProviderID(w.provider), Token: w.scimToken}, "",
			nil,
			func(directory.Provider) (directory.Profile, []directory.Change, error) {
				return directory.Profile{UserName: "local." + canary + "@agency.example", Active: true}, nil, nil
			})
		return err
	}
	if got := f.want(200, "POST", path+":ignore", `{"reason":"test account"}`); got.str("state") != "ignored" {
		t.Errorf("ignored: %s", got.raw)
	}
	f.want(409, "POST", path+":ignore", `{"reason":"again"}`)
	if err := attempt(); !directory.IsKind(err, directory.Conflict) {
		t.Fatalf("a taken userName gave %v", err)
	}
	if got := f.want(200, "GET", path, ""); got.str("state") != "ignored" || got.str("attempts") != "2" {
		t.Errorf("after another attempt: %s", got.raw)
	}
	if n := len(f.want(200, "GET", "/conflicts?state=open", "").items()); n != 0 {
		t.Errorf("%d open conflicts", n)
	}
	if n := len(f.want(200, "GET", "/conflicts?state=ignored", "").items()); n != 1 {
		t.Errorf("%d ignored conflicts", n)
	}
	got := f.want(200, "POST", path+":rename", `{"reason":"two people","userName":" old@agency.example "}`)
	if got.str("state") != "renamed" || got.str("holder.userName") != "old@agency.example" {
		t.Errorf("renamed: %s", got.raw)
	}
	if err := attempt(); err != nil {
		t.Errorf("the name is free, but the directory got %v", err)
	}
}

func TestResolvingIsCompletedAfterACut(t *testing.T) {
	t.Parallel()
	for action, body := range map[string]string{"convert": `{"reason":"r"}`, "rename": `{"reason":"r","userName":"old@agency.example"}`} {
		f := newFixture(t)
		w := f.populate()
		ports := f.svc.Ports
		ports.Conflicts = cutOff{ports.Conflicts}
		f.h = f.wrap(directorytest.New(ports, directory.Runtime{Now: f.clock}))
		f.want(503, "POST", "/conflicts/"+w.conflict+":"+action, body)
		f.h = f.wrap(f.svc)
		if got := f.want(200, "GET", "/conflicts/"+w.conflict, ""); got.str("state") != "open" {
			t.Fatalf("%s: %s", action, got.raw)
		}
		got := f.want(200, "POST", "/conflicts/"+w.conflict+":"+action, body)
		if want := map[string]string{"convert": "converted", "rename": "renamed"}[action]; got.str("state") != want {
			t.Errorf("%s: %s", action, got.raw)
		}
	}
}

// cutOff is a store of conflicts that can be read but not changed.
type cutOff struct{ directory.Conflicts }

func (s cutOff) UpdateConflict(
	ctx context.Context, t directory.TenantID, id directory.ConflictID, update directory.Update[directory.ConflictCase],
) (directory.ConflictCase, error) {
	return s.Conflicts.UpdateConflict(ctx, t, id, func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
		c, e, err := update(old)
		if err == nil {
			err = &directory.Error{Kind: directory.Unavailable}
		}
		return c, e, err
	})
}

func TestGroupsAndMembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	path := "/providers/" + w.provider + "/groups"
	for search, want := range map[string]int{"": 1, "IVER": 1, "sailor": 0} {
		if n := len(f.want(200, "GET", path+"?search="+search, "").items()); n != want {
			t.Errorf("%q finds %d groups, want %d", search, n, want)
		}
	}
	g := f.want(200, "GET", path+"/"+w.group, "")
	if g.str("memberCount") != "1" || g.str("displayName") != "Divers "+canary || g.header.Get("ETag") == "" {
		t.Errorf("the group: %v %s", g.header, g.raw)
	}
	m := f.want(200, "GET", path+"/"+w.group+"/members", "")
	if m.str("items.0.userId") != w.provisioned || m.str("items.0.type") != "user" || m.str("items.0.displayName") != "Given "+canary {
		t.Errorf("the members: %s", m.raw)
	}
	other := f.want(201, "POST", "/providers", `{"displayName":"Other"}`).str("id")
	f.want(404, "GET", "/providers/"+other+"/groups/"+w.group, "")
	f.want(404, "GET", "/providers/"+other+"/groups/"+w.group+"/members", "")
	if p := f.want(200, "GET", "/providers/"+w.provider, ""); p.str("userCount") != "1" || p.str("groupCount") != "1" {
		t.Errorf("the counts: %s", p.raw)
	}
}

func TestLogsAreFiltered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	f.advance(time.Hour)
	f.want(200, "PATCH", "/providers/"+w.provider, `{"displayName":"Later"}`)
	f.want(200, "PATCH", "/users/"+w.local, `{"title":"Later"}`)
	actions := func(path string) string {
		var out []string
		for _, e := range f.want(200, "GET", path, "").items() {
			out = append(out, fmt.Sprint(e.(map[string]any)["action"]))
		}
		return strings.Join(out, " ")
	}
	for path, want := range map[string]string{
		"/sync-log?user=" + w.local + "&action=user.updated":           "user.updated",
		"/sync-log?group=" + w.group:                                   "group.created",
		"/sync-log?provider=" + w.provider + "&action=user.created":    "user.created",
		"/sync-log?since=2026-11-02T09:30:00Z":                         "user.updated",
		"/sync-log?until=2026-11-02T09:00:00Z":                         "",
		"/sync-log?until=9999-12-31T00:00:00Z&action=user.updated":     "user.updated",
		"/sync-log?since=9999-12-31T00:00:00Z":                         "",
		"/sync-log?action=provider.created":                            "",
		"/audit-log?provider=" + w.provider:                            "provider.updated provider.created",
		"/audit-log?since=2026-11-02t09:30:00z":                        "provider.updated",
		"/audit-log?action=api-key.created&until=2026-11-02T08:00:00Z": "",
		"/audit-log?action=tenant.created":                             "tenant.created",
		"/audit-log?user=" + w.local:                                   "",
	} {
		if got := actions(path); got != want {
			t.Errorf("%s shows %q, want %q", path, got, want)
		}
	}
	all := actions("/sync-log")
	for _, a := range []string{"user.created", "group.created", "conflict.opened", "user.updated"} {
		if !strings.Contains(all, a) {
			t.Errorf("the Sync Log lacks %s: %s", a, all)
		}
	}
	if strings.Contains(all, "provider.") || strings.Contains(all, "api-key") || !strings.HasPrefix(all, "user.updated") {
		t.Errorf("the Sync Log is %s", all)
	}
}

func TestHugeEntriesDoNotMakeHugePages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	big := strings.Repeat("x", 350<<10) // the largest entry that fits an item of DynamoDB, nearly
	for i := range 14 {
		f.advance(time.Second)
		_, err := f.svc.CreateUser(context.Background(), provisioning.Caller{Provider: directory.ProviderID(w.provider), Token: w.scimToken}, "",
			nil,
			func(directory.Provider) (directory.Profile, []directory.Change, error) {
				return directory.Profile{UserName: fmt.Sprint("big", i)}, []directory.Change{{Attr: "title", After: []byte(`"` + big + `"`)}}, nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	seen, cursor := 0, ""
	for range 10 {
		page := f.want(200, "GET", "/sync-log?action=user.created&provider="+w.provider+cursor, "")
		if len(page.raw) > 5<<20 {
			t.Fatalf("a page of %d bytes", len(page.raw))
		}
		seen += len(page.items())
		if page.str("nextCursor") == "" {
			break
		}
		cursor = "&cursor=" + page.str("nextCursor")
	}
	if seen != 15 {
		t.Errorf("%d entries on all pages, want 15", seen)
	}
}

func TestMe(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := f.want(200, "GET", "/me", "", "Authorization", "bearer "+f.newKey(f.tenant, directory.RoleAuditor, time.Time{}))
	if got.str("tenant.id") != "default" || got.str("key.role") != "auditor" || got.str("permissions.0") != "exportAuditLog" ||
		got.str("permissions.12") != "verifySyncLog" || got.str("permissions.13") != "" {
		t.Errorf("the auditor is %s", got.raw)
	}
	if v := f.want(200, "GET", "/version", ""); v.str("api") != "v1" || v.str("goVersion") == "" {
		t.Errorf("the build is %s", v.raw)
	}
}
