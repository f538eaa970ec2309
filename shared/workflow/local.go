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
	now  func() time.Time
	wake func(context.Context) error

	mu    sync.Mutex
	times []time.Time // in order, none twice
	asked chan struct{}
}

// again is when a wake-up that failed is repeated.
const again = 5 * time.Second

// NewLocal returns a Local that calls wake by the clock now.
func NewLocal(now func() time.Time, wake func(context.Context) error) *Local {
	return &Local{now: now, wake: wake, asked: make(chan struct{}, 1)}
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
func (l *Local) Fire(ctx context.Context) error {
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
	err := l.wake(ctx)
	if err != nil {
		_ = l.WakeAt(ctx, now.Add(again)) // never fails
	}
	return err
}

// next is how long to wait for the next time asked for, at most the longest.
func (l *Local) next(longest time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.times) == 0 {
		return longest
	}
	return min(longest, max(0, l.times[0].Sub(l.now())))
}

// Run fires, and calls sweep every interval, until ctx ends; failed is told of errors. The clock must be the
// machine's.
func (l *Local) Run(ctx context.Context, interval time.Duration, sweep func(context.Context) error, failed func(error)) {
	report := func(err error) {
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		timer := time.NewTimer(l.next(interval))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-l.asked:
		case <-timer.C:
			report(l.Fire(ctx))
		case <-ticker.C:
			report(sweep(ctx))
		}
		timer.Stop()
	}
}
