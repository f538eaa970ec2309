package follow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
)

const (
	stepTasks = "start long work"

	taskLease = time.Minute // how long a step may take before another process repeats it
	// A step ends with its first page that is longer ago, or has more records in all.
	stepFor, stepRecords = 10 * time.Second, 1000
	taskBatch            = 100         // how many tasks are looked for together
	unknownFor           = time.Minute // how long a task of another release waits for a process of that one
)

// taskPauses are the times between the tries of a task that fails; ten of them take about half an hour.
var taskPauses = []time.Duration{
	5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 320 * time.Second,
	10 * time.Minute,
}

var errInterrupted = errors.New("its steps ended without a result")

// causeInterrupted is the cause of a failure that no process has noted: it died, or took longer than its lease.
const causeInterrupted = "interrupted"

// TaskFailure is a step of a task that failed.
type TaskFailure struct {
	Tenant directory.TenantID
	Task   directory.Task // after the failure
	Err    error
}

// TasksError is tasks that failed, for the log. Those that do not wait for a person are tried again.
type TasksError []TaskFailure

func (e TasksError) Error() string {
	return fmt.Sprintf("%d tasks failed, first %s: %v", len(e), e[0].Task.Kind, e[0].Err)
}

// portion is a step of a task in progress.
type portion struct {
	directory.Task

	s      *Service
	tenant directory.TenantID
	entry  directory.LogEntry // that the task follows from
	until  time.Time          // when to begin nothing more
	left   int                // how many records may still be looked at
	later  time.Time          // when the next step may be done, in place of at once
}

// did counts records that the step has looked at.
func (x *portion) did(records int) { x.left -= records }

// lasts reports whether the step may go on.
func (x *portion) lasts() bool { return x.left > 0 && x.s.rt.Time().Before(x.until) }

func (x *portion) finish() { x.State = directory.TaskDone }

// end ends a task unless there is an error, which it returns.
func (x *portion) end(err error) error {
	if err == nil {
		x.finish()
	}
	return err
}

// gone ends a task that has nothing to do any more, for example because a record was removed.
func (x *portion) gone(err error) error { return x.end(directory.IgnoreNotFound(err)) }

// stage is a part of a task: it does a page of work after a position, and returns the position after it, and whether that
// was the last.
type stage struct {
	name string // part of the stored position; "" for the only one
	do   func(ctx context.Context, after string) (next string, done bool, err error)
}

// stages carries out the stages of a task in order, from the stored position, until the step ends; of a part, one stage.
func (x *portion) stages(ctx context.Context, all ...stage) error {
	name, after, _ := strings.Cut(x.After, " ")
	i := max(0, slices.IndexFunc(all, func(st stage) bool { return st.name == name }))
	for x.lasts() {
		next, done, err := all[i].do(ctx, after)
		if err != nil {
			return err
		}
		if after = next; done {
			i, after = i+1, ""
		}
		if i == len(all) || done && x.Part > 0 {
			x.finish()
			return nil
		}
		x.After = all[i].name + " " + after
	}
	return nil
}

// walk is stages with a single one.
func (x *portion) walk(ctx context.Context, do func(ctx context.Context, after string) (next string, done bool, err error)) error {
	return x.stages(ctx, stage{"", do})
}

// eachUser calls fn for the users that a search finds: one after the other, or several in parallel.
func (x *portion) eachUser(
	ctx context.Context, q directory.UserSearch, parallel bool, fn func(context.Context, directory.User) error,
) error {
	return x.walk(ctx, func(ctx context.Context, after string) (string, bool, error) {
		q.After, q.Count = after, 100
		us, next, err := x.s.ports.Users.SearchUsers(ctx, x.tenant, q)
		if err != nil {
			return "", false, err
		}
		if parallel {
			err = forEach(ctx, us, fn)
		} else {
			for i := 0; i < len(us) && err == nil; i++ {
				err = fn(ctx, us[i])
			}
		}
		x.did(len(us))
		x.Done += len(us)
		return next, next == "", err
	})
}

// eachPending calls fn for every user with a pending deactivation that q selects, several in parallel.
func (x *portion) eachPending(ctx context.Context, q directory.PendingQuery, fn func(context.Context, directory.User) error) error {
	return x.walk(ctx, func(ctx context.Context, after string) (string, bool, error) {
		q.After, q.Count = after, 200
		us, next, err := x.s.ports.Leavers.PendingUsers(ctx, x.tenant, q)
		if err == nil {
			err = forEach(ctx, us, fn)
		}
		x.did(len(us))
		x.Done += len(us)
		return next, next == "", err
	})
}

// TasksOf returns the ids of the tasks that an entry may start.
func TasksOf(e directory.LogEntry) (ids []directory.TaskID) {
	for _, w := range longWorks() {
		if w.on.matches(e) {
			ids = append(ids, directory.NewTaskID(w.kind, e))
		}
	}
	return ids
}

