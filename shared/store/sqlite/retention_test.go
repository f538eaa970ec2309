package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

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
		if err := s.Ports().Log.AppendEntry(ctx, "default", e); err != nil {
			t.Fatal(err)
		}
		d := directory.Delivery{ID: directory.DeliveryID(fmt.Sprint("d", day)), State: directory.DeliveryDead, CreatedAt: at}
		if err := s.Ports().Deliveries.AddDelivery(ctx, "default", d); err != nil {
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
		return s.Ports().Log.DropEntries(ctx, "default", "default01234", before, count)
	}
	drop("entries that were not followed", entries, 5, 100, 0)
	notNow := errors.New("not now")
	for _, outcome := range []error{notNow, nil} {
		_, err := s.Ports().Feed.Deliver(ctx, func(context.Context, []directory.TenantEntry) error { return outcome })
		if !errors.Is(err, outcome) {
			t.Fatal(err)
		}
		if outcome != nil {
			drop("entries that were not taken", entries, 5, 100, 0)
		}
	}
	drop("two of those before day 5", entries, 5, 2, 2)
	drop("the others", entries, 5, 100, 3)
	drop("none left", entries, 5, 100, 0)
	es, err := s.Ports().Log.EntriesAfter(ctx, "default", "default01234", "", "", 100)
	if err != nil || len(es) != 5 || es[0].ID != "e5" {
		t.Errorf("left: %d entries, %v", len(es), err)
	}
	drop("deliveries", s.Ports().Deliveries.DropDeliveries, 4, 3, 3)
	drop("the last of them", s.Ports().Deliveries.DropDeliveries, 4, 3, 1)
	if ds, err := s.Ports().Deliveries.ListDeliveries(ctx, "default", "", 100); err != nil || len(ds) != 6 {
		t.Errorf("left: %d deliveries, %v", len(ds), err)
	}
}
