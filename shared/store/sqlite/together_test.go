package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest/sample"
)

// appendEntry appends an entry of tenant "default" through ctx.
func appendEntry(ctx context.Context, t *testing.T, p directory.Ports, id directory.EntryID) {
	t.Helper()
	e := directory.LogEntry{ID: id, At: time.UnixMilli(1).UTC(), Provider: "p", Action: directory.UserUpdated, Name: "Kim"}
	if err := p.Log.AppendEntry(ctx, "default", e); err != nil {
		t.Error(err)
	}
}

// stored names the entries of the log that ctx shows.
func stored(ctx context.Context, t *testing.T, p directory.Ports) (ids []directory.EntryID) {
	t.Helper()
	es, err := p.Log.EntriesAfter(ctx, "default", "p", "", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		ids = append(ids, e.ID)
	}
	return ids
}

// handedOn names the entries that the feed delivers next, without taking them.
func handedOn(t *testing.T, p directory.Ports) (ids []directory.EntryID) {
	t.Helper()
	enough := errors.New("enough")
	_, err := p.Feed.Deliver(t.Context(), func(_ context.Context, batch []directory.TenantEntry) error {
		for _, e := range batch {
			ids = append(ids, e.Entry.ID)
		}
		return enough
	})
	if err != nil && !errors.Is(err, enough) {
		t.Fatal(err)
	}
	return ids
}

// What is done together is stored together or, in a file, not at all: also by several goroutines, which see all of it,
// while others wait. A method that fails changes nothing and ends nothing. Afterwards the context is like any other.
func TestTogetherIsOneTransaction(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	for _, path := range []string{sqlite.Memory, filepath.Join(t.TempDir(), "rollcall.db")} {
		p := open(t, path).Ports()
		var kept context.Context
		do := func(end error, ids ...directory.EntryID) {
			waits := make(chan []directory.EntryID)
			err := p.Feed.Together(t.Context(), func(ctx context.Context) error {
				kept = ctx
				var all sync.WaitGroup
				for _, id := range ids {
					all.Go(func() { appendEntry(ctx, t, p, id) })
				}
				all.Wait()
				go func() { waits <- stored(t.Context(), t, p) }()
				refused := errors.New("refused")
				_, err := p.SetAsides.UpdateSetAside(ctx, "default", "d1", func(directory.Delivery) (directory.Delivery, error) {
					return directory.Delivery{}, refused
				})
				if !errors.Is(err, refused) {
					t.Errorf("%v, want %v", err, refused)
				}
				return p.Feed.Together(ctx, func(ctx context.Context) error { // is a part of it
					if got := stored(ctx, t, p); !slices.Equal(got[len(got)-len(ids):], ids) {
						t.Errorf("within: %v", got)
					}
					return end
				})
			})
			if !errors.Is(err, end) {
				t.Errorf("%v, want %v", err, end)
			}
			seen := slices.Contains(<-waits, ids[0])
			if end == nil && !seen || end != nil && path != sqlite.Memory && seen {
				t.Errorf("another call saw %v: %v, with the outcome %v", ids[0], seen, end)
			}
		}
		do(nil, "e1", "e2", "e3")
		do(mine, "e4", "e5")
		appendEntry(kept, t, p, "e6")
		want := []directory.EntryID{"e1", "e2", "e3", "e6"}
		if path == sqlite.Memory {
			want = []directory.EntryID{"e1", "e2", "e3", "e4", "e5", "e6"}
		}
		if got := stored(t.Context(), t, p); !slices.Equal(got, want) {
			t.Errorf("%s: stored %v, want %v", path, got, want)
		}
		got := handedOn(t, p) // in the order of their commits
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: handed on %v, want %v", path, got, want)
		}
	}
}

// In a file, a method that fails after its writes takes back what it wrote, and nothing else.
func TestPartOfTogetherFails(t *testing.T) {
	t.Parallel()
	for _, failing := range []int{1, 2, 3} {
		s := open(t, filepath.Join(t.TempDir(), "rollcall.db"))
		p, writes := s.Ports(), 0
		s.StopBefore(func(string) error {
			if writes++; writes == failing {
				return errors.New("this write fails")
			}
			return nil
		})
		var want []directory.EntryID
		err := p.Feed.Together(t.Context(), func(ctx context.Context) error {
			for i := 1; i <= 3; i++ {
				id := directory.EntryID(fmt.Sprint("e", i))
				err := p.Log.AppendEntry(ctx, "default", directory.LogEntry{ID: id, Provider: "p", At: time.UnixMilli(1).UTC()})
				if (err != nil) != (i == failing) {
					t.Errorf("write %d: %v", i, err)
				}
				if err == nil {
					want = append(want, id)
				}
			}
			return nil
		})
		if err != nil || !slices.Equal(stored(t.Context(), t, p), want) || !slices.Equal(handedOn(t, p), want) {
			t.Errorf("stored %v, handed on %v, %v; want %v", stored(t.Context(), t, p), handedOn(t, p), err, want)
		}
	}
}

