package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

// Job is a piece of background work that runs by the clock. Running one again, or side by side, does no harm.
type Job struct {
	Name     directory.Job
	Function string        // the function that a deployment's schedule invokes
	Every    time.Duration // how often that schedule does
	Locally  time.Duration // how often a process on one machine does
	// run does a piece of the work, and reports whether more may be left. It ends early when stop says so.
	run func(s *Service, ctx context.Context, stop func() bool) (more bool, err error)
}

// deliverBatch is how many deliveries are tried between two looks at the time.
const deliverBatch = 100

// Jobs are all background jobs.
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
			return false, s.PurgeAll(ctx, stop)
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

// Run does the job until nothing is left to do now, or stop says so.
func (j Job) Run(ctx context.Context, s *Service, stop func() bool) error {
	for {
		more, err := j.run(s, ctx, stop)
		if err != nil || !more || stop() {
			return err
		}
	}
}
