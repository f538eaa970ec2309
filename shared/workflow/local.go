package workflow

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Local is directory.Wakeups in this process. Its wake-ups are lost with the process: the next one must schedule them
// again. Safe for concurrent use.
type Local struct {
	now func() time.Time

	mu    sync.Mutex
	times []time.Time // in order, none twice
	added chan struct{}
}

// retryAfter is when a failed wake-up is repeated.
const retryAfter = 5 * time.Second

// NewLocal returns a Local on the clock now.
func NewLocal(now func() time.Time) *Local {
	return &Local{now: now, added: make(chan struct{}, 1)}
}

// WakeAt implements directory.Wakeups, without rounding the time.
func (l *Local) WakeAt(_ context.Context, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, found := slices.BinarySearchFunc(l.times, at, time.Time.Compare)
	if found {
		return nil
	}
	l.times = slices.Insert(l.times, i, at)
	select {
	case l.added <- struct{}{}:
	default: // Run will notice already
	}
	return nil
}

// Fire calls wake, once, if the clock has reached any scheduled times. A failed wake-up is scheduled again.
func (l *Local) Fire(ctx context.Context, wake func(context.Context) error) error {
	now := l.now()
	l.mu.Lock()
	n, _ := slices.BinarySearchFunc(l.times, now, func(t, now time.Time) int {
		if t.After(now) {
			return 1
		}
		return -1
	})
	l.times = slices.Delete(l.times, 0, n)
	l.mu.Unlock()
	if n == 0 {
		return nil
	}
	err := wake(ctx)
	if err != nil {
		_ = l.WakeAt(ctx, now.Add(retryAfter)) // never fails
	}
	return err
}

// next is when the next wake-up is due; false when none is scheduled.
func (l *Local) next() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.times) == 0 {
		return time.Time{}, false
	}
	return l.times[0], true
}

// Run fires wake-ups until ctx ends, and calls failed with errors. The clock must be the machine's.
func (l *Local) Run(ctx context.Context, wake func(context.Context) error, failed func(error)) {
	for {
		var due <-chan time.Time
		if at, ok := l.next(); ok {
			due = time.After(at.Sub(l.now()))
		}
		select {
		case <-ctx.Done():
			return
		case <-l.added: // perhaps an earlier time
		case <-due:
			if err := l.Fire(ctx, wake); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}
