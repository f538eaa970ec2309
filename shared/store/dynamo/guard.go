package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// GuardEvent implements directory.Guards.
func (s *Store) GuardEvent(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GuardEventID,
) (directory.GuardEvent, error) {
	v, _, err := readRecord[directory.GuardEvent](ctx, s, "guard event", guardEventKey(t, p, id), string(p), string(id))
	return v, err
}

// UpdateGuard implements directory.Guards.
func (s *Store) UpdateGuard(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, event directory.GuardEventID, update directory.GuardUpdate,
) (v directory.GuardEvent, err error) {
	if !usable(string(event)) {
		return v, notFound("guard event")
	}
	err = s.rerun(ctx, "guard", func(int) error {
		old, rev, err := s.provider(ctx, t, p)
		if err != nil {
			return err
		}
		var was directory.GuardEvent
		vrev, err := s.record(ctx, guardEventKey(t, p, event), &was)
		if err != nil {
			return err
		}
		var rec directory.Provider
		var e *directory.LogEntry
		if rec, v, e, err = update(old, was); err != nil || e == nil {
			return err
		}
		it, err := encodeProvider(rec, rev+1)
		if err != nil {
			return err
		}
		x := &tx{}
		x.put(s, providerKey(t, p), it, when("#rev = :rev", item{":rev": num(rev)}), nil)
		x.putRecord(s, guardEventKey(t, p, event), v, vrev)
		x.log(s, t, *e, remainder{})
		return s.commit(ctx, "update guard", x)
	})
	return v, err
}

// GuardEvents implements directory.Guards.
func (s *Store) GuardEvents(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, before directory.GuardEventID, count int,
) ([]directory.GuardEvent, error) {
	// The event before which the page begins may be among those read.
	vs, err := page[directory.GuardEvent](ctx, s,
		span{pk: guardEvents(t, p), hi: escaper.Replace(string(before)), desc: true, limit: count + 1})
	if len(vs) > 0 && before != "" && vs[0].ID >= before {
		vs = vs[1:]
	}
	return vs[:min(len(vs), max(count, 0))], err
}
