// Package meter counts what requests to DynamoDB cost: round trips and capacity.
package meter

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/parallel"
)

// Meter counts the cost of a request: calls, sequential round trips (parallel calls are one) and on-demand capacity
// units, computed from the sizes of items as AWS bills them. Safe for concurrent use.
type Meter struct {
	mu            sync.Mutex
	calls, rounds int
	read, write   float64
}

// With returns a context whose calls to a Store are counted by the Meter.
func With(ctx context.Context) (context.Context, *Meter) {
	m := &Meter{}
	return parallel.With(ctx, m), m
}

// Branch implements parallel.Counter.
func (m *Meter) Branch() parallel.Counter { return &Meter{} }

// Join implements parallel.Counter: the branches took as many round trips as the longest of them.
func (m *Meter) Join(branches []parallel.Counter) {
	longest := 0
	for _, c := range branches {
		if b, ok := c.(*Meter); ok {
			longest = max(longest, b.rounds)
			m.add(b.calls, 0, b.read, b.write)
		}
	}
	m.add(0, longest, 0, 0)
}

// Calls returns the number of calls to DynamoDB.
func (m *Meter) Calls() int { m.mu.Lock(); defer m.mu.Unlock(); return m.calls }

// Rounds returns the number of sequential round trips.
func (m *Meter) Rounds() int { m.mu.Lock(); defer m.mu.Unlock(); return m.rounds }

// ReadUnits returns the read capacity: 1 for 4 KB read with strong consistency.
func (m *Meter) ReadUnits() float64 { m.mu.Lock(); defer m.mu.Unlock(); return m.read }

// WriteUnits returns the write capacity: 1 for 1 KB, twice that in a transaction, 1 more for an index entry.
func (m *Meter) WriteUnits() float64 { m.mu.Lock(); defer m.mu.Unlock(); return m.write }

func (m *Meter) add(calls, rounds int, read, write float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls += calls
	m.rounds += rounds
	m.read += read
	m.write += write
}

// Count adds one call to the context's meter, if it has one.
func Count(ctx context.Context, read, write float64) {
	if m, ok := parallel.CounterOf(ctx).(*Meter); ok {
		m.add(1, 1, read, write)
	}
}

// branches limits the parallel calls of a step.
const branches = 8

// Parallel is parallel.Run for the calls of a step.
func Parallel(ctx context.Context, fns ...func(context.Context) error) error {
	return parallel.Run(ctx, branches, fns...)
}

// ItemSize returns the size of an item as AWS counts it: names and values in UTF-8 bytes.
func ItemSize(it map[string]types.AttributeValue) int {
	n := 0
	for name, v := range it {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += len(v.Value)/2 + 1
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		case *types.AttributeValueMemberSS:
			for _, s := range v.Value {
				n += len(s)
			}
		default:
			n++
		}
	}
	return n
}

const kilobyte = 1024

// ReadUnits returns the units of a read with strong consistency.
func ReadUnits(bytes int) float64 { return float64(max(1, (bytes+4*kilobyte-1)/(4*kilobyte))) }

// WriteUnits returns the units of a write outside a transaction.
func WriteUnits(bytes int) float64 { return float64(max(1, (bytes+kilobyte-1)/kilobyte)) }
