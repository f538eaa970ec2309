package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

var (
	matters    = tableOf("matters", "tenant", "id")
	custodians = tableOf("custodians", "tenant", "matter", "uid")
)

// legalHoldStore implements directory.LegalHolds.
type legalHoldStore struct{ *Store }

func (s legalHoldStore) Matter(ctx context.Context, t directory.TenantID, id directory.MatterID) (directory.Matter, error) {
	return readRecord[directory.Matter](ctx, s.Store, "legal hold", matters.get, key(t, id)...)
}

func (s legalHoldStore) UpdateMatter(
	ctx context.Context, t directory.TenantID, id directory.MatterID, update directory.Update[directory.Matter],
) (directory.Matter, error) {
	return updateRecord(ctx, s.Store, t, "legal hold", matters, key(t, id), 0, update)
}

func (s legalHoldStore) ListMatters(
	ctx context.Context, t directory.TenantID, after directory.MatterID, count int,
) ([]directory.Matter, error) {
	return readRecords[directory.Matter](ctx, s.Store, matters.after, string(t), string(after), count)
}

func (s legalHoldStore) Custodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID,
) (directory.Custodian, error) {
	c, err := readRecord[directory.Custodian](ctx, s.Store, "custodian", custodians.get, key(t, string(matter), string(id))...)
	return c, directory.IgnoreNotFound(err)
}

func (s legalHoldStore) UpdateCustodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID, update directory.CustodianUpdate,
) (c directory.Custodian, u directory.User, err error) {
	err = s.write(ctx, func() error {
		m, err := record[directory.Matter](s.Store, "legal hold", matters.get, key(t, matter)...)
		if err != nil {
			return err
		}
		old, err := s.userByID(t, id)
		if err != nil {
			return err
		}
		custodian := key(t, string(matter), string(id))
		was, err := record[directory.Custodian](s.Store, "custodian", custodians.get, custodian...)
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
		var e *directory.LogEntry
		if c, u, e, err = update(m, was, old); err != nil || e == nil {
			return err
		}
		if err := s.replaceUser(t, old, u, *e); err != nil {
			return err
		}
		if err := s.putRecord(custodians.put, c, custodian...); err != nil {
			return err
		}
		return s.append(t, *e)
	})
	return c, u, err
}

func (s legalHoldStore) Custodians(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, after directory.UserID, count int,
) ([]directory.Custodian, error) {
	return readRecords[directory.Custodian](ctx, s.Store, custodians.after, string(t), string(matter), string(after), count)
}
