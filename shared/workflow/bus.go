package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
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
	maxPut   = 10        // events in one PutEvents
	maxBytes = 200 << 10 // of them, below the 256 KB that EventBridge allows with their other fields
	maxTries = 4         // of each event
)

// Publish implements directory.EventBus: ten events a call. Those that the bus refused are sent again, and only those;
// when it does not answer, nothing more is sent.
func (b *Bus) Publish(ctx context.Context, es []directory.Event) (refused []int, err error) {
	entries := make([]types.PutEventsRequestEntry, len(es))
	for i, e := range es {
		detail, err := json.Marshal(e)
		if err != nil {
			return positions(0, len(es)), fmt.Errorf("encode event: %w", err)
		}
		entries[i] = types.PutEventsRequestEntry{
			EventBusName: &b.name, Source: aws.String(Source), DetailType: aws.String(string(e.Type)), Detail: aws.String(string(detail)),
			Time:      aws.Time(e.Time),
			Resources: []string{},
		}
	}
	for from := 0; from < len(entries); {
		until, size := from, 0
		for until < len(entries) && until-from < maxPut && (until == from || size+len(*entries[until].Detail) <= maxBytes) {
			size += len(*entries[until].Detail)
			until++
		}
		left, answered, putErr := b.put(ctx, entries, positions(from, until))
		refused = append(refused, left...)
		if err = cmp.Or(err, putErr); !answered {
			return append(refused, positions(until, len(entries))...), err
		}
		from = until
	}
	return refused, err
}

func positions(from, until int) (out []int) {
	for i := from; i < until; i++ {
		out = append(out, i)
	}
	return out
}

// put sends the entries at positions, and returns those that were refused to the end, and whether the bus answered.
func (b *Bus) put(ctx context.Context, entries []types.PutEventsRequestEntry, left []int) (refused []int, answered bool, err error) {
	for try := range maxTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return left, false, fmt.Errorf("put events: %w", ctx.Err())
			case <-time.After(rand.N(100 * time.Millisecond << try)): //nolint:gosec // G404: jitter needs no secret randomness
			}
		}
		in := make([]types.PutEventsRequestEntry, len(left))
		for i, at := range left {
			in[i] = entries[at]
		}
		out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: in})
		if err != nil {
			return left, false, &directory.Error{Kind: directory.Unavailable, Detail: "the event bus does not answer",
				Err: fmt.Errorf("put events: %w", err), Fault: ctx.Err() == nil}
		}
		var again []int
		for i, r := range out.Entries {
			if r.ErrorCode != nil && i < len(left) {
				again = append(again, left[i])
			}
		}
		if left = again; len(left) == 0 {
			return nil, true, nil
		}
	}
	return left, true, directory.Errorf(directory.Unavailable, "the event bus refused %d events", len(left))
}
