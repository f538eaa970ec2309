package adminapi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/shared/adminapi"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
)

func TestBadRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	p := "/providers/" + w.provider
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		field                    string
	}{
		{"unknown member", "POST", "/providers", `{"displayName":"x","color":"red"}`, 400, "color"},
		{"member in another case", "POST", "/providers", `{"DisplayName":"x"}`, 400, "DisplayName"},
		{"unknown member within", "POST", "/users", `{"userName":"x","emails":[{"value":"a@b","kind":1}]}`, 400, "emails[0].kind"},
		{"nothing", "POST", "/providers", "", 400, ""},
		{"blank", "POST", "/providers", " ", 400, ""},
		{"null", "POST", "/providers", "null", 400, ""},
		{"array", "POST", "/providers", "[]", 400, ""},
		{"half", "POST", "/providers", `{"displayName":`, 400, ""},
		{"twice", "POST", "/providers", `{"displayName":"x"}{}`, 400, ""},
		{"missing", "POST", "/providers", `{}`, 400, "displayName"},
		{"number for text", "POST", "/providers", `{"displayName":7}`, 400, "displayName"},
		{"null for text", "POST", "/providers", `{"displayName":null}`, 400, "displayName"},
		{"blank name", "POST", "/providers", `{"displayName":"  "}`, 400, "displayName"},
		{"long name", "POST", "/providers", `{"displayName":"` + strings.Repeat("ä", 101) + `"}`, 400, "displayName"},
		{"control characters", "POST", "/providers", `{"displayName":"a\u0007"}`, 400, "displayName"},
		{"unknown profile", "POST", "/providers", `{"displayName":"x","profile":"ldap"}`, 400, "profile"},
		{"delay too long", "POST", "/providers", `{"displayName":"x","deactivationDelaySeconds":2592001}`, 400, "deactivationDelaySeconds"},
		{"delay below nothing", "PATCH", p, `{"deactivationDelaySeconds":-1}`, 400, "deactivationDelaySeconds"},
		{"half a second", "PATCH", p, `{"deactivationDelaySeconds":0.5}`, 400, "deactivationDelaySeconds"},
		{"huge number", "PATCH", p, `{"deactivationDelaySeconds":1e400}`, 400, "deactivationDelaySeconds"},
		{"expiry in the past", "POST", "/providers", `{"displayName":"x","tokenExpiresAt":"2020-01-01T00:00:00Z"}`, 400, "tokenExpiresAt"},
		{"expiry now", "POST", p + "/tokens", `{"expiresAt":"2026-11-02T09:00:00Z"}`, 400, "expiresAt"},
		{"no time", "POST", p + "/tokens", `{"expiresAt":"tomorrow"}`, 400, "expiresAt"},
		{"overlap of 8 days", "POST", p + "/tokens", `{"overlapSeconds":691200}`, 400, "overlapSeconds"},
		{"standard extension", "PATCH", p,
			`{"extensions":[{"urn":"urn:ietf:params:scim:schemas:core:2.0:User","name":"x","attributes":[{"name":"a"}]}]}`, 400, "extensions"},
		{"extension without attributes", "PATCH", p, `{"extensions":[{"urn":"urn:a:b","name":"x","attributes":[]}]}`, 400, "extensions"},
		{"taken name", "POST", "/providers", `{"displayName":"eNTRA"}`, 409, "displayName"},
		{"no e-mail address", "POST", "/users", `{"userName":"x","emails":[{"value":"nobody"}]}`, 400, "emails[0].value"},
		{"two primary addresses", "POST", "/users", `{"userName":"x","emails":[{"value":"a@b","primary":true},{"value":"c@d","primary":true}]}`,
			400, "emails"},
		{"taken userName", "POST", "/users", `{"userName":"MEMBER.` + canary + `@agency.example"}`, 409, "userName"},
		{"taken by a local user", "POST", "/users", `{"userName":"Local.` + canary + `@AGENCY.example"}`, 409, "userName"},
		{"taken userName, dry", "POST", "/users?dryRun=true", `{"userName":"MEMBER.` + canary + `@agency.example"}`, 409, "userName"},
		{"taken by a local user, dry", "POST", "/users?dryRun=true", `{"userName":"Local.` + canary + `@AGENCY.example"}`, 409, "userName"},
		{"rename to a taken one, dry", "PATCH", "/users/" + w.local + "?dryRun=true", `{"userName":"Member.` + canary + `@agency.example"}`, 409,
			"userName"},
		{"taken name, dry", "POST", "/providers?dryRun=true", `{"displayName":"eNTRA"}`, 409, "displayName"},
		{"userName cleared", "PATCH", "/users/" + w.local, `{"userName":null}`, 400, "userName"},
		{"managed by a directory", "PATCH", "/users/" + w.provisioned, `{"title":"x"}`, 409, ""},
		{"no reason", "POST", "/conflicts/" + w.conflict + ":convert", `{}`, 400, "reason"},
		{"rename to the same", "POST", "/conflicts/" + w.conflict + ":rename", `{"reason":"x","userName":"LOCAL.` + canary + `@agency.example"}`,
			409, "userName"},
		{"rename to a taken one", "POST", "/conflicts/" + w.conflict + ":rename",
			`{"reason":"x","userName":"Member.` + canary + `@agency.example"}`, 409, "userName"},
		{"unknown role", "POST", "/api-keys", `{"displayName":"x","role":"god"}`, 400, "role"},
		{"10,000 levels", "POST", "/providers", strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), 400, ""},
		{"10,000 levels within", "POST", "/providers", `{"displayName":` + strings.Repeat(`{"a":`, 9_990) + "1" + strings.Repeat("}", 9_991),
			400, "displayName"},
		{"invalid UTF-8", "POST", "/providers", "{\"displayName\":\"\xff\"}", 400, ""},
		{"too large", "POST", "/providers", `{"displayName":"` + strings.Repeat("x", adminapi.MaxBody) + `"}`, 413, ""},
		{"body where none belongs", "POST", p + ":pause", `{"reason":"x"}`, 400, "reason"},
		{"resume what is not paused", "POST", p + ":resume", ``, 409, "state"},
		{"unknown parameter", "GET", "/users?filter=x", "", 400, "filter"},
		{"parameter twice", "GET", "/users?limit=1&limit=2", "", 400, "limit"},
		{"invalid query", "GET", "/users?search=%zz", "", 400, ""},
		{"parameter in no UTF-8", "GET", "/users?search=%ff", "", 400, "search"},
		{"limit of nothing", "GET", "/users?limit=0", "", 400, "limit"},
		{"limit of 201", "GET", "/users?limit=201", "", 400, "limit"},
		{"limit of text", "GET", "/users?limit=ten", "", 400, "limit"},
		{"unknown state", "GET", "/users?state=asleep", "", 400, "state"},
		{"long search", "GET", "/users?search=" + strings.Repeat("x", 201), "", 400, "search"},
		{"maybe dry", "POST", "/users?dryRun=maybe", `{"userName":"x"}`, 400, "dryRun"},
		{"dry read", "GET", "/users?dryRun=true", "", 400, "dryRun"},
		{"move to nowhere", "DELETE", p + "?users=move", "", 400, "moveTo"},
		{"move to itself", "DELETE", p + "?users=move&moveTo=" + w.provider, "", 400, "moveTo"},
		{"stay and move", "DELETE", p + "?moveTo=" + w.provider, "", 400, "moveTo"},
		{"unknown fate", "DELETE", p + "?users=burn", "", 400, "users"},
		{"another name typed", "DELETE", p + "?confirm=entra", "", 400, "confirm"},
		{"log of no action", "GET", "/sync-log?action=user.fired", "", 400, "action"},
		{"log since no time", "GET", "/sync-log?since=2026", "", 400, "since"},
		{"log of no id", "GET", "/sync-log?user=%20", "", 400, "user"},
		{"own key", "DELETE", "/api-keys/" + f.want(200, "GET", "/me", "").str("key.id"), "", 409, ""},
		{"unknown path", "GET", "/nothing", "", 404, ""},
		{"no path", "GET", "/", "", 404, ""},
		{"unknown action", "POST", p + ":explode", "", 404, ""},
		{"unknown provider", "GET", "/providers/defaultzzzzz", "", 404, ""},
		{"odd id", "GET", "/users/%00%2f..", "", 404, ""},
		{"unknown user", "GET", "/users/u0000000000000000000000000", "", 404, ""},
		{"group of no provider", "GET", "/providers/defaultzzzzz/groups/" + w.group, "", 404, ""},
		{"another method", "PUT", p, "{}", 405, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := f.want(c.status, c.method, c.path, c.body)
			if got.str("instance") == "" || got.str("instance") != got.header.Get("X-Request-Id") || got.str("status") != fmt.Sprint(c.status) {
				t.Errorf("the problem is %s, the request %s", got.raw, got.header.Get("X-Request-Id"))
			}
			if c.field != "" && got.str("errors.0.field") != c.field {
				t.Errorf("the fault is at %q, want %q: %s", got.str("errors.0.field"), c.field, got.raw)
			}
		})
	}
	for contentType, want := range map[string]int{"text/plain": 415, "application/merge-patch+json": 415, "": 415, "application/json x": 415,
		"application/json; charset=latin1": 201, "application/json;charset=utf8": 201, "Application/JSON; a=b; charset=UTF-8": 201,
		"application/json;": 201, "application/json; charset": 201} {
		f.want(want, "POST", "/users", `{"userName":"type`+fmt.Sprint(len(contentType))+`"}`, "Content-Type", contentType)
	}
	if got := f.want(405, "PUT", p, "{}"); got.header.Get("Allow") != "GET, PATCH, DELETE" {
		t.Errorf("Allow is %q", got.header.Get("Allow"))
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	for _, path := range []string{"/providers/" + w.provider, "/users/" + w.local} {
		body := `{"displayName":"A"}`
		tag := f.want(200, "GET", path, "").header.Get("ETag")
		got := f.want(200, "PATCH", path, body, "If-Match", `"x", `+tag)
		if got.header.Get("ETag") == tag || got.str("displayName") != "A" {
			t.Errorf("the change answered %v %s", got.header, got.raw)
		}
		f.want(412, "PATCH", path, `{"displayName":"B"}`, "If-Match", tag)
		f.want(412, "PATCH", path+"?dryRun=true", `{"displayName":"B"}`, "If-Match", tag)
		f.want(400, "PATCH", path, `{"displayName":"B"}`, "If-Match", "7")
		if f.want(200, "GET", path, "").str("displayName") != "A" {
			t.Error("a refused change was carried out")
		}
		same := f.want(200, "PATCH", path, body)
		if same.header.Get("ETag") != got.header.Get("ETag") {
			t.Error("a change that changes nothing moved the version")
		}
		f.want(200, "PATCH", path, `{"displayName":"C"}`, "If-Match", "*")
	}
	stale := `W/"99"`
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/providers/" + w.provider + ":pause", ""}, {"POST", "/providers/" + w.provider + "/tokens", ""},
		{"DELETE", "/providers/" + w.provider + "/tokens/" + w.token, ""}, {"DELETE", "/providers/" + w.provider, ""},
		{"POST", "/conflicts/" + w.conflict + ":convert", `{"reason":"x"}`}, {"POST", "/conflicts/" + w.conflict + ":ignore", `{"reason":"x"}`},
		{"POST", "/conflicts/" + w.conflict + ":rename", `{"reason":"x","userName":"y"}`}, {"DELETE", "/api-keys/" + w.apiKey, ""},
	} {
		before := f.dump(w)
		f.want(412, c.method, c.path, c.body, "If-Match", stale)
		if f.dump(w) != before {
			t.Errorf("%s %s changed something", c.method, c.path)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	for i := range 7 {
		f.want(201, "POST", "/users", fmt.Sprintf(`{"userName":"page%d@agency.example"}`, i))
		f.want(201, "POST", "/providers", fmt.Sprintf(`{"displayName":"Page %d"}`, i))
		f.want(201, "POST", "/api-keys", fmt.Sprintf(`{"displayName":"Page %d","role":"auditor"}`, i))
	}
	f.advance(time.Minute)
	for _, path := range []string{"/users", "/users?search=page", "/providers", "/api-keys", "/audit-log", "/sync-log", "/conflicts",
		"/providers/" + w.provider + "/groups", "/providers/" + w.provider + "/groups/" + w.group + "/members"} {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		var want []string
		for _, item := range f.want(200, "GET", path+sep+"limit=200", "").items() {
			want = append(want, fmt.Sprint(item.(map[string]any)["id"]))
		}
		var got []string
		at, cursor := path+sep+"limit=2", ""
		for range 30 {
			page := f.want(200, "GET", at+cursor, "")
			if n := len(page.items()); n > 2 {
				t.Fatalf("%s: a page of %d", path, n)
			}
			for _, item := range page.items() {
				got = append(got, fmt.Sprint(item.(map[string]any)["id"]))
			}
			if page.str("nextCursor") == "" {
				cursor = ""
				break
			}
			cursor = "&cursor=" + url.QueryEscape(page.str("nextCursor"))
		}
		if cursor != "" || strings.Join(got, " ") != strings.Join(want, " ") || len(want) == 0 {
			t.Errorf("%s: pages of 2 gave %v, one page %v", path, got, want)
		}
	}
}

func TestCursorsCannotBeForged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 3 {
		f.want(201, "POST", "/users", fmt.Sprintf(`{"userName":"page%d"}`, i))
	}
	cursor := f.want(200, "GET", "/users?limit=1&search=page", "").str("nextCursor")
	get := func(status int, path, cursor string, headers ...string) {
		t.Helper()
		f.want(status, "GET", path+"cursor="+url.QueryEscape(cursor), "", headers...)
	}
	get(200, "/users?search=page&", cursor)
	get(200, "/users?limit=2&search=page&", cursor)
	other := f.newKey(f.tenant, directory.RoleViewer, time.Time{})
	get(400, "/users?search=page&", cursor, "Authorization", "Bearer "+other)
	get(400, "/users?", cursor)
	get(400, "/users?search=pages&", cursor)
	get(400, "/providers?", cursor)
	text, signature, _ := strings.Cut(cursor, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte("other/ u"))
	for _, bad := range []string{"", ".", "x", text, text + ".", "." + signature, forged + "." + signature, forged,
		text + "." + signature[1:], cursor + "A", strings.Repeat("A", 5000)} {
		get(400, "/users?search=page&", bad)
	}
	for i := range cursor {
		if b := []byte(cursor); b[i] != '.' {
			b[i] = "AB"[min(1, int(b[i]-'A')&1^1)]
			if string(b) != cursor && !sameBytes(string(b), cursor) {
				get(400, "/users?search=page&", string(b))
			}
		}
	}
}

