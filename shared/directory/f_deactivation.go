package directory

import (
	"context"
	"sync/atomic"
	"time"
)

// wake asks to be woken when a deactivation that the entry began is due.
func (s *Service) wake(ctx context.Context, _ TenantID, e LogEntry) error {
	at, ok := e.Scheduled()
	if !ok || s.Wakeups == nil {
		return nil
	}
	return s.Wakeups.WakeAt(ctx, at)
}

// DeactivateDue deactivates every user of all tenants whose deactivation is due, and returns how many. Each
// is a conditional change of its own, so that running it twice, at once, early or late does no harm.
func (s *Service) DeactivateDue(ctx context.Context, job Job) (int, error) {
	until := s.Now()
	if job == JobSweep {
		until = until.Add(-lateness)
	}
	var done atomic.Int64
	err := s.Leavers.DueUsers(ctx, until, func(ctx context.Context, us []DueUser) error {
		return each(ctx, us, func(ctx context.Context, u DueUser) error {
			acted, err := s.fire(ctx, u, job)
			if acted {
				done.Add(1)
			}
			return err
		})
	})
	return int(done.Load()), err
}

// WakePending asks for a wake-up for every pending deactivation: for wake-ups that forget with the process.
func (s *Service) WakePending(ctx context.Context) error {
	return s.Leavers.DueUsers(ctx, s.Now().Add(MaxDeactivationDelay), func(ctx context.Context, us []DueUser) error {
		for _, u := range us {
			if err := s.Wakeups.WakeAt(ctx, u.Pending.DueAt); err != nil {
				return err
			}
		}
		return nil
	})
}

// fire deactivates a user if that is still due.
func (s *Service) fire(ctx context.Context, due DueUser, job Job) (acted bool, err error) {
	if due.Pending == nil {
		return false, nil
	}
	generation := due.Pending.Generation
	_, err = s.Users.UpdateUser(ctx, due.Tenant, due.User, func(old User) (User, *LogEntry, error) {
		acted = false
		u := old.fired(generation, s.Now())
		if old.Pending == nil || u.Pending != nil {
			return old, nil, nil
		}
		acted = true
		return conclude(old, u, s.systemEntry(old, UserDeactivated, string(job), old.Pending.RequestID))
	})
	if IsKind(err, NotFound) {
		return false, nil
	}
	return acted && err == nil, err
}

// lateness is how overdue a deactivation is when the sweep deals with it: no wake-up came.
const lateness = 3 * time.Minute