// startLongWork stores the tasks of an entry, but for the one that completes it, which an earlier step has stored.
func (s *Service) startLongWork(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	for _, w := range longWorks() {
		if w.kind == TaskComplete || !w.on.matches(e) {
			continue
		}
		if w.needed != nil {
			yes, err := w.needed(s, ctx, t, e)
			if err != nil {
				return err
			}
			if !yes {
				continue
			}
		}
		if err := s.startTask(ctx, t, e, w); err != nil {
			return err
		}
	}
	return nil
}

// startTask stores a task of an entry, unless it was stored before.
func (s *Service) startTask(ctx context.Context, t directory.TenantID, e directory.LogEntry, w longWork) error {
	now := s.rt.Time()
	k := directory.Task{
		ID: directory.NewTaskID(w.kind, e), Kind: w.kind, Provider: e.Provider, At: e.At, Run: e.ID, Of: w.of,
		Target: cmp.Or(string(e.Group), e.Target, string(e.User)), State: directory.TaskRunning,
		CreatedAt: now, ChangedAt: now, DueAt: now, Version: 1,
	}
	if from := e.At.Add(w.wait); from.After(now) {
		k.DueAt = from
	}
	_, err := s.ports.Tasks.UpdateTask(ctx, t, k.ID, func(old directory.Task) (directory.Task, error) {
		if old.ID != "" {
			return old, errTaken
		}
		return k, nil
	})
	if err != nil && !errors.Is(err, errTaken) {
		return err
	}
	s.tasks.want()
	return nil
}

