package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

var (
	matters    = tableOf("matters", "tenant", "id")
	custodians = tableOf("custodians", "tenant", "matter", "uid")
)

// Matter implements directory.LegalHolds.
func (s *Store) Matter(ctx context.Context, t directory.TenantID, id directory.MatterID) (directory.Matter, error) {
	return readRecord[directory.Matter](ctx, s, "legal hold", matters.get, key(t, id)...)
}

// UpdateMatter implements directory.LegalHolds.
func (s *Store) UpdateMatter(
	ctx context.Context, t directory.TenantID, id directory.MatterID, update directory.Update[directory.Matter],
) (directory.Matter, error) {
	return updateRecord(ctx, s, t, "legal hold", matters, key(t, id), 0, update)
}

// ListMatters implements directory.LegalHolds.
func (s *Store) ListMatters(ctx context.Context, t directory.TenantID, after directory.MatterID, count int) ([]directory.Matter, error) {
	return readRecords[directory.Matter](ctx, s, matters.after, string(t), string(after), count)
}

// Custodian implements directory.LegalHolds.
func (s *Store) Custodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID,
) (directory.Custodian, error) {
	c, err := readRecord[directory.Custodian](ctx, s, "custodian", custodians.get, key(t, string(matter), string(id))...)
	return c, directory.IgnoreNotFound(err)
}

// UpdateCustodian implements directory.LegalHolds.
func (s *Store) UpdateCustodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID, update directory.CustodianUpdate,
) (c directory.Custodian, u directory.User, err error) {
	err = s.write(ctx, func() error {
		m, err := record[directory.Matter](s, "legal hold", matters.get, key(t, matter)...)
		if err != nil {
			return err
		}
		old, err := s.userByID(t, id)
		if err != nil {
			return err
		}
		custodian := key(t, string(matter), string(id))
		was, err := record[directory.Custodian](s, "custodian", custodians.get, custodian...)
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

// Custodians implements directory.LegalHolds.
func (s *Store) Custodians(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, after directory.UserID, count int,
) ([]directory.Custodian, error) {
	return readRecords[directory.Custodian](ctx, s, custodians.after, string(t), string(matter), string(after), count)
}
