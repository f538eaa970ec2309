package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// Matter implements directory.LegalHolds.
func (s *Store) Matter(ctx context.Context, t directory.TenantID, id directory.MatterID) (directory.Matter, error) {
	m, _, err := readRecord[directory.Matter](ctx, s, "legal hold", matterKey(t, id), string(id))
	return m, err
}

// UpdateMatter implements directory.LegalHolds.
func (s *Store) UpdateMatter(
	ctx context.Context, t directory.TenantID, id directory.MatterID, update directory.Update[directory.Matter],
) (directory.Matter, error) {
	if !usable(string(id)) {
		return directory.Matter{}, notFound("legal hold")
	}
	return updateRecord(ctx, s, t, "legal hold", matterKey(t, id), 0, update)
}

// ListMatters implements directory.LegalHolds.
func (s *Store) ListMatters(ctx context.Context, t directory.TenantID, from directory.MatterID, count int) ([]directory.Matter, error) {
	return page[directory.Matter](ctx, s, span{pk: matters(t), lo: after(escaper.Replace(string(from))), limit: count})
}

// Custodian implements directory.LegalHolds.
func (s *Store) Custodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID,
) (c directory.Custodian, err error) {
	_, err = s.record(ctx, custodianKey(t, matter, id), &c)
	return c, err
}

// UpdateCustodian implements directory.LegalHolds. The matter is only checked, so that changes of its custodians do not
// conflict.
func (s *Store) UpdateCustodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID, update directory.CustodianUpdate,
) (c directory.Custodian, u directory.User, err error) {
	if !usable(string(matter)) {
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
		err = parallel(ctx, func(ctx context.Context) (err error) {
			mrev, err = s.record(ctx, matterKey(t, matter), &m)
			return err
		}, func(ctx context.Context) (err error) {
			crev, err = s.record(ctx, custodianKey(t, matter, id), &was)
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
		x.check(s, matterKey(t, matter), when("#rev = :rev", item{":rev": num(mrev)}), nil)
		x.putRecord(s, custodianKey(t, matter, id), c, crev)
		s.overwrite(x, t, old, u)
		x.log(s, t, *e, remainder{})
		return s.commit(ctx, "update custodian", x)
	})
	return c, u, err
}

// Custodians implements directory.LegalHolds.
func (s *Store) Custodians(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, from directory.UserID, count int,
) ([]directory.Custodian, error) {
	return page[directory.Custodian](ctx, s, span{pk: custodians(t, matter), lo: after(escaper.Replace(string(from))), limit: count})
}
