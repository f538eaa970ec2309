package dynamo

import (
	"context"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
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
	if count < 1 {
		return nil, nil
	}
	all, err := s.shards(ctx, setAsideShards, func(ctx context.Context, i int) ([]item, error) {
		return s.newest(ctx, setAsideShard(t, i), "", "", escaper.Replace(string(before)), count)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(b, "SK"), text(a, "SK")) })
	return decodeRecords[directory.Delivery](all[:min(count, len(all))])
}

func (s setAsideStore) DueSetAside(ctx context.Context, now time.Time, count int) (out []directory.DueDelivery, err error) {
	all, err := s.shards(ctx, setAsideShards, func(ctx context.Context, i int) ([]item, error) {
		its, _, err := s.query(ctx, span{pk: dueSetAside(i), index: indexDue, hi: dueText(now), limit: count})
		return its, err
	})
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(a, "dueAt"), text(b, "dueAt")) })
	for _, it := range all[:min(count, len(all))] {
		out = append(out, directory.DueDelivery{Tenant: tenantOfDelivery(text(it, "PK")), ID: directory.DeliveryID(text(it, "SK"))})
	}
	return out, err
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
	err := parallel(ctx, fns...)
	return slices.Concat(parts...), err
}
