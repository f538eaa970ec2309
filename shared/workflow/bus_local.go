package workflow

import (
	"context"
	"slices"
	"sync"

	"rollcall/shared/directory"
)

// LocalBus is the bus of one process: it keeps the newest events for inspection. The zero value is ready; safe for
// concurrent use.
type LocalBus struct {
	// Refuse, when set, may refuse an event: for tests of a failing bus.
	Refuse func(directory.Event) error

	mu     sync.Mutex
	events []directory.Event
}

// keptEvents is how many of the newest events are kept at least.
const keptEvents = 1000

// Publish implements directory.EventBus.
func (b *LocalBus) Publish(_ context.Context, es []directory.Event) (refused []int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, e := range es {
		if b.Refuse != nil {
			if refusal := b.Refuse(e); refusal != nil {
				refused, err = append(refused, i), refusal
				continue
			}
		}
		b.events = append(b.events, e)
	}
	if len(b.events) > 2*keptEvents {
		b.events = slices.Clone(b.events[len(b.events)-keptEvents:])
	}
	return refused, err
}

// Events returns the newest events, the oldest of them first.
func (b *LocalBus) Events() []directory.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.events)
}
