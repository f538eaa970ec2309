package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
)

const (
	partsAbove = 10_000           // people; a task of fewer is not split
	taskParts  = 16               // a part is the people whose ids begin with one of two characters
	partsAgain = 15 * time.Second // how often a task looks after its parts
)

// partID names a part of a task. Lists of tasks, whose ids begin with another letter, have none.
func partID(id directory.TaskID, n int) directory.TaskID {
	return directory.TaskID(fmt.Sprintf("part-%s-%02d", id, n))
}

// partIDs names the parts that a task may have.
func partIDs(id directory.TaskID) (ids []directory.TaskID) {
	for n := 1; n <= taskParts; n++ {
		ids = append(ids, partID(id, n))
	}
	return ids
}

// people bounds the ids of the people of a part, or of a whole task: those after the first, and before the second.
func (x *portion) people() (after, before directory.UserID) {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	first := func(n int) directory.UserID {
		if n == taskParts {
			return "v"
		}
		return directory.UserID("u" + digits[n*len(digits)/taskParts:][:1])
	}
	if x.Part == 0 {
		return "", first(taskParts)
	}
	return first(x.Part - 1), first(x.Part)
}

// ofPart returns those of a page of a provider's people who are of the part.
func (x *portion) ofPart(us []directory.UserView) []directory.UserView {
	_, before := x.people()
	if i := slices.IndexFunc(us, func(v directory.UserView) bool { return v.ID >= before }); i >= 0 {
		return us[:i]
	}
	return us
}

// split has a stage of a task of many people done in parts, each a task that is handed over, and reports whether the task
// waits for them. Afterwards the stage has nothing left to do, or what came since: it works on those of people, and finds who
// is done no more. Parts are created under their ids, so a repetition creates those that are missing. Where nothing can be
// handed over, tasks are not split.
// Errors: the first part that waits for a person, for which the task then waits, too.
func (x *portion) split(ctx context.Context, stage string) (waits bool, err error) {
	if x.s.rt.Carrier == nil || x.Part > 0 || x.Total <= partsAbove {
		return false, nil
	}
	done := 0
	for n, id := range partIDs(x.ID) {
		k, err := x.s.ports.Tasks.Task(ctx, x.tenant, id)
		if err == nil && k.ID == "" {
			k, err = x.part(ctx, id, n+1, stage)
		}
		if err != nil {
			return false, err
		}
		if k.State == directory.TaskWaiting {
			x.Failures = directory.MaxTaskFailures
			return false, directory.Errorf(directory.Unavailable, "%s", k.Cause)
		}
		done += k.Done
		waits = waits || k.State != directory.TaskDone
	}
	x.Done = max(x.Done, done)
	if waits {
		x.did(x.left) // the step ends
		x.later = x.s.rt.Time().Add(partsAgain)
	}
	return waits, nil
}

// part creates a part of the task and hands it over. If that fails, the job does it.
func (x *portion) part(ctx context.Context, id directory.TaskID, n int, stage string) (directory.Task, error) {
	now := x.s.rt.Time()
	k := directory.Task{
		ID: id, Part: n, Kind: x.Kind, Provider: x.Provider, At: x.At, Run: x.Run, Of: x.Of, Target: x.Target, After: stage + " ",
		State: directory.TaskRunning, CreatedAt: now, ChangedAt: now, DueAt: now, Version: 1,
	}
	k = x.s.carried(k, 0)
	k, err := x.s.ports.Tasks.UpdateTask(ctx, x.tenant, id, func(old directory.Task) (directory.Task, error) {
		if old.ID != "" {
			return old, errTaken
		}
		return k, nil
	})
	if err == nil {
		k, err = x.s.handOver(ctx, x.tenant, k)
	}
	var failed TasksError
	if errors.Is(err, errTaken) || errors.As(err, &failed) {
		return k, nil
	}
	return k, err
}
