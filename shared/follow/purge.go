package follow

import (
	"cmp"
	"context"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// taskPurge is the progress of purging in a tenant.
const taskPurge = directory.TaskID(directory.JobPurge)

// PurgeAll removes, once a day in each tenant, the archives of providers deleted long ago, and the personal data of users
// who were deactivated long ago, are in no directory and not on hold. Their ids are kept, and their log entries without
// names and values. It ends early when stop returns true, and continues there the next time; several processes may run
// it at the same time.
// Errors: those of all tenants that failed; they stop no other.
func (s *Service) PurgeAll(ctx context.Context, stop func() bool) error {
	return s.pass(ctx, directory.JobPurge, "", stop, func(t directory.Tenant) error { return s.purge(ctx, t, stop) })
}

func (s *Service) purge(ctx context.Context, t directory.Tenant, stop func() bool) error {
	task, err := s.ports.Tasks.Task(ctx, t.ID, taskPurge)
	if err != nil || task.After == "" && s.rt.Time().Sub(task.DoneAt) < passEvery {
		return err
	}
	if task.After == "" {
		if err := s.dropArchives(ctx, t.ID); err != nil {
			return err
		}
		if err := s.rekeyGroups(ctx, t.ID); err != nil {
			return err
		}
	}
	return s.resume(ctx, t.ID, taskPurge, "", directory.UserSearch{After: task.After}, stop, func(u directory.User) error {
		if err := s.rekeyUser(ctx, t.ID, u); err != nil {
			return err
		}
		return s.purgeUser(ctx, t.ID, u, cmp.Or(t.Retention.Users, directory.DefaultRetention))
	})
}

// RetainAll removes, once a day in each tenant, expired log entries, and marks every chain for sealing: should a mark
// have been lost, or the log be older than the marks, the chain is looked at all the same. It ends early when stop
// returns true, and continues there the next time.
// Errors: those of all tenants that failed; they stop no other.
func (s *Service) RetainAll(ctx context.Context, stop func() bool) error {
	return s.pass(ctx, directory.JobRetain, "", stop, func(t directory.Tenant) error { return s.retain(ctx, t, stop) })
}

func (s *Service) retain(ctx context.Context, t directory.Tenant, stop func() bool) error {
	keep := s.rt.Retention()
	if t.Retention.Log > 0 {
		keep = min(keep, t.Retention.Log)
	}
	ps, err := find.ChainsOf(ctx, s.ports.Providers, s.ports.Chains, t.ID)
	if err != nil {
		return err
	}
	for _, p := range ps {
		if err := s.ports.Chains.MarkGrown(ctx, t.ID, p, s.rt.Time()); err != nil {
			return err
		}
	}
	const batch = 1000
	for _, p := range ps {
		for n := batch; n == batch && !stop(); {
			if n, err = s.ports.Log.DropEntries(ctx, t.ID, p, s.rt.Time().Add(-keep), batch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) purgeUser(ctx context.Context, t directory.TenantID, u directory.User, retention time.Duration) error {
	if !u.Purgeable(s.rt.Time(), retention) {
		return nil
	}
	_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if !old.Purgeable(s.rt.Time(), retention) {
			return old, nil, nil
		}
		return s.finish(fromJob(directory.JobPurge), old, old.Purged(), directory.UserPurged)
	})
	return directory.IgnoreNotFound(err)
}

// eraseAfter is how long after a purge the user's entries are erased: they must be sealed first.
const eraseAfter = 30 * time.Minute

// followPurged erases a purged user's data from the log, once all of it is sealed.
func (s *Service) followPurged(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	if from := e.At.Add(eraseAfter); s.rt.Time().Before(from) {
		return s.doLater(ctx, t, e, stepErase, "erase "+string(e.ID), from)
	}
	return s.EraseFromLog(ctx, t, e.User)
}

// resume calls fn for every user that a search finds, page by page, and stores its position in the task, so that
// another process can continue there: what it did for another run does not count. It ends early when stop returns true.
func (s *Service) resume(
	ctx context.Context, t directory.TenantID, id directory.TaskID, run directory.EntryID, q directory.UserSearch, stop func() bool,
	fn func(directory.User) error,
) error {
	q.Count = 200
	for !stop() {
		us, next, err := s.ports.Users.SearchUsers(ctx, t, q)
		if err != nil {
			return err
		}
		for _, u := range us {
			if err := fn(u); err != nil {
				return err
			}
		}
		q.After = next
		if _, err := s.ports.Tasks.UpdateTask(ctx, t, id, func(old directory.Task) (directory.Task, error) {
			n := directory.Task{ID: id, After: next, Run: run, Version: old.Version + 1}
			if old.Run == run {
				n.DoneAt, n.Done = old.DoneAt, old.Done
			}
			if next == "" {
				n.DoneAt, n.Done = s.rt.Time(), n.Done+1
			}
			return n, nil
		}); err != nil || next == "" {
			return err
		}
	}
	return nil
}
