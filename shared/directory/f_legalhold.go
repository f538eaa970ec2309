package directory

import "context"

// releaseAll releases the custodians of a closed matter, each in a transaction of its own.
func (s *Service) releaseAll(ctx context.Context, t TenantID, because LogEntry) error {
	const batch = 200
	for after := UserID(""); ; {
		cs, err := s.Holds.Custodians(ctx, t, because.Target, after, batch)
		if err != nil {
			return err
		}
		if err := each(ctx, cs, func(ctx context.Context, c Custodian) error { return s.releaseOne(ctx, t, c, because) }); err != nil {
			return err
		}
		if len(cs) < batch {
			return nil
		}
		after = cs[len(cs)-1].User
	}
}

func (s *Service) releaseOne(ctx context.Context, t TenantID, c Custodian, because LogEntry) error {
	if !c.OnHold() {
		return nil
	}
	_, _, err := s.Holds.UpdateCustodian(ctx, t, c.Matter, c.User, func(m Matter, c Custodian, old User) (Custodian, User, *LogEntry, error) {
		if !c.OnHold() {
			return c, old, nil, nil
		}
		e := s.systemEntry(old, HoldReleased, string(because.ID), because.Actor.RequestID)
		e.Actor.Reason = because.Actor.Reason
		u, entry, err := s.concludeHold(m, old, old.released(m.ID, e.At), e)
		c.ReleasedAt, c.ReleasedBy = e.At, because.Actor.ID
		return c, u, entry, err
	})
	return err
}
