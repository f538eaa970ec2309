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
