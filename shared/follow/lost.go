package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

const (
	// followedWithin is how old an entry is when it should have been followed long ago.
	followedWithin = time.Hour
	// lookedBack is how far the first look at a chain goes back.
	lookedBack = 25 * time.Hour
	lostBatch  = 500
)

func taskLost(p directory.ProviderID) directory.TaskID {
	return directory.TaskID("lost-" + string(p))
}

// findLost looks for entries of a chain that were lost on the way to their follower, such as records of the stream that
// were given up: those that are an hour old and were never counted. It sets them aside, so that the job retry follows
// them. It looks at each entry once, at most hourly, and reports whether there are more to look at. next is when there may
// be others: zero when all that is sealed was looked at, unless the chain waits for an entry, which may be lost.
func (s *Service) findLost(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, head directory.ChainHead, waits bool,
) (more bool, next time.Time, err error) {
	task, err := s.ports.Tasks.Task(ctx, t, taskLost(p))
	if err != nil {
		return false, next, err
	}
	now := s.rt.Time()
	if task.Version == 0 {
		task.After = directory.LogEntry{At: now.Add(-lookedBack)}.Position()
	}
	switch last := task.DoneAt.Add(followedWithin); {
	case task.After >= head.Mark && !waits:
		return false, next, nil
	case last.After(now):
		return false, last, nil
	}
	before := directory.LogEntry{At: now.Add(-followedWithin)}.Position()
	_, after, err := s.setAsideLost(ctx, t, p, task.After, before)
	if err != nil {
		return false, next, err
	}
	_, err = s.ports.Tasks.UpdateTask(ctx, t, taskLost(p), func(old directory.Task) (directory.Task, error) {
		n := directory.Task{ID: taskLost(p), After: max(task.After, after), DoneAt: old.DoneAt, Version: old.Version + 1}
		if after == "" {
			n.DoneAt = now
		}
		return n, nil
	})
	return after != "", now.Add(followedWithin), err
}

// setAsideLost sets aside those of the next entries of a chain that were never counted, and returns how many, and the
// position of the last entry it looked at: "" for none.
func (s *Service) setAsideLost(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string,
) (n int, next string, err error) {
	lost, next, err := s.ports.Counts.Uncounted(ctx, t, p, after, before, lostBatch)
	if err != nil {
		return 0, "", err
	}
	for _, e := range lost {
		if err := s.followAgain(ctx, t, e); err != nil {
			return 0, "", err
		}
	}
	return len(lost), next, nil
}

// FollowSince sets aside the entries of all tenants from a time on that were never counted, for whatever reason, so that
// the job retry follows them, and returns how many. What is just being followed may be followed twice, which does no harm.
func (s *Service) FollowSince(ctx context.Context, since time.Time) (n int, err error) {
	from, before := directory.LogEntry{At: since}.Position(), directory.LogEntry{At: s.rt.Time()}.Position()
	in := func(t directory.Tenant) error {
		ps, err := find.ChainsOf(ctx, s.ports.Providers, s.ports.Chains, t.ID)
		for _, p := range ps {
			for after := from; after != "" && err == nil; {
				var more int
				more, after, err = s.setAsideLost(ctx, t.ID, p, after, before)
				n += more
			}
		}
		return err
	}
	if err := in(directory.Tenant{ID: directory.OperatorScope}); err != nil {
		return n, err
	}
	return n, find.EachTenant(ctx, s.ports.Tenants, in)
}
