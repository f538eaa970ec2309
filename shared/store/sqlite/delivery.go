package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// AddDelivery implements directory.Deliveries.
func (s *Store) AddDelivery(ctx context.Context, t directory.TenantID, d directory.Delivery) error {
	return s.write(ctx, func() error {
		return s.putRecord(`INSERT OR IGNORE INTO deliveries (tenant, id, due_at, created, record) VALUES (?,?,?,?,?)`, d,
			string(t), string(d.ID), dueAt(d), millis(d.CreatedAt))
	})
}

// dueAt returns the column due_at of d.
func dueAt(d directory.Delivery) int64 {
	if d.State != directory.DeliveryPending {
		return 0
	}
	return millis(d.DueAt)
}

const selectDelivery = `SELECT record FROM deliveries WHERE tenant = ? AND id = ?`

// Delivery implements directory.Deliveries.
func (s *Store) Delivery(ctx context.Context, t directory.TenantID, id directory.DeliveryID) (directory.Delivery, error) {
	return readRecord[directory.Delivery](ctx, s, "delivery", selectDelivery, key(t, id)...)
}

// ListDeliveries implements directory.Deliveries.
func (s *Store) ListDeliveries(
	ctx context.Context, t directory.TenantID, before directory.DeliveryID, count int,
) ([]directory.Delivery, error) {
	return readRecords[directory.Delivery](ctx, s,
		`SELECT record FROM deliveries WHERE tenant = ?1 AND (?2 = '' OR id < ?2) ORDER BY id DESC LIMIT ?3+0`, string(t), string(before), count)
}

// UpdateDelivery implements directory.Deliveries.
func (s *Store) UpdateDelivery(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (d directory.Delivery, err error) {
	err = s.write(ctx, func() error {
		old, err := record[directory.Delivery](s, "delivery", selectDelivery, key(t, id)...)
		if err != nil {
			return err
		}
		if d, err = update(old); err != nil {
			return err
		}
		return s.putRecord(`UPDATE deliveries SET due_at = ?3, created = ?4, record = ?5 WHERE tenant = ?1 AND id = ?2`, d,
			string(t), string(id), dueAt(d), millis(d.CreatedAt))
	})
	return d, err
}

// DueDeliveries implements directory.Deliveries.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, count int) (out []directory.DueDelivery, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT tenant, id FROM deliveries WHERE due_at > 0 AND due_at <= ? ORDER BY due_at LIMIT ?+0`, func(r *sqlite.Stmt) error {
			out = append(out, directory.DueDelivery{Tenant: directory.TenantID(r.ColumnText(0)), ID: directory.DeliveryID(r.ColumnText(1))})
			return nil
		}, millis(now), count)
	})
	return out, err
}

// DropDeliveries implements directory.Deliveries.
func (s *Store) DropDeliveries(ctx context.Context, before time.Time, count int) (n int, err error) {
	err = s.write(ctx, func() error {
		err := s.exec(`DELETE FROM deliveries WHERE (tenant, id) IN (SELECT tenant, id FROM deliveries WHERE created < ? ORDER BY `+
			`created LIMIT ?+0)`, nil, millis(before), count)
		n = s.conn.Changes()
		return err
	})
	return n, err
}
