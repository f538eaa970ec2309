package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/store/dynamo"
)

// ServeEvent answers the events of another service with h, which lambda.Start must accept, until the process ends.
func (a *App) ServeEvent(h any) { lambda.Start(h) }

// Changes answers batches of the table's stream: the log entries in a batch are followed together. What fails is set aside
// in the table and tried again by the job retry (ADR 5), so that it delays neither its batch nor its shard. Only when it
// cannot be set aside, because the table cannot be written, is the first such record reported as a partial failure: Lambda
// then repeats the batch from this record on. Records of other items are skipped.
func Changes(svc *follow.Service, log *slog.Logger) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		answer := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		var batch []directory.TenantEntry
		var records []string // their sequence numbers
		for _, r := range e.Records {
			if entry, ok := streamEntry(r); ok {
				batch, records = append(batch, entry), append(records, r.Change.SequenceNumber)
			}
		}
		failed, taken, err := svc.FollowOrSetAside(ctx, batch)
		logFailures(ctx, log, failed)
		if err != nil {
			record := records[taken]
			log.LogAttrs(ctx, slog.LevelError, "follow", slog.String("record", record), slog.String("cause", err.Error()))
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: record})
		}
		return answer, nil
	}
}

// logFailures logs the steps that failed and were set aside, each with how many entries it failed for and the cause of the
// first. A wake-up that was not scheduled is a metric, too: nobody has to act, because the sweep replaces it.
func logFailures(ctx context.Context, log *slog.Logger, failed []follow.Failure) {
	first, n := map[string]error{}, map[string]int{}
	var steps []string
	for _, f := range failed {
		if n[f.Step]++; n[f.Step] == 1 {
			first[f.Step], steps = f.Err, append(steps, f.Step)
		}
	}
	for _, step := range steps {
		attrs := []slog.Attr{slog.String("step", cmp.Or(step, "read the entry")), slog.String("cause", first[step].Error())}
		if step == follow.StepWake {
			log.LogAttrs(ctx, slog.LevelWarn, "follow", append(attrs, slog.Int("UnscheduledWakeups", n[step]),
				embeddedMetrics(time.Now(), "Count", "UnscheduledWakeups"))...)
			continue
		}
		log.LogAttrs(ctx, levelOf(first[step]), "follow", append(attrs, slog.Int("entries", n[step]))...)
	}
}

// Work is the event of a schedule: the job that functions/jobs does, or functions/changes in addition to following
// the stream.
type Work struct {
	Do directory.Job // one of follow.Jobs
}

// deadlineReserve is how long before its deadline a function stops starting work, to finish what it has begun.
const deadlineReserve = 40 * time.Second

// DoWork answers a schedule's event.
// Errors: an unknown job; those of the job.
func DoWork(ctx context.Context, svc *follow.Service, w Work) error {
	for _, j := range follow.Jobs() {
		if j.Name == w.Do {
			return j.Run(ctx, svc, func() bool { return nearDeadline(ctx) })
		}
	}
	return fmt.Errorf("no such work: %q", w.Do)
}

const (
	deliverReserve = 15 * time.Second // before the deadline; a try takes less
	deliverEvery   = time.Second
	// deliverFor is how long deliveries are looked for after the last one: longer than the pause between two starts by a
	// follower, so that those between them do not wait.
	deliverFor = 65 * time.Second
)

// Deliver answers the schedule and the starts of functions/deliver: it sends deliveries while there are any, and for a
// while after. It logs how late a queue was taken up, a metric with an alarm.
func Deliver(svc *follow.Service, log *slog.Logger) func(context.Context, Work) error {
	return func(ctx context.Context, w Work) error {
		if w.Do != directory.JobDeliver {
			return fmt.Errorf("no such work: %q", w.Do)
		}
		stop := func() bool { return near(ctx, deliverReserve) }
		var all follow.Delivered
		var errs []error
		for last := time.Now(); !stop(); {
			did, err := svc.DeliverDue(ctx, stop)
			errs = append(errs, err)
			all.Tried, all.Late = all.Tried+did.Tried, max(all.Late, did.Late)
			if did.Tried > 0 {
				last = time.Now()
			}
			if all.Tried == 0 || time.Since(last) > deliverFor || !wait(ctx, deliverEvery) {
				break
			}
		}
		log.LogAttrs(ctx, slog.LevelInfo, string(directory.JobDeliver), slog.Int("tried", all.Tried),
			slog.Int64("DeliveryDelay", all.Late.Milliseconds()), embeddedMetrics(time.Now(), "DeliveryDelay"))
		return alarming(ctx, log, string(directory.JobDeliver), errors.Join(errs...))
	}
}

// alarming returns the error of a job if a person must act, because a function that returns one sets off an alarm. Any
// other is only logged: the schedule does the job again.
func alarming(ctx context.Context, log *slog.Logger, job string, err error) error {
	var again follow.StepsError
	var tasks follow.TasksError
	if err == nil || directory.IsFault(err) && !errors.As(err, &again) && !errors.As(err, &tasks) {
		return err
	}
	logFailure(ctx, log, job, err)
	return nil
}

func nearDeadline(ctx context.Context) bool { return near(ctx, deadlineReserve) }

func near(ctx context.Context, reserve time.Duration) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < reserve
}

// ChangesOrWork is the handler of functions/changes: batches of the stream, and events of schedules.
func ChangesOrWork(svc *follow.Service, log *slog.Logger) func(context.Context, json.RawMessage) (any, error) {
	changes := Changes(svc, log)
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var e struct {
			events.DynamoDBEvent
			Work
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("read event: %w", err)
		}
		if e.Do != "" {
			return struct{}{}, alarming(ctx, log, string(e.Do), DoWork(ctx, svc, e.Work))
		}
		return changes(ctx, e.DynamoDBEvent)
	}
}

// streamEntry returns the log entry that a record of the stream added, and false for any other record.
func streamEntry(r events.DynamoDBEventRecord) (directory.TenantEntry, bool) {
	if r.EventName != string(events.DynamoDBOperationTypeInsert) {
		return directory.TenantEntry{}, false
	}
	image := make(map[string]types.AttributeValue, len(r.Change.NewImage))
	for name, v := range r.Change.NewImage {
		switch v.DataType() {
		case events.DataTypeString:
			image[name] = &types.AttributeValueMemberS{Value: v.String()}
		case events.DataTypeNumber:
			image[name] = &types.AttributeValueMemberN{Value: v.Number()}
		case events.DataTypeBinary:
			image[name] = &types.AttributeValueMemberB{Value: v.Binary()}
		}
	}
	return dynamo.StreamEntry(image)
}
