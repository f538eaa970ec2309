package app

import (
	"context"
	"log/slog"
	"time"

	"rollcall/shared/follow"
)

// Jobs is the handler of functions/jobs: it does the job of a schedule's event, and logs how long its oldest work has
// been waiting, as a metric in CloudWatch's embedded format.
func Jobs(svc *follow.Service, log *slog.Logger) func(context.Context, Work) error {
	return func(ctx context.Context, w Work) error {
		if err := alarming(ctx, log, string(w.Do), DoWork(ctx, svc, w)); err != nil {
			return err
		}
		return alarming(ctx, log, string(w.Do), logAge(ctx, svc, log, w))
	}
}

func logAge(ctx context.Context, svc *follow.Service, log *slog.Logger, w Work) error {
	for _, j := range follow.Jobs() {
		if j.Name != w.Do || j.Metric == "" {
			continue
		}
		age, err := j.Age(ctx, svc)
		if err != nil {
			return err
		}
		log.LogAttrs(ctx, slog.LevelInfo, string(w.Do), slog.Int64(j.Metric, int64(age/time.Second)),
			embeddedMetrics(time.Now(), "Seconds", j.Metric))
	}
	return nil
}
