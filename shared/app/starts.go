package app

import (
	"context"
	"log/slog"
	"time"

	"rollcall/shared/directory"
)

// reported has the starts of other functions that fail logged, as a metric, too. Nobody has to act at once: what was to be
// done is stored, and a schedule does it within a minute.
func reported(log *slog.Logger, out directory.External) directory.External {
	if out.Delivering != nil {
		out.Delivering = reportedStarts{log: log, deliver: out.Delivering}
	}
	if out.Tasks != nil {
		out.Tasks = reportedStarts{log: log, tasks: out.Tasks}
	}
	return out
}

// reportedStarts is one of two starters.
type reportedStarts struct {
	log     *slog.Logger
	deliver directory.DeliveryStarter
	tasks   directory.TaskStarter
}

// StartDelivering implements directory.DeliveryStarter.
func (r reportedStarts) StartDelivering(ctx context.Context) error {
	return r.report(ctx, directory.JobDeliver, r.deliver.StartDelivering(ctx))
}

// StartTasks implements directory.TaskStarter.
func (r reportedStarts) StartTasks(ctx context.Context) error {
	return r.report(ctx, directory.JobTasks, r.tasks.StartTasks(ctx))
}

func (r reportedStarts) report(ctx context.Context, job directory.Job, err error) error {
	if err != nil {
		r.log.LogAttrs(ctx, slog.LevelWarn, "start", slog.String("job", string(job)), slog.String("cause", err.Error()),
			slog.Int("UnstartedJobs", 1), embeddedMetrics(time.Now(), "Count", "UnstartedJobs"))
	}
	return err
}
