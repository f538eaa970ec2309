package app

import (
	"context"
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

// Started is what a local server shows its user: the first provider, and the clear text of credentials
// that were made just now ("" for those made earlier).
type Started struct {
	Provider   directory.Provider
	Token      string
	AdminToken string
}

// Bootstrap brings an empty store to its first state: tenant "default", provider "Demo" with Entra's profile, an
// administrator's key. Each step is made only when it is missing, so a start that was cut off is completed by the next.
// With fresh, new credentials are issued in any case; old ones keep working for a day. The provider is always the one
// that was made first, as long as it is not deleted.
func Bootstrap(ctx context.Context, svc *administration.Service, fresh bool) (Started, error) {
	var out Started
	key, err := FirstKey(ctx, svc, BootstrapRequest{NewKey: fresh})
	if out.AdminToken = key.AdminToken; err != nil {
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
}

// NewLocal returns the service on the ports. Wake-ups and apply runs are the process's own, whatever outside says.
func NewLocal(p directory.Ports, retention time.Duration, outside directory.External, log *slog.Logger) *Local {
	l := &Local{Log: log, wakeups: workflow.NewLocal(time.Now), runs: workflow.NewLocalRuns()}
	outside.Wakeups, outside.Runs = l.wakeups, l.runs
	rt := NewRuntime(retention, outside)
	l.Provisioning, l.Administration, l.Follow = provisioning.New(p, rt), administration.New(p, rt), follow.New(p, rt)
	return l
}

// Ready reports why requests cannot be answered: the store does not answer.
func (l *Local) Ready(ctx context.Context) error {
	_, err := l.Administration.As(bootstrapper()).Settings.Get(ctx)
	return err
}

// Work does what functions and schedules do in AWS, until ctx ends. It goes on with what an earlier process left.
func (l *Local) Work(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { FollowLog(ctx, l.Follow, l.Log) })
	work.Go(func() { l.wake(ctx) })
	work.Go(func() { l.runs.Serve(ctx, l.Follow, l.Log) })
	for _, j := range follow.Jobs() {
		work.Go(func() { l.runJob(ctx, j) })
	}
	work.Wait()
}

// FollowLog does in a local process what functions/changes does in AWS: it follows log entries until ctx ends. Errors
// are logged and tried again.
func FollowLog(ctx context.Context, svc *follow.Service, log *slog.Logger) {
	const idle, failed = 100 * time.Millisecond, time.Second
	for ctx.Err() == nil {
		n, err := svc.FollowNew(ctx, func(cause error) { logFailure(ctx, log, "follow", cause) })
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

// wake brings about wake-ups, beginning with what was pending when an earlier process ended.
func (l *Local) wake(ctx context.Context) {
	failed := func(err error) { logFailure(ctx, l.Log, directory.JobWakeup, err) }
	if err := l.Follow.WakePending(ctx); err != nil {
		failed(err)
	}
	deactivate := Deactivate(l.Follow, l.Log)
	l.wakeups.Run(ctx, func(ctx context.Context) error { return deactivate(ctx, Wakeup{}) }, failed)
}

// runJob does a job at its rate. Errors are logged, and it is done again.
func (l *Local) runJob(ctx context.Context, j follow.Job) {
	for wait(ctx, j.Locally) {
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

// logFailure logs why something failed, unless it was only told to end.
func logFailure[T ~string](ctx context.Context, log *slog.Logger, what T, err error) {
	if ctx.Err() == nil {
		log.LogAttrs(ctx, slog.LevelError, string(what), slog.String("cause", err.Error()))
	}
}

// wait waits, and reports whether ctx is still going on.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
