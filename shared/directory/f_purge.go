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

// resume calls fn for every user that a search finds, page by page, and remembers with the task how far it is, so that
// another process can go on there. It ends early when late says so.
func (s *Service) resume(ctx context.Context, t TenantID, id string, q UserSearch, late func() bool, fn func(User) error) error {
	q.Count = 200
	for !late() {
		us, next, err := s.Users.SearchUsers(ctx, t, q)
		if err != nil {
			return err
		}
		for _, u := range us {
			if err := fn(u); err != nil {
				return err
			}
		}
		q.After = next
		if err := s.Tasks.UpdateTask(ctx, t, id, func(old Task) Task {
			n := Task{ID: id, After: next, DoneAt: old.DoneAt, Version: old.Version + 1}
			if next == "" {
				n.DoneAt = s.Now()
			}
			return n
		}); err != nil || next == "" {
			return err
		}
	}
	return nil
}
