package directory

import (
	"cmp"
	"context"
	"time"
)

// taskPurge is the task that looks for what is kept no longer, once a day in each tenant.
const (
	taskPurge  = "purge"
	purgeEvery = 24 * time.Hour
)

// PurgeAll looks, at most once a day and tenant, for what is kept no longer: entries of the log, and personal data of
// users who were deactivated long ago, whom no directory knows any more and nothing holds. Their ids stay, and what
// the log says of them without names and values. log is how long the deployment keeps entries. It ends early when
// late says so, and goes on there the next time; running it at once in several processes does no harm.
func (s *Service) PurgeAll(ctx context.Context, log time.Duration, late func() bool) error {
	return s.eachTenant(ctx, func(t Tenant) error {
		if late() || t.State == TenantRemoving {
			return nil
		}
		if keep := t.Retention.Log; keep > 0 && keep < log {
			t.Retention.Log = keep
		} else {
			t.Retention.Log = log
		}
		return s.purge(ctx, t, late)
	})
}

func (s *Service) purge(ctx context.Context, t Tenant, late func() bool) error {
	task, err := s.Tasks.Task(ctx, t.ID, taskPurge)
	if err != nil || task.After == "" && s.Now().Sub(task.DoneAt) < purgeEvery {
		return err
	}
	if task.After == "" {
		if err := s.dropLog(ctx, t, late); err != nil {
			return err
		}
	}
	a := Admin{Tenant: t.ID, Actor: Actor{Kind: ActorSystem, ID: taskPurge}}
	return s.resume(ctx, t.ID, taskPurge, UserSearch{After: task.After}, late, func(u User) error {
		return s.purgeUser(ctx, a, u, cmp.Or(t.Retention.Users, DefaultRetention))
	})
}

// dropLog removes entries that are kept no longer.
func (s *Service) dropLog(ctx context.Context, t Tenant, late func() bool) error {
	ps, err := s.chains(ctx, t.ID)
	if err != nil {
		return err
	}
	const atOnce = 1000
	for _, p := range ps {
		for n := atOnce; n == atOnce && !late(); {
			if n, err = s.Log.DropEntries(ctx, t.ID, p, s.Now().Add(-t.Retention.Log), atOnce); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) purgeUser(ctx context.Context, a Admin, u User, retention time.Duration) error {
	if !u.purgeable(s.Now(), retention) {
		return nil
	}
	_, err := s.changeUser(ctx, a, u.ID, func(old User) (User, *LogEntry, error) {
		if !old.purgeable(s.Now(), retention) {
			return old, nil, nil
		}
		return s.purged(a, old)
	})
	return ignoreGone(err)
}

// purged is what is left of a user, and the entry from which the log is erased.
func (s *Service) purged(a Admin, u User) (User, *LogEntry, error) {
	e := s.adminEntry(a, UserPurged)
	e.Audit, e.Provider, e.Actor.Reason = false, u.Provider, "" // a reason may name the person
	return conclude(u, u.purged(), e)
}

// EraseUser purges one user now, and in half an hour erases what the log says of them: names, values and reasons.
// confirm is the userName, typed by who is sure. check sees the user first.
// Errors: NotFound; Conflict when confirm differs, or the user is not deactivated, is on hold, the directory still
// knows them, or they are purged already; what check returns.
func (s *Service) EraseUser(ctx context.Context, a Admin, id UserID, check func(User) error, confirm string) (User, error) {
	return s.changeUser(ctx, a, id, func(old User) (User, *LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		switch {
		case old.Lifecycle == LifecyclePurged:
			return old, nil, Errorf(Conflict, "the user is purged already")
		case UserNameKey(confirm) != UserNameKey(old.UserName):
			return old, nil, &Error{Kind: Conflict, Attr: "confirm", Detail: "confirm must be the user's userName"}
		case len(old.Holds) > 0:
			return old, nil, Errorf(Conflict, "the user is on legal hold")
		case old.deactivable():
			return old, nil, Errorf(Conflict, "the user is not deactivated")
		case old.Provider != "" && !old.Gone():
			return old, nil, Errorf(Conflict, "the directory still knows the user: delete them there, or convert them to a local user")
		}
		return s.purged(a, old)
	})
}

// eraseAfter is how long after a user is purged what the log says of them is erased: it must be sealed first.
const eraseAfter = 30 * time.Minute

// followPurged erases from the log what an entry says was purged, once all of it is sealed.
func (s *Service) followPurged(ctx context.Context, t TenantID, e LogEntry) error {
	if e.Action != UserPurged {
		return nil
	}
	if now := s.Now(); now.Sub(e.At) < eraseAfter {
		d := newDelivery(e, "", "erase "+string(e.ID), now)
		d.DueAt = e.At.Add(eraseAfter)
		return s.Deliveries.AddDelivery(ctx, t, d)
	}
	return s.EraseFromLog(ctx, t, e.User)
}
