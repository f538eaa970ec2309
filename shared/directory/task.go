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
