package dynamo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// deliveryItem is a delivery at a revision. A pending one is in the due index.
func deliveryItem(d directory.Delivery, rev int64) (item, error) {
	it := item{"v": num(schemaVersion), "rev": num(rev), "ttl": num(d.CreatedAt.Add(directory.DeliveryKept + 24*time.Hour).Unix())}
	if d.State == directory.DeliveryPending {
		it["due"], it["dueAt"] = str(dueDeliveries(spread(string(d.ID), deliveryShards))), str(dueText(d.DueAt))
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

func (s *Store) delivery(ctx context.Context, t directory.TenantID, id directory.DeliveryID) (directory.Delivery, int64, error) {
	return readRecord[directory.Delivery](ctx, s, "delivery", deliveryKey(t, id), string(id))
}

// Delivery implements directory.Deliveries.
func (s *Store) Delivery(ctx context.Context, t directory.TenantID, id directory.DeliveryID) (directory.Delivery, error) {
	d, _, err := s.delivery(ctx, t, id)
	return d, err
}

// ListDeliveries implements directory.Deliveries: the shards are merged by id.
func (s *Store) ListDeliveries(
	ctx context.Context, t directory.TenantID, before directory.DeliveryID, count int,
) ([]directory.Delivery, error) {
	if count < 1 {
		return nil, nil
	}
	var parts [deliveryShards][]item
	var fns []func(context.Context) error
	for i := range deliveryShards {
		fns = append(fns, func(ctx context.Context) (err error) {
			parts[i], err = s.newest(ctx, deliveryShard(t, i), "", "", escaper.Replace(string(before)), count)
			return err
		})
	}
	if err := parallel(ctx, fns...); err != nil {
		return nil, err
	}
	all := slices.Concat(parts[:]...)
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(b, "SK"), text(a, "SK")) })
	return decodeRecords[directory.Delivery](all[:min(count, len(all))])
}

// UpdateDelivery implements directory.Deliveries.
func (s *Store) UpdateDelivery(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (d directory.Delivery, err error) {
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
		out = append(out, directory.DueDelivery{Tenant: tenantOfDelivery(text(it, "PK")), ID: directory.DeliveryID(text(it, "SK"))})
	}
	return out, nil
}

// DropDeliveries implements directory.Deliveries: the table expires them itself.
func (s *Store) DropDeliveries(context.Context, time.Time, int) (int, error) { return 0, nil }
