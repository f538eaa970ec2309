package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/shared/directory"
)

// Job is scheduled background work. Repeated and concurrent runs do no harm.
type Job struct {
	Name     directory.Job
	Function string        // the function that a deployment's schedule invokes
	Every    time.Duration // how often that schedule invokes it
	Locally  time.Duration // how often a process on one machine runs it
	Metric   string        // of Age; "": none

	// run does some of the work, and reports whether more may remain. It ends early when stop returns true.
	run func(s *Service, ctx context.Context, stop func() bool) (more bool, err error)
	age func(s *Service, ctx context.Context) (time.Duration, error)
}

// Jobs returns all background jobs. Each is called by itself, so that none waits for another.
func Jobs() []Job {
	const quarter = 15 * time.Minute
	return []Job{
		{Name: directory.JobRetry, Function: "changes", Every: time.Minute, Locally: time.Second, run: until((*Service).RetryDue)},
		{Name: directory.JobDeliver, Function: "deliver", Every: time.Minute, Locally: time.Second,
			run: func(s *Service, ctx context.Context, stop func() bool) (bool, error) {
				_, err := s.DeliverDue(ctx, stop)
				return false, err
			}},
		{Name: directory.JobTasks, Function: "jobs", Every: time.Minute, Locally: time.Second, Metric: "TaskSeconds",
			run: until((*Service).RunTasks), age: (*Service).oldestTask},
		{Name: directory.JobSeal, Function: "jobs", Every: quarter, Locally: time.Minute, Metric: "UnsealedSeconds",
			run: until((*Service).SealAll), age: (*Service).unsealed},
		{Name: directory.JobPurge, Function: "jobs", Every: quarter, Locally: time.Minute, Metric: "PurgeSeconds",
			run: until((*Service).PurgeAll), age: sincePass(directory.JobPurge)},
		{Name: directory.JobRetain, Function: "jobs", Every: quarter, Locally: time.Minute, Metric: "RetainSeconds",
			run: until((*Service).RetainAll), age: sincePass(directory.JobRetain)},
		{Name: directory.JobCountries, Function: "jobs", Every: quarter, Locally: time.Minute, run: until((*Service).CodeCountries)},
		{Name: directory.JobDrop, Function: "jobs", Every: 24 * time.Hour, Locally: time.Minute, run: until((*Service).DropDeliveries)},
		{Name: directory.JobErase, Function: "jobs", Every: 5 * time.Minute, Locally: time.Minute, run: until((*Service).EraseTenants)},
		{Name: directory.JobSweep, Function: "deactivate", Every: 5 * time.Minute, Locally: 5 * time.Minute,
			run: func(s *Service, ctx context.Context, stop func() bool) (bool, error) {
				_, err := s.Sweep(ctx, stop)
				return false, err
			}},
	}
}

// until is the run of a job that does all its work until stop returns true.
func until(do func(*Service, context.Context, func() bool) error) func(*Service, context.Context, func() bool) (bool, error) {
	return func(s *Service, ctx context.Context, stop func() bool) (bool, error) { return false, do(s, ctx, stop) }
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

// Age is how long the oldest work of a job with a Metric has been waiting.
func (j Job) Age(ctx context.Context, s *Service) (time.Duration, error) { return j.age(s, ctx) }

// passEvery is how often the jobs that look at every tenant do so.
const passEvery = 24 * time.Hour

func passOf(j directory.Job) directory.TaskID { return directory.TaskID(j + "-pass") }

// sincePass returns the age of a job's last complete pass over all tenants.
func sincePass(j directory.Job) func(*Service, context.Context) (time.Duration, error) {
	return func(s *Service, ctx context.Context) (time.Duration, error) {
		task, err := s.ports.Tasks.Task(ctx, directory.OperatorScope, passOf(j))
		if err != nil || task.DoneAt.IsZero() {
			return 0, err
		}
		return s.rt.Time().Sub(task.DoneAt), nil
	}
}

// pass calls fn for every tenant that is not being removed, and for the operators' scope: once a day, and at once for
// another run. Between passes it reads one record. fn ends early when stop returns true; the next call continues with
// the same tenant. A tenant that fails stops no other, and is tried again by the next call after the end of the pass.
// Errors: those of all tenants that failed.
func (s *Service) pass(
	ctx context.Context, j directory.Job, run directory.EntryID, stop func() bool, fn func(directory.Tenant) error,
) error {
	task, err := s.ports.Tasks.Task(ctx, directory.OperatorScope, passOf(j))
	if err != nil {
		return err
	}
	if task.Version == 0 || task.Run != run {
		task = directory.Task{DoneAt: s.rt.Time().Add(-passEvery), Run: run}
	}
	if task.After == "" && s.rt.Time().Sub(task.DoneAt) < passEvery {
		return nil
	}
	var errs []error
	save := func(after directory.TenantID) error {
		task.After = string(after)
		_, err := s.ports.Tasks.UpdateTask(ctx, directory.OperatorScope, passOf(j), func(old directory.Task) (directory.Task, error) {
			n := task
			n.ID, n.Version = passOf(j), old.Version+1
			return n, nil
		})
		return errors.Join(append(errs, err)...)
	}
	after := directory.TenantID(task.After)
	for {
		page, err := s.ports.Tenants.ListTenants(ctx, after, 100)
		if err != nil {
			return errors.Join(save(after), err)
		}
		if len(page) == 0 {
			break
		}
		if after == "" {
			page = append([]directory.Tenant{{ID: directory.OperatorScope}}, page...)
		}
		for _, t := range page {
			if stop() {
				return save(after)
			}
			if t.State != directory.TenantRemoving {
				if err := fn(t); err != nil {
					errs, task.Done = append(errs, fmt.Errorf("%s of %s: %w", j, t.ID, err)), task.Done+1
				} else if stop() {
					return save(after)
				}
			}
			if t.ID != directory.OperatorScope {
				after = t.ID
			}
		}
	}
	if task.Done == 0 { // none failed
		task.DoneAt = s.rt.Time()
	}
	task.Done = 0
	return save("")
}

// DropDeliveries drops deliveries at the end of their time, the oldest first, until none is left or stop returns true.
func (s *Service) DropDeliveries(ctx context.Context, stop func() bool) error {
	const batch = 1000
	for n := batch; n == batch && !stop(); {
		var err error
		if n, err = s.ports.Deliveries.DropDeliveries(ctx, s.rt.Time().Add(-directory.DeliveryKept), batch); err != nil {
			return err
		}
	}
	return nil
}
