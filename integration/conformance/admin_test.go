//go:build conformance

package conformance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/integration/tools/pytools"
)

// post sends JSON and returns the response, which must have the status.
func post(t *testing.T, url, token, body string, status int) map[string]any {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil || res.StatusCode != status {
		t.Fatalf("POST %s = %d, want %d: %v", url, res.StatusCode, status, err)
	}
	return out
}

// idsOf reads the ids of a page.
func idsOf(t *testing.T, s started, path string) (ids []string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.AdminURL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.AdminToken)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var page struct{ Items []struct{ ID string } }
	if err := json.NewDecoder(res.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	for _, i := range page.Items {
		ids = append(ids, i.ID)
	}
	return ids
}

// populate creates one record of each kind and 200 conflicts, and returns their ids by the names of the document's path
// parameters.
func populate(t *testing.T, s started) map[string]any {
	t.Helper()
	p := post(t, s.AdminURL+"/providers", s.AdminToken, `{"displayName":"Populated"}`, http.StatusCreated)
	scim, token := p["baseUrl"].(string), p["token"].(string)
	member := post(t, scim+"/Users", token, `{"schemas":["`+coreURN+`"],"userName":"member","externalId":"1"}`, http.StatusCreated)
	group := post(t, scim+"/Groups", token,
		fmt.Sprintf(`{"schemas":["%s"],"displayName":"Divers","members":[{"value":%q}]}`, groupURN, member["id"]), http.StatusCreated)
	for i := range 200 {
		user := fmt.Sprintf(`"userName":"local%d"`, i)
		post(t, s.AdminURL+"/users", s.AdminToken, "{"+user+"}", http.StatusCreated)
		post(t, scim+"/Users", token, `{"schemas":["`+coreURN+`"],`+user+`}`, http.StatusConflict)
	}
	conflicts := idsOf(t, s, "/conflicts?limit=200")
	if len(conflicts) != 200 {
		t.Fatalf("%d conflicts", len(conflicts))
	}
	var keys []any
	for range 20 {
		keys = append(keys, post(t, s.AdminURL+"/api-keys", s.AdminToken, `{"displayName":"Spare","role":"auditor"}`, http.StatusCreated)["id"])
	}
	tokens := []any{p["tokens"].([]any)[0].(map[string]any)["id"],
		post(t, fmt.Sprint(s.AdminURL, "/providers/", p["id"], "/tokens"), s.AdminToken, `{}`, http.StatusCreated)["id"]}
	var webhooks []any
	for range 10 {
		webhooks = append(webhooks,
			post(t, s.AdminURL+"/webhooks", s.AdminToken, `{"displayName":"Listener","url":"https://hooks.example/","types":["user.removed"]}`,
				http.StatusCreated)["id"])
	}
	post(t, fmt.Sprint(s.AdminURL, "/webhooks/", webhooks[0], ":test"), s.AdminToken, `{}`, http.StatusOK)
	var deliveries []string
	for end := time.Now().Add(10 * time.Second); len(deliveries) == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		deliveries = idsOf(t, s, "/deliveries") // it is created after the response
	}
	out := map[string]any{"webhook": webhooks, "delivery": deliveries, "provider": []any{p["id"]}, "group": []any{group["id"]},
		"conflict": conflicts, "key": keys, "token": tokens}
	maps.Copy(out, populateMappings(t, s, p["id"], group["id"]))
	return out
}

// populateMappings creates organizations, roles and watchlists to change and delete, and mappings and an apply run of the
// provider.
func populateMappings(t *testing.T, s started, provider, group any) map[string]any {
	t.Helper()
	create := func(path, body string) any {
		t.Helper()
		return post(t, s.AdminURL+path, s.AdminToken, body, http.StatusCreated)["id"]
	}
	base := fmt.Sprint("/providers/", provider)
	out := map[string]any{"run": []any{create(base+"/apply-runs", `{}`)}, "user": []any{create("/users", `{"userName":"placed"}`)}}
	out["mapping"] = []any{
		create(base+"/organization-mapping/mappings", fmt.Sprintf(`{"groups":[%q],"organizationId":"odefault"}`, group)),
		create(base+"/role-mapping/mappings", fmt.Sprintf(`{"groups":[%q],"roles":["agent-user"]}`, group)),
	}
	var organizations, roles, watchlists []any
	for i := range 10 {
		organizations = append(organizations, create("/organizations", fmt.Sprintf(`{"name":"Organization %d"}`, i)))
		roles = append(roles, create("/roles", fmt.Sprintf(`{"name":"Role %d"}`, i)))
		watchlists = append(watchlists, create("/watchlists", fmt.Sprintf(`{"type":"custom","title":"List %d"}`, i)))
	}
	out["organization"], out["role"], out["watchlist"] = organizations, roles, watchlists
	out["bare"] = []any{create("/providers", `{"displayName":"Bare"}`)}
	return out
}

// Every response of the admin API conforms to its document, valid requests are accepted and invalid ones refused, and no
// request causes an error of the server (serve checks the log for errors).
func TestAdminAPIAgainstItsDocument(t *testing.T) {
	schemathesis := filepath.Join(filepath.Dir(pytools.Python(t, "schemathesis")), "schemathesis")
	s := serve(t)
	ids, err := json.Marshal(populate(t, s))
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // schemathesis creates a folder where it runs
	// A request that is too large gets 413, whatever else is wrong with it.
	const settings = "[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428]\n"
	if err := os.WriteFile("schemathesis.toml", []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	out, complaints, err := run(t,
		[]string{"ROLLCALL_IDS=" + string(ids), "SCHEMATHESIS_HOOKS=schemathesis_hooks", "PYTHONPATH=" + hooks, "PYTHONDONTWRITEBYTECODE=1"},
		schemathesis, "run", s.AdminURL+"/openapi.json", "--header", "Authorization: Bearer "+s.AdminToken,
		"--checks", "all",
		"--exclude-checks", "use_after_free", // a provider can be read until its users are processed, and after a dry run
		"--max-examples", "40", "--seed", "1", "--generation-database", "none", "--continue-on-failure",
		"--suppress-health-check", "all", "--no-color")
	report := strings.ReplaceAll(string(out), s.AdminToken, "<key>")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, report, complaints)
	}
	m := regexp.MustCompile(`(\d+) generated`).FindStringSubmatch(report)
	if m == nil || !strings.Contains(report, "Tested: 154") {
		t.Fatalf("not every operation was tested:\n%s", report)
	}
	if n, err := strconv.Atoi(m[1]); err != nil || n < 2000 {
		t.Errorf("only %d requests were generated", n)
	}
	t.Log(regexp.MustCompile(`(?s)API Operations:.*`).FindString(report))
}
