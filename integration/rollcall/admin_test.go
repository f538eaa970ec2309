package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollcall/shared/adminapi"
	"rollcall/shared/country"
	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

// adminServer is the admin API over a store in memory; it returns the service, the server and the file with
// an administrator's key.
func adminServer(t *testing.T) (*directory.Service, string, string) {
	t.Helper()
	store, err := sqlite.Open(sqlite.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	svc := directory.New(store.Ports(), directory.Config{Country: country.Code})
	admin := directory.Admin{Tenant: directory.DefaultTenant, Actor: directory.Actor{Kind: directory.ActorSystem, ID: "test"}}
	if _, err := svc.CreateTenant(context.Background(), admin, "Test"); err != nil {
		t.Fatal(err)
	}
	_, key, err := svc.CreateAPIKey(context.Background(), admin, directory.NewAPIKey{DisplayName: "Test", Role: directory.RoleAdministrator})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(adminapi.Handler(svc, adminapi.Options{Origin: "https://rollcall.example"}))
	t.Cleanup(server.Close)
	return svc, server.URL, keyFile(t, key)
}

func keyFile(t *testing.T, key string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(name, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// rollcall runs a sub-command as a shell would split its words; ~ stands for a blank in a word.
func rollcall(t *testing.T, server, keyFile, line string) (code int, stdout, stderr string) {
	t.Helper()
	words := strings.Fields(line)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "~", " ")
	}
	var out, diags bytes.Buffer
	code = runAdmin(context.Background(), words[0], append(words[1:], "-url", server, "-token-file", keyFile), &out, &diags)
	return code, out.String(), diags.String()
}

func TestAdminCommandsTellAStory(t *testing.T) {
	t.Parallel()
	svc, server, key := adminServer(t)
	ok := func(line string) string {
		t.Helper()
		code, out, diags := rollcall(t, server, key, line)
		if code != 0 {
			t.Fatalf("%s = %d\n%s%s", line, code, out, diags)
		}
		return out
	}
	field := func(out, name string) string {
		t.Helper()
		m := regexp.MustCompile(`(?m)^` + name + ` {2,}(.*)$`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no %s in\n%s", name, out)
		}
		return m[1]
	}
	made := ok("provider create -name Entra~ID -delay 20m -token-expires 8760h")
	id, token := field(made, "Id"), field(made, "Token")
	if field(made, "Base URL") != "https://rollcall.example/scim/v2/"+id || field(made, "Deactivation delay \\(s\\)") != "1200" || !strings.HasPrefix(token, "rc_"+id) {
		t.Errorf("created\n%s", made)
	}
	for _, step := range [][2]string{
		{"provider list", "Entra ID  entra"}, {"provider rename " + id + " -name Other", "Other"}, {"provider rename -name Entra " + id, "Entra"},
		{"token list " + id, "active"}, {"group list " + id, "ID  NAME"}, {"conflict list", "HELD BY"}, {"apikey list", "identity-management-administrator"},
	} {
		if out := ok(step[0]); !strings.Contains(out, step[1]) {
			t.Errorf("%s printed\n%s", step[0], out)
		}
	}
	if field(ok("provider go-live "+id), "State")+field(ok("provider pause "+id), "State")+field(ok("provider resume "+id), "State") != "livepausedlive" {
		t.Error("the states do not follow")
	}
	second := ok("token create " + id + " -overlap 1h")
	if field(ok("token revoke "+id+" "+field(second, "Id")), "State") != "revoked" {
		t.Error("the token is not revoked")
	}
	user := ok("user create -user-name glass@agency.example -display-name Break~Glass -given-name Break -family-name Glass -email a@agency.example,b@agency.example")
	if field(user, "E-mail") != "a@agency.example b@agency.example" || field(ok("user show "+field(user, "Id")), "Given name") != "Break" {
		t.Errorf("the user is\n%s", user)
	}
	if out := ok("user list -search GLASS -provider local -state none"); !strings.Contains(out, "Break Glass") {
		t.Errorf("the search found\n%s", out)
	}
	caller := directory.Caller{Provider: directory.ProviderID(id), Token: token}
	want := func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return directory.Profile{UserName: "Glass@agency.example", Active: true}, nil, nil
	}
	if _, err := svc.CreateUser(context.Background(), caller, "", nil, want); !directory.IsKind(err, directory.Conflict) {
		t.Fatalf("a taken name gave %v", err)
	}
	conflict := strings.Fields(strings.Split(ok("conflict list -state open"), "\n")[1])[0]
	if field(ok("conflict convert "+conflict+" -reason same -dry-run"), "State") != "converted" || !strings.Contains(ok("conflict list"), " open ") {
		t.Error("the dry run was none")
	}
	if field(ok("conflict ignore "+conflict+" -reason test~account"), "State") != "ignored" || field(ok("conflict convert "+conflict+" -reason same~person"), "State") != "converted" {
		t.Error("the conflict is not resolved")
	}
	auditor := ok("apikey create -name Export -role auditor -expires 2036-01-31T12:00:00Z")
	if field(ok("apikey revoke "+field(auditor, "Id")), "State") != "revoked" {
		t.Error("the key is not revoked")
	}
	if field(ok("provider delete "+id+" -confirm Entra"), "State") != "deleting" {
		t.Error("the provider is not being deleted")
	}
}

