package administration

import (
	"context"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// TaskFilter selects tasks. Empty fields select everything.
type TaskFilter struct {
	State directory.TaskState
	Kind  directory.TaskKind
}

// TaskKinds returns the kinds of tasks.
func TaskKinds() []directory.TaskKind { return follow.TaskKinds() }

// NextStep returns when the next step of a task may be done.
func NextStep(k directory.Task) time.Time { return follow.NextStep(k) }

// List reads tasks, those of the newest entries first, before the given one, and the id to continue before: "" at the end.
// A page may hold fewer than asked for when MaxWalk tasks were read.
func (s Tasks) List(
	ctx context.Context, f TaskFilter, before directory.TaskID, count int,
) ([]directory.Task, directory.TaskID, error) {
	read := func(before directory.TaskID, n int) ([]directory.Task, bool, error) {
		ks, err := s.ports.Tasks.ListTasks(ctx, s.tenant, before, n)
		return ks, len(ks) == n, err
	}
	return filtered(before, count, read, func(k directory.Task) directory.TaskID { return k.ID }, func(k directory.Task) bool {
		return (f.State == "" || f.State == k.State) && (f.Kind == "" || f.Kind == k.Kind)
	})
}

// ByID reads one.
// Errors: NotFound.
func (s Tasks) ByID(ctx context.Context, id directory.TaskID) (directory.Task, error) {
	k, err := s.ports.Tasks.Task(ctx, s.tenant, id)
	if err == nil && k.Kind == "" { // none, or the progress of a job
		err = directory.Errorf(directory.NotFound, "no such task")
	}
	return k, err
}

// Retry writes the entry that has a task tried again that waits for a person.
// Errors: NotFound; Conflict when it does not wait; what check returns.
func (s Tasks) Retry(ctx context.Context, id directory.TaskID, check func(directory.Task) error) error {
	k, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	if err := check(k); err != nil {
		return err
	}
	if k.State != directory.TaskWaiting {
		return directory.Errorf(directory.Conflict, "the task does not wait for a person: it is %s", k.State)
	}
	e := s.entry(directory.TaskRetried)
	e.Target = string(id)
	e.Changes = []directory.Change{directory.NewChange("kind", nil, k.Kind)}
	return s.ports.Log.AppendEntry(ctx, s.tenant, e)
}
