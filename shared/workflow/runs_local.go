package workflow

import (
	"context"
	"sync"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// LocalRuns carries out apply runs in this process, one after the other, while Serve runs.
type LocalRuns struct {
	mu    sync.Mutex
	queue []directory.RunRef
	wake  chan struct{}
}

// NewLocalRuns returns a runner with nothing to do.
func NewLocalRuns() *LocalRuns { return &LocalRuns{wake: make(chan struct{}, 1)} }

// StartRun implements directory.RunStarter: it only queues the phase.
func (l *LocalRuns) StartRun(_ context.Context, ref directory.RunRef) error {
	l.mu.Lock()
	l.queue = append(l.queue, ref)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // awake already
	}
	return nil
}

// next takes the first phase of the queue; false when there is none.
func (l *LocalRuns) next() (ref directory.RunRef, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return ref, false
	}
	ref = l.queue[0]
	l.queue = l.queue[1:]
	return ref, true
}

// runAgain is how long Serve waits before it tries a phase again.
const runAgain = time.Second

// Serve carries out started phases until ctx ends, beginning with those that an earlier process left unfinished. Failed
// ones are tried again; it calls failed with their errors.
func (l *LocalRuns) Serve(ctx context.Context, svc *follow.Service, failed func(error)) {
	for _, ref := range l.unfinished(ctx, svc, failed) {
		_ = l.StartRun(ctx, ref) // never fails
	}
	for {
		ref, ok := l.next()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-l.wake:
			}
			continue
		}
		err := svc.PlayRun(ctx, ref)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			continue
		}
		failed(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(runAgain):
		}
		_ = l.StartRun(ctx, ref)
	}
}

// unfinished finds the phases that an earlier process left unfinished; it tries until that succeeds or ctx ends.
func (l *LocalRuns) unfinished(ctx context.Context, svc *follow.Service, failed func(error)) []directory.RunRef {
	for {
		refs, err := svc.OpenRuns(ctx)
		if err == nil || ctx.Err() != nil {
			return refs
		}
		failed(err)
		select {
		case <-ctx.Done():
		case <-time.After(runAgain):
		}
	}
}
