package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// feedStore implements directory.Feed.
type feedStore struct{ *Store }

func (feedStore) Together(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }
func (feedStore) Taken(context.Context) error                                        { return nil } // Deliver does it

// Deliver implements directory.Feed: a batch is what one read of a shard of the stream returned.
func (s feedStore) Deliver(ctx context.Context, fn func(context.Context, []directory.TenantEntry) error) (int, error) {
	return s.feed.Deliver(ctx, func(ctx context.Context, rs []streamtypes.Record) (int, error) {
		batch := entriesOf(rs)
		if len(batch) == 0 {
			return 0, nil
		}
		return len(batch), fn(ctx, batch)
	})
}

// entriesOf returns the log entries among new records of the stream.
func entriesOf(rs []streamtypes.Record) (out []directory.TenantEntry) {
	for _, r := range rs {
		if r.EventName != streamtypes.OperationTypeInsert || r.Dynamodb == nil {
			continue
		}
		if e, ok := StreamEntry(fromStream(r.Dynamodb.NewImage)); ok {
			out = append(out, e)
		}
	}
	return out
}

// fromStream turns the image of an item in a stream into the item, as far as log entries need it.
func fromStream(image map[string]streamtypes.AttributeValue) item {
	it := make(item, len(image))
	for name, v := range image {
		switch v := v.(type) {
		case *streamtypes.AttributeValueMemberS:
			it[name] = str(v.Value)
		case *streamtypes.AttributeValueMemberB:
			it[name] = bin(v.Value)
		case *streamtypes.AttributeValueMemberN:
			it[name] = &types.AttributeValueMemberN{Value: v.Value}
		}
	}
	return it
}

// StreamEntry returns the log entry in the new image of a stream record, and false for any other item, for
// functions/changes, which gets records from Lambda and has no Store. One that cannot be read says so.
func StreamEntry(image map[string]types.AttributeValue) (directory.TenantEntry, bool) {
	pk, ok := image["PK"].(*types.AttributeValueMemberS)
	if !ok {
		return directory.TenantEntry{}, false
	}
	t, ok := schema.TenantOfLog(pk.Value)
	if !ok {
		return directory.TenantEntry{}, false
	}
	e, err := decodeEntry(image)
	if err != nil {
		e = schema.EntryOfKey(keyOf(image))
	}
	return directory.TenantEntry{Tenant: t, Entry: e, Unreadable: err}, true
}

// EntryFilter returns the event source filter for the stream records that are new log entries, those for which
// StreamEntry returns true. Lambda passes functions/changes no others.
func EntryFilter() any {
	return map[string]any{
		"eventName": []string{"INSERT"},
		"dynamodb":  map[string]any{"NewImage": map[string]any{"e": map[string]any{"S": []any{map[string]any{"exists": true}}}}},
	}
}
