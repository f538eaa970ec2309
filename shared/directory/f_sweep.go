package directory

import "context"

// Swept is what a sweep had to do. It is nothing as long as every wake-up comes.
type Swept struct {
	Deactivated int // overdue by more than three minutes
	Unfrozen    int // held by a guard that decided, or is gone
}

// Sweep does for all tenants what wake-ups and log entries left undone: the table is the truth, they are
// only the alarm clock.
func (s *Service) Sweep(ctx context.Context) (out Swept, err error) {
	if out.Deactivated, err = s.DeactivateDue(ctx, JobSweep); err != nil {
		return out, err
	}
	err = s.eachTenant(ctx, func(t Tenant) error {
		n, err := s.sweepGuards(ctx, t.ID)
		out.Unfrozen += n
		return err
	})
	return out, err
}

// sweepGuards announces again what waits for a review, and finds those whom a decision has not reached.
func (s *Service) sweepGuards(ctx context.Context, t TenantID) (int, error) {
	ps, err := s.Providers.ListProviders(ctx, t)
	if err != nil {
		return 0, err
	}
	guards := map[ProviderID]Provider{}
	for _, p := range ps {
		guards[p.ID] = p
		for _, event := range []string{p.Guard.Event, p.Guard.Moves.Event} {
			if event == "" {
				continue
			}
			if err := s.remind(ctx, t, p.ID, event); err != nil {
				return 0, err
			}
		}
	}
	return s.unfreeze(ctx, t, guards)
}

// unfreeze finds those whom a decision on their guard's event has not reached: they left just before it.
func (s *Service) unfreeze(ctx context.Context, t TenantID, guards map[ProviderID]Provider) (int, error) {
	n := 0
	because := LogEntry{ID: EntryID(JobSweep), At: s.Now()}
	q := PendingQuery{Gate: GateGuard, Count: 200}
	for {
		us, next, err := s.Leavers.PendingUsers(ctx, t, q)
		if err != nil {
			return n, err
		}
		for _, u := range us {
			p := guards[u.Pending.Provider]
			if p.Guard.Tripped() || p.Guard.Decided == GuardDisapproval && s.nameTaken(ctx, t, u) {
				continue
			}
			p.ID = u.Pending.Provider
			if err := s.reconcileUser(ctx, t, p, u, because); err != nil {
				return n, err
			}
			n++
		}
		if q.After = next; next == "" {
			return n, nil
		}
	}
}

// nameTaken reports whether a gone user cannot be put back because another one has the userName.
func (s *Service) nameTaken(ctx context.Context, t TenantID, u User) bool {
	return u.Gone() && s.userNameFree(ctx, t, u.ID, u.UserName) != nil
}