// sameBytes reports whether two cursors differ only in bits that base64 does not use.
func sameBytes(a, b string) bool {
	decode := func(s string) string {
		text, _, _ := strings.Cut(s, ".")
		d, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return s
		}
		return string(d)
	}
	_, sa, _ := strings.Cut(a, ".")
	_, sb, _ := strings.Cut(b, ".")
	return decode(a) == decode(b) && sa == sb
}

// failing is a store whose tenants cannot be read.
type failing struct {
	directory.Tenants
	err error
}

func (s failing) Tenant(context.Context, directory.TenantID) (directory.Tenant, error) {
	if s.err == nil {
		panic("a fault with " + canary)
	}
	return directory.Tenant{}, s.err
}

func TestInternalErrorsShowNoDetail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"throttled": {&directory.Error{Kind: directory.Unavailable, Detail: "try again"}, 503},
		"broken":    {errors.New("cause " + canary), 500},
		"panic":     {nil, 500},
	} {
		f := newFixture(t)
		ports := f.svc.Ports
		ports.Tenants = failing{ports.Tenants, c.err}
		f.h = f.wrap(directorytest.New(ports, directory.Runtime{Now: f.clock}))
		got := f.want(c.status, "POST", "/providers", `{"displayName":"x"}`, "Idempotency-Key", "one")
		if strings.Contains(got.raw, canary) || got.str("instance") == "" || c.status == 503 && got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %v %s", name, got.header, got.raw)
		}
		// The key is released, so the repetition is carried out.
		f.h = f.wrap(f.svc)
		f.want(201, "POST", "/providers", `{"displayName":"x"}`, "Idempotency-Key", "one")
	}
}
