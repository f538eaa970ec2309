package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
	"rollcall/shared/parallel"
)

// deliverBatch limits the entries that one call of Deliver passes to fn.
const deliverBatch = 100

// feedStore implements directory.Feed.
type feedStore struct{ *Store }

// delivered is the key under which the context of a batch has the number of its last row.
type delivered struct{}

// Deliver implements directory.Feed. It delivers a batch of the log from the mark on: from memory, or else from the table.
// With none to deliver, it scrubs the file if something was erased.
func (s feedStore) Deliver(ctx context.Context, fn func(context.Context, []directory.TenantEntry) error) (int, error) {
	var batch []directory.TenantEntry
	var last int64
	err := s.read(ctx, func() (err error) {
		batch, last, err = s.next()
		return err
	})
	if err != nil {
		return 0, err
	}
	if len(batch) == 0 {
		return 0, s.scrubIdle(ctx)
	}
	ctx = context.WithValue(ctx, delivered{}, last)
	if err := fn(ctx, batch); err != nil {
		return 0, err
	}
	return len(batch), s.Taken(context.WithoutCancel(ctx))
}

const readLog = `SELECT seq, tenant, entry, provider, position FROM log WHERE seq > ? ORDER BY seq LIMIT ?+0`

// next returns the entries after the mark, and the number of the last one's row.
func (s feedStore) next() (batch []directory.TenantEntry, last int64, err error) {
	if err := s.exec(`SELECT seq FROM followed`, func(r *sqlite.Stmt) error { last = r.ColumnInt64(0); return nil }); err != nil {
		return nil, 0, err
	}
	if es, ok := s.recent.after(last, deliverBatch); ok {
		for _, e := range es {
			batch, last = append(batch, e.entry), e.seq
		}
		return batch, last, nil
	}
	err = s.exec(readLog, func(r *sqlite.Stmt) error {
		last = r.ColumnInt64(0)
		e := directory.TenantEntry{Tenant: directory.TenantID(r.ColumnText(1))}
		if e.Unreadable = decode(columnBytes(r, 2), &e.Entry); e.Unreadable != nil {
			e.Entry = directory.EntryOfPosition(directory.ProviderID(r.ColumnText(3)), r.ColumnText(4))
		}
		batch = append(batch, e)
		return nil
	}, last, deliverBatch)
	if err == nil && len(batch) < deliverBatch {
		s.recent.reached(last)
	}
	return batch, last, err
}

// Taken implements directory.Feed.
func (s feedStore) Taken(ctx context.Context) error {
	last, ok := ctx.Value(delivered{}).(int64)
	if !ok {
		return nil
	}
	return s.write(ctx, func() error {
		return s.exec(`UPDATE followed SET seq = ?1 WHERE seq < ?1`, nil, last)
	})
}

// Together implements directory.Feed. There is one connection, so nothing in it runs at the same time. In memory, where
// nothing can be undone, what fn did before its error stays.
func (s feedStore) Together(ctx context.Context, fn func(context.Context) error) error {
	if u := s.unitOf(ctx); u != nil {
		if open, _ := u.do(func() error { return nil }); open {
			return fn(ctx)
		}
	}
	return s.read(ctx, func() (err error) {
		if err := s.exec("BEGIN IMMEDIATE", nil); err != nil {
			return err
		}
		u := &unit{}
		s.unit = u
		err = errPanicked
		defer func() { err = s.endUnit(u, err) }()
		return fn(parallel.InTurn(context.WithValue(ctx, unitKey(s), u)))
	})
}
