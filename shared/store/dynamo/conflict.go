package dynamo

import (
	"context"
	"errors"

	"rollcall/shared/directory"
)

// Conflict implements directory.Conflicts.
func (s *Store) Conflict(ctx context.Context, t directory.TenantID, id directory.ConflictID) (directory.ConflictCase, error) {
	c, _, err := readRecord[directory.ConflictCase](ctx, s, "conflict", conflictKey(t, id), string(id))
	return c, err
}

// UpdateConflict implements directory.Conflicts.
func (s *Store) UpdateConflict(
	ctx context.Context, t directory.TenantID, id directory.ConflictID, update directory.Update[directory.ConflictCase],
) (directory.ConflictCase, error) {
	if !usable(string(id)) {
		return directory.ConflictCase{}, notFound("conflict")
	}
	return updateRecord(ctx, s, t, "conflict", conflictKey(t, id), entryOptional, update)
}

// ListConflicts implements directory.Conflicts.
func (s *Store) ListConflicts(
	ctx context.Context, t directory.TenantID, state directory.ConflictState, from directory.ConflictID, count int,
) (out []directory.ConflictCase, err error) {
	for lo := after(escaper.Replace(string(from))); len(out) < count; {
		its, more, err := s.query(ctx, span{pk: conflicts(t), lo: lo, limit: max(count-len(out), 100)})
		if err != nil {
			return nil, err
		}
		for _, it := range its {
			var c directory.ConflictCase
			if err := errors.Join(checkVersion(it), getJSON(it, "r", &c)); err != nil {
				return nil, err
			}
			lo = after(text(it, "SK"))
			if state == "" || c.State == state {
				out = append(out, c)
			}
		}
		if !more {
			break
		}
	}
	return out[:min(len(out), max(count, 0))], nil
}
