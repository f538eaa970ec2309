package dynamo

import (
	"context"
	"errors"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// conflictStore implements directory.Conflicts.
type conflictStore struct{ *Store }

func (s conflictStore) Conflict(ctx context.Context, t directory.TenantID, id directory.ConflictID) (directory.ConflictCase, error) {
	c, _, err := readRecord[directory.ConflictCase](ctx, s.Store, "conflict", schema.ConflictKey(t, id), string(id))
	return c, err
}

func (s conflictStore) UpdateConflict(
	ctx context.Context, t directory.TenantID, id directory.ConflictID, update directory.Update[directory.ConflictCase],
) (directory.ConflictCase, error) {
	if !schema.Usable(string(id)) {
		return directory.ConflictCase{}, notFound("conflict")
	}
	return updateRecord(ctx, s.Store, t, "conflict", schema.ConflictKey(t, id), entryOptional, update)
}

func (s conflictStore) ListConflicts(
	ctx context.Context, t directory.TenantID, state directory.ConflictState, from directory.ConflictID, count int,
) (out []directory.ConflictCase, err error) {
	for lo := after(schema.Escape(string(from))); len(out) < count; {
		its, more, err := s.query(ctx, span{pk: schema.Conflicts(t), lo: lo, limit: max(count-len(out), 100)})
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
