package dynamo

import (
	"context"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
)

// setAsideItem is work set aside at a revision, in the due index.
func setAsideItem(d directory.Delivery, rev int64) (item, error) {
	it := item{
		"v": num(schemaVersion), "rev": num(rev), "ttl": num(d.CreatedAt.Add(directory.DeliveryKept + 24*time.Hour).Unix()),
		"due": str(dueSetAside(spread(string(d.ID), setAsideShards))), "dueAt": str(dueText(d.DueAt)),
	}
	return it, putJSON(it, "r", d)
}

// setAsideStore implements directory.SetAsides.
type setAsideStore struct{ *Store }

func (s setAsideStore) UpdateSetAside(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (d directory.Delivery, err error) {
	k := setAsideKey(t, id)
	err = s.rerun(ctx, "work set aside", func(int) error {
		var old directory.Delivery
		rev, err := s.record(ctx, k, &old)
		if err != nil {
			return err
		}
		if d, err = update(old); err != nil {
			return err
		}
		c := absent
		if rev > 0 {
			c = when("#rev = :rev", item{":rev": num(rev)})
		}
		if d.ID == "" {
			if rev == 0 {
				return nil
			}
			x := &tx{}
			x.delete(s.Store, k, c, nil)
			return s.commit(ctx, "remove work set aside", x)
		}
		it, err := setAsideItem(d, rev+1)
		if err != nil {
			return err
		}
		return s.putIf(ctx, "set aside", k, it, c)
	})
	return d, err
}

// ListSetAside implements directory.SetAsides: the shards are merged by id.
func (s setAsideStore) ListSetAside(
	ctx context.Context, t directory.TenantID, before directory.DeliveryID, count int,
) ([]directory.Delivery, error) {
	return s.newestDeliveries(ctx, setAsideShards, func(i int) string { return setAsideShard(t, i) }, before, count)
}

func (s setAsideStore) DueSetAside(ctx context.Context, now time.Time, count int) ([]directory.DueDelivery, error) {
	its, err := s.due(ctx, setAsideShards, dueSetAside, now, count)
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
