package directory

import (
	"context"
	"time"
)

// Task is how far a piece of background work of a tenant is.
type Task struct {
	ID      string
	After   string    `json:",omitempty"` // where it goes on; "" at its beginning
	DoneAt  time.Time `json:",omitzero"`  // when it last came to its end
	Version int64
}

// Tasks stores how far background work is.
type Tasks interface {
	// Task reads a task; the zero one when there is none.
	Task(ctx context.Context, t TenantID, id string) (Task, error)
	// UpdateTask replaces a task by update(old), which may run several times; old is zero when there is none.
	UpdateTask(ctx context.Context, t TenantID, id string, update func(Task) Task) error
}

// resume calls fn for every user that a search finds, page by page, and remembers how far it is: another process
// goes on there, and once all were seen none begins again.
func (s *Service) resume(ctx context.Context, t TenantID, id string, q UserSearch, fn func(User) error) error {
	task, err := s.Tasks.Task(ctx, t, id)
	if err != nil {
		return err
	}
	q.After, q.Count = task.After, 200
	for task.DoneAt.IsZero() {
		us, next, err := s.Users.SearchUsers(ctx, t, q)
		if err != nil {
			return err
		}
		for _, u := range us {
			if err := fn(u); err != nil {
				return err
			}
		}
		q.After, task.After = next, next
		if next == "" {
			task.DoneAt = s.Now()
		}
		if err := s.Tasks.UpdateTask(ctx, t, id, func(old Task) Task {
			return Task{ID: id, After: task.After, DoneAt: task.DoneAt, Version: old.Version + 1}
		}); err != nil {
			return err
		}
	}
	return nil
}
