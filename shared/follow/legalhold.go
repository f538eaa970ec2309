package follow

import (
	"context"

	"rollcall/shared/directory"
)

// releaseAll releases the custodians of a closed matter, each in its own transaction.
func (s *Service) releaseAll(ctx context.Context, t directory.TenantID, cause directory.LogEntry) error {
	const batch = 200
	for after := directory.UserID(""); ; {
		cs, err := s.ports.LegalHolds.Custodians(ctx, t, directory.MatterID(cause.Target), after, batch)
		if err != nil {
			return err
		}
		if err := forEach(ctx, cs,
			func(ctx context.Context, c directory.Custodian) error { return s.releaseOne(ctx, t, c, cause) }); err != nil {
			return err
		}
		if len(cs) < batch {
			return nil
		}
		after = cs[len(cs)-1].User
	}
}

func (s *Service) releaseOne(ctx context.Context, t directory.TenantID, c directory.Custodian, cause directory.LogEntry) error {
	if !c.OnHold() {
		return nil
	}
	_, _, err := s.ports.LegalHolds.UpdateCustodian(ctx, t, c.Matter, c.User,
		func(m directory.Matter, c directory.Custodian, old directory.User) (
			directory.Custodian, directory.User, *directory.LogEntry, error,
		) {
			if !c.OnHold() {
				return c, old, nil, nil
			}
			e := s.entry(fromDecision(cause), directory.HoldReleased)
			u, entry, err := directory.FinishHold(m, old, old.ReleasedFromHold(m.ID, e.At), e)
			c.ReleasedAt, c.ReleasedBy = e.At, cause.Actor.ID
			return c, u, entry, err
		})
	return err
}