func TestAdminGroupsAreShown(t *testing.T) {
	t.Parallel()
	svc, server, key := adminServer(t)
	_, out, _ := rollcall(t, server, key, "provider create -name Entra -json")
	var p struct{ ID, Token string }
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatal(err)
	}
	caller := directory.Caller{Provider: directory.ProviderID(p.ID), Token: p.Token}
	ctx := context.Background()
	u, err := svc.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return directory.Profile{UserName: "evil\x1b[2J\u202e\n", Active: true}, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := svc.CreateGroup(ctx, caller, nil, func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
		return directory.GroupProfile{DisplayName: "Divers"}, []directory.ScimID{u.ScimID}, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if code, out, _ := rollcall(t, server, key, "group list "+p.ID+" -search DIV"); code != 0 || !strings.Contains(out, "Divers  1") {
		t.Errorf("%d\n%s", code, out)
	}
	if code, out, _ := rollcall(t, server, key, fmt.Sprintf("group show %s %s", p.ID, g.ID)); code != 0 || !strings.Contains(out, "Divers") {
		t.Errorf("%d\n%s", code, out)
	}
	code, out, _ := rollcall(t, server, key, fmt.Sprintf("group members %s %s", p.ID, g.ID))
	if code != 0 || !strings.Contains(out, "evil�[2J��") || strings.ContainsAny(out, "\x1b\u202e") || strings.Count(out, "\n") != 2 {
		t.Errorf("a name from outside reached the terminal: %d %q", code, out)
	}
}

func TestAdminListsReadAllPages(t *testing.T) {
	t.Parallel()
	_, server, key := adminServer(t)
	for i := range 55 {
		if code, _, diags := rollcall(t, server, key, fmt.Sprintf("user create -user-name u%d", i)); code != 0 {
			t.Fatal(diags)
		}
	}
	count := func(line string) (int, string) {
		t.Helper()
		_, out, diags := rollcall(t, server, key, line)
		var page struct{ Items []any }
		if err := json.Unmarshal([]byte(out), &page); err != nil {
			t.Fatal(err)
		}
		return len(page.Items), diags
	}
	if n, diags := count("user list -json"); n != 55 || diags != "" {
		t.Errorf("%d users, %s", n, diags)
	}
	if n, diags := count("user list -json -limit 52"); n != 52 || !strings.Contains(diags, "first 52") {
		t.Errorf("%d users, %s", n, diags)
	}
	if n, diags := count("user list -json -limit 55"); n != 55 || strings.Contains(diags, "first 54") {
		t.Errorf("%d users, %s", n, diags)
	}
}

