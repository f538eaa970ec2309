package directory

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"time"
)

// TaskKind is a kind of long work (package follow has the table); "" is the progress of a job.
type TaskKind string

// TaskState is the state of long work.
type TaskState string

// The states of long work.
const (
	TaskRunning TaskState = "running"
	TaskWaiting TaskState = "waiting" // for a person: it failed MaxTaskFailures times in a row
	TaskDone    TaskState = "done"
)

const (
	// MaxTaskFailures is how often in a row a task fails before it waits for a person.
	MaxTaskFailures = 10
	// TaskKept is how long a task can be listed after it is done.
	TaskKept = 30 * 24 * time.Hour
)

// Task is long work that follows from a log entry, done in bounded steps, or the progress of a job.
type Task struct {
	ID       TaskID
	Kind     TaskKind   `json:",omitempty"`
	Provider ProviderID `json:",omitempty"` // with At and Run, identifies the entry
	At       time.Time  `json:",omitzero"`
	Run      EntryID    `json:",omitempty"` // the entry that the work follows from; of countries, their table
	Of       string     `json:",omitempty"` // the kind of the record that it belongs to
	Target   string     `json:",omitempty"` // the id of that record

	Part  int             `json:",omitempty"` // which part of another task this is
	State TaskState       `json:",omitempty"`
	After string          `json:",omitempty"` // the position to continue after; "" at its beginning
	Data  json.RawMessage `json:",omitempty"` // what a kind keeps in addition
	Total int             `json:",omitempty"` // how many records there are to do, where that is known
	// how many records are done; of a walk through all users, how many walks; of a pass over all tenants, how many failed
	Done int `json:",omitempty"`

	Failures int    `json:",omitempty"` // in a row
	Cause    string `json:",omitempty"` // of the last failure
	Holder   string `json:",omitempty"` // who does a step, until DueAt
	// Execution carries the task (TaskCarrier): only it does steps until DueAt, which is later; if it does not run, it is the last
	Execution string `json:",omitempty"`

	CreatedAt time.Time `json:",omitzero"`
	ChangedAt time.Time `json:",omitzero"`
	DueAt     time.Time `json:",omitzero"` // when the next step may be done, or a task that is done be removed; zero: never
	DoneAt    time.Time `json:",omitzero"` // when it was last completed
	Version   int64
}

// NewTaskID returns the id of the work of a kind for an entry. Ids are in the order of the entries' times.
func NewTaskID(kind TaskKind, e LogEntry) TaskID {
	sum := sha256.Sum256([]byte(string(kind) + " " + string(e.ID)))
	position, _, _ := strings.Cut(e.Position(), ".")
	return TaskID("t" + position + idEncoding.EncodeToString(sum[:])[:20])
}

// TaskRef names an execution that carries a task.
type TaskRef struct {
	Tenant    TenantID
	Task      TaskID
	Execution string
}

// DueTask names a task that is due.
type DueTask struct {
	Tenant TenantID
	ID     TaskID
}
