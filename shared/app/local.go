package app

import (
	"context"
	"log/slog"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/entra"
	"rollcall/shared/workflow"
)

// Started is what a local server shows its user: the first provider, and the clear text of credentials
// that were made just now ("" for those made earlier).
type Started struct {
	Provider   directory.ProviderID
	Token      string
	AdminToken string
}

// Bootstrap brings an empty store to its first state: tenant "default", provider "Demo" with Entra's
// profile, an administrator's key. Each step is made only when it is missing, so a start that was cut off
// is completed by the next. With fresh, new credentials are issued in any case; old ones keep working
// for a day.
func Bootstrap(ctx context.Context, svc *directory.Service, fresh bool) (Started, error) {
	var out Started
	key, err := FirstKey(ctx, svc, BootstrapRequest{NewKey: fresh})
	if out.AdminToken = key.AdminToken; err != nil {
		return out, err
	}
	admin := bootstrapper()
	providers, err := svc.Providers.ListProviders(ctx, admin.Tenant)
	if err != nil {
		return out, err
	}
	for _, p := range providers {
		if p.State == directory.ProviderDeleting {
			continue
		}
		if out.Provider = p.ID; fresh {
			_, _, out.Token, err = svc.RegenerateToken(ctx, admin, p.ID, func(directory.Provider) error { return nil }, 24*time.Hour, time.Time{})
		}
		return out, err
	}
	p, token, err := svc.CreateProvider(ctx, admin, directory.NewProvider{DisplayName: "Demo", Profile: string(entra.Entra)})
	out.Provider, out.Token = p.ID, token
	return out, err
}

// LocalWakeups returns the wake-ups of a local process, and the work that brings them about until its context
// ends: it begins with what was pending when an earlier process ended.
func LocalWakeups(svc *directory.Service, log *slog.Logger) (*workflow.Local, func(context.Context)) {
	failed := func(err error) {
		log.LogAttrs(context.Background(), slog.LevelError, string(directory.JobWakeup), slog.String("cause", err.Error()))
	}
	wake := Deactivate(svc, log)
	l := workflow.NewLocal(svc.Now, func(ctx context.Context) error { return wake(ctx, Wakeup{}) })
	return l, func(ctx context.Context) {
		if err := svc.WakePending(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		l.Run(ctx, sweepEvery, func(ctx context.Context) error { return Sweep(ctx, svc, log) }, failed)
	}
}

// FollowLog does in a local process what functions/changes does in AWS: it follows log entries until ctx
// ends. Errors are logged and tried again.
func FollowLog(ctx context.Context, svc *directory.Service, log *slog.Logger) {
	const idle, failed = 100 * time.Millisecond, time.Second
	for ctx.Err() == nil {
		n, err := svc.Feed.Deliver(ctx, func(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
			cause, err := svc.TakeEntry(ctx, t, e)
			if cause != nil {
				log.LogAttrs(ctx, slog.LevelError, "follow", slog.String("cause", cause.Error()))
			}
			return err
		})
		pause := time.Duration(0)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.LogAttrs(ctx, slog.LevelError, "follow", slog.String("cause", err.Error()))
			pause = failed
		case n == 0:
			pause = idle
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// WorkLedger does in a local process what schedules do in AWS, until ctx ends: it tries deliveries that are
// due, and each minute seals the log and drops what is kept no longer or belongs to a removed tenant. Errors are
// logged and tried again.
func WorkLedger(ctx context.Context, svc *directory.Service, retention time.Duration, log *slog.Logger) {
	const idle, sealEvery, atOnce = time.Second, time.Minute, 100
	tell := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			log.LogAttrs(ctx, slog.LevelError, what, slog.String("cause", err.Error()))
		}
	}
	var sealed time.Time
	for ctx.Err() == nil {
		n, err := svc.DeliverDue(ctx, atOnce)
		tell("deliver", err)
		if now := time.Now(); now.Sub(sealed) >= sealEvery {
			sealed = now
			tell("seal", svc.SealAll(ctx))
			tell("purge", svc.PurgeAll(ctx, retention, func() bool { return ctx.Err() != nil }))
			tell("erase", svc.EraseTenants(ctx, func() bool { return ctx.Err() != nil }))
		}
		if n == atOnce {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(idle):
		}
	}
}
