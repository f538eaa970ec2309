package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// A set command changes only the given settings.
func TestSetKeepsWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.want(0, "org create Home")
	s.want(0, "org create Template")
	member := func(line, name string) string { t.Helper(); return text(s.object(line), name) }
	home, template := member("org show Home", "id"), member("org show Template", "id")

	s.want(0, "guard set Demo --mode stage --window 2h")
	s.want(0, "guard set Demo --minimum 10")
	if g := s.object("guard show Demo"); text(g, "mode") != "stage" || text(g, "windowSeconds") != "7200" || text(g, "minimum") != "10" {
		t.Errorf("the guard is %v", g)
	}
	s.want(0, "role-mapping set Demo --mode groups --strict")
	s.want(0, "role-mapping set Demo --mode groups")
	if m := s.object("role-mapping show Demo"); m["strict"] != true {
		t.Errorf("strict is off: %v", m)
	}
	s.want(0, "role-mapping set Demo --strict=false")
	if m := s.object("role-mapping show Demo"); m["strict"] != false || m["mode"] != "groups" {
		t.Errorf("the role mapping is %v", m)
	}
	s.want(0, "org-mapping set Demo --method attribute --attribute title --org Home --template Template")
	s.want(0, "org-mapping set Demo --attribute department")
	if m := s.object("org-mapping show Demo"); text(m, "organizationId") != home || text(m, "templateOrganizationId") != template || text(m,
		"method") != "attribute" {
		t.Errorf("the organization mapping is %v", m)
	}
	s.want(0, "org-mapping set Demo --method groups") // without the attribute and the template, which belong to the other method
	if m := s.object("org-mapping show Demo"); text(m, "organizationId") != home || m["attribute"] != nil ||
		m["templateOrganizationId"] != nil {
		t.Errorf("the organization mapping is %v", m)
	}
	s.want(0, "org-mapping set Demo --method single --dry-run", "nothing was changed")
	if m := s.object("org-mapping show Demo"); text(m, "method") != "groups" {
		t.Errorf("the dry run changed the method: %v", m)
	}
	s.want(0, "role-mapping set Demo --mode groups --strict")
	s.want(0, "role-mapping set Demo --mode manual") // without strict, which belongs to the other mode
	version := text(s.object("guard show Demo"), "version")
	for _, line := range []string{"guard set Demo", "org change Home", "role-mapping set Demo", "settings set"} {
		s.want(2, line, "nothing to change: give at least one of --")
	}
	if now := text(s.object("guard show Demo"), "version"); now != version {
		t.Errorf("the guard's version went from %s to %s", version, now)
	}
	s.want(0, "settings set --keep-users 120")
	s.want(0, "settings set --keep-log 200", "120", "200")
	s.want(0, "settings set --keep-users default --keep-log default", "90", "400")
	s.want(0, "user create glass --title Chief --department Fire")
	s.want(0, "user change glass --department ''", "Chief")
	if u := s.object("user show glass"); u["department"] != nil {
		t.Errorf("the department is still there: %v", u)
	}
}

// front returns the server behind a proxy, which may respond itself.
func (s *server) front(answer func(w http.ResponseWriter, r *http.Request) bool) *server {
	s.t.Helper()
	at := *s
	target, err := url.Parse(strings.TrimSuffix(s.AdminURL, "/api/v1"))
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	s.t.Cleanup(f.Close)
	at.AdminURL = f.URL + "/api/v1"
	return &at
}

// Another administrator changes the guard between the command's read and its write.
func TestSetNoticesALostRace(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	between := s.front(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.Header.Get("If-Match") != "" {
			s.want(0, "guard set Demo --minimum 77")
		}
		return false
	})
	between.want(1, "guard set Demo --percent 50", "Another administrator changed it in the meantime: nothing was written.")
	if g := s.object("guard show Demo"); text(g, "minimum") != "77" || text(g, "percent") != "5" {
		t.Errorf("the guard is %v", g)
	}
}

