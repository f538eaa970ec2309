package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// completionStore implements directory.Completion.
type completionStore struct{ *Store }

func (s completionStore) CompleteEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	k := entryKey(t, e.Provider, e.At, e.ID)
	switch e.Remaining {
	case directory.RemainingMembers:
		return s.finishMembers(ctx, t, entryRef(k))
	case directory.RemainingUser, directory.RemainingGroup:
	default:
		return nil
	}
	stored, r, err := s.entry(ctx, k)
	if directory.IsKind(err, directory.NotFound) || err == nil && r.id == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if e.Remaining == directory.RemainingUser {
		return s.finishUser(ctx, t, stored, r)
	}
	return s.finishGroup(ctx, t, stored, r)
}
