package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

const selectConflict = `SELECT record FROM conflicts WHERE tenant = ? AND id = ?`

// conflictStore implements directory.Conflicts.
type conflictStore struct{ *Store }

func (s conflictStore) Conflict(ctx context.Context, t directory.TenantID, id directory.ConflictID) (directory.ConflictCase, error) {
	return readRecord[directory.ConflictCase](ctx, s.Store, "conflict", selectConflict, key(t, id)...)
}

func (s conflictStore) UpdateConflict(
	ctx context.Context, t directory.TenantID, id directory.ConflictID, update directory.Update[directory.ConflictCase],
) (directory.ConflictCase, error) {
	return changeRecord(ctx, s.Store, t, func() (directory.ConflictCase, error) {
		old, err := record[directory.ConflictCase](s.Store, "conflict", selectConflict, key(t, id)...)
		return old, directory.IgnoreNotFound(err)
	}, entryOptional, update, func(_, c directory.ConflictCase) error {
		return s.putRecord(`INSERT INTO conflicts (tenant, id, state, record) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET state `+
			`= ?3, record = ?4`,
			c, string(t), string(id), string(c.State))
	})
}

func (s conflictStore) ListConflicts(
	ctx context.Context, t directory.TenantID, state directory.ConflictState, after directory.ConflictID, count int,
) ([]directory.ConflictCase, error) {
	return readRecords[directory.ConflictCase](ctx, s.Store,
		`SELECT record FROM conflicts WHERE tenant = ?1 AND id > ?2 AND (?3 = '' OR state = ?3) ORDER BY id LIMIT ?4+0`,
		string(t), string(after), string(state), count)
}
