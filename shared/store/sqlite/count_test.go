package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

func countedEntries(n int) []directory.LogEntry {
	minute := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	es := make([]directory.LogEntry, n)
	for i := range es {
		es[i] = directory.LogEntry{ID: directory.EntryID(fmt.Sprintf("e%d", i)), At: minute.Add(time.Duration(i) * time.Hour / time.Duration(n)),
			Provider: "default01234", Action: directory.UserUpdated, User: directory.UserID(fmt.Sprint("u", i))}
	}
	return es
}

func appendEntries(t testing.TB, p directory.Ports, es ...directory.LogEntry) {
	t.Helper()
	for _, e := range es {
		if err := p.Log.AppendEntry(t.Context(), "default", e); err != nil {
			t.Fatal(err)
		}
	}
}

func fresh(t testing.TB, p directory.Ports, es ...directory.LogEntry) (n int) {
	t.Helper()
	got, err := p.Counts.CountEntries(t.Context(), "default", es)
	if err != nil {
		t.Fatal(err)
	}
	for _, yes := range got {
		if yes {
			n++
		}
	}
	return n
}

// What was counted in a file of an earlier release is counted after its tables were brought up to date, and not again.
func TestCountsOfEarlierReleases(t *testing.T) {
	t.Parallel()
	path, es := unpack(t, filepath.Join(releases, "v0.1.0.db.gz")), countedEntries(10)
	statements := []string{
		"INSERT INTO counted VALUES ('default', 'default01234', 60000, 'dropped', 'user.updated')",
		"INSERT INTO counted VALUES ('default', 'default01234', 60000, 'dropped, too', 'user.updated')",
		"INSERT INTO counted VALUES ('other00', 'default01234', 60000, 'e8', 'user.updated')",
	}
	for i, e := range es {
		statements = append(statements, fmt.Sprintf("INSERT INTO log (tenant, provider, position, entry) VALUES ('default', '%s', '%s', '{}')",
			e.Provider, e.Position()))
		if i < 7 {
			statements = append(statements, fmt.Sprintf("INSERT INTO counted VALUES ('default', '%s', %d, '%s', '%s')", e.Provider,
				e.At.Truncate(time.Minute).UnixMilli(), e.ID, e.Action))
		}
	}
	execute(t, path, strings.Join(statements, ";"))
	p := open(t, path).Ports()
	counts := func(since time.Time, want int) {
		t.Helper()
		got, err := p.Counts.Counts(t.Context(), "default", "default01234", since)
		if err != nil || got[directory.UserUpdated] != want {
			t.Errorf("counts since %s: %v, %v, want %d", since, got, err, want)
		}
	}
	counts(time.Unix(0, 0), 9)
	counts(es[3].At, 4)
	if n := fresh(t, p, es...); n != 3 {
		t.Errorf("%d entries were fresh, want 3", n)
	}
	counts(es[0].At, 10)
}

// The number of a row of the log is used again when the newest rows are removed: its mark goes with it.
func TestMarksGoWithTheLog(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Memory)
	p, es := s.Ports(), countedEntries(4)
	appendEntries(t, p, es[:2]...)
	if n := fresh(t, p, es[:2]...); n != 2 {
		t.Fatalf("%d entries were fresh, want 2", n)
	}
	for next := ""; ; {
		var err error
		if next, _, err = p.Tenants.EraseTenant(t.Context(), "default", next); err != nil {
			t.Fatal(err)
		}
		if next == "" {
			break
		}
	}
	appendEntries(t, p, es[2:]...)
	if n := fresh(t, p, es[2:]...); n != 2 {
		t.Errorf("%d entries were fresh, want 2: their rows have the numbers of those removed", n)
	}
	if n := fresh(t, p, es[:2]...); n != 0 {
		t.Errorf("%d entries were counted that are not in the log", n)
	}
}

// BenchmarkGuardReads is what the guard reads at each disable, with 25,000 entries within its window of an hour.
func BenchmarkGuardReads(b *testing.B) {
	s, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	p, es := s.Ports(), countedEntries(25_000)
	appendEntries(b, p, es...)
	for i := range len(es) / 100 {
		fresh(b, p, es[100*i:100*(i+1)]...)
	}
	for b.Loop() {
		got, err := p.Counts.Counts(b.Context(), "default", "default01234", es[0].At)
		if err != nil || got[directory.UserUpdated] != len(es) {
			b.Fatal(got, err)
		}
	}
}

// BenchmarkCount counts a batch of 100 entries.
func BenchmarkCount(b *testing.B) {
	s, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const batch = 100
	p := s.Ports()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		es := countedEntries(batch)
		for i := range es {
			es[i].ID += directory.EntryID(fmt.Sprint("-", n))
		}
		appendEntries(b, p, es...)
		b.StartTimer()
		if n := fresh(b, p, es...); n != batch {
			b.Fatalf("%d entries were fresh", n)
		}
	}
}
