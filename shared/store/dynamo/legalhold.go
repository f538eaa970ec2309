package dynamo

import (
	"context"
	"errors"

	"rollcall/shared/directory"
)

// UpdateMatter implements directory.Holds.
func (s *Store) UpdateMatter(ctx context.Context, t directory.TenantID, id string, update func(directory.Matter) (directory.Matter, *directory.LogEntry, error)) (m directory.Matter, err error) {
	if !usable(id) {
		return m, notFound("legal hold")
	}
	err = s.rerun(ctx, "legal hold", func(int) error {
		var old directory.Matter
		rev, err := s.record(ctx, matterKey(t, id), &old)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if m, e, err = update(old); err != nil || e == nil {
			return err
		}
		x := &tx{}
		x.putRecord(s, matterKey(t, id), m, rev)
		x.log(s, t, *e, rest{})
		return s.commit(ctx, "update legal hold", x)
	})
	return m, err
}

// ListMatters implements directory.Holds.
func (s *Store) ListMatters(ctx context.Context, t directory.TenantID, from string, count int) ([]directory.Matter, error) {
	return records[directory.Matter](ctx, s, span{pk: matters(t), lo: after(escaper.Replace(from)), limit: count})
}

// records reads the JSON records of a span.
func records[T any](ctx context.Context, s *Store, r span) ([]T, error) {
	if r.limit < 1 {
		return nil, nil
	}
	its, _, err := s.query(ctx, r)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(its))
	for i, it := range its {
		if err := errors.Join(checkVersion(it), getJSON(it, "r", &out[i])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// UpdateCustodian implements directory.Holds. The matter is only checked: custodians of one matter do not
// meet on it.
func (s *Store) UpdateCustodian(ctx context.Context, t directory.TenantID, matter string, id directory.UserID, update func(directory.Matter, directory.Custodian, directory.User) (directory.Custodian, directory.User, *directory.LogEntry, error)) (c directory.Custodian, u directory.User, err error) {
	if !usable(matter) {
		return c, u, notFound("legal hold")
	}
	err = s.rerun(ctx, "custodian", func(int) error {
		old, err := s.userByID(ctx, t, id)
		if err != nil {
			return err
		}
		var m directory.Matter
		var was directory.Custodian
		var mrev, crev int64
		err = parallel(ctx, func(ctx context.Context) (err error) {
			mrev, err = s.record(ctx, matterKey(t, matter), &m)
			return err
		}, func(ctx context.Context) (err error) {
			crev, err = s.record(ctx, custodianKey(t, matter, id), &was)
			return err
		})
		if err == nil && mrev == 0 {
			err = notFound("legal hold")
		}
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if c, u, e, err = update(m, was, old); err != nil || e == nil {
			return err
		}
		x := &tx{}
		x.check(s, matterKey(t, matter), when("#rev = :rev", item{":rev": num(mrev)}), nil)
		x.putRecord(s, custodianKey(t, matter, id), c, crev)
		s.overwrite(x, t, old, u)
		x.log(s, t, *e, rest{})
		return s.commit(ctx, "update custodian", x)
	})
	return c, u, err
}

// Custodians implements directory.Holds.
func (s *Store) Custodians(ctx context.Context, t directory.TenantID, matter string, from directory.UserID, count int) ([]directory.Custodian, error) {
	return records[directory.Custodian](ctx, s, span{pk: custodians(t, matter), lo: after(escaper.Replace(string(from))), limit: count})
}

// UpdateGuard implements directory.Guards.
func (s *Store) UpdateGuard(ctx context.Context, t directory.TenantID, p directory.ProviderID, event string, update func(directory.Provider, directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error)) (v directory.GuardEvent, err error) {
	if !usable(event) {
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
		x.log(s, t, *e, rest{})
		return s.commit(ctx, "update guard", x)
	})
	return v, err
}

// GuardEvents implements directory.Guards.
func (s *Store) GuardEvents(ctx context.Context, t directory.TenantID, p directory.ProviderID, before string, count int) ([]directory.GuardEvent, error) {
	// The event that the page begins before may be among what is read.
	vs, err := records[directory.GuardEvent](ctx, s, span{pk: guardEvents(t, p), hi: escaper.Replace(before), desc: true, limit: count + 1})
	if len(vs) > 0 && before != "" && vs[0].ID >= before {
		vs = vs[1:]
	}
	return vs[:min(len(vs), max(count, 0))], err
}
