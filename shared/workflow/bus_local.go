package workflow

import (
	"context"
	"slices"
	"sync"

	"rollcall/shared/directory"
)

// LocalBus is the bus of one process: it keeps the newest events for whoever looks. The zero value is ready;
// safe for concurrent use.
type LocalBus struct {
	// Refuse, when set, decides on events before they are taken: for tests of what a bus that fails leads to.
	Refuse func([]directory.Event) error

	mu     sync.Mutex
	events []directory.Event
}

const kept = 1000

// Publish implements directory.Bus.
func (b *LocalBus) Publish(_ context.Context, es []directory.Event) error {
	if b.Refuse != nil {
		if err := b.Refuse(es); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, es...)
	if len(b.events) > 2*kept {
		b.events = slices.Clone(b.events[len(b.events)-kept:])
	}
	return nil
}

// Events returns the newest events, the oldest of them first.
func (b *LocalBus) Events() []directory.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.events)
}
