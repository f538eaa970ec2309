package dynamo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// CreateWebhook implements directory.Webhooks.
func (s *Store) CreateWebhook(ctx context.Context, t directory.TenantID, w directory.Webhook, e directory.LogEntry) error {
	x := &tx{}
	x.putRecord(s, webhookKey(t, w.ID), w, 0)
	x.log(s, t, e, rest{})
	err := s.commit(ctx, "create webhook", x)
	if errors.Is(err, errStale) {
		return directory.Errorf(directory.Conflict, "the webhook's id is taken")
	}
	return err
}

func (s *Store) webhook(ctx context.Context, t directory.TenantID, id string) (w directory.Webhook, rev int64, err error) {
	if !usable(id) {
		return w, 0, notFound("webhook")
	}
	rev, err = s.record(ctx, webhookKey(t, id), &w)
	if err == nil && rev == 0 {
		err = notFound("webhook")
	}
	return w, rev, err
}

// Webhook implements directory.Webhooks.
func (s *Store) Webhook(ctx context.Context, t directory.TenantID, id string) (directory.Webhook, error) {
	w, _, err := s.webhook(ctx, t, id)
	return w, err
}

// ListWebhooks implements directory.Webhooks.
func (s *Store) ListWebhooks(ctx context.Context, t directory.TenantID) ([]directory.Webhook, error) {
	its, _, err := s.query(ctx, span{pk: webhooks(t)})
	if err != nil {
		return nil, err
	}
	return decodeAll[directory.Webhook](its)
}

// decodeAll decodes the JSON records of items.
func decodeAll[T any](its []item) ([]T, error) {
	out := make([]T, len(its))
	for i, it := range its {
		if err := errors.Join(checkVersion(it), getJSON(it, "r", &out[i])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// UpdateWebhook implements directory.Webhooks.
func (s *Store) UpdateWebhook(ctx context.Context, t directory.TenantID, id string, update func(directory.Webhook) (directory.Webhook, *directory.LogEntry, error)) (w directory.Webhook, err error) {
	err = s.rerun(ctx, "webhook", func(int) error {
		old, rev, err := s.webhook(ctx, t, id)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if w, e, err = update(old); err != nil || e == nil {
			return err
		}
		x := &tx{}
		x.putRecord(s, webhookKey(t, id), w, rev)
		x.log(s, t, *e, rest{})
		return s.commit(ctx, "update webhook", x)
	})
	return w, err
}

// DeleteWebhook implements directory.Webhooks.
func (s *Store) DeleteWebhook(ctx context.Context, t directory.TenantID, id string, del func(directory.Webhook) (directory.LogEntry, error)) error {
	return s.rerun(ctx, "webhook", func(int) error {
		old, rev, err := s.webhook(ctx, t, id)
		if err != nil {
			return err
		}
		e, err := del(old)
		if err != nil {
			return err
		}
		x := &tx{}
		x.delete(s, webhookKey(t, id), when("#rev = :rev", item{":rev": num(rev)}), nil)
		x.log(s, t, e, rest{})
		return s.commit(ctx, "delete webhook", x)
	})
}

// deliveryItem is a delivery at a revision. A pending one is in the due index.
func deliveryItem(d directory.Delivery, rev int64) (item, error) {
	it := item{"v": num(schemaVersion), "rev": num(rev), "ttl": num(d.CreatedAt.Add(directory.DeliveryKept + 24*time.Hour).Unix())}
	if d.State == directory.DeliveryPending {
		it["due"], it["dueAt"] = str(dueDeliveries(spread(d.ID, deliveryShards))), str(dueText(d.DueAt))
	}
	return it, putJSON(it, "r", d)
}

// AddDelivery implements directory.Deliveries.
func (s *Store) AddDelivery(ctx context.Context, t directory.TenantID, d directory.Delivery) error {
	it, err := deliveryItem(d, 1)
	if err != nil {
		return err
	}
	err = s.putIf(ctx, "add delivery", deliveryKey(t, d.ID), it, absent)
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

func (s *Store) delivery(ctx context.Context, t directory.TenantID, id string) (d directory.Delivery, rev int64, err error) {
	if !usable(id) {
		return d, 0, notFound("delivery")
	}
	rev, err = s.record(ctx, deliveryKey(t, id), &d)
	if err == nil && rev == 0 {
		err = notFound("delivery")
	}
	return d, rev, err
}

// Delivery implements directory.Deliveries.
func (s *Store) Delivery(ctx context.Context, t directory.TenantID, id string) (directory.Delivery, error) {
	d, _, err := s.delivery(ctx, t, id)
	return d, err
}

// ListDeliveries implements directory.Deliveries: the shards are merged by id.
func (s *Store) ListDeliveries(ctx context.Context, t directory.TenantID, before string, count int) ([]directory.Delivery, error) {
	if count < 1 {
		return nil, nil
	}
	var parts [deliveryShards][]item
	var fns []func(context.Context) error
	for i := range deliveryShards {
		fns = append(fns, func(ctx context.Context) (err error) {
			parts[i], err = s.newest(ctx, deliveryShard(t, i), "", "", escaper.Replace(before), count)
			return err
		})
	}
	if err := parallel(ctx, fns...); err != nil {
		return nil, err
	}
	all := slices.Concat(parts[:]...)
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(b, "SK"), text(a, "SK")) })
	return decodeAll[directory.Delivery](all[:min(count, len(all))])
}

// UpdateDelivery implements directory.Deliveries.
func (s *Store) UpdateDelivery(ctx context.Context, t directory.TenantID, id string, update func(directory.Delivery) (directory.Delivery, error)) (d directory.Delivery, err error) {
	err = s.rerun(ctx, "delivery", func(int) error {
		old, rev, err := s.delivery(ctx, t, id)
		if err != nil {
			return err
		}
		if d, err = update(old); err != nil {
			return err
		}
		it, err := deliveryItem(d, rev+1)
		if err != nil {
			return err
		}
		return s.putIf(ctx, "update delivery", deliveryKey(t, id), it, when("#rev = :rev", item{":rev": num(rev)}))
	})
	return d, err
}

// DueDeliveries implements directory.Deliveries.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, count int) ([]directory.DueDelivery, error) {
	var parts [deliveryShards][]item
	var fns []func(context.Context) error
	for i := range deliveryShards {
		fns = append(fns, func(ctx context.Context) (err error) {
			parts[i], _, err = s.query(ctx, span{pk: dueDeliveries(i), index: indexDue, hi: dueText(now), limit: count})
			return err
		})
	}
	if err := parallel(ctx, fns...); err != nil {
		return nil, err
	}
	all := slices.Concat(parts[:]...)
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(a, "dueAt"), text(b, "dueAt")) })
	var out []directory.DueDelivery
	for _, it := range all[:min(count, len(all))] {
		out = append(out, directory.DueDelivery{Tenant: tenantOfDelivery(text(it, "PK")), ID: text(it, "SK")})
	}
	return out, nil
}

// DropDeliveries implements directory.Deliveries: the table drops them itself.
func (s *Store) DropDeliveries(context.Context, time.Time, int) (int, error) { return 0, nil }
