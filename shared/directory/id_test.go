package directory_test

import (
	"cmp"
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

// An entry about a user or group has an id in the log shard of its subject, and keeps one that is there already.
func TestEntriesAreInTheShardOfTheirSubject(t *testing.T) {
	t.Parallel()
	drawn := map[directory.EntryID]bool{}
	for range 1000 {
		subject, id := random.ID(), directory.EntryID("e"+random.ID())
		u := directory.LogEntry{ID: id}.OfUser(directory.UserID("u" + subject))
		g := directory.LogEntry{ID: id}.OfGroup(directory.GroupID("g" + subject))
		for _, e := range []directory.LogEntry{u, g} {
			id := cmp.Or(string(e.User), string(e.Group))
			if directory.Spread(string(e.ID), directory.LogShards) != directory.Spread(id, directory.LogShards) {
				t.Fatalf("entry %s is not in the shard of %s", e.ID, id)
			}
			if len(e.ID) != directory.IDLength || !directory.ScimID("u"+e.ID[1:]).IsUser() {
				t.Fatalf("%q has not the form of an id", e.ID)
			}
			if again := e.OfUser(e.User).OfGroup(e.Group); again.ID != e.ID {
				t.Fatalf("%s became %s", e.ID, again.ID)
			}
		}
		drawn[u.ID] = true
	}
	if len(drawn) != 1000 {
		t.Errorf("%d ids of 1,000 are different", len(drawn))
	}
	if e := (directory.LogEntry{ID: "e1"}).OfUser("").OfGroup(""); e.ID != "e1" {
		t.Errorf("an entry without a subject became %s", e.ID)
	}
}
