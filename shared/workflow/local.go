package workflow

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Local is directory.Wakeups in the process. It forgets with the process: whoever starts one asks again for
// what is pending. Safe for concurrent use.
type Local struct {
	now func() time.Time

	mu    sync.Mutex
	times []time.Time // in order, none twice
	asked chan struct{}
}

// again is when a wake-up that failed is repeated.
const again = 5 * time.Second

// NewLocal returns a Local that goes by the clock now.
func NewLocal(now func() time.Time) *Local {
	return &Local{now: now, asked: make(chan struct{}, 1)}
}

// WakeAt implements directory.Wakeups, to the moment.
func (l *Local) WakeAt(_ context.Context, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, found := slices.BinarySearchFunc(l.times, at, time.Time.Compare)
	if found {
		return nil
	}
	l.times = slices.Insert(l.times, i, at)
	select {
	case l.asked <- struct{}{}:
	default: // it is known already that something was asked for
	}
	return nil
}

// Fire calls wake if the clock has reached any time asked for, once for all of them. One that fails is asked
// for again.
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
		_ = l.WakeAt(ctx, now.Add(again)) // never fails
	}
	return err
}

// next is when the next wake-up is due; false when none was asked for.
func (l *Local) next() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.times) == 0 {
		return time.Time{}, false
	}
	return l.times[0], true
}

// Run fires until ctx ends; failed is told of errors. The clock must be the machine's.
func (l *Local) Run(ctx context.Context, wake func(context.Context) error, failed func(error)) {
	for {
		var due <-chan time.Time
		if at, ok := l.next(); ok {
			due = time.After(at.Sub(l.now()))
		}
		select {
		case <-ctx.Done():
			return
		case <-l.asked: // perhaps for an earlier time
		case <-due:
			if err := l.Fire(ctx, wake); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}
