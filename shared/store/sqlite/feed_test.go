package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

// An entry that cannot be decoded is reported, retried later, and does not delay the others.
func TestUnreadableEntryDelaysNoOther(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path)
	for i := range 3 {
		e := directory.LogEntry{ID: directory.EntryID(fmt.Sprint("e", i)), At: time.UnixMilli(int64(i)).UTC(), Action: directory.UserUpdated}
		if err := s.Ports().Log.AppendEntry(t.Context(), "default", e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteTransient(conn, `UPDATE log SET entry = '{' WHERE seq = 2`, nil), conn.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	var taken []directory.EntryID
	deliver := func() (int, error) {
		return s.Ports().Feed.Deliver(t.Context(), func(_ context.Context, _ directory.TenantID, e directory.LogEntry) error {
			taken = append(taken, e.ID)
			return nil
		})
	}
	if n, err := deliver(); n != 2 || err == nil || !slices.Equal(taken, []directory.EntryID{"e0", "e2"}) {
		t.Errorf("delivered %d, %v, %v", n, taken, err)
	}
	if n, err := deliver(); n != 0 || err != nil {
		t.Errorf("then %d, %v, want nothing until its pause is over", n, err)
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
			_, err := p.Feed.Deliver(t.Context(), func(_ context.Context, _ directory.TenantID, e directory.LogEntry) error {
				got = append(got, e.ID)
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