func TestAdminExitCodes(t *testing.T) {
	t.Parallel()
	_, server, key := adminServer(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(html.Close)
	away := httptest.NewServer(http.RedirectHandler("https://elsewhere.example/", http.StatusFound))
	t.Cleanup(away.Close)
	wrong := keyFile(t, "rk_default_wrong")
	for _, c := range []struct {
		line, server, key string
		code              int
		says              string
	}{
		{"provider list", server, key, 0, ""},
		{"provider -h", server, key, 0, "Exit codes"},
		{"provider list -h", server, key, 0, "-token-file"},
		{"provider create -name a", server, key, 0, "not shown again"},
		{"provider create -name A", server, key, 1, "display name exists"},
		{"provider create -name b -profile ldap", server, key, 1, "profile: must be one of"},
		{"provider", server, key, 2, "no such command"},
		{"provider explode", server, key, 2, "no such command"},
		{"provider create", server, key, 2, "-name is required"},
		{"provider create -name b -delay soon", server, key, 2, "-delay"},
		{"provider create -name b -delay 1500ms", server, key, 2, "whole seconds"},
		{"provider create -name b -token-expires soon", server, key, 2, "-token-expires"},
		{"provider show", server, key, 2, "want 1: PROVIDER"},
		{"provider show a b", server, key, 2, "2 arguments"},
		{"provider list -limit 0", server, key, 2, "-limit"},
		{"provider list -colour", server, key, 2, "not defined"},
		{"provider list -dry-run", server, key, 2, "not defined"},
		{"provider list", "http://rollcall.example", key, 2, "https"},
		{"provider list", "rollcall.example", key, 2, "URL"},
		{"provider list", "https://user:pass@rollcall.example", key, 2, "URL"},
		{"provider list", closed.URL, key, 3, "could not reach"},
		{"provider list", html.URL, key, 3, "not the admin API's"},
		{"provider list", away.URL, key, 1, "Found"},
		{"provider list", server, wrong, 3, "valid API key"},
		{"provider list", server, key + "x", 3, "read the key"},
		{"provider list", server, keyFile(t, ""), 3, "ROLLCALL_ADMIN_TOKEN"},
		{"provider show defaultzzzzz", server, key, 4, "no such provider"},
		{"provider show ../users", server, key, 4, ""},
		{"user show u1", server, key, 4, "no such user"},
	} {
		code, out, diags := rollcall(t, c.server, c.key, c.line)
		if code != c.code || !strings.Contains(diags, c.says) {
			t.Errorf("%s = %d, want %d saying %q\n%s%s", c.line, code, c.code, c.says, out, diags)
		}
		if secret, err := os.ReadFile(c.key); err == nil && len(secret) > 20 && strings.Contains(out+diags, strings.TrimSpace(string(secret))) {
			t.Errorf("%s prints the key", c.line)
		}
	}
}

func TestAdminTakesAddressAndKeyFromTheEnvironment(t *testing.T) {
	_, server, key := adminServer(t)
	secret, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ROLLCALL_ADMIN_URL", server+"/api/v1") // as `rollcall serve -json` prints it
	t.Setenv("ROLLCALL_ADMIN_TOKEN", string(secret))
	var out, diags bytes.Buffer
	if code := runAdmin(context.Background(), "apikey", []string{"list"}, &out, &diags); code != 0 || !strings.Contains(out.String(), "Test") {
		t.Errorf("%d %s%s", code, out.String(), diags.String())
	}
}

func TestAdminRepeatsAChangeUnderTheSameKey(t *testing.T) {
	t.Parallel()
	_, server, key := adminServer(t)
	var keys []string
	fail := 2
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if fail--; fail >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		forward := r.Clone(r.Context())
		forward.RequestURI = ""
		forward.URL.Scheme, forward.URL.Host = "http", strings.TrimPrefix(server, "http://")
		answer, err := http.DefaultClient.Do(forward)
		if err != nil {
			panic(err)
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		var b bytes.Buffer
		_, _ = b.ReadFrom(answer.Body)
		_, _ = w.Write(b.Bytes())
	}))
	t.Cleanup(front.Close)
	client, err := newAdminClient(front.URL, key)
	if err != nil {
		t.Fatal(err)
	}
	client.pause = 0
	answer, err := client.send(context.Background(), http.MethodPost, "/users", nil, map[string]any{"userName": "once"})
	if err != nil || member(answer, "userName") != "once" || len(keys) != 3 || keys[0] == "" || keys[0] != keys[2] {
		t.Errorf("%v %v, keys %v", answer, err, keys)
	}
	fail = 99
	if _, err := client.send(context.Background(), http.MethodGet, "/users", nil, nil); err == nil || len(keys) != 6 {
		t.Errorf("gave up with %v after %d requests", err, len(keys)-3)
	}
}
