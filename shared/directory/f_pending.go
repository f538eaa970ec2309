package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

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
