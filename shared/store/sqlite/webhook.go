package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// CreateWebhook implements directory.Webhooks.
func (s *Store) CreateWebhook(ctx context.Context, t directory.TenantID, w directory.Webhook, e directory.LogEntry) error {
	return s.write(ctx, func() error {
		if err := s.putWebhook(t, w); err != nil {
			return err
		}
		return s.append(t, e)
	})
}

func (s *Store) putWebhook(t directory.TenantID, w directory.Webhook) error {
	b, err := encode(w)
	if err != nil {
		return err
	}
	return s.exec(`INSERT INTO webhooks (tenant, id, record) VALUES (?1,?2,?3) ON CONFLICT DO UPDATE SET record = ?3`, nil, string(t), w.ID, b)
}

func (s *Store) webhook(t directory.TenantID, id string) (w directory.Webhook, err error) {
	err = s.exec(`SELECT record FROM webhooks WHERE tenant = ? AND id = ?`, func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), &w) }, string(t), id)
	if err == nil && w.ID == "" {
		err = notFound("webhook")
	}
	return w, err
}

// Webhook implements directory.Webhooks.
func (s *Store) Webhook(ctx context.Context, t directory.TenantID, id string) (w directory.Webhook, err error) {
	err = s.read(ctx, func() error {
		w, err = s.webhook(t, id)
		return err
	})
	return w, err
}

// ListWebhooks implements directory.Webhooks.
func (s *Store) ListWebhooks(ctx context.Context, t directory.TenantID) (out []directory.Webhook, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT record FROM webhooks WHERE tenant = ? ORDER BY id`, func(r *sqlite.Stmt) error {
			var w directory.Webhook
			err := decode(columnBytes(r, 0), &w)
			out = append(out, w)
			return err
		}, string(t))
	})
	return out, err
}

// UpdateWebhook implements directory.Webhooks.
func (s *Store) UpdateWebhook(ctx context.Context, t directory.TenantID, id string, update func(directory.Webhook) (directory.Webhook, *directory.LogEntry, error)) (w directory.Webhook, err error) {
	err = s.write(ctx, func() error {
		old, err := s.webhook(t, id)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if w, e, err = update(old); err != nil || e == nil {
			return err
		}
		if err := s.putWebhook(t, w); err != nil {
			return err
		}
		return s.append(t, *e)
	})
	return w, err
}

// DeleteWebhook implements directory.Webhooks.
func (s *Store) DeleteWebhook(ctx context.Context, t directory.TenantID, id string, del func(directory.Webhook) (directory.LogEntry, error)) error {
	return s.write(ctx, func() error {
		old, err := s.webhook(t, id)
		if err != nil {
			return err
		}
		e, err := del(old)
		if err != nil {
			return err
		}
		if err := s.exec(`DELETE FROM webhooks WHERE tenant = ? AND id = ?`, nil, string(t), id); err != nil {
			return err
		}
		return s.append(t, e)
	})
}

// AddDelivery implements directory.Deliveries.
func (s *Store) AddDelivery(ctx context.Context, t directory.TenantID, d directory.Delivery) error {
	return s.write(ctx, func() error {
		b, err := encode(d)
		if err != nil {
			return err
		}
		return s.exec(`INSERT OR IGNORE INTO deliveries (tenant, id, due_at, created, record) VALUES (?,?,?,?,?)`, nil,
			string(t), d.ID, dueAt(d), millis(d.CreatedAt), b)
	})
}

// dueAt is the column of the time of the next try.
func dueAt(d directory.Delivery) int64 {
	if d.State != directory.DeliveryPending {
		return 0
	}
	return millis(d.DueAt)
}

func (s *Store) deliveries(query string, args ...any) (out []directory.Delivery, err error) {
	err = s.exec(query, func(r *sqlite.Stmt) error {
		var d directory.Delivery
		err := decode(columnBytes(r, 0), &d)
		out = append(out, d)
		return err
	}, args...)
	return out, err
}

func (s *Store) delivery(t directory.TenantID, id string) (directory.Delivery, error) {
	ds, err := s.deliveries(`SELECT record FROM deliveries WHERE tenant = ? AND id = ?`, string(t), id)
	if err == nil && len(ds) == 0 {
		err = notFound("delivery")
	}
	if err != nil {
		return directory.Delivery{}, err
	}
	return ds[0], nil
}

// Delivery implements directory.Deliveries.
func (s *Store) Delivery(ctx context.Context, t directory.TenantID, id string) (d directory.Delivery, err error) {
	err = s.read(ctx, func() error {
		d, err = s.delivery(t, id)
		return err
	})
	return d, err
}

// ListDeliveries implements directory.Deliveries.
func (s *Store) ListDeliveries(ctx context.Context, t directory.TenantID, before string, count int) (ds []directory.Delivery, err error) {
	err = s.read(ctx, func() error {
		ds, err = s.deliveries(`SELECT record FROM deliveries WHERE tenant = ?1 AND (?2 = '' OR id < ?2) ORDER BY id DESC LIMIT ?3+0`, string(t), before, count)
		return err
	})
	return ds, err
}

// UpdateDelivery implements directory.Deliveries.
func (s *Store) UpdateDelivery(ctx context.Context, t directory.TenantID, id string, update func(directory.Delivery) (directory.Delivery, error)) (d directory.Delivery, err error) {
	err = s.write(ctx, func() error {
		old, err := s.delivery(t, id)
		if err != nil {
			return err
		}
		if d, err = update(old); err != nil {
			return err
		}
		b, err := encode(d)
		if err != nil {
			return err
		}
		return s.exec(`UPDATE deliveries SET due_at = ?, created = ?, record = ? WHERE tenant = ? AND id = ?`, nil, dueAt(d), millis(d.CreatedAt), b, string(t), id)
	})
	return d, err
}

// DueDeliveries implements directory.Deliveries.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, count int) (out []directory.DueDelivery, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT tenant, id FROM deliveries WHERE due_at > 0 AND due_at <= ? ORDER BY due_at LIMIT ?+0`, func(r *sqlite.Stmt) error {
			out = append(out, directory.DueDelivery{Tenant: directory.TenantID(r.ColumnText(0)), ID: r.ColumnText(1)})
			return nil
		}, millis(now), count)
	})
	return out, err
}

// DropDeliveries implements directory.Deliveries.
func (s *Store) DropDeliveries(ctx context.Context, before time.Time, count int) (n int, err error) {
	err = s.write(ctx, func() error {
		err := s.exec(`DELETE FROM deliveries WHERE (tenant, id) IN (SELECT tenant, id FROM deliveries WHERE created < ? ORDER BY created LIMIT ?+0)`, nil, millis(before), count)
		n = s.conn.Changes()
		return err
	})
	return n, err
}
