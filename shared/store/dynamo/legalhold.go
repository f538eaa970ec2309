package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// legalHoldStore implements directory.LegalHolds.
type legalHoldStore struct{ *Store }

func (s legalHoldStore) Matter(ctx context.Context, t directory.TenantID, id directory.MatterID) (directory.Matter, error) {
	m, _, err := readRecord[directory.Matter](ctx, s.Store, "legal hold", schema.MatterKey(t, id), string(id))
	return m, err
}

func (s legalHoldStore) UpdateMatter(
	ctx context.Context, t directory.TenantID, id directory.MatterID, update directory.Update[directory.Matter],
) (directory.Matter, error) {
	if !schema.Usable(string(id)) {
		return directory.Matter{}, notFound("legal hold")
	}
	return updateRecord(ctx, s.Store, t, "legal hold", schema.MatterKey(t, id), 0, update)
}

func (s legalHoldStore) ListMatters(
	ctx context.Context, t directory.TenantID, from directory.MatterID, count int,
) ([]directory.Matter, error) {
	return page[directory.Matter](ctx, s.Store, span{pk: schema.Matters(t), lo: after(schema.Escape(string(from))), limit: count})
}

func (s legalHoldStore) Custodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID,
) (c directory.Custodian, err error) {
	_, err = s.record(ctx, schema.CustodianKey(t, matter, id), &c)
	return c, err
}

// UpdateCustodian implements directory.LegalHolds. The matter is only checked, so that changes of its custodians do not
// conflict.
func (s legalHoldStore) UpdateCustodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID, update directory.CustodianUpdate,
) (c directory.Custodian, u directory.User, err error) {
	if !schema.Usable(string(matter)) {
		return c, u, notFound("legal hold")
	}
	err = s.rerun(ctx, "custodian", func(int) error {
		old, err := s.userByID(ctx, t, id)
		if err != nil {
			return err
		}
		var m directory.Matter
		var was directory.Custodian
		var mrev, crev int64
		err = meter.Parallel(ctx, func(ctx context.Context) (err error) {
			mrev, err = s.record(ctx, schema.MatterKey(t, matter), &m)
			return err
		}, func(ctx context.Context) (err error) {
			crev, err = s.record(ctx, schema.CustodianKey(t, matter, id), &was)
			return err
		})
		if err == nil && mrev == 0 {
			err = notFound("legal hold")
		}
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if c, u, e, err = update(m, was, old); err != nil || e == nil {
			return err
		}
		x := &tx{}
		x.check(s.Store, schema.MatterKey(t, matter), when("#rev = :rev", item{":rev": num(mrev)}), nil)
		x.putRecord(s.Store, schema.CustodianKey(t, matter, id), c, crev)
		s.overwrite(x, t, old, u, indexItems(t, old), indexItems(t, u))
		x.log(s.Store, t, *e, remainder{})
		return s.commit(ctx, "update custodian", x)
	})
	return c, u, err
}

func (s legalHoldStore) Custodians(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, from directory.UserID, count int,
) ([]directory.Custodian, error) {
	all := span{pk: schema.Custodians(t, matter), lo: after(schema.Escape(string(from))), limit: count}
	return page[directory.Custodian](ctx, s.Store, all)
}