// The feed hands on from memory what it would read from the table.
func TestRecentEntriesAreAsStored(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Memory)
	p := s.Ports()
	sample.New(t, p)
	read := func() (all []directory.TenantEntry) {
		if err := s.Exec(`UPDATE followed SET seq = 0`); err != nil {
			t.Fatal(err)
		}
		for n := 1; n > 0; {
			var err error
			if n, err = p.Feed.Deliver(t.Context(), func(_ context.Context, batch []directory.TenantEntry) error {
				all = append(all, batch...)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	s.Trace(func(query string) {
		if query == sqlite.ReadLog {
			t.Error("the table was read")
		}
	})
	var recent []directory.TenantEntry
	for n := 1; n > 0; {
		var err error
		if n, err = p.Feed.Deliver(t.Context(), func(_ context.Context, batch []directory.TenantEntry) error {
			recent = append(recent, batch...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	s.Trace(nil)
	table := read()
	if diff := cmp.Diff(table, recent, cmpopts.EquateEmpty()); diff != "" || len(table) < 20 {
		t.Errorf("%d entries (-table +memory):\n%s", len(table), diff)
	}
}

// An entry that was erased or dropped, or whose tenant was erased, is not handed on as it was.
func TestErasedEntriesAreNotInMemory(t *testing.T) {
	t.Parallel()
	for name, erase := range map[string]func(directory.Ports) error{
		"an entry": func(p directory.Ports) error {
			return p.Chains.EraseEntry(t.Context(), "default", directory.LogEntry{ID: "e1", At: time.UnixMilli(1).UTC(), Provider: "p"}, 0)
		},
		"a tenant": func(p directory.Ports) (err error) {
			for next := "log"; next != "" && err == nil; {
				next, _, err = p.Tenants.EraseTenant(t.Context(), "default", "")
				for next != "" && err == nil {
					next, _, err = p.Tenants.EraseTenant(t.Context(), "default", next)
				}
			}
			return err
		},
	} {
		p := open(t, sqlite.Memory).Ports()
		appendEntry(t.Context(), t, p, "e1")
		appendEntry(t.Context(), t, p, "e2")
		if err := erase(p); err != nil {
			t.Fatal(err)
		}
		_, err := p.Feed.Deliver(t.Context(), func(_ context.Context, batch []directory.TenantEntry) error {
			if e := batch[0].Entry; e.Name != "" || name == "a tenant" {
				t.Errorf("%s: %+v was handed on", name, e)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A feed that fell behind what is in memory reads the table, and continues from memory.
func TestFeedThatFellBehind(t *testing.T) {
	t.Parallel()
	const n = sqlite.MaxRecent + 250
	s := open(t, sqlite.Memory)
	p := s.Ports()
	for i := range n {
		appendEntry(t.Context(), t, p, directory.EntryID(fmt.Sprintf("e%06d", i)))
	}
	reads, got := 0, 0
	s.Trace(func(query string) {
		if query == sqlite.ReadLog {
			reads++
		}
	})
	for more := 1; more > 0; {
		var err error
		if more, err = p.Feed.Deliver(t.Context(), func(_ context.Context, batch []directory.TenantEntry) error {
			for _, e := range batch {
				if want := directory.EntryID(fmt.Sprintf("e%06d", got)); e.Entry.ID != want {
					t.Fatalf("%s, want %s", e.Entry.ID, want)
				}
				got++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if got != n || reads != 3 {
		t.Errorf("%d entries with %d reads of the table, want %d with 3", got, reads, n)
	}
}

// A process that dies while it follows a batch has stored all of what follows, or nothing. The mark of the feed stays
// behind until what calls other systems is done.
func TestDeathWhileFollowing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path)
	f, err := newFiller(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.fill(); err != nil {
		t.Fatal(err)
	}
	count := func(s *sqlite.Store) (n int) {
		counts, err := s.Ports().Counts.Counts(t.Context(), f.admin.Tenant, f.caller.Provider, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return counts[directory.UserCreated]
	}
	const all = 20
	died, writes, behind := errors.New("died"), 0, 0
	for left, done := 0, false; !done; left++ {
		writes = 0
		s.StopBefore(func(string) error {
			if writes++; writes > left {
				return died
			}
			return nil
		})
		if _, err = f.s.FollowNew(t.Context(), func([]follow.Failure) {}); err != nil && !errors.Is(err, died) {
			t.Fatal(err)
		}
		s.StopBefore(nil)
		ids, got := handedOn(t, s.Ports()), count(s)
		if done = err == nil; done != (len(ids) == 0) || got != 0 && got != all {
			t.Fatalf("before write %d of a batch: %d users are counted, %d entries are left, %v", left+1, got, len(ids), err)
		}
		if !done && got == all {
			behind++
		}
	}
	if got := count(s); got != all || behind == 0 || behind > 2 {
		t.Errorf("%d users are counted; %d times all was stored and the mark behind", got, behind)
	}
}
