package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// setAsideStore implements directory.SetAsides.
type setAsideStore struct{ *Store }

func (s setAsideStore) UpdateSetAside(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (d directory.Delivery, err error) {
	err = s.write(ctx, func() error {
		old, err := record[directory.Delivery](s.Store, "work", `SELECT record FROM set_aside WHERE tenant = ? AND id = ?`, key(t, id)...)
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
		if d, err = update(old); err != nil {
			return err
		}
		if d.ID == "" {
			return s.exec(`DELETE FROM set_aside WHERE tenant = ? AND id = ?`, nil, key(t, id)...)
		}
		return s.putRecord(`INSERT INTO set_aside (tenant, id, due_at, record) VALUES (?1,?2,?3,?4)
			ON CONFLICT DO UPDATE SET due_at = ?3, record = ?4`, d, string(t), string(id), millis(d.DueAt))
	})
	return d, err
}

func (s setAsideStore) ListSetAside(
	ctx context.Context, t directory.TenantID, before directory.DeliveryID, count int,
) ([]directory.Delivery, error) {
	return readRecords[directory.Delivery](ctx, s.Store,
		`SELECT record FROM set_aside WHERE tenant = ?1 AND (?2 = '' OR id < ?2) ORDER BY id DESC LIMIT ?3+0`, string(t), string(before), count)
}

func (s setAsideStore) DueSetAside(ctx context.Context, now time.Time, count int) (out []directory.DueDelivery, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT tenant, id FROM set_aside WHERE due_at <= ? ORDER BY due_at LIMIT ?+0`, func(r *sqlite.Stmt) error {
			out = append(out, directory.DueDelivery{Tenant: directory.TenantID(r.ColumnText(0)), ID: directory.DeliveryID(r.ColumnText(1))})
			return nil
		}, millis(now), count)
	})
	return out, err
}
