package follow

import (
	"context"

	"rollcall/shared/directory"
)

// releaseAll releases the custodians of a closed matter, each in its own transaction.
func (x *portion) releaseAll(ctx context.Context) error {
	return x.walk(ctx, func(ctx context.Context, after string) (string, bool, error) {
		const batch = 200
		cs, err := x.s.ports.LegalHolds.Custodians(ctx, x.tenant, directory.MatterID(x.entry.Target), directory.UserID(after), batch)
		if err != nil || len(cs) == 0 {
			return "", true, err
		}
		err = forEach(ctx, cs, func(ctx context.Context, c directory.Custodian) error {
			return x.s.releaseOne(ctx, x.tenant, c, x.entry)
		})
		x.did(len(cs))
		x.Done += len(cs)
		return string(cs[len(cs)-1].User), len(cs) < batch, err
	})
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
