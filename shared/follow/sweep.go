package follow

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// Swept counts the work of a sweep. It is zero when every wake-up arrived.
type Swept struct {
	Deactivated int // overdue by more than three minutes
	Released    int // held by a guard whose event was decided, or whose provider was removed
}

// Sweep does what wake-ups left undone for the deactivations that are due: the stored records decide, wake-ups only save
// time. Once a day it looks at each tenant: it warns of credentials that end, and does what entries left undone of guards.
// A tenant that fails stops no other.
func (s *Service) Sweep(ctx context.Context, stop func() bool) (out Swept, err error) {
	if out.Deactivated, err = s.DeactivateDue(ctx, directory.JobSweep); err != nil {
		return out, err
	}
	err = s.pass(ctx, directory.JobSweep, "", stop, func(t directory.Tenant) error {
		if t.ID == directory.OperatorScope {
			return nil
		}
		if err := s.warnExpiring(ctx, t); err != nil {
			return err
		}
		n, err := s.sweepGuards(ctx, t.ID)
		out.Released += n
		return err
	})
	return out, err
}

// sweepGuards sends reminders of open events, and applies decisions to users that they have not reached.
func (s *Service) sweepGuards(ctx context.Context, t directory.TenantID) (int, error) {
	ps, err := s.ports.Providers.ListProviders(ctx, t)
	if err != nil {
		return 0, err
	}
	providers := map[directory.ProviderID]directory.Provider{}
	for _, p := range ps {
		providers[p.ID] = p
		for _, event := range []directory.GuardEventID{p.Guard.Event, p.Guard.Moves.Event} {
			if event == "" {
				continue
			}
			if err := s.remind(ctx, t, p.ID, event); err != nil {
				return 0, err
			}
		}
	}
	return s.releaseHeld(ctx, t, providers)
}

// releaseHeld applies decisions on guard events to users that they have not reached: those who left just before.
func (s *Service) releaseHeld(
	ctx context.Context, t directory.TenantID, providers map[directory.ProviderID]directory.Provider,
) (int, error) {
	n := 0
	q := directory.PendingQuery{Gate: directory.GateGuard, Count: 200}
	for {
		us, next, err := s.ports.Leavers.PendingUsers(ctx, t, q)
		if err != nil {
			return n, err
		}
		for _, u := range us {
			p := providers[u.Pending.Provider]
			if p.Guard.Tripped() || p.Guard.Decided == directory.GuardDisapproval && s.nameTaken(ctx, t, u) {
				continue
			}
			p.ID = u.Pending.Provider
			if err := s.reconcileUser(ctx, t, p, u, fromJob(directory.JobSweep)); err != nil {
				return n, err
			}
			n++
		}
		if next == "" {
			return n, nil
		}
		q.After = next
	}
}

// nameTaken reports whether a removed user cannot be restored because another user has the userName.
func (s *Service) nameTaken(ctx context.Context, t directory.TenantID, u directory.User) bool {
	return u.Removed() && find.UserNameFree(ctx, s.ports.Users, s.ports.Providers, t, u.ID, u.UserName) != nil
}
