package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

const selectConflict = `SELECT record FROM conflicts WHERE tenant = ? AND id = ?`

// Conflict implements directory.Conflicts.
func (s *Store) Conflict(ctx context.Context, t directory.TenantID, id directory.ConflictID) (directory.ConflictCase, error) {
	return readRecord[directory.ConflictCase](ctx, s, "conflict", selectConflict, key(t, id)...)
}

// UpdateConflict implements directory.Conflicts.
func (s *Store) UpdateConflict(
	ctx context.Context, t directory.TenantID, id directory.ConflictID, update directory.Update[directory.ConflictCase],
) (directory.ConflictCase, error) {
	return changeRecord(ctx, s, t, func() (directory.ConflictCase, error) {
		old, err := record[directory.ConflictCase](s, "conflict", selectConflict, key(t, id)...)
		return old, directory.IgnoreNotFound(err)
	}, entryOptional, update, func(_, c directory.ConflictCase) error {
		return s.putRecord(`INSERT INTO conflicts (tenant, id, state, record) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET state `+
			`= ?3, record = ?4`,
			c, string(t), string(id), string(c.State))
	})
}

// ListConflicts implements directory.Conflicts.
func (s *Store) ListConflicts(
	ctx context.Context, t directory.TenantID, state directory.ConflictState, after directory.ConflictID, count int,
) ([]directory.ConflictCase, error) {
	return readRecords[directory.ConflictCase](ctx, s,
		`SELECT record FROM conflicts WHERE tenant = ?1 AND id > ?2 AND (?3 = '' OR state = ?3) ORDER BY id LIMIT ?4+0`,
		string(t), string(after), string(state), count)
}
