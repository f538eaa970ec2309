package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

var guardEvents = tableOf("guard_events", "tenant", "provider", "id")

// GuardEvent implements directory.Guards.
func (s *Store) GuardEvent(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GuardEventID,
) (directory.GuardEvent, error) {
	return readRecord[directory.GuardEvent](ctx, s, "guard event", guardEvents.get, key(t, string(p), string(id))...)
}

// UpdateGuard implements directory.Guards.
func (s *Store) UpdateGuard(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GuardEventID, update directory.GuardUpdate,
) (v directory.GuardEvent, err error) {
	_, err = s.writeProvider(ctx, p, func() (directory.Provider, error) {
		old, err := s.provider(t, p)
		if err != nil {
			return old, err
		}
		event := key(t, string(p), string(id))
		was, err := record[directory.GuardEvent](s, "guard event", guardEvents.get, event...)
		if directory.IgnoreNotFound(err) != nil {
			return old, err
		}
		n, is, e, err := update(old, was)
		v = is
		if err != nil || e == nil {
			return old, err
		}
		if err := s.putProvider(n); err != nil {
			return old, err
		}
		if err := s.putRecord(guardEvents.put, is, event...); err != nil {
			return old, err
		}
		return n, s.append(t, *e)
	})
	return v, err
}

// GuardEvents implements directory.Guards.
func (s *Store) GuardEvents(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, before directory.GuardEventID, count int,
) ([]directory.GuardEvent, error) {
	return readRecords[directory.GuardEvent](ctx, s,
		`SELECT record FROM guard_events WHERE tenant = ?1 AND provider = ?2 AND (?3 = '' OR id < ?3) ORDER BY id DESC LIMIT ?4+0`,
		string(t), string(p), string(before), count)
}
