package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// deliverBatch limits the entries that one call of Deliver passes to fn.
const deliverBatch = 100

// feedStore implements directory.Feed.
type feedStore struct{ *Store }

// Deliver implements directory.Feed. It delivers a batch of the log from the mark on. With none to deliver, it scrubs the
// file if something was erased.
func (s feedStore) Deliver(ctx context.Context, fn func(context.Context, []directory.TenantEntry) error) (int, error) {
	var batch []directory.TenantEntry
	var last int64
	err := s.read(ctx, func() error {
		return s.exec(`SELECT seq, tenant, entry, provider, position FROM log WHERE seq > (SELECT seq FROM followed) ORDER BY seq LIMIT ?+0`,
			func(r *sqlite.Stmt) error {
				last = r.ColumnInt64(0)
				e := directory.TenantEntry{Tenant: directory.TenantID(r.ColumnText(1))}
				if e.Unreadable = decode(columnBytes(r, 2), &e.Entry); e.Unreadable != nil {
					e.Entry = directory.EntryOfPosition(directory.ProviderID(r.ColumnText(3)), r.ColumnText(4))
				}
				batch = append(batch, e)
				return nil
			}, deliverBatch)
	})
	if err != nil {
		return 0, err
	}
	if len(batch) == 0 {
		return 0, s.scrubIdle(ctx)
	}
	if err := fn(ctx, batch); err != nil {
		return 0, err
	}
	return len(batch), s.write(context.WithoutCancel(ctx), func() error {
		return s.exec(`UPDATE followed SET seq = max(seq, ?)`, nil, last)
	})
}
