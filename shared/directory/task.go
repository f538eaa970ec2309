package directory

import "time"

// Task is how far a piece of background work of a tenant is.
type Task struct {
	ID      TaskID
	After   string    `json:",omitempty"` // where it goes on; "" at its beginning
	DoneAt  time.Time `json:",omitzero"`  // when it last came to its end
	Version int64
}
