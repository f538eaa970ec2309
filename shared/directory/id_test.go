package directory_test

import (
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

func TestIDs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := random.ID()
		if !directory.ScimID("u"+id).IsUser() || !directory.ScimID("g"+id).IsGroup() || seen[id] {
			t.Fatalf("%q is no good id", id)
		}
		seen[id] = true
	}
	id := random.ID()
	for _, bad := range []string{"", "u", "g" + id, "u" + id + "0", "u" + id[1:], "u" + id[1:] + "w", "u" + id[1:] + "A", "U" + id} {
		if directory.ScimID(bad).IsUser() {
			t.Errorf("%q passes for a user's id", bad)
		}
	}
	for p, want := range map[directory.ProviderID]directory.TenantID{
		"acme1abcde": "acme1", "defaultabcde": "default", "acmeabcde": "", "default1abcde": "", "abcde": "", "": "", "acme1ABCDE": "",
		"acme1/bcde": "",
	} {
		if got, ok := p.Tenant(); ok != (want != "") || ok && got != want {
			t.Errorf("tenant of %q: got %q, %v", p, got, ok)
		}
	}
	for tn, want := range map[directory.TenantID]bool{"acme1": true, "default": true, "abcd": false, "abcdefgh": false, "Acme1": false,
		"acm e": false, "": false} {
		if tn.Valid() != want {
			t.Errorf("tenant id %q: valid is %v", tn, tn.Valid())
		}
	}
}
