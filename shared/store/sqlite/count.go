package sqlite

import (
	"context"
	"maps"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// CountEntry implements directory.Counts.
func (s *Store) CountEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	return s.write(ctx, func() error {
		err := s.exec(`INSERT OR IGNORE INTO counted (tenant, provider, minute, id, action) VALUES (?,?,?,?,?)`, nil,
			string(t), string(e.Provider), millis(e.At.Truncate(time.Minute)), string(e.ID), string(e.Action))
		if err != nil || s.conn.Changes() == 0 {
			return err
		}
		return s.tally(t, e)
	})
}

// Counts implements directory.Counts.
func (s *Store) Counts(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, since time.Time,
) (map[directory.Action]int, error) {
	out := map[directory.Action]int{}
	err := s.read(ctx, func() error {
		return s.exec(`SELECT action, count(*) FROM counted WHERE tenant = ? AND provider = ? AND minute >= ? GROUP BY action`,
			func(r *sqlite.Stmt) error {
				out[directory.Action(r.ColumnText(0))] = int(r.ColumnInt64(1))
				return nil
			}, string(t), string(p), millis(since.Truncate(time.Minute)))
	})
	return out, err
}

// Timeline implements directory.Counts.
func (s *Store) Timeline(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, since time.Time,
) (out []directory.Minute, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT minute, action, count(*) FROM counted WHERE tenant = ? AND provider = ? AND minute >= ? GROUP BY `+
			`minute, action ORDER BY minute`, func(r *sqlite.Stmt) error {
			at := fromMillis(r.ColumnInt64(0))
			if len(out) == 0 || !out[len(out)-1].At.Equal(at) {
				out = append(out, directory.Minute{At: at, Counts: map[directory.Action]int{}})
			}
			out[len(out)-1].Counts[directory.Action(r.ColumnText(1))] = int(r.ColumnInt64(2))
			return nil
		}, string(t), string(p), millis(since.Truncate(time.Minute)))
	})
	return out, err
}

// tally adds an entry to the tallies, in the transaction that counts it.
func (s *Store) tally(t directory.TenantID, e directory.LogEntry) error {
	tally := e.Tally()
	for _, key := range slices.Sorted(maps.Keys(tally)) {
		if err := s.exec(`INSERT INTO tallies (tenant, key, n) VALUES (?1,?2,?3) ON CONFLICT DO UPDATE SET n = n + ?3`, nil, string(t), key,
			tally[key]); err != nil {
			return err
		}
	}
	return nil
}

// Tallies implements directory.Counts.
func (s *Store) Tallies(ctx context.Context, t directory.TenantID, keys []string) (map[string]int, error) {
	out := map[string]int{}
	err := s.read(ctx, func() error {
		for _, key := range keys {
			err := s.exec(`SELECT n FROM tallies WHERE tenant = ? AND key = ?`, func(r *sqlite.Stmt) error {
				out[key] = int(r.ColumnInt64(0))
				return nil
			}, string(t), key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
