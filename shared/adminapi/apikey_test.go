package adminapi_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// The last use of a key is recorded at most once a minute, also of refused requests, and shown if asked for.
func TestLastUseOfAKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	auditor := f.newKey(f.tenant, directory.RoleAuditor, time.Time{})
	id := f.want(200, "GET", "/me", "", "Authorization", "Bearer "+auditor).str("key.id")
	lastUse := func() string {
		t.Helper()
		for _, item := range f.want(200, "GET", "/api-keys?usage=true", "").items() {
			if k := item.(map[string]any); k["id"] == id {
				at, _ := k["lastUsedAt"].(string)
				return at
			}
		}
		t.Fatal("the key is not in the list")
		return ""
	}
	first := lastUse()
	if first == "" {
		t.Fatal("a use was not recorded")
	}
	for _, c := range []struct {
		after time.Duration
		same  bool
	}{{59 * time.Second, true}, {time.Second, false}} {
		f.advance(c.after)
		f.want(403, "GET", "/api-keys", "", "Authorization", "Bearer "+auditor)
		if got := lastUse(); (got == first) != c.same {
			t.Errorf("%s more: last used at %s, before at %s", c.after, got, first)
		}
	}
	for _, query := range []string{"", "?usage=false"} {
		if got := f.want(200, "GET", "/api-keys"+query, ""); strings.Contains(got.raw, "lastUsedAt") {
			t.Errorf("not asked for: %s", got.raw)
		}
	}
	f.want(400, "GET", "/api-keys?usage=yes", "")
	f.addTenant("other")
	other := f.newKey("other", directory.RoleAdministrator, time.Time{})
	if got := f.want(200, "GET", "/api-keys?usage=true", "", "Authorization", "Bearer "+other); strings.Contains(got.raw, id) {
		t.Errorf("another tenant's key: %s", got.raw)
	}
}
