package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

// Job is scheduled background work. Repeated and concurrent runs do no harm.
type Job struct {
	Name     directory.Job
	Function string        // the function that a deployment's schedule invokes
	Every    time.Duration // how often that schedule invokes it
	Locally  time.Duration // how often a process on one machine runs it
	// run does some of the work, and reports whether more may remain. It ends early when stop returns true.
	run func(s *Service, ctx context.Context, stop func() bool) (more bool, err error)
}

// deliverBatch is how many deliveries are tried between two calls of stop.
const deliverBatch = 100

// Jobs returns all background jobs.
func Jobs() []Job {
	return []Job{
		{directory.JobDeliver, "changes", time.Minute, time.Second, func(s *Service, ctx context.Context, _ func() bool) (bool, error) {
			n, err := s.DeliverDue(ctx, deliverBatch)
			return n == deliverBatch, err
		}},
		{directory.JobSeal, "changes", 15 * time.Minute, time.Minute, func(s *Service, ctx context.Context, _ func() bool) (bool, error) {
			return false, s.SealAll(ctx)
		}},
		{directory.JobPurge, "changes", 15 * time.Minute, time.Minute, func(s *Service, ctx context.Context, stop func() bool) (bool, error) {
			if err := s.PurgeAll(ctx, stop); err != nil {
				return false, err
			}
			return false, s.CodeCountries(ctx, stop)
		}},
		{directory.JobErase, "changes", 5 * time.Minute, time.Minute, func(s *Service, ctx context.Context, stop func() bool) (bool, error) {
			return false, s.EraseTenants(ctx, stop)
		}},
		{directory.JobSweep, "deactivate", 5 * time.Minute, 5 * time.Minute, func(s *Service, ctx context.Context, _ func() bool) (bool, error) {
			_, err := s.Sweep(ctx)
			return false, err
		}},
	}
}

// Run does the job until no work remains, or stop returns true.
func (j Job) Run(ctx context.Context, s *Service, stop func() bool) error {
	for {
		more, err := j.run(s, ctx, stop)
		if err != nil || !more || stop() {
			return err
		}
	}
}
