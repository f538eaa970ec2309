package sqlite

import (
	"context"
	"errors"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// append writes a log entry inside the transaction of its change.
func (s *Store) append(t directory.TenantID, e directory.LogEntry) error {
	b := e.AppendJSON(make([]byte, 0, 1024))
	return s.exec(`INSERT INTO log (tenant, provider, position, uid, gid, entry) VALUES (?,?,?,?,?,?)`, nil,
		string(t), string(e.Provider), e.Position(), textOrNull(string(e.User)), textOrNull(string(e.Group)), b)
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Entries implements directory.Log.
func (s *Store) Entries(ctx context.Context, t directory.TenantID, q directory.LogQuery) (out []directory.LogEntry, err error) {
	column, value := "provider = ?2", string(q.Provider)
	switch {
	case q.User != "":
		column, value = "uid = ?2 AND uid IS NOT NULL", string(q.User)
	case q.Group != "":
		column, value = "gid = ?2 AND gid IS NOT NULL", string(q.Group)
	}
	before := "~" // after every position
	if !q.Until.IsZero() {
		before = directory.LogEntry{At: q.Until}.Position()
	}
	if q.Before != "" {
		before = min(before, q.Before)
	}
	since := ""
	if !q.Since.IsZero() {
		since = directory.LogEntry{At: q.Since}.Position()
	}
	err = s.read(ctx, func() error {
		return s.exec(`SELECT entry FROM log WHERE tenant = ?1 AND `+column+` AND position < ?3 AND position >= ?4 ORDER BY position DESC LIMIT ?5+0`,
			func(r *sqlite.Stmt) error {
				var e directory.LogEntry
				err := decode(columnBytes(r, 0), &e)
				out = append(out, e)
				return err
			}, string(t), value, before, since, q.Count)
	})
	return out, err
}

// Entry implements directory.Log.
func (s *Store) Entry(ctx context.Context, t directory.TenantID, p directory.ProviderID, at time.Time, id directory.EntryID) (e directory.LogEntry, err error) {
	err = s.read(ctx, func() error {
		err := s.exec(`SELECT entry FROM log WHERE tenant = ? AND provider = ? AND position = ?`,
			func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), &e) },
			string(t), string(p), directory.LogEntry{At: at, ID: id}.Position())
		if err == nil && e.ID == "" {
			err = notFound("log entry")
		}
		return err
	})
	return e, err
}

// Complete implements directory.Follow. A transaction here is never too large, so nothing is left over.
func (s *Store) Complete(context.Context, directory.TenantID, directory.LogEntry) error { return nil }

// Count implements directory.Follow.
func (s *Store) Count(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	return s.write(ctx, func() error {
		err := s.exec(`INSERT OR IGNORE INTO counted (tenant, provider, minute, id, action) VALUES (?,?,?,?,?)`, nil,
			string(t), string(e.Provider), millis(e.At.Truncate(time.Minute)), string(e.ID), string(e.Action))
		if err != nil || s.conn.Changes() == 0 {
			return err
		}
		return s.tally(t, e)
	})
}

// Counts implements directory.Follow.
func (s *Store) Counts(ctx context.Context, t directory.TenantID, p directory.ProviderID, since time.Time) (map[directory.Action]int, error) {
	out := map[directory.Action]int{}
	err := s.read(ctx, func() error {
		return s.exec(`SELECT action, count(*) FROM counted WHERE tenant = ? AND provider = ? AND minute >= ? GROUP BY action`, func(r *sqlite.Stmt) error {
			out[directory.Action(r.ColumnText(0))] = int(r.ColumnInt64(1))
			return nil
		}, string(t), string(p), millis(since.Truncate(time.Minute)))
	})
	return out, err
}

// Timeline implements directory.Follow.
func (s *Store) Timeline(ctx context.Context, t directory.TenantID, p directory.ProviderID, since time.Time) (out []directory.Minute, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT minute, action, count(*) FROM counted WHERE tenant = ? AND provider = ? AND minute >= ? GROUP BY minute, action ORDER BY minute`, func(r *sqlite.Stmt) error {
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

// deliverBatch is how many entries Deliver hands on between two marks.
const deliverBatch = 100

type delivery struct {
	seq    int64
	tenant directory.TenantID
	entry  directory.LogEntry
	bad    error // it cannot be read
}

// Deliver implements directory.Feed: the log from the mark on, and again what failed before. An entry
// that fails is set aside with growing pauses and does not hold up the others.
func (s *Store) Deliver(ctx context.Context, fn func(context.Context, directory.TenantID, directory.LogEntry) error) (int, error) {
	var todo []delivery
	err := s.read(ctx, func() error {
		take := func(r *sqlite.Stmt) error {
			d := delivery{seq: r.ColumnInt64(0), tenant: directory.TenantID(r.ColumnText(1))}
			d.bad = decode(columnBytes(r, 2), &d.entry)
			todo = append(todo, d)
			return nil
		}
		err := s.exec(`SELECT l.seq, l.tenant, l.entry FROM unfollowed u JOIN log l ON l.seq = u.seq WHERE u.retry_at <= ? ORDER BY l.seq LIMIT ?+0`,
			take, time.Now().UnixMilli(), deliverBatch)
		if err != nil {
			return err
		}
		return s.exec(`SELECT seq, tenant, entry FROM log WHERE seq > (SELECT seq FROM followed) ORDER BY seq LIMIT ?+0`, take, deliverBatch)
	})
	if err != nil || len(todo) == 0 {
		return 0, err
	}
	n := 0
	failed := map[int64]error{}
	var unreadable error
	for _, d := range todo {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		err := d.bad
		if err == nil {
			err = fn(ctx, d.tenant, d.entry)
		} else {
			unreadable = err
		}
		if err != nil {
			failed[d.seq] = err
			continue
		}
		n++
	}
	return n, errors.Join(s.mark(context.WithoutCancel(ctx), todo, failed), unreadable)
}

// mark remembers what was followed and what has to be tried again, after 1 s, 2 s, 4 s … 1 h.
func (s *Store) mark(ctx context.Context, todo []delivery, failed map[int64]error) error {
	return s.write(ctx, func() error {
		for _, d := range todo {
			err, bad := failed[d.seq]
			if !bad {
				if err := s.exec(`DELETE FROM unfollowed WHERE seq = ?`, nil, d.seq); err != nil {
					return err
				}
				continue
			}
			if err := s.exec(`INSERT INTO unfollowed (seq, tries, retry_at, error) VALUES (?1, 1, ?2 + 1000, ?3)
				ON CONFLICT DO UPDATE SET tries = tries + 1, retry_at = ?2 + min(3600000, 1000 << min(tries, 20)), error = ?3`,
				nil, d.seq, time.Now().UnixMilli(), directory.KindOf(err).String()); err != nil {
				return err
			}
		}
		return s.exec(`UPDATE followed SET seq = max(seq, ?)`, nil, todo[len(todo)-1].seq)
	})
}
