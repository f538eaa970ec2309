//go:build deploy

package deploy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// tenants lets the operator create a second tenant, pause, resume and remove it. The first tenant is not affected, and
// the function that schedules invoke erases the second tenant's data.
func (d *deployment) tenants(t *testing.T) {
	words := strings.Fields(d.output("OperatorStep"))
	operator := *d
	operator.key = strings.TrimSpace(d.rollcall(t, words[1:]...))
	id := directory.TenantID(operator.object(t, "tenant", "create", "Coast Guard")["id"].(string))
	second := *d
	second.key = operator.object(t, "tenant", "key", string(id), "First")["token"].(string)
	p, baseURL, token := second.provider(t, "Entra")
	if !strings.HasPrefix(string(p), string(id)) {
		t.Fatalf("its provider is %s", p)
	}
	one := person(t, baseURL, token, "diver@example.com")
	status := func(want int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, baseURL+"/Users/"+one, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want || (answer.Header.Get("Retry-After") != "") != (want == http.StatusServiceUnavailable) {
			t.Errorf("SCIM returns %s, Retry-After %q, want %d", answer.Status, answer.Header.Get("Retry-After"), want)
		}
	}
	status(http.StatusOK)
	operator.rollcall(t, "tenant", "pause", string(id))
	status(http.StatusServiceUnavailable)
	if _, err := second.try(t, "user", "list"); err == nil || !strings.Contains(err.Error(), "paused") {
		t.Errorf("its administrator gets %v", err)
	}
	operator.rollcall(t, "tenant", "resume", string(id))
	status(http.StatusOK)
	if _, err := operator.try(t, "user", "list"); err == nil {
		t.Error("an operator lists users")
	}
	operator.rollcall(t, "tenant", "delete", string(id), "--confirm", "Coast Guard")
	status(http.StatusUnauthorized)
	if _, err := second.try(t, "user", "list"); err == nil {
		t.Error("its administrator's key still works")
	}
	if _, err := d.cloud.Invoke(t.Context(), "Rollcall-jobs", object{"Do": "erase"}); err != nil { // as its schedule does
		t.Fatal(err)
	}
	left := func() int {
		store := d.store(t)
		ps, err := store.Ports().Providers.ListProviders(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		us, _, err := store.Ports().Users.SearchUsers(t.Context(), id, directory.UserSearch{Provider: p, Count: 10})
		if err != nil {
			t.Fatal(err)
		}
		return len(ps) + len(us)
	}
	eventually(t, "erased", time.Minute, func() bool { return left() == 0 })
	if len(d.listed(t, "provider", "list")) == 0 {
		t.Error("the first tenant's providers are erased, too")
	}
}
