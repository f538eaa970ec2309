package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/entra"
	"rollcall/shared/follow"
	"rollcall/shared/provisioning"
	"rollcall/shared/workflow"
)

// Started is shown to the user of a local server: the first provider, and the clear text of credentials created by this
// start ("" for earlier ones).
type Started struct {
	Provider   directory.Provider
	Token      string
	AdminToken string
}

// Bootstrap creates what an empty store lacks: tenant "default", provider "Demo" with Entra's profile, an
// administrator's key. Each is created only if missing, so that the next start completes an interrupted one. With
// fresh, new credentials are issued in any case; the old token keeps working for a day. The provider is the oldest one
// that is not deleted.
func Bootstrap(ctx context.Context, svc *administration.Service, fresh bool) (Started, error) {
	var out Started
	key, err := FirstKey(ctx, svc, BootstrapRequest{NewKey: fresh})
	out.AdminToken = key.AdminToken
	if err != nil {
		return out, err
	}
	admin := svc.As(bootstrapper())
	providers, err := admin.Providers.List(ctx)
	if err != nil {
		return out, err
	}
	providers = slices.DeleteFunc(providers, func(p directory.Provider) bool { return p.State == directory.ProviderDeleting })
	if len(providers) == 0 {
		out.Provider, out.Token, err = admin.Providers.Create(ctx, administration.NewProvider{DisplayName: "Demo", Profile: string(entra.Entra)})
		return out, err
	}
	out.Provider = slices.MinFunc(providers, func(p, q directory.Provider) int { return p.Created.Compare(q.Created) })
	if fresh {
		_, _, out.Token, err = admin.Tokens.Create(ctx, out.Provider.ID, administration.Unchecked, 24*time.Hour, time.Time{})
	}
	return out, err
}

// Local is the whole service in one process.
type Local struct {
	Provisioning   *provisioning.Service
	Administration *administration.Service
	Follow         *follow.Service

	Log *slog.Logger

	wakeups *workflow.Local
	runs    *workflow.LocalRuns
	tasks   newTasks
}

// newTasks is directory.TaskStarter in this process.
type newTasks chan struct{}

// StartTasks implements directory.TaskStarter.
func (c newTasks) StartTasks(context.Context) error {
	select {
	case c <- struct{}{}:
	default: // they are looked for soon
	}
	return nil
}

// NewLocal returns the service on the ports, with wake-ups and apply runs of its own instead of those in external.
func NewLocal(p directory.Ports, retention time.Duration, external directory.External, log *slog.Logger) *Local {
	l := &Local{Log: log, wakeups: workflow.NewLocal(time.Now), runs: workflow.NewLocalRuns(), tasks: make(newTasks, 1)}
	external.Wakeups, external.Runs, external.Tasks = l.wakeups, l.runs, l.tasks
	rt := NewRuntime(retention, external)
	l.Provisioning, l.Administration, l.Follow = provisioning.New(p, rt), administration.New(p, rt), follow.New(p, rt)
	return l
}

// Ready returns the store's error while it does not answer.
func (l *Local) Ready(ctx context.Context) error {
	_, err := l.Administration.As(bootstrapper()).Settings.Get(ctx)
	return err
}

// Work does the work of functions and schedules in AWS until ctx ends, and continues that of an earlier process.
func (l *Local) Work(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { FollowLog(ctx, l.Follow, l.Log) })
	work.Go(func() { l.wake(ctx) })
	work.Go(func() { l.runs.Serve(ctx, l.Follow, func(err error) { logFailure(ctx, l.Log, "apply", err) }) })
	for _, j := range follow.Jobs() {
		work.Go(func() { l.runJob(ctx, j) })
	}
	work.Wait()
}

// FollowLog follows log entries until ctx ends, as functions/changes does in AWS. Errors are logged, and the entries
// tried again.
func FollowLog(ctx context.Context, svc *follow.Service, log *slog.Logger) {
	const idle, failed = 100 * time.Millisecond, time.Second
	for ctx.Err() == nil {
		n, err := svc.FollowNew(ctx, func(failed []follow.Failure) {
			if ctx.Err() == nil {
				logFailures(ctx, log, failed)
			}
		})
		pause := time.Duration(0)
		switch {
		case err != nil:
			logFailure(ctx, log, "follow", err)
			pause = failed
		case n == 0:
			pause = idle
		}
		wait(ctx, pause)
	}
}

// wake runs wake-ups, and schedules those for deactivations pending from an earlier process.
func (l *Local) wake(ctx context.Context) {
	failed := func(err error) { logFailure(ctx, l.Log, directory.JobWakeup, err) }
	if err := l.Follow.WakePending(ctx); err != nil {
		failed(err)
	}
	deactivate := Deactivate(l.Follow, l.Log)
	l.wakeups.Run(ctx, func(ctx context.Context) error { return deactivate(ctx, Wakeup{}) }, failed)
}

// runJob runs a job at the start and at its interval. The sweep waits first: what is due at the start is woken, and not
// late. Errors are logged, and the job runs again.
func (l *Local) runJob(ctx context.Context, j follow.Job) {
	var soon <-chan struct{} // something new to do
	if j.Name == directory.JobTasks {
		soon = l.tasks
	}
	for now := j.Name != directory.JobSweep; now || waitFor(ctx, soon, j.Locally); now = false {
		var err error
		if j.Name == directory.JobSweep {
			err = Sweep(ctx, l.Follow, l.Log)
		} else {
			err = j.Run(ctx, l.Follow, func() bool { return ctx.Err() != nil })
		}
		if err != nil {
			logFailure(ctx, l.Log, j.Name, err)
		}
	}
}

// logFailure logs an error under the event's name, and steps that failed again step by step, unless ctx has ended.
func logFailure[T ~string](ctx context.Context, log *slog.Logger, event T, err error) {
	var again follow.StepsError
	var tasks follow.TasksError
	switch {
	case ctx.Err() != nil:
	case errors.As(err, &again):
		logFailures(ctx, log, again)
	case errors.As(err, &tasks):
		logTasks(ctx, log, tasks)
	default:
		log.LogAttrs(ctx, levelOf(err), string(event), slog.String("cause", err.Error()))
	}
}

// levelOf returns the level of an error after which the work is done again: error only if a person must act.
func levelOf(err error) slog.Level {
	if directory.IsFault(err) {
		return slog.LevelError
	}
	return slog.LevelWarn
}

// logTasks logs tasks that failed. Those that wait for a person are errors, and a metric.
func logTasks(ctx context.Context, log *slog.Logger, failed follow.TasksError) {
	for _, f := range failed {
		attrs := []slog.Attr{slog.String("tenant", string(f.Tenant)), slog.String("task", string(f.Task.ID)),
			slog.String("kind", string(f.Task.Kind)), slog.String("cause", f.Err.Error())}
		if f.Task.State != directory.TaskWaiting {
			log.LogAttrs(ctx, slog.LevelWarn, "task failed", attrs...)
			continue
		}
		log.LogAttrs(ctx, slog.LevelError, "task waits for a person",
			append(attrs, slog.Int("TasksStuck", 1), embeddedMetrics(time.Now(), "Count", "TasksStuck"))...)
	}
}

// wait waits for d, and returns false if ctx ends first.
func wait(ctx context.Context, d time.Duration) bool { return waitFor(ctx, nil, d) }

// waitFor is wait that ends early for a message.
func waitFor(ctx context.Context, soon <-chan struct{}, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-soon:
		return true
	case <-time.After(d):
		return true
	}
}
