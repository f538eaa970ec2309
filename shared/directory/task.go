package directory

import "time"

// Task is the progress of background work of a tenant.
type Task struct {
	ID     TaskID
	After  string    `json:",omitempty"` // the position to continue after; "" at its beginning
	DoneAt time.Time `json:",omitzero"`  // when it was last completed
	Run    EntryID   `json:",omitempty"` // the entry that the work follows from; of countries, their table
	// how many records are done; of a walk through all users, how many walks; of a pass over all tenants, how many failed
	Done    int `json:",omitempty"`
	Version int64
}
