package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// Wakeup is the event of functions/deactivate: the schedule of a due minute, or the sweep. It only starts the work; the
// table says which deactivations are due.
type Wakeup struct {
	Minute *time.Time `json:"minute,omitempty"`
	Sweep  bool       `json:"sweep,omitempty"`
}

// Deactivate answers wake-ups. After an error, the wake-up is sent again.
func Deactivate(svc *follow.Service, log *slog.Logger) func(context.Context, Wakeup) error {
	return func(ctx context.Context, w Wakeup) error {
		if w.Sweep {
			return alarming(ctx, log, string(directory.JobSweep), Sweep(ctx, svc, log))
		}
		n, err := svc.DeactivateDue(ctx, directory.JobWakeup)
		log.LogAttrs(ctx, slog.LevelInfo, string(directory.JobWakeup), slog.Int("deactivated", n))
		if err != nil {
			return fmt.Errorf("deactivate due users: %w", err)
		}
		return nil
	}
}

// Sweep does what wake-ups left undone, and logs a metric in CloudWatch's embedded format. If it had to act, it logs at
// error level, and there is an alarm on the metric: a person should find out why.
func Sweep(ctx context.Context, svc *follow.Service, log *slog.Logger) error {
	done, err := svc.Sweep(ctx, func() bool { return nearDeadline(ctx) })
	level := slog.LevelInfo
	if done != (follow.Swept{}) || directory.IsFault(err) {
		level = slog.LevelError
	}
	log.LogAttrs(ctx, level, string(directory.JobSweep),
		slog.Int("SweptDeactivations", done.Deactivated), slog.Int("SweptFreezes", done.Released),
		embeddedMetrics(time.Now(), "Count", "SweptDeactivations", "SweptFreezes"))
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}

// embeddedMetrics is the attribute that makes CloudWatch read numbers of a log event as metrics of a unit,
// without dimensions.
func embeddedMetrics(at time.Time, unit string, names ...string) slog.Attr {
	type metric struct{ Name, Unit string }
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []metric
	}
	d := directive{Namespace: "Rollcall", Dimensions: [][]string{{}}}
	for _, n := range names {
		d.Metrics = append(d.Metrics, metric{n, unit})
	}
	return slog.Any("_aws", map[string]any{"Timestamp": at.UnixMilli(), "CloudWatchMetrics": []directive{d}})
}
