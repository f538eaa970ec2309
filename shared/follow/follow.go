// Package follow is what follows from a log entry, an apply run or a background job. Every change writes one log entry;
// everything else is derived from it here: completing large changes, wake-ups, counting, the mass-change guard,
// placement, apply runs, events, webhooks, the hash chain, erasing.
//
// The table of steps (steps.go) says which entries start what, and why doing it again does no harm; the table of jobs
// (jobs.go) says what runs by the clock. The package decides nothing about requests: those are packages provisioning
// and administration.
package follow

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/shared/directory"
)

// Service follows. Safe for concurrent use, by any number of processes.
type Service struct {
	ports directory.Ports
	rt    directory.Runtime
}

// New returns the service on the ports.
func New(p directory.Ports, rt directory.Runtime) *Service { return &Service{ports: p, rt: rt} }

// FollowEntry does what follows from a log entry: every step of the table that the entry starts, in order. What
// protects people comes before what may fail with others. It may run several times for an entry, also side by side, and
// then does nothing the second time but publish the same events.
func (s *Service) FollowEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	batch := []directory.LogEntry{e}
	for _, step := range steps {
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

// FollowNew follows what has not been followed yet, one caller at a time, and returns how many entries that were. parked
// is told why an entry was parked.
// Errors: an entry could not even be parked; those of the store.
func (s *Service) FollowNew(ctx context.Context, parked func(cause error)) (int, error) {
	return s.ports.Feed.Deliver(ctx, func(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
		cause, err := s.FollowOrPark(ctx, t, e)
		if cause != nil {
			parked(cause)
		}
		return err
	})
}

// FollowOrPark follows an entry or, when that fails, parks it to be tried again with growing pauses and
// given up in the end: a poisoned entry holds up no other. cause is why it was parked, for the log.
// Errors: it could not even be parked.
func (s *Service) FollowOrPark(ctx context.Context, t directory.TenantID, e directory.LogEntry) (cause, err error) {
	cause = s.FollowEntry(ctx, t, e)
	if cause == nil {
		return nil, nil
	}
	return cause, s.Park(ctx, t, e)
}

// Park has an entry that could not be followed tried again. Of an entry that could not be read, its
// provider, time and id are enough.
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

// origin is what makes the system act.
type origin struct {
	by       directory.Actor // of the entries that follow
	provider directory.ProviderID
	at       time.Time // of the entry; zero for a run or a job
}

func fromEntry(e directory.LogEntry) origin {
	return origin{by: directory.EntryActor(e), provider: e.Provider, at: e.At}
}

// fromDecision is fromEntry for what carries out an administrator's decision: its reason goes along.
func fromDecision(e directory.LogEntry) origin {
	o := fromEntry(e)
	o.by.Reason = e.Actor.Reason
	return o
}

func fromRun(run directory.RunID) origin { return origin{by: directory.RunActor(run)} }

func fromJob(j directory.Job) origin { return origin{by: directory.JobActor(j)} }

// entry starts the entry of what the system does.
func (s *Service) entry(o origin, a directory.Action) directory.LogEntry {
	return directory.LogEntry{ID: s.rt.EntryID(), At: s.rt.Time(), Provider: o.provider, Actor: o.by, Action: a}
}

// finish ends a change of a user that the system makes.
func (s *Service) finish(
	o origin, old, n directory.User, a directory.Action, changes ...directory.Change,
) (directory.User, *directory.LogEntry, error) {
	e := s.entry(o, a)
	e.Provider, e.Changes = n.Provider, changes
	return directory.FinishChange(old, n, e)
}

// parallelChanges is how many users a batch changes side by side.
const parallelChanges = 8

// forEach calls fn for all items, several side by side, and returns the first error.
func forEach[T any](ctx context.Context, items []T, fn func(context.Context, T) error) error {
	var g errgroup.Group
	g.SetLimit(parallelChanges)
	for _, item := range items {
		g.Go(func() error { return fn(ctx, item) })
	}
	return g.Wait()
}
