// Package meter counts what requests to DynamoDB cost: round trips and capacity.
package meter

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Meter counts the cost of a request: calls, sequential round trips (parallel calls are one) and on-demand capacity
// units, computed from the sizes of items as AWS bills them. Safe for concurrent use.
type Meter struct {
	mu            sync.Mutex
	calls, rounds int
	read, write   float64
}

type meterKey struct{}

// With returns a context whose calls to a Store are counted by the Meter.
func With(ctx context.Context) (context.Context, *Meter) {
	m := &Meter{}
	return context.WithValue(ctx, meterKey{}, m), m
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
	if m, ok := ctx.Value(meterKey{}).(*Meter); ok {
		m.add(1, 1, read, write)
	}
}

// branches limits the parallel calls of a step.
const branches = 8

// Parallel runs the functions in parallel, at most branches at a time, and returns the first error in their order. They
// count as many round trips as the longest of them.
func Parallel(ctx context.Context, fns ...func(context.Context) error) error {
	if len(fns) == 1 {
		return fns[0](ctx)
	}
	meters := make([]*Meter, len(fns))
	errs := make([]error, len(fns))
	slots := make(chan struct{}, branches)
	var wg sync.WaitGroup
	for i, fn := range fns {
		c := ctx
		if ctx.Value(meterKey{}) != nil {
			c, meters[i] = With(ctx)
		}
		wg.Go(func() {
			slots <- struct{}{}
			errs[i] = fn(c)
			<-slots
		})
	}
	wg.Wait()
	if m, ok := ctx.Value(meterKey{}).(*Meter); ok {
		longest := 0
		for _, b := range meters {
			longest = max(longest, b.rounds)
			m.add(b.calls, 0, b.read, b.write)
		}
		m.add(0, longest, 0, 0)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
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
