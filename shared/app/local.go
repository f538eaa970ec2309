package app

import (
	"context"
	"log/slog"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/entra"
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
	var err error
	if out.AdminToken, err = FirstKey(ctx, svc, fresh); err != nil {
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

// FollowLog does in a local process what functions/changes does in AWS: it follows log entries until ctx
// ends. Errors are logged and tried again.
func FollowLog(ctx context.Context, svc *directory.Service, log *slog.Logger) {
	const idle, failed = 100 * time.Millisecond, time.Second
	for ctx.Err() == nil {
		n, err := svc.Feed.Deliver(ctx, svc.FollowEntry)
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
