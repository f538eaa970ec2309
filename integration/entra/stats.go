package entra

import (
	"slices"
	"sync"
	"time"
)

// Operation names a kind of request in counts and latencies.
type Operation string

// The kinds of requests of a job, in the order of a report.
const (
	OpTest          Operation = "test connection"
	OpUserMatch     Operation = "user match"
	OpUserCreate    Operation = "user create"
	OpUserRead      Operation = "user read"
	OpUserUpdate    Operation = "user update"
	OpUserDisable   Operation = "user disable"
	OpUserRestore   Operation = "user restore"
	OpUserDelete    Operation = "user delete"
	OpManagerCheck  Operation = "manager check"
	OpManagerUpdate Operation = "manager update"
	OpGroupMatch    Operation = "group match"
	OpGroupCreate   Operation = "group create"
	OpGroupRead     Operation = "group read"
	OpGroupUpdate   Operation = "group update"
	OpGroupDelete   Operation = "group delete"
	OpMemberCheck   Operation = "member check"
	OpMembersAdd    Operation = "members add"
	OpMembersRemove Operation = "members remove"
	OpList          Operation = "list page"     // of the comparison
	OpMembersRead   Operation = "group members" // of the comparison
	OpReadBack      Operation = "read back"     // after a write
)

var operations = []Operation{OpTest, OpUserMatch, OpUserCreate, OpUserRead, OpUserUpdate, OpUserDisable, OpUserRestore, OpUserDelete,
	OpManagerCheck,
	OpManagerUpdate, OpGroupMatch, OpGroupCreate, OpGroupRead, OpGroupUpdate, OpGroupDelete, OpMemberCheck, OpMembersAdd, OpMembersRemove,
	OpList, OpMembersRead, OpReadBack}

// OperationStats are the counts and latencies of one kind of request. A latency is that of a single attempt, from sending
// to the last byte of the response, in milliseconds.
type OperationStats struct {
	Operation Operation `json:"operation"`
	Requests  int       `json:"requests"`
	Failed    int       `json:"failed"` // attempts without a response, or with one that failed the object
	P50       float64   `json:"p50"`
	P90       float64   `json:"p90"`
	P99       float64   `json:"p99"`
	Max       float64   `json:"max"`
}

// recorder collects the data of OperationStats. It is safe for concurrent use.
type recorder struct {
	mu     sync.Mutex
	series map[Operation]*series
}

type series struct {
	failed    int
	durations []time.Duration
}

func (r *recorder) attempt(op Operation, d time.Duration, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.series == nil {
		r.series = map[Operation]*series{}
	}
	s := r.series[op]
	if s == nil {
		s = &series{}
		r.series[op] = s
	}
	s.durations = append(s.durations, d)
	if failed {
		s.failed++
	}
}

func (r *recorder) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, s := range r.series {
		n += len(s.durations)
	}
	return n
}

func (r *recorder) stats() []OperationStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []OperationStats
	for _, op := range operations {
		s := r.series[op]
		if s == nil {
			continue
		}
		sorted := slices.Sorted(slices.Values(s.durations))
		at := func(percent int) float64 { // nearest rank
			rank := (percent*len(sorted) + 99) / 100
			return float64(sorted[max(rank, 1)-1].Microseconds()) / 1000
		}
		out = append(out, OperationStats{op, len(sorted), s.failed, at(50), at(90), at(99), at(100)})
	}
	return out
}
