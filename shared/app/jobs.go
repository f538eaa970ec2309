package app

import (
	"context"
	"log/slog"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/workflow"
)

// JobEvent is the event of functions/jobs: the job of a schedule, or a step of the state machine of tasks.
type JobEvent struct {
	Work
	workflow.TaskInput
}

// DoTask is what a JobEvent of the state machine does.
const DoTask directory.Job = "task"

// Jobs is the handler of functions/jobs. It does a step of a task, and answers what comes next. Or it does the job of a
// schedule's event, and logs how long its oldest work has been waiting, as a metric in CloudWatch's embedded format.
func Jobs(svc *follow.Service, log *slog.Logger) func(context.Context, JobEvent) (any, error) {
	return func(ctx context.Context, e JobEvent) (any, error) {
		if e.Do == DoTask {
			out, err := workflow.CarryTask(ctx, svc, e.TaskInput)
			return out, alarming(ctx, log, string(e.Do), err)
		}
		if err := alarming(ctx, log, string(e.Do), DoWork(ctx, svc, e.Work)); err != nil {
			return nil, err
		}
		return nil, alarming(ctx, log, string(e.Do), logAge(ctx, svc, log, e.Work))
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
