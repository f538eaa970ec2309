package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// guardStore implements directory.Guards.
type guardStore struct{ *Store }

func (s guardStore) GuardEvent(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GuardEventID,
) (directory.GuardEvent, error) {
	v, _, err := readRecord[directory.GuardEvent](ctx, s.Store, "guard event", schema.GuardEventKey(t, p, id), string(p), string(id))
	return v, err
}

func (s guardStore) UpdateGuard(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, event directory.GuardEventID, update directory.GuardUpdate,
) (v directory.GuardEvent, err error) {
	if !schema.Usable(string(event)) {
		return v, notFound("guard event")
	}
	err = s.rerun(ctx, "guard", func(int) error {
		old, rev, err := s.provider(ctx, t, p)
		if err != nil {
			return err
		}
		var was directory.GuardEvent
		vrev, err := s.record(ctx, schema.GuardEventKey(t, p, event), &was)
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
		x.put(s.Store, schema.ProviderKey(t, p), it, when("#rev = :rev", item{":rev": num(rev)}), nil)
		x.putRecord(s.Store, schema.GuardEventKey(t, p, event), v, vrev)
		x.log(s.Store, t, *e, remainder{})
		return s.commit(ctx, "update guard", x)
	})
	return v, err
}

func (s guardStore) GuardEvents(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, before directory.GuardEventID, count int,
) ([]directory.GuardEvent, error) {
	// The event before which the page begins may be among those read.
	vs, err := page[directory.GuardEvent](ctx, s.Store,
		span{pk: schema.GuardEvents(t, p), hi: schema.Escape(string(before)), desc: true, limit: count + 1})
	if len(vs) > 0 && before != "" && vs[0].ID >= before {
		vs = vs[1:]
	}
	return vs[:min(len(vs), max(count, 0))], err
}
