package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// countStore implements directory.Counts.
type countStore struct{ *Store }

// CountEntries implements directory.Counts. The mark of an entry is the number of its row in the log, so an entry that
// is not in the log (its tenant was erased meanwhile) counts nowhere.
func (s countStore) CountEntries(ctx context.Context, t directory.TenantID, es []directory.LogEntry) (fresh []bool, err error) {
	if len(es) == 0 {
		return nil, nil
	}
	err = s.write(ctx, func() error {
		fresh = make([]bool, len(es))
		sums, tallies := map[counted]int{}, map[string]int{}
		for i, e := range es {
			err := s.exec(`INSERT OR IGNORE INTO counted SELECT seq FROM log WHERE tenant = ? AND provider = ? AND position = ?`, nil,
				string(t), string(e.Provider), e.Position())
			if err != nil {
				return err
			}
			if fresh[i] = s.conn.Changes() > 0; !fresh[i] {
				continue
			}
			sums[counted{string(e.Provider), millis(e.At.Truncate(time.Minute)), string(e.Action)}]++
			for key, n := range e.Tally() {
				tallies[key] += n
			}
		}
		return s.addSums(t, sums, tallies)
	})
	return fresh, err
}

// counted identifies a number of entries of a tenant.
type counted struct {
	provider string
	minute   int64
	action   string
}

func (s *Store) addSums(t directory.TenantID, sums map[counted]int, tallies map[string]int) error {
	for of, n := range sums {
		err := s.exec(`INSERT INTO counts (tenant, provider, minute, action, n) VALUES (?1,?2,?3,?4,?5)
			ON CONFLICT DO UPDATE SET n = n + ?5`, nil, string(t), of.provider, of.minute, of.action, n)
		if err != nil {
			return err
		}
	}
	for key, n := range tallies {
		err := s.exec(`INSERT INTO tallies (tenant, key, n) VALUES (?1,?2,?3) ON CONFLICT DO UPDATE SET n = n + ?3`, nil, string(t), key, n)
		if err != nil {
			return err
		}
	}
	return nil
}

// Uncounted implements directory.Counts. Entries that were counted are not read.
func (s countStore) Uncounted(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, count int,
) (es []directory.LogEntry, next string, err error) {
	err = s.read(ctx, func() error {
		query := `SELECT position, CASE WHEN c.seq IS NULL THEN entry END FROM log l LEFT JOIN counted c ON c.seq = l.seq
			WHERE tenant = ? AND provider = ? AND position > ? AND position < ? ORDER BY position LIMIT ?+0`
		return s.exec(query, func(r *sqlite.Stmt) error {
			next = r.ColumnText(0)
			if r.ColumnIsNull(1) {
				return nil
			}
			es = append(es, directory.LogEntry{})
			return decode(columnBytes(r, 1), &es[len(es)-1])
		}, string(t), string(p), after, before, count)
	})
	return es, next, err
}

func (s countStore) Counts(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, since time.Time,
) (map[directory.Action]int, error) {
	out := map[directory.Action]int{}
	err := s.read(ctx, func() error {
		return s.exec(`SELECT action, n FROM counts WHERE tenant = ? AND provider = ? AND minute >= ?`,
			func(r *sqlite.Stmt) error {
				out[directory.Action(r.ColumnText(0))] += int(r.ColumnInt64(1))
				return nil
			}, string(t), string(p), millis(since.Truncate(time.Minute)))
	})
	return out, err
}

func (s countStore) Timeline(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, since, until time.Time,
) (out []directory.Minute, err error) {
	err = s.read(ctx, func() error {
		query := `SELECT minute, action, n FROM counts WHERE tenant = ?1 AND provider = ?2 AND minute >= ?3 AND (?4 = 0 OR minute < ?4)
			ORDER BY minute`
		return s.exec(query, func(r *sqlite.Stmt) error {
			at := fromMillis(r.ColumnInt64(0))
			if len(out) == 0 || !out[len(out)-1].At.Equal(at) {
				out = append(out, directory.Minute{At: at, Counts: map[directory.Action]int{}})
			}
			out[len(out)-1].Counts[directory.Action(r.ColumnText(1))] = int(r.ColumnInt64(2))
			return nil
		}, string(t), string(p), millis(since.Truncate(time.Minute)), millis(until))
	})
	return out, err
}

func (s countStore) Tallies(ctx context.Context, t directory.TenantID, keys []string) (map[string]int, error) {
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