// RunTasks does steps of the tasks that are due, of each tenant in turn, until none is or stop returns true. Several
// processes may run it at the same time.
// Errors: TasksError; those of the store.
func (s *Service) RunTasks(ctx context.Context, stop func() bool) error {
	var queue []directory.DueTask // those to step next, in turns
	var failed TasksError
	tried := map[directory.DueTask]bool{} // failed, or another process has it: their time has not come, whatever the index says
	for !stop() {
		due, err := s.ports.Tasks.DueTasks(ctx, s.rt.Time(), taskBatch)
		if err != nil {
			return err
		}
		for _, x := range due {
			if !tried[x] && !slices.Contains(queue, x) {
				queue = append(queue, x)
			}
		}
		if len(queue) == 0 {
			break
		}
		turn := map[directory.TenantID]bool{}
		for _, x := range slices.Clone(queue) {
			if turn[x.Tenant] || stop() {
				continue
			}
			turn[x.Tenant] = true
			queue = slices.DeleteFunc(queue, func(y directory.DueTask) bool { return y == x })
			more, err := s.StepTask(ctx, x.Tenant, x.ID)
			var failure TasksError
			if errors.As(err, &failure) {
				failed = append(failed, failure...)
			} else if err != nil {
				return err
			}
			if more {
				queue = append(queue, x)
			} else {
				tried[x] = true
			}
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// StepTask does the next step of a task, unless another process does or its time has not come, and reports whether
// another step may follow at once. With a TaskCarrier, a task that goes on is handed over. An interrupted step is repeated,
// and no other is lost.
// Errors: TasksError when the step failed, or the task could not be handed over; those of the store.
func (s *Service) StepTask(ctx context.Context, t directory.TenantID, id directory.TaskID) (more bool, err error) {
	k, err := s.stepTask(ctx, directory.TaskRef{Tenant: t, Task: id}, 0)
	return k.State == directory.TaskRunning && !k.DueAt.After(s.rt.Time()), err
}

// stepTask does the next step of a task that the job or an execution may take, and returns the task after it; the zero one
// if they may not. steps is how many the execution has done.
func (s *Service) stepTask(ctx context.Context, ref directory.TaskRef, steps int) (directory.Task, error) {
	k, err := s.takeTask(ctx, ref)
	switch {
	case errors.Is(err, errTaken) || err == nil && k.ID == "":
		return directory.Task{}, nil
	case err != nil:
		return directory.Task{}, err
	case k.State == directory.TaskWaiting:
		return k, TasksError{{ref.Tenant, k, errInterrupted}}
	}
	x := &portion{Task: k, s: s, tenant: ref.Tenant, until: s.rt.Time().Add(stepFor), left: stepRecords}
	failure := x.step(ctx)
	if failure != nil && ctx.Err() != nil {
		return directory.Task{}, ctx.Err()
	}
	k, err = s.ports.Tasks.UpdateTask(ctx, ref.Tenant, ref.Task, func(old directory.Task) (directory.Task, error) {
		if old.Holder != k.Holder {
			return old, errTaken
		}
		n := x.after(failure)
		n.Version = old.Version + 1
		return s.carried(n, steps), nil
	})
	switch {
	case errors.Is(err, errTaken):
		return directory.Task{}, nil
	case err != nil:
		return directory.Task{}, err
	case failure != nil:
		return k, TasksError{{ref.Tenant, k, failure}}
	case k.Execution != ref.Execution && k.State == directory.TaskRunning:
		return s.handOver(ctx, ref.Tenant, k)
	}
	return k, nil
}

// takeTask takes the lease of a task: of one that is due, or that the execution carries. It removes one that was done long
// ago. Until its step has ended, it counts as failed: so one whose steps end every process is not repeated for ever.
func (s *Service) takeTask(ctx context.Context, ref directory.TaskRef) (directory.Task, error) {
	now, holder, lease := s.rt.Time(), s.rt.NewID(), taskLease
	if ref.Execution != "" {
		lease = carriedLease
	}
	return s.ports.Tasks.UpdateTask(ctx, ref.Tenant, ref.Task, func(k directory.Task) (directory.Task, error) {
		switch {
		case ref.Execution != "" && (k.Execution != ref.Execution || k.State != directory.TaskRunning):
			return k, errTaken
		case ref.Execution == "" && (k.DueAt.IsZero() || k.DueAt.After(now)):
			return k, errTaken
		case k.State != directory.TaskRunning:
			return directory.Task{}, nil
		case k.Failures >= directory.MaxTaskFailures:
			k.State, k.Holder, k.DueAt = directory.TaskWaiting, "", time.Time{}
		default:
			k.Holder, k.DueAt, k.Failures, k.Cause = holder, now.Add(lease), k.Failures+1, causeInterrupted
			k.Execution = ref.Execution
		}
		k.ChangedAt, k.Version = now, k.Version+1
		return k, nil
	})
}

// step does the work of a portion.
func (x *portion) step(ctx context.Context) (err error) {
	w := workOf(x.Kind)
	if w.step == nil {
		x.later = x.s.rt.Time().Add(unknownFor)
		return nil
	}
	x.entry, err = x.s.ports.Log.Entry(ctx, x.tenant, x.Provider, x.At, x.Run)
	if directory.IsKind(err, directory.NotFound) { // the log has expired, or the tenant is being removed
		x.finish()
		return nil
	}
	if err != nil {
		return err
	}
	return w.step(x, ctx)
}

// after returns the task after the step. What a step did before it failed is not lost.
func (x *portion) after(failure error) directory.Task {
	k, now := x.Task, x.s.rt.Time()
	k.Holder, k.ChangedAt = "", now
	switch {
	case failure != nil && k.Failures >= directory.MaxTaskFailures:
		k.State, k.DueAt = directory.TaskWaiting, time.Time{}
	case failure != nil:
		k.State, k.DueAt = directory.TaskRunning, now.Add(taskPauses[min(k.Failures, len(taskPauses))-1])
	case k.State == directory.TaskDone:
		k.DoneAt, k.DueAt, k.After, k.Data = now, now.Add(directory.TaskKept), "", nil
		k.Total = max(k.Total, k.Done)
	default:
		k.DueAt = directory.Latest(now, x.later)
	}
	if failure == nil {
		k.Failures, k.Cause = 0, ""
		return k
	}
	k.Cause = directory.CauseInside
	var e *directory.Error
	if errors.As(failure, &e) && e.Detail != "" {
		k.Cause = e.Detail
	}
	return k
}

// retryTask has a task tried again that an entry names, and before it those of its parts that wait for a person.
func (s *Service) retryTask(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	id := directory.TaskID(e.Target)
	for _, id := range append(partIDs(id), id) {
		_, err := s.ports.Tasks.UpdateTask(ctx, t, id, func(k directory.Task) (directory.Task, error) {
			if k.State != directory.TaskWaiting || k.ChangedAt.After(e.At) {
				return k, errTaken
			}
			now := s.rt.Time()
			k.State, k.Execution, k.Failures, k.DueAt = directory.TaskRunning, "", 0, now
			k.ChangedAt, k.Version = now, k.Version+1
			return k, nil
		})
		if err != nil && !errors.Is(err, errTaken) {
			return err
		}
	}
	s.tasks.want()
	return nil
}

// oldestTask returns how long the task has been due that has been due for longest.
func (s *Service) oldestTask(ctx context.Context) (time.Duration, error) {
	now := s.rt.Time()
	due, err := s.ports.Tasks.DueTasks(ctx, now, 1)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	k, err := s.ports.Tasks.Task(ctx, due[0].Tenant, due[0].ID)
	if err != nil || k.State != directory.TaskRunning || k.DueAt.After(now) {
		return 0, err
	}
	return now.Sub(k.DueAt), nil
}
