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

	"rollcall/shared/directory"
	"rollcall/shared/parallel"
)

// Service follows log entries. Safe for concurrent use, by any number of processes.
type Service struct {
	ports directory.Ports
	rt    directory.Runtime
	kept  ruleCache

	mu     sync.Mutex
	marked map[chain]time.Time // when this process marked chains for sealing

	sending, tasks starter
	alone          atomic.Int64 // until when tasks are not handed over, in nanoseconds
}

// startEvery is how often a process starts a function that goes on looking for work; between, its schedule starts it.
const startEvery = time.Minute

// starter has work that was stored done soon by another function. If that fails, its schedule has it done within a minute.
type starter struct {
	wanted atomic.Bool
	last   atomic.Int64 // when it was last started, in nanoseconds
}

// want notes that there is new work.
func (w *starter) want() { w.wanted.Store(true) }

// due reports, once, whether the function is to be started now.
func (w *starter) due(now time.Time) bool {
	at, last := now.UnixNano(), w.last.Load()
	return w.wanted.Swap(false) && at-last >= int64(startEvery) && w.last.CompareAndSwap(last, at)
}

// start starts the functions that do what was stored.
func (s *Service) start(ctx context.Context) {
	now := s.rt.Now()
	if s.rt.Delivering != nil && s.sending.due(now) {
		_ = s.rt.Delivering.StartDelivering(ctx)
	}
	if s.rt.Tasks != nil && s.tasks.due(now) {
		_ = s.rt.Tasks.StartTasks(ctx)
	}
}

// New returns the service on the ports.
func New(p directory.Ports, rt directory.Runtime) *Service {
	return &Service{ports: p, rt: rt, marked: map[chain]time.Time{}}
}

// Failure is a step that failed for an entry of a batch.
type Failure struct {
	At   int    // the entry's place in the batch
	Step string // its name; "" when the entry cannot be read or numbered, and no step can run
	Err  error
}

// FollowBatch runs the steps that entries of any tenants start: in the order of the table, those at the same time that run
// beside the one before, each for all entries in their order; first those that only store, together, and then those apart. A
// step that fails for an entry keeps none back, of this entry or of others, but those that need its result. Steps that
// protect users come before those that depend on other systems. Entries may be followed several times, also concurrently and
// in other batches; a repetition only publishes the same events.
func (s *Service) FollowBatch(ctx context.Context, batch []directory.TenantEntry) []Failure {
	failed, err := s.follow(ctx, batch, nil, func(context.Context, []Failure, bool) error { return nil })
	if err != nil {
		for i := range batch {
			failed = append(failed, Failure{i, "", err})
		}
	}
	return failed
}

// follow is FollowBatch with the steps that wanted selects for an entry, nil for all. note stores what became of them, as
// far as is known: failed has all failures until then. It is called in the transaction of the steps that only store, and,
// unless that call was the last, once more when those apart have ended.
// Errors: those of note; what was to be stored together cannot be; ctx ended.
func (s *Service) follow(
	ctx context.Context, batch []directory.TenantEntry, wanted func(at int, step string) bool,
	note func(ctx context.Context, failed []Failure, last bool) error,
) ([]Failure, error) {
	c := &course{s: s, wanted: wanted}
	c.batch, c.failed = s.number(ctx, batch)
	last := !c.any(true)
	store := func(ctx context.Context) error {
		if len(c.failed) > 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return note(ctx, c.failed, last)
	}
	err := s.ports.Feed.Together(ctx, func(ctx context.Context) error {
		c.run(ctx, false)
		return store(ctx)
	})
	if err != nil {
		s.forget()
		return c.failed, err
	}
	s.start(ctx)
	if last {
		return c.failed, nil
	}
	last = true
	c.run(ctx, true)
	return c.failed, s.ports.Feed.Together(ctx, store)
}

// forget forgets what this process knows from a transaction that was not committed.
func (s *Service) forget() {
	s.kept.clear()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.marked)
}

// FollowOrSetAside follows a batch and sets aside what failed, to be tried again with growing pauses and finally given up, so that
// it delays nothing else. An entry that the store is too busy to number is not set aside: the next ones of its group would be
// numbered before it. failed is for the log. taken is how many entries, from the first on, are followed or set aside: fewer
// than all only with an error.
// Errors: an entry could not be numbered, or work not set aside; ctx ended.
func (s *Service) FollowOrSetAside(ctx context.Context, batch []directory.TenantEntry) (failed []Failure, taken int, err error) {
	return s.followOrSetAside(ctx, batch, func(context.Context) error { return nil })
}

// followOrSetAside calls done in the transaction that stores the last of what follows.
func (s *Service) followOrSetAside(
	ctx context.Context, batch []directory.TenantEntry, done func(context.Context) error,
) (failed []Failure, taken int, err error) {
	noted := 0
	failed, err = s.follow(ctx, batch, nil, func(ctx context.Context, failed []Failure, last bool) error {
		left := stepsLeft(failed[noted:])
		noted = len(failed)
		for i, e := range batch {
			if err := busy(failed, i); e.Unreadable == nil && err != nil {
				return err
			}
			if names, ok := left[i]; ok {
				if err := s.setAside(ctx, e, names); err != nil {
					return err
				}
			}
			if last {
				taken = i + 1
			}
		}
		if last {
			return done(ctx)
		}
		return nil
	})
	return failed, taken, err
}

// FollowNew follows the entries not followed yet, one caller at a time, and returns how many. It calls report with the
// steps that failed and were set aside.
// Errors: work could not be set aside; those of the store.
func (s *Service) FollowNew(ctx context.Context, report func([]Failure)) (int, error) {
	return s.ports.Feed.Deliver(ctx, func(ctx context.Context, batch []directory.TenantEntry) error {
		failed, _, err := s.followOrSetAside(ctx, batch, s.ports.Feed.Taken)
		report(failed)
		return err
	})
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

// parallelLooks is how many ids are looked for in parallel.
const parallelLooks = 32

// forEach calls fn for all items, several in parallel, and returns the first error.
func forEach[T any](ctx context.Context, items []T, fn func(context.Context, T) error) error {
	return parallel.Each(ctx, parallelChanges, len(items), func(ctx context.Context, i int) error { return fn(ctx, items[i]) })
}
