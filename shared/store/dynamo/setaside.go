package dynamo

import (
	"context"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// setAsideStore implements directory.SetAsides.
type setAsideStore struct{ *Store }

func (s setAsideStore) UpdateSetAside(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (directory.Delivery, error) {
	return updatePlaced(ctx, s.Store, "work set aside", schema.SetAsideKey(t, id), update, setAsideItem)
}

// setAsideItem is work set aside without its JSON; nil for none.
func setAsideItem(d directory.Delivery) item {
	if d.ID == "" {
		return nil
	}
	due := schema.DueSetAside(schema.Spread(string(d.ID), schema.SetAsideShards))
	return item{"ttl": deliveryExpiry(d), "due": str(due), "dueAt": str(schema.DueText(d.DueAt))}
}

// updatePlaced replaces a JSON record by update(old), without an entry; old is zero when there is none. place returns its
// attributes in addition to the JSON, such as those of the due index; nil removes the record.
func updatePlaced[T any](
	ctx context.Context, s *Store, noun string, k schema.Key, update func(T) (T, error), place func(T) item,
) (v T, err error) {
	err = s.rerun(ctx, noun, func(int) error {
		var old T
		rev, err := s.record(ctx, k, &old)
		if err != nil {
			return err
		}
		if v, err = update(old); err != nil {
			return err
		}
		it, c := place(v), absent
		if rev > 0 {
			c = when("#rev = :rev", item{":rev": num(rev)})
		}
		switch {
		case it != nil:
			it["v"], it["rev"] = num(schemaVersion), num(rev+1)
			if err := putJSON(it, "r", v); err != nil {
				return err
			}
			return s.putIf(ctx, "update "+noun, k, it, c)
		case rev == 0:
			return nil
		}
		return s.eraseIf(ctx, "remove "+noun, k, c)
	})
	return v, err
}

// ListSetAside implements directory.SetAsides: the shards are merged by id.
func (s setAsideStore) ListSetAside(
	ctx context.Context, t directory.TenantID, before directory.DeliveryID, count int,
) ([]directory.Delivery, error) {
	return s.newestDeliveries(ctx, schema.SetAsideShards, func(i int) string { return schema.SetAsideShard(t, i) }, before, count)
}

func (s setAsideStore) DueSetAside(ctx context.Context, now time.Time, count int) ([]directory.DueDelivery, error) {
	its, err := s.due(ctx, schema.SetAsideShards, schema.DueSetAside, now, count)
	return dueOf(its), err
}

// shards reads the shards of a list in parallel.
func (s *Store) shards(ctx context.Context, n int, read func(context.Context, int) ([]item, error)) ([]item, error) {
	parts := make([][]item, n)
	fns := make([]func(context.Context) error, n)
	for i := range n {
		fns[i] = func(ctx context.Context) (err error) {
			parts[i], err = read(ctx, i)
			return err
		}
	}
	err := meter.Parallel(ctx, fns...)
	return slices.Concat(parts...), err
}
