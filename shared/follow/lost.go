package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

const (
	// followedWithin is how old an entry is when it should have been followed long ago.
	followedWithin = time.Hour
	// lookedBack is how far the first look at a chain goes back.
	lookedBack     = 25 * time.Hour
	lostBatch = 500
)

func taskLost(p directory.ProviderID) directory.TaskID {
	return directory.TaskID("lost-" + string(p))
}

// findLost looks for entries of a chain that were lost on the way to their follower, such as records of the stream that
// were given up: those that are an hour old and were never counted. It sets them aside, so that the job retry follows
// them. It looks at each entry once, at most hourly, and reports whether there are more to look at. next is when there may
// be others: zero when all that is sealed was looked at.
func (s *Service) findLost(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, head directory.ChainHead,
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
	case task.After >= head.Mark:
		return false, next, nil
	case last.After(now):
		return false, last, nil
	}
	before := directory.LogEntry{At: now.Add(-followedWithin)}.Position()
	lost, after, err := s.ports.Counts.Uncounted(ctx, t, p, task.After, before, lostBatch)
	if err != nil {
		return false, next, err
	}
	for _, e := range lost {
		if err := directory.FollowAgain(ctx, s.ports.SetAsides, t, e, now); err != nil {
			return false, next, err
		}
	}
	err = s.ports.Tasks.UpdateTask(ctx, t, taskLost(p), func(old directory.Task) directory.Task {
		n := directory.Task{ID: taskLost(p), After: max(task.After, after), DoneAt: old.DoneAt, Version: old.Version + 1}
		if after == "" {
			n.DoneAt = now
		}
		return n
	})
	return after != "", now.Add(followedWithin), err
}
