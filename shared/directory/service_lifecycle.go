package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Decision is what an administrator decides about one user's account.
type Decision string

// The decisions.
const (
	DecideBlock              Decision = "block"
	DecideUnblock            Decision = "unblock"
	DecideDeactivate         Decision = "deactivate"
	DecideDeactivateBlock    Decision = "deactivate-and-block"
	DecideReactivate         Decision = "reactivate"
	DecideReactivateUnblock  Decision = "reactivate-and-unblock"
	DecideCancelDeactivation Decision = "cancel-deactivation" // the user stays blocked, by the administrator
	DecideLocal              Decision = "convert-to-local"
)

// decide applies a decision to u; what is so already changes nothing.
// Errors: Conflict when the state forbids it.
func (u User) decide(d Decision, by AdminBlock) (User, Action, error) {
	now := by.At
	switch d {
	case DecideBlock:
		return u.blocked(by), UserBlocked, nil
	case DecideUnblock:
		return u.unblocked(), UserUnblocked, nil
	case DecideDeactivate, DecideDeactivateBlock:
		if len(u.Holds) > 0 {
			return u, "", Errorf(Conflict, "The user is on legal hold. Release the hold or block the user instead")
		}
		if u.deactivable() {
			u = u.deactivated(now)
		}
		if d == DecideDeactivateBlock {
			u = u.blocked(by)
		}
		return u, UserDeactivated, nil
	case DecideReactivate, DecideReactivateUnblock:
		if u.deactivable() {
			return u, "", Errorf(Conflict, "the user is not deactivated")
		}
		u = u.reactivated().unmanagedLocal()
		if d == DecideReactivateUnblock {
			u.AdminBlock = nil
		}
		return u, UserReactivated, nil
	case DecideCancelDeactivation:
		if u.Pending == nil {
			return u, "", Errorf(Conflict, "no deactivation is pending")
		}
		u.Pending = nil
		return u.blocked(by), UserSpared, nil
	case DecideLocal:
		if u.Provider == "" {
			return u, "", Errorf(Conflict, "the user is local already")
		}
		return u.local(), UserConverted, nil
	}
	return u, "", Errorf(Invalid, "unknown decision")
}

// DecideUser carries out an administrator's decision about any user; check sees the user first. What is so
// already is no error and writes nothing. To unblock or reactivate a user whom the directory removed makes
// a local user of them.
// Errors: NotFound; Conflict when the state forbids it, the user is purged, or another user has the
// userName by now; what check returns.
func (s *Service) DecideUser(ctx context.Context, a Admin, id UserID, check func(User) error, d Decision) (User, error) {
	by := AdminBlock{By: a.Actor.ID, At: s.Now(), Reason: a.Actor.Reason}
	return s.changeUser(ctx, a, id, func(old User) (User, *LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		if old.Lifecycle == LifecyclePurged {
			return old, nil, Errorf(Conflict, "the user is purged: only an empty record is left")
		}
		u, action, err := old.decide(d, by)
		if err != nil {
			return old, nil, err
		}
		e := s.adminEntry(a, action)
		e.Audit, e.Provider, e.At = false, old.Provider, by.At
		return conclude(old, u, e)
	})
}

// systemEntry is the entry of what Rollcall itself does to a user, because of a job or an entry.
func (s *Service) systemEntry(u User, action Action, job, request string) LogEntry {
	return LogEntry{ID: s.entryID(), At: s.Now(), Provider: u.Provider, Actor: Actor{Kind: ActorSystem, ID: job, RequestID: request}, Action: action}
}

// Job is what looks for due deactivations; it is the actor in the log.
type Job string

// The jobs.
const (
	JobWakeup Job = "wake-up"
	JobSweep  Job = "sweep"
)

// lateness is how overdue a deactivation is when the sweep deals with it: no wake-up came.
const lateness = 3 * time.Minute

// atOnce is how many users a batch changes at the same time.
const atOnce = 8

// each calls fn for all items, several at once, and returns the first error in their order.
func each[T any](ctx context.Context, items []T, fn func(context.Context, T) error) error {
	errs := make([]error, len(items))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, item := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = fn(ctx, item)
		})
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
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

// PendingDeactivations reads a page of the tenant's users who wait for deactivation.
// Errors: NotFound (the provider).
func (s *Service) PendingDeactivations(ctx context.Context, a Admin, q PendingQuery) ([]User, string, error) {
	return s.Leavers.PendingUsers(ctx, a.Tenant, q)
}

// eachPending calls fn for every user of a provider who waits for the gate.
func (s *Service) eachPending(ctx context.Context, t TenantID, q PendingQuery, fn func(context.Context, User) error) error {
	q.Count = 200
	for {
		us, next, err := s.Leavers.PendingUsers(ctx, t, q)
		if err != nil {
			return err
		}
		if err := each(ctx, us, fn); err != nil || next == "" {
			return err
		}
		q.After = next
	}
}

// changePending changes a pending user by a rule, for an entry that asked for it. Users who changed so that
// the rule does nothing, or are gone, are passed over.
func (s *Service) changePending(ctx context.Context, t TenantID, u User, because LogEntry, action Action, rule func(User) User) error {
	_, err := s.Users.UpdateUser(ctx, t, u, func(old User) (User, *LogEntry, error) {
		e := s.systemEntry(old, action, string(because.ID), because.Actor.RequestID)
		e.Actor.Reason = because.Actor.Reason
		return conclude(old, rule(old), e)
	})
	if IsKind(err, NotFound) {
		return nil
	}
	return err
}

// SetDeactivationDelay changes a provider's delay. With pending, it also holds for those who wait already,
// counted from their request but at least a minute from now; they follow in the background.
// Errors: as PatchProvider.
func (s *Service) SetDeactivationDelay(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, delay time.Duration, pending bool) (Provider, error) {
	return s.updateProviderEntry(ctx, a, id, ProviderUpdated, func(p Provider, e *LogEntry) (Provider, error) {
		if err := check(p); err != nil {
			return p, err
		}
		if delay != p.DeactivationDelay || pending {
			e.Changes = []Change{change("deactivationDelaySeconds", int64(p.DeactivationDelay/time.Second), int64(delay/time.Second))}
		}
		if p.DeactivationDelay = delay; pending {
			e.Rest, p.DelayChange = RestDelay, e.ID
		}
		return p, p.check()
	})
}

// rescheduleAll carries a change of the delay to those who wait.
func (s *Service) rescheduleAll(ctx context.Context, t TenantID, because LogEntry) error {
	p, err := s.Providers.Provider(ctx, t, ProviderID(because.Target))
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil || p.DelayChange != because.ID {
		return err // a later change holds
	}
	var seconds int64
	if err := json.Unmarshal(because.Changes[0].After, &seconds); err != nil {
		return fmt.Errorf("read the delay of an entry: %w", err)
	}
	delay := time.Duration(seconds) * time.Second
	return s.eachPending(ctx, t, PendingQuery{Provider: p.ID}, func(ctx context.Context, u User) error {
		return s.changePending(ctx, t, u, because, UserRescheduled, func(u User) User {
			if u.Pending == nil || u.Pending.RequestedAt.After(because.At) {
				return u
			}
			return u.rescheduled(delay, later(because.At, p.Guard.DecidedAt)) // both give a minute
		})
	})
}
