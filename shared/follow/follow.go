// Package follow does what follows from a log entry, an apply run or a background job. Every change writes one log
// entry; everything else is derived from it here: completing large changes, wake-ups, counting, the mass-change guard,
// placement, apply runs, events, webhooks, the hash chain, erasing.
//
// The table of steps (steps.go) says which entries start which steps, and why repeating them does no harm; the table of
// jobs (jobs.go) lists the scheduled work. Packages provisioning and administration handle requests.
package follow

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/shared/directory"
)

// Service follows log entries. Safe for concurrent use, by any number of processes.
type Service struct {
	ports directory.Ports
	rt    directory.Runtime

	mu     sync.Mutex
	marked map[chain]time.Time // when this process marked chains for sealing
	woken  atomic.Int64        // when the sending of deliveries was last started, in nanoseconds
}

// New returns the service on the ports.
func New(p directory.Ports, rt directory.Runtime) *Service {
	return &Service{ports: p, rt: rt, marked: map[chain]time.Time{}}
}

// FollowEntry runs every step of the table that the entry starts, in order. Steps that protect users come before those
// that depend on other systems. It may run several times for an entry, also concurrently; a repetition only publishes
// the same events.
func (s *Service) FollowEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	batch := []directory.LogEntry{e}
	for _, step := range steps() {
		if !step.on.matches(e) {
			continue
		}
		if err := step.run(s, ctx, t, batch); err != nil {
			return err
		}
	}
	return nil
}

// complete completes a change of memberships, or of references to a user, that was too large for its transaction.
func (s *Service) complete(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	return s.ports.Completion.CompleteEntry(ctx, t, e)
}

// FollowNew follows the entries not followed yet, one caller at a time, and returns how many. It calls parked with the
// error of each entry that it parked.
// Errors: an entry could not be parked; those of the store.
func (s *Service) FollowNew(ctx context.Context, parked func(cause error)) (int, error) {
	return s.ports.Feed.Deliver(ctx, func(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
		cause, err := s.FollowOrPark(ctx, t, e)
		if cause != nil {
			parked(cause)
		}
		return err
	})
}

// FollowOrPark follows an entry or, when that fails, parks it to be tried again with growing pauses and finally given
// up, so that it does not delay other entries. cause is the error it was parked for, for the log.
// Errors: it could not be parked.
func (s *Service) FollowOrPark(ctx context.Context, t directory.TenantID, e directory.LogEntry) (cause, err error) {
	cause = s.FollowEntry(ctx, t, e)
	if cause == nil {
		return nil, nil
	}
	return cause, s.Park(ctx, t, e)
}

// Park schedules another try for an entry that could not be followed. Of one that could not be read, provider, time and
// id are enough.
func (s *Service) Park(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	now := s.rt.Time()
	return s.ports.Deliveries.AddDelivery(ctx, t, failed(directory.NewDelivery(e, "", string(e.ID), now), now, 0, directory.CauseInside))
}

// followParked tries an entry that was parked.
func (s *Service) followParked(ctx context.Context, t directory.TenantID, d directory.Delivery) (directory.Delivery, error) {
	e, err := s.ports.Log.Entry(ctx, t, d.Provider, d.At, d.Entry)
	if err == nil {
		err = s.FollowEntry(ctx, t, e)
	}
	now := s.rt.Time()
	switch {
	case err == nil:
		d.Tries, d.Cause = d.Tries+1, ""
		return ended(d, now, directory.DeliveryDelivered), nil
	case directory.IsKind(err, directory.NotFound) && e.ID == "":
		d.Cause = directory.CauseRemoved
		return ended(d, now, directory.DeliveryDead), nil
	}
	return failed(d, now, 0, directory.CauseInside), err
}

// origin is the cause of a change by the system.
type origin struct {
	by       directory.Actor // of the entries it writes
	provider directory.ProviderID
	at       time.Time // of the entry; zero for a run or a job
}

func fromEntry(e directory.LogEntry) origin {
	return origin{by: directory.EntryActor(e), provider: e.Provider, at: e.At}
}

// fromDecision is fromEntry for carrying out an administrator's decision, with its reason.
func fromDecision(e directory.LogEntry) origin {
	o := fromEntry(e)
	o.by.Reason = e.Actor.Reason
	return o
}

func fromRun(run directory.RunID) origin { return origin{by: directory.RunActor(run)} }

func fromJob(j directory.Job) origin { return origin{by: directory.JobActor(j)} }

// entry starts the entry of a change by the system.
func (s *Service) entry(o origin, a directory.Action) directory.LogEntry {
	return directory.LogEntry{ID: s.rt.EntryID(), At: s.rt.Time(), Provider: o.provider, Actor: o.by, Action: a}
}

// finish completes a change of a user by the system.
func (s *Service) finish(
	o origin, old, n directory.User, a directory.Action, changes ...directory.Change,
) (directory.User, *directory.LogEntry, error) {
	e := s.entry(o, a)
	e.Provider, e.Changes = n.Provider, changes
	return directory.FinishChange(old, n, e)
}

// parallelChanges is how many users a batch changes in parallel.
const parallelChanges = 8

// forEach calls fn for all items, several in parallel, and returns the first error.
func forEach[T any](ctx context.Context, items []T, fn func(context.Context, T) error) error {
	var g errgroup.Group
	g.SetLimit(parallelChanges)
	for _, item := range items {
		g.Go(func() error { return fn(ctx, item) })
	}
	return g.Wait()
}
