package follow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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
	guards := &guardReads{s: s, by: fromJob(job), read: map[directory.ProviderID]*guardRead{}}
	err := s.ports.Leavers.DueUsers(ctx, until, func(ctx context.Context, us []directory.DueUser) error {
		guards.countAhead(ctx, us)
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
	by   origin
	mu   sync.Mutex
	read map[directory.ProviderID]*guardRead // a provider's id has its tenant's
}

type guardRead struct {
	provider directory.Provider // zero: removed
	err      error
	counted  []period // whose entries were counted
}

// period is a part of the log, both ends included.
type period struct{ from, to time.Time }

// of returns the provider whose guard a pending deactivation waits for, the zero one when there is none.
func (g *guardReads) of(ctx context.Context, u directory.DueUser) (directory.Provider, error) {
	if u.Pending.Provider == "" {
		return directory.Provider{}, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.get(ctx, u.Tenant, u.Pending.Provider)
	return r.provider, r.err
}

func (g *guardReads) get(ctx context.Context, t directory.TenantID, id directory.ProviderID) *guardRead {
	r := g.read[id]
	if r == nil {
		r = &guardRead{}
		r.provider, r.err = g.s.ports.Providers.Provider(ctx, t, id)
		r.err = directory.IgnoreNotFound(r.err)
		g.read[id] = r
	}
	return r
}

// countAhead counts the entries about leavers that are due, if they were not followed yet, and evaluates the guard then: so
// it holds whom it has to hold however far behind following is.
func (g *guardReads) countAhead(ctx context.Context, us []directory.DueUser) {
	type of struct {
		tenant   directory.TenantID
		provider directory.ProviderID
	}
	requested := map[of][]time.Time{}
	followed := g.s.rt.Time().Add(-lookedBack)
	for _, u := range us {
		if p := u.Pending; p != nil && p.Provider != "" && p.RequestedAt.After(followed) {
			k := of{u.Tenant, p.Provider}
			requested[k] = append(requested[k], p.RequestedAt)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, times := range requested {
		r := g.get(ctx, k.tenant, k.provider)
		if r.err == nil && r.provider.ID != "" && !r.provider.Guard.Tripped() {
			r.err = g.evaluate(ctx, k.tenant, r, periods(times))
		}
	}
}

// evaluate counts the entries of periods, and evaluates the guard as of then if one was not counted yet.
func (g *guardReads) evaluate(ctx context.Context, t directory.TenantID, r *guardRead, all []period) error {
	for _, x := range all {
		behind := false
		if slices.ContainsFunc(r.counted, func(y period) bool { return !x.from.Before(y.from) && !x.to.After(y.to) }) {
			continue
		}
		after, end := directory.LogEntry{At: x.from}.Position(), directory.LogEntry{At: x.to.Add(time.Millisecond)}.Position()
		for more := true; more; {
			es, next, err := g.s.ports.Counts.Uncounted(ctx, t, r.provider.ID, after, end, lostBatch)
			if err == nil && len(es) > 0 {
				behind = true
				_, err = g.s.ports.Counts.CountEntries(ctx, t, es)
			}
			if err != nil {
				return err
			}
			after, more = next, next != ""
		}
		r.counted = append(r.counted, x)
		if !behind {
			continue
		}
		reading, err := g.s.evaluateGuardAt(ctx, t, r.provider, directory.GuardLeavers, g.by, x.to)
		if err != nil || reading.provider.Guard.Tripped() {
			r.provider = reading.provider
			return err
		}
	}
	return nil
}

// periods returns the parts of the log with the entries of some times, those within a minute of each other in one.
func periods(times []time.Time) (out []period) {
	slices.SortFunc(times, time.Time.Compare)
	for _, at := range times {
		if n := len(out); n > 0 && at.Sub(out[n-1].to) < time.Minute {
			out[n-1].to = at
		} else {
			out = append(out, period{at, at})
		}
	}
	return out
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
