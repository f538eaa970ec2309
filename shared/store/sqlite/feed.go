package sqlite

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// deliverBatch limits the new entries, and those retried, that one call of Deliver passes to fn.
const deliverBatch = 100

type delivery struct {
	seq    int64
	tenant directory.TenantID
	entry  directory.LogEntry
	bad    error // the entry cannot be decoded
}

// feedStore implements directory.Feed.
type feedStore struct{ *Store }

// Deliver implements directory.Feed. It delivers the log from the mark on, and entries that failed before. An entry
// that fails is retried with growing pauses and does not delay the others. With none to deliver, it scrubs the file if
// something was erased.
func (s feedStore) Deliver(ctx context.Context, fn func(context.Context, directory.TenantID, directory.LogEntry) error) (int, error) {
	var todo []delivery
	err := s.read(ctx, func() error {
		take := func(r *sqlite.Stmt) error {
			d := delivery{seq: r.ColumnInt64(0), tenant: directory.TenantID(r.ColumnText(1))}
			d.bad = decode(columnBytes(r, 2), &d.entry)
			todo = append(todo, d)
			return nil
		}
		err := s.exec(`SELECT l.seq, l.tenant, l.entry FROM unfollowed u JOIN log l ON l.seq = u.seq WHERE u.retry_at <= ? ORDER `+
			`BY l.seq LIMIT ?+0`,
			take, s.now().UnixMilli(), deliverBatch)
		if err != nil {
			return err
		}
		return s.exec(`SELECT seq, tenant, entry FROM log WHERE seq > (SELECT seq FROM followed) ORDER BY seq LIMIT ?+0`, take, deliverBatch)
	})
	if err != nil {
		return 0, err
	}
	if len(todo) == 0 {
		return 0, s.scrubIdle(ctx)
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

// mark records the entries that were followed and those to retry, after 1 s, 2 s, 4 s … 1 h.
func (s *Store) mark(ctx context.Context, todo []delivery, failed map[int64]error) error {
	return s.write(ctx, func() error {
		for _, d := range todo {
			err, ok := failed[d.seq]
			if !ok {
				if err := s.exec(`DELETE FROM unfollowed WHERE seq = ?`, nil, d.seq); err != nil {
					return err
				}
				continue
			}
			if err := s.exec(`INSERT INTO unfollowed (seq, tries, retry_at, error) VALUES (?1, 1, ?2 + 1000, ?3)
				ON CONFLICT DO UPDATE SET tries = tries + 1, retry_at = ?2 + min(3600000, 1000 << min(tries, 20)), error = ?3`,
				nil, d.seq, s.now().UnixMilli(), directory.KindOf(err).String()); err != nil {
				return err
			}
		}
		return s.exec(`UPDATE followed SET seq = max(seq, ?)`, nil, todo[len(todo)-1].seq)
	})
}
