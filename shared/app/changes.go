package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo"
)

// ServeEvent hands the events of another service to h until the process ends; h has a form lambda.Start
// takes.
func (a *App) ServeEvent(h any) { lambda.Start(h) }

// Changes answers batches of the table's stream: each log entry is followed. An entry that fails is
// reported as a partial failure, so that Lambda tries it, and those after it, again, and at last sends it
// to the dead-letter queue; entries before it are done. Records of other items are passed over.
func Changes(svc *directory.Service, log *slog.Logger) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		answer := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		for _, r := range e.Records {
			err := followRecord(ctx, svc, r)
			if err == nil {
				continue
			}
			log.LogAttrs(ctx, slog.LevelError, "follow", slog.String("record", r.Change.SequenceNumber), slog.String("cause", err.Error()))
			// A shard's records are in order: those after the first failure come again with it.
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: r.Change.SequenceNumber})
			break
		}
		return answer, nil
	}
}

func followRecord(ctx context.Context, svc *directory.Service, r events.DynamoDBEventRecord) error {
	if r.EventName != string(events.DynamoDBOperationTypeInsert) {
		return nil
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
	t, entry, ok, err := dynamo.StreamEntry(image)
	if err != nil {
		return fmt.Errorf("read stream record: %w", err)
	}
	if !ok {
		return nil
	}
	return svc.FollowEntry(ctx, t, entry)
}
