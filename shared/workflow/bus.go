package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"rollcall/shared/directory"
)

// Source is the source of every event on the bus; its detail-type is the event's type.
const Source = "rollcall"

// Bus publishes events on an EventBridge bus. Safe for concurrent use.
type Bus struct {
	client *eventbridge.Client
	name   string
}

// NewBus returns the bus with the name or ARN.
func NewBus(client *eventbridge.Client, name string) *Bus { return &Bus{client, name} }

const (
	maxPut   = 10 // events in one PutEvents
	maxTries = 4  // of each event
)

// Publish implements directory.EventBus. Events that were refused are sent again, and only those.
func (b *Bus) Publish(ctx context.Context, es []directory.Event) error {
	entries := make([]types.PutEventsRequestEntry, len(es))
	for i, e := range es {
		detail, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		entries[i] = types.PutEventsRequestEntry{
			EventBusName: &b.name, Source: aws.String(Source), DetailType: aws.String(string(e.Type)), Detail: aws.String(string(detail)),
			Time:      aws.Time(e.Time),
			Resources: []string{},
		}
	}
	for chunk := range slices.Chunk(entries, maxPut) {
		if err := b.put(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bus) put(ctx context.Context, entries []types.PutEventsRequestEntry) error {
	for try := range maxTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return fmt.Errorf("put events: %w", ctx.Err())
			case <-time.After(rand.N(100 * time.Millisecond << try)): //nolint:gosec // G404: jitter needs no secret randomness
			}
		}
		out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
		if err != nil {
			return &directory.Error{Kind: directory.Unavailable, Detail: "the event bus does not answer", Err: fmt.Errorf("put events: %w", err),
				Fault: ctx.Err() == nil}
		}
		var refused []types.PutEventsRequestEntry
		for i, r := range out.Entries {
			if r.ErrorCode != nil && i < len(entries) {
				refused = append(refused, entries[i])
			}
		}
		if len(refused) == 0 {
			return nil
		}
		entries = refused
	}
	return directory.Errorf(directory.Unavailable, "the event bus refused %d events", len(entries))
}
