package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// deliveryStore implements directory.Deliveries.
type deliveryStore struct{ *Store }

func (s deliveryStore) AddDelivery(ctx context.Context, t directory.TenantID, d directory.Delivery) error {
	return s.write(ctx, func() error { return s.addDelivery(t, d) })
}

func (s *Store) addDelivery(t directory.TenantID, d directory.Delivery) error {
	return s.putRecord(`INSERT OR IGNORE INTO deliveries (tenant, id, webhook, due_at, created, record) VALUES (?,?,?,?,?,?)`, d,
		string(t), string(d.ID), string(d.Webhook), dueAt(d), millis(d.CreatedAt))
}

func (s deliveryStore) AddDeliveries(ctx context.Context, t directory.TenantID, ds []directory.Delivery) error {
	return s.write(ctx, func() error {
		for _, d := range ds {
			if err := s.addDelivery(t, d); err != nil {
				return err
			}
			if err := s.touchQueue(t, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// touchQueue has the queue of a pending delivery looked at when it is due, or when the pause of a failing one ends.
func (s *Store) touchQueue(t directory.TenantID, d directory.Delivery) error {
	return s.exec(`INSERT INTO queues (tenant, webhook, due_at, revision) VALUES (?,?,?,1) ON CONFLICT DO UPDATE SET
		revision = revision + 1, due_at = iif(failures > 0, due_at, min(due_at, excluded.due_at))`, nil,
		string(t), string(d.Webhook), millis(d.DueAt))
}

// dueAt returns the column due_at of d.
func dueAt(d directory.Delivery) int64 {
	if d.State != directory.DeliveryPending {
		return 0
	}
	return millis(d.DueAt)
}

const selectDelivery = `SELECT record FROM deliveries WHERE tenant = ? AND id = ?`

func (s deliveryStore) Delivery(ctx context.Context, t directory.TenantID, id directory.DeliveryID) (directory.Delivery, error) {
	return readRecord[directory.Delivery](ctx, s.Store, "delivery", selectDelivery, key(t, id)...)
}

func (s deliveryStore) ListDeliveries(
	ctx context.Context, t directory.TenantID, before directory.DeliveryID, count int,
) ([]directory.Delivery, error) {
	return readRecords[directory.Delivery](ctx, s.Store,
		`SELECT record FROM deliveries WHERE tenant = ?1 AND (?2 = '' OR id < ?2) ORDER BY id DESC LIMIT ?3+0`, string(t), string(before), count)
}

func (s deliveryStore) UpdateDelivery(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (d directory.Delivery, err error) {
	err = s.write(ctx, func() error {
		old, err := record[directory.Delivery](s.Store, "delivery", selectDelivery, key(t, id)...)
		if err != nil {
			return err
		}
		if d, err = update(old); err != nil {
			return err
		}
		if err := s.putDelivery(t, d); err != nil || d.Webhook == "" || d.State != directory.DeliveryPending {
			return err
		}
		return s.touchQueue(t, d)
	})
	return d, err
}

func (s *Store) putDelivery(t directory.TenantID, d directory.Delivery) error {
	return s.putRecord(`UPDATE deliveries SET due_at = ?3, created = ?4, record = ?5 WHERE tenant = ?1 AND id = ?2`, d,
		string(t), string(d.ID), dueAt(d), millis(d.CreatedAt))
}

func (s deliveryStore) FinishDelivery(ctx context.Context, t directory.TenantID, d directory.Delivery, was time.Time) error {
	return s.write(ctx, func() error {
		old, err := record[directory.Delivery](s.Store, "delivery", selectDelivery, key(t, d.ID)...)
		if err != nil || old.State != directory.DeliveryPending || !old.DueAt.Equal(was) {
			return directory.IgnoreNotFound(err)
		}
		return s.putDelivery(t, d)
	})
}

func (s deliveryStore) DueQueues(ctx context.Context, now time.Time, count int) (out []directory.Queue, err error) {
	err = s.read(ctx, func() error {
		out, err = s.queues(`WHERE due_at <= ? ORDER BY due_at LIMIT ?+0`, millis(now), count)
		return err
	})
	return out, err
}

// queues reads those of a condition.
func (s *Store) queues(where string, args ...any) (out []directory.Queue, err error) {
	const columns = `SELECT tenant, webhook, due_at, failures, status, cause, holder, until, revision FROM queues `
	err = s.exec(columns+where, func(r *sqlite.Stmt) error {
		q := directory.Queue{
			Tenant: directory.TenantID(r.ColumnText(0)), Webhook: directory.WebhookID(r.ColumnText(1)), DueAt: fromMillis(r.ColumnInt64(2)),
			Failures: r.ColumnInt(3), Status: r.ColumnInt(4), Cause: r.ColumnText(5), Holder: r.ColumnText(6), Until: fromMillis(r.ColumnInt64(7)),
			Revision: r.ColumnInt64(8),
		}
		out = append(out, q)
		return nil
	}, args...)
	return out, err
}

// queue reads that of a webhook.
// Errors: NotFound.
func (s *Store) queue(t directory.TenantID, w directory.WebhookID) (directory.Queue, error) {
	all, err := s.queues(`WHERE tenant = ? AND webhook = ?`, string(t), string(w))
	if err == nil && len(all) == 0 {
		err = notFound("queue")
	}
	if err != nil {
		return directory.Queue{}, err
	}
	return all[0], nil
}

func (s deliveryStore) LeaseQueue(
	ctx context.Context, t directory.TenantID, w directory.WebhookID, holder string, now, until time.Time,
) (q directory.Queue, err error) {
	err = s.write(ctx, func() error {
		q, err = s.queue(t, w)
		if err != nil || q.Holder != "" && q.Holder != holder && q.Until.After(now) {
			return err
		}
		q.Holder, q.Until = holder, until
		return s.exec(`UPDATE queues SET holder = ?, until = ? WHERE tenant = ? AND webhook = ?`, nil,
			holder, millis(until), string(t), string(w))
	})
	return q, err
}

func (s deliveryStore) ReleaseQueue(ctx context.Context, q directory.Queue) error {
	return s.write(ctx, func() error {
		stored, err := s.queue(q.Tenant, q.Webhook)
		switch {
		case directory.IgnoreNotFound(err) != nil:
			return err
		case err != nil || stored.Holder != q.Holder || stored.Revision != q.Revision:
			return directory.Errorf(directory.Conflict, "the queue has changed")
		case q.DueAt.IsZero():
			return s.exec(`DELETE FROM queues WHERE tenant = ? AND webhook = ?`, nil, string(q.Tenant), string(q.Webhook))
		}
		return s.exec(`UPDATE queues SET holder = '', until = 0, due_at = ?3, failures = ?4, status = ?5, cause = ?6
			WHERE tenant = ?1 AND webhook = ?2`, nil, string(q.Tenant), string(q.Webhook), millis(q.DueAt), q.Failures, q.Status, q.Cause)
	})
}

func (s deliveryStore) ResumeQueue(ctx context.Context, t directory.TenantID, w directory.WebhookID, now time.Time) error {
	return s.write(ctx, func() error {
		later, err := records[directory.Delivery](s.Store, `SELECT record FROM deliveries
			WHERE tenant = ? AND webhook = ? AND webhook <> '' AND due_at > ?`, string(t), string(w), millis(now))
		if err != nil {
			return err
		}
		for _, d := range later {
			d.DueAt = now
			if err := s.putDelivery(t, d); err != nil {
				return err
			}
		}
		return s.exec(`INSERT INTO queues (tenant, webhook, due_at, revision) VALUES (?,?,?,1) ON CONFLICT DO UPDATE SET
			revision = revision + 1, due_at = excluded.due_at, failures = 0`, nil, string(t), string(w), millis(now))
	})
}

func (s deliveryStore) QueuedDeliveries(
	ctx context.Context, t directory.TenantID, w directory.WebhookID, now time.Time, count int,
) (ds []directory.Delivery, next time.Time, err error) {
	ds, err = readRecords[directory.Delivery](ctx, s.Store, `SELECT record FROM deliveries
		WHERE tenant = ? AND webhook = ? AND webhook <> '' AND due_at > 0 ORDER BY due_at, id LIMIT ?+0`, string(t), string(w), count)
	for i, d := range ds {
		if d.DueAt.After(now) {
			return ds[:i], d.DueAt, err
		}
	}
	return ds, next, err
}

func (s deliveryStore) DueDeliveries(ctx context.Context, now time.Time, count int) (out []directory.DueDelivery, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT tenant, id FROM deliveries WHERE webhook = '' AND due_at > 0 AND due_at <= ? ORDER BY due_at LIMIT ?+0`,
			func(r *sqlite.Stmt) error {
				out = append(out, directory.DueDelivery{Tenant: directory.TenantID(r.ColumnText(0)), ID: directory.DeliveryID(r.ColumnText(1))})
				return nil
			}, millis(now), count)
	})
	return out, err
}

func (s deliveryStore) DropDeliveries(ctx context.Context, before time.Time, count int) (n int, err error) {
	err = s.write(ctx, func() error {
		err := s.exec(`DELETE FROM deliveries WHERE (tenant, id) IN (SELECT tenant, id FROM deliveries WHERE created < ? ORDER BY `+
			`created LIMIT ?+0)`, nil, millis(before), count)
		n = s.conn.Changes()
		return err
	})
	return n, err
}