// A change that fails because the server is busy is repeated with the same key.
func TestChangesAreRepeatedWithTheSameKey(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	var failures atomic.Int32
	var keys []string
	busy := s.front(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if failures.Add(1) > 2 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	busy.want(0, "user create once", "once")
	if len(keys) != 3 || keys[0] == "" || keys[0] != keys[2] {
		t.Errorf("keys %v", keys)
	}
	failures.Store(-99)
	busy.want(1, "user create twice", "Service Unavailable")
	if len(keys) != 6 {
		t.Errorf("gave up after %d requests", len(keys)-3)
	}
}

func TestErrorsNameFlagsAndRoles(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.person("kim@contoso.example")
	s.want(1, "provider create demo", "--name: ")
	s.want(1, "org-mapping set Demo --method attribute --org Default", "--attribute: must be given with method attribute")
	s.want(1, "report stale --days 0", "--days: ")
	s.want(1, "apikey create x --role auditor --expires 2020-01-01", "--expires: ")
	helpdesk := s.as("help-desk")
	helpdesk.want(0, "user unblock kim@contoso.example --reason Asked")
	helpdesk.want(1, "user block kim@contoso.example --reason Asked", "This needs a key with the role identity-management-administrator.")
	if code, out, diags := helpdesk.run("provider list"); code != 1 || !strings.Contains(diags,
		"identity-management-administrator or identity-management-viewer") {
		t.Errorf("%d %s %s", code, out, diags)
	}
	helpdesk.want(0, "me", "help-desk")
	s.want(0, "version --server", "Server version")
	// A refused look-up names the roles that may do both; a second administrator is not a matter of roles.
	for _, key := range []*server{s.as("auditor"), helpdesk} {
		if _, _, said := key.run("user block nobody@contoso.example --reason x"); !strings.Contains(said,
			"with the role identity-management-administrator.") && !strings.Contains(said, "there is no user") {
			t.Errorf("a refused look-up: %s", said)
		}
	}
	s.want(1, "provider create Late --token-expires 2020-01-31", "--token-expires: must be in the future")
	s.want(1, "guard set-delay Demo 99d", "must be from 0s to 30d")
	for _, problem := range []string{
		`{"detail":"organizationId must be one","errors":[{"field":"organizationId","detail":"organizationId must be one"}]}`,
		`{"detail":"organizationId must be one"}`,
	} {
		var p object
		if err := json.Unmarshal([]byte(problem), &p); err != nil {
			t.Fatal(err)
		}
		r := &refusal{400, p, operation{}, ""}
		if got := r.text(nounAction("user", "move").flags); strings.Contains(got, "organizationId") || !strings.Contains(got, "--org") {
			t.Errorf("%s", got)
		}
	}
}

func TestExitCodesOfTheServer(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(html.Close)
	away := httptest.NewServer(http.RedirectHandler("https://elsewhere.example/", http.StatusFound))
	t.Cleanup(away.Close)
	for _, c := range []struct {
		url, key string
		code     int
		says     string
	}{
		{s.AdminURL, s.key, 0, ""},
		{s.AdminURL + "/", s.key, 0, ""},
		{"http://rollcall.example", s.key, 2, "https"},
		{"rollcall.example", s.key, 2, "URL"},
		{"https://user:pass@rollcall.example", s.key, 2, "must not contain a user name"},
		{closed.URL, s.key, 3, "could not reach " + closed.URL},
		{html.URL, s.key, 3, html.URL + "/api/v1 is not an admin API"},
		{away.URL, s.key, 1, "Found"},
		{s.AdminURL, "rk_default_wrong", 3, "The server is " + s.AdminURL},
		{s.AdminURL, "", 3, "ROLLCALL_ADMIN_TOKEN"},
	} {
		at := *s
		at.AdminURL, at.key = c.url, c.key
		if code, out, diags := at.run("provider list"); code != c.code || !strings.Contains(diags, c.says) || c.key != "" &&
			strings.Contains(out+diags, c.key) {
			t.Errorf("%s with %q = %d, want %d saying %q\n%s%s", c.url, c.key, code, c.code, c.says, out, diags)
		}
	}
	s.want(0, "provider list -url "+s.AdminURL+" -token-file "+writeFile(t, s.key+"\n"))
	s.want(3, "provider list --token-file /nowhere/key", "read the key")
	if _, out, diags := s.run("provider list --token-file " + s.key); !strings.Contains(diags, "not the key itself") ||
		strings.Contains(out+diags, s.key) {
		t.Errorf("a key as --token-file: %s%s", out, diags)
	}
}
