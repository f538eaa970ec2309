package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

// An entry that cannot be decoded is delivered with what its key says, and delays no other.
func TestUnreadableEntryDelaysNoOther(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path)
	for i := range 3 {
		e := directory.LogEntry{ID: directory.EntryID(fmt.Sprint("e", i)), At: time.UnixMilli(int64(i)).UTC(), Provider: "p",
			Action: directory.UserUpdated}
		if err := s.Ports().Log.AppendEntry(t.Context(), "default", e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Exec(`UPDATE log SET entry = '{' WHERE seq = 2`); err != nil {
		t.Fatal(err)
	}
	n, err := s.Ports().Feed.Deliver(t.Context(), func(_ context.Context, batch []directory.TenantEntry) error {
		for i, e := range batch {
			at := time.UnixMilli(int64(i)).UTC()
			if e.Tenant != "default" || e.Entry.ID != directory.EntryID(fmt.Sprint("e", i)) || e.Entry.Provider != "p" ||
				!e.Entry.At.Equal(at) || (e.Unreadable != nil) != (i == 1) {
				t.Errorf("entry %d: %+v", i, e)
			}
		}
		return nil
	})
	if n != 3 || err != nil {
		t.Errorf("delivered %d, %v", n, err)
	}
}

// Entries that waited to be followed in a file of an earlier release are set aside with every step, and due.
func TestUnfollowedEntriesAreSetAside(t *testing.T) {
	t.Parallel()
	path := unpack(t, filepath.Join(releases, "v0.1.0.db.gz"))
	execute(t, path, `INSERT INTO unfollowed SELECT min(seq), 3, 0, 'internal' FROM log; INSERT INTO unfollowed VALUES (1000000, 1, 0, 'x')`)
	p := open(t, path).Ports()
	due, err := p.SetAsides.DueSetAside(t.Context(), time.Now(), 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("due: %v, %v", due, err)
	}
	ds, err := p.SetAsides.ListSetAside(t.Context(), due[0].Tenant, "", 10)
	if err != nil || len(ds) != 1 {
		t.Fatalf("%+v, %v", ds, err)
	}
	e, err := p.Log.Entry(t.Context(), due[0].Tenant, ds[0].Provider, ds[0].At, ds[0].Entry)
	if err != nil {
		t.Fatal(err)
	}
	want := directory.NewDelivery(e, "", string(e.ID), ds[0].CreatedAt)
	if diff := cmp.Diff(want, ds[0]); diff != "" || time.Since(ds[0].CreatedAt) > time.Hour {
		t.Errorf("set aside at %v (-want +got):\n%s", ds[0].CreatedAt, diff)
	}
}

// Entries that are written after all earlier ones were followed and dropped, or erased with their tenant, are followed.
func TestNewEntriesAreFollowedAfterAllWereDropped(t *testing.T) {
	t.Parallel()
	for name, drop := range map[string]func(directory.Ports) error{
		"expired": func(p directory.Ports) error {
			_, err := p.Log.DropEntries(t.Context(), "default", "", time.Now().Add(time.Hour), 100)
			return err
		},
		"erased": func(p directory.Ports) error {
			next, _, err := p.Tenants.EraseTenant(t.Context(), "default", "")
			for err == nil && next != "" {
				next, _, err = p.Tenants.EraseTenant(t.Context(), "default", next)
			}
			return err
		},
	} {
		p := open(t, sqlite.Memory).Ports()
		entry := func(id directory.EntryID) {
			e := directory.LogEntry{ID: id, At: time.Now(), Action: directory.TenantUpdated}
			if err := p.Log.AppendEntry(t.Context(), "default", e); err != nil {
				t.Fatal(err)
			}
		}
		var got []directory.EntryID
		follow := func() {
			_, err := p.Feed.Deliver(t.Context(), func(_ context.Context, batch []directory.TenantEntry) error {
				for _, e := range batch {
					got = append(got, e.Entry.ID)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		entry("e1")
		entry("e2")
		follow()
		if err := drop(p); err != nil {
			t.Fatal(err)
		}
		entry("e3")
		follow()
		if len(got) != 3 || got[2] != "e3" {
			t.Errorf("%s: followed %v, want e3 as well", name, got)
		}
	}
}
