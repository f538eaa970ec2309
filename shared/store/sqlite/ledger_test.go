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

// Entries and deliveries older than a time are dropped, the oldest first, but no entry that was not followed.
func TestDropsOldEntriesAndDeliveries(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Memory)
	ctx, start := t.Context(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := range 10 {
		at := start.Add(time.Duration(day) * 24 * time.Hour)
		e := directory.LogEntry{ID: directory.EntryID(fmt.Sprint("e", day)), At: at, Provider: "default01234", Action: directory.UserUpdated}
		if err := s.AppendEntry(ctx, "default", e); err != nil {
			t.Fatal(err)
		}
		d := directory.Delivery{ID: directory.DeliveryID(fmt.Sprint("d", day)), State: directory.DeliveryDead, CreatedAt: at}
		if err := s.AddDelivery(ctx, "default", d); err != nil {
			t.Fatal(err)
		}
	}
	drop := func(name string, fn func(context.Context, time.Time, int) (int, error), days, count, want int) {
		t.Helper()
		n, err := fn(ctx, start.Add(time.Duration(days)*24*time.Hour), count)
		if err != nil || n != want {
			t.Errorf("%s: dropped %d, %v, want %d", name, n, err, want)
		}
	}
	entries := func(ctx context.Context, before time.Time, count int) (int, error) {
		return s.DropEntries(ctx, "default", "default01234", before, count)
	}
	drop("entries that were not followed", entries, 5, 100, 0)
	failing := directory.EntryID("e1")
	if _, err := s.Deliver(ctx, func(_ context.Context, _ directory.TenantID, e directory.LogEntry) error {
		if e.ID == failing {
			return errors.New("not now")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	drop("two of those before day 5", entries, 5, 2, 2)
	drop("the others but the failing one", entries, 5, 100, 2)
	drop("none left", entries, 5, 100, 0)
	es, err := s.EntriesAfter(ctx, "default", "default01234", "", "", 100)
	if err != nil || len(es) != 6 || es[0].ID != failing || es[1].ID != "e5" {
		t.Errorf("left: %d entries, %v", len(es), err)
	}
	drop("deliveries", s.DropDeliveries, 4, 3, 3)
	drop("the last of them", s.DropDeliveries, 4, 3, 1)
	if ds, err := s.ListDeliveries(ctx, "default", "", 100); err != nil || len(ds) != 6 {
		t.Errorf("left: %d deliveries, %v", len(ds), err)
	}
}

// An entry that cannot be decoded is reported, retried later, and does not delay the others.
func TestUnreadableEntryDelaysNoOther(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path)
	for i := range 3 {
		e := directory.LogEntry{ID: directory.EntryID(fmt.Sprint("e", i)), At: time.UnixMilli(int64(i)).UTC(), Action: directory.UserUpdated}
		if err := s.AppendEntry(t.Context(), "default", e); err != nil {
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
		return s.Deliver(t.Context(), func(_ context.Context, _ directory.TenantID, e directory.LogEntry) error {
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
