package app

import (
	"context"
	"errors"
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

// Changes answers batches of the table's stream: each log entry is followed. One that fails is set aside in
// the table and tried again by the worker (docs/adr/0005), so that it holds up neither its batch nor its
// shard. Only when even that fails, because the table cannot be written, is it reported as a partial failure:
// Lambda begins again with it, and those after it come again with it. Records of other items are passed over.
func Changes(svc *directory.Service, log *slog.Logger) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		answer := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		for _, r := range e.Records {
			cause, err := followRecord(ctx, svc, r)
			if cause = errors.Join(cause, err); cause != nil {
				log.LogAttrs(ctx, slog.LevelError, "follow", slog.String("record", r.Change.SequenceNumber), slog.String("cause", cause.Error()))
			}
			if err != nil {
				answer.BatchItemFailures = append(answer.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: r.Change.SequenceNumber})
				break
			}
		}
		return answer, nil
	}
}

func followRecord(ctx context.Context, svc *directory.Service, r events.DynamoDBEventRecord) (cause, err error) {
	if r.EventName != string(events.DynamoDBOperationTypeInsert) {
		return nil, nil
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
	t, entry, ok, unreadable := dynamo.StreamEntry(image)
	switch {
	case unreadable != nil:
		return fmt.Errorf("read stream record: %w", unreadable), svc.SetAside(ctx, t, entry)
	case !ok:
		return nil, nil
	}
	return svc.TakeEntry(ctx, t, entry)
}
