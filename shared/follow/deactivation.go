package follow

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/shared/directory"
)

// wake schedules wake-ups for when the deactivations that entries scheduled are due. It only saves time: the sweep finds
// every deactivation that is due.
func (s *Service) wake(ctx context.Context, es []directory.TenantEntry) []error {
	if s.rt.Wakeups == nil {
		return nil
	}
	errs, asked := make([]error, len(es)), map[time.Time]error{}
	for i, e := range es {
		at, ok := e.Entry.Scheduled()
		if !ok {
			continue
		}
		if _, done := asked[at]; !done {
			asked[at] = s.rt.Wakeups.WakeAt(ctx, at)
		}
		errs[i] = asked[at]
	}
	return errs
}

// lateness is how overdue a deactivation must be for the sweep to assume that no wake-up came.
const lateness = 3 * time.Minute

// DeactivateDue deactivates every user of all tenants whose deactivation is due, and returns how many. Each is a
// separate conditional change, so that repeated, concurrent, early and late calls do no harm. Users whom the tripped guard
// of their provider concerns are held instead, even if their entries were not followed yet.
func (s *Service) DeactivateDue(ctx context.Context, job directory.Job) (int, error) {
	until := s.rt.Time()
	if job == directory.JobSweep {
		until = until.Add(-lateness)
	}
	var done atomic.Int64
	guards := &guardReads{s: s, read: map[directory.ProviderID]guardRead{}}
	err := s.ports.Leavers.DueUsers(ctx, until, func(ctx context.Context, us []directory.DueUser) error {
		return forEach(ctx, us, func(ctx context.Context, u directory.DueUser) error {
			acted, err := s.deactivateIfDue(ctx, u, guards, job)
			if acted {
				done.Add(1)
			}
			return err
		})
	})
	return int(done.Load()), err
}

// guardReads is the providers of users whose deactivation is due, each read once. Safe for concurrent use.
type guardReads struct {
	s    *Service
	mu   sync.Mutex
	read map[directory.ProviderID]guardRead // a provider's id has its tenant's
}

type guardRead struct {
	provider directory.Provider // zero: removed
	err      error
}

// of returns the provider whose guard a pending deactivation waits for, the zero one when there is none.
func (g *guardReads) of(ctx context.Context, u directory.DueUser) (directory.Provider, error) {
	id := u.Pending.Provider
	if id == "" {
		return directory.Provider{}, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	r, known := g.read[id]
	if !known {
		r.provider, r.err = g.s.ports.Providers.Provider(ctx, u.Tenant, id)
		r.err = directory.IgnoreNotFound(r.err)
		g.read[id] = r
	}
	return r.provider, r.err
}

// deactivateIfDue deactivates a user if that is still due, or holds them if a guard does.
func (s *Service) deactivateIfDue(
	ctx context.Context, due directory.DueUser, guards *guardReads, job directory.Job,
) (acted bool, err error) {
	if due.Pending == nil {
		return false, nil
	}
	p, err := guards.of(ctx, due)
	if err != nil {
		return false, err
	}
	if p.Guard.Tripped() && !due.Pending.RequestedAt.Before(p.Guard.From) {
		return false, s.reconcileUser(ctx, due.Tenant, p, due.User, fromJob(job))
	}
	generation := due.Pending.Generation
	_, err = s.ports.Users.UpdateUser(ctx, due.Tenant, due.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		acted = false
		u := old.DeactivateIfDue(generation, s.rt.Time())
		if old.Pending == nil || u.Pending != nil {
			return old, nil, nil
		}
		acted = true
		o := fromJob(job)
		o.by.RequestID = old.Pending.RequestID
		return s.finish(o, old, u, directory.UserDeactivated)
	})
	return acted && err == nil, directory.IgnoreNotFound(err)
}

// WakePending schedules a wake-up for every pending deactivation, where wake-ups are lost with the process.
func (s *Service) WakePending(ctx context.Context) error {
	until := s.rt.Time().Add(directory.MaxDeactivationDelay)
	return s.ports.Leavers.DueUsers(ctx, until, func(ctx context.Context, us []directory.DueUser) error {
		for _, u := range us {
			if err := s.rt.Wakeups.WakeAt(ctx, u.Pending.DueAt); err != nil {
				return err
			}
		}
		return nil
	})
}

// changePending changes a user with a pending deactivation by a rule. It skips a user to whom the rule no longer
// applies, or who no longer exists.
func (s *Service) changePending(
	ctx context.Context, t directory.TenantID, u directory.User, o origin, action directory.Action, rule func(directory.User) directory.User,
) error {
	_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		return s.finish(o, old, rule(old), action)
	})
	return directory.IgnoreNotFound(err)
}

// rescheduleAll applies a change of the delay to pending deactivations.
func (x *portion) rescheduleAll(ctx context.Context) error {
	e := x.entry
	p, err := x.s.ports.Providers.Provider(ctx, x.tenant, directory.ProviderID(e.Target))
	if err != nil || p.DelayChange != e.ID { // a later change applies
		return x.gone(err)
	}
	var seconds int64
	if err := json.Unmarshal(e.Changes[0].After, &seconds); err != nil {
		return fmt.Errorf("read the delay of an entry: %w", err)
	}
	delay := time.Duration(seconds) * time.Second
	return x.eachPending(ctx, directory.PendingQuery{Provider: p.ID}, func(ctx context.Context, u directory.User) error {
		return x.s.changePending(ctx, x.tenant, u, fromDecision(e), directory.UserRescheduled, func(u directory.User) directory.User {
			if u.Pending == nil || u.Pending.RequestedAt.After(e.At) {
				return u
			}
			return u.Rescheduled(delay, directory.Latest(e.At, p.Guard.DecidedAt)) // after either, a minute remains
		})
	})
}
