package dynamo

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"

	"rollcall/shared/directory"
)

// feed is the position of Deliver in the table's stream. It is kept in memory: a new process begins at the oldest
// record of the stream, so that no entry is lost and many are delivered again. In a deployment a Lambda function
// follows the stream instead of Deliver.
type feed struct {
	mu     sync.Mutex
	arn    string
	listed time.Time // when the shards were last listed
	shards []*shardFeed
}

// shardFeed is one shard of the stream. It is read after its parent was read to the end, because the changes of an item
// are in order from parent to child.
type shardFeed struct {
	id, parent string
	iterator   string // of the next read; "" before the first one
	last       string // the sequence number of the last delivered record
	done       bool
}

const listShardsEvery = 10 * time.Second

// feedStore implements directory.Feed.
type feedStore struct{ *Store }

func (feedStore) Together(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }
func (feedStore) Taken(context.Context) error                                        { return nil } // Deliver does it

// Deliver implements directory.Feed: a batch is what one read of a shard returned.
func (s feedStore) Deliver(ctx context.Context, fn func(context.Context, []directory.TenantEntry) error) (int, error) {
	if s.streams == nil {
		return 0, errors.New("the store was opened without a client for the stream")
	}
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if err := s.listShards(ctx); err != nil {
		return 0, err
	}
	n := 0
	for _, sh := range s.feed.shards {
		if sh.done || !s.feed.parentDone(sh) {
			continue
		}
		m, err := s.deliverShard(ctx, sh, fn)
		n += m
		if err != nil {
			return n, err
		}
	}
	s.feed.shards = slices.DeleteFunc(s.feed.shards, func(sh *shardFeed) bool { return sh.done && sh.iterator == trimmed })
	return n, nil
}

func (f *feed) parentDone(sh *shardFeed) bool {
	i := slices.IndexFunc(f.shards, func(o *shardFeed) bool { return o.id == sh.parent })
	return i < 0 || f.shards[i].done
}

// trimmed is the iterator of a shard that is no longer in the stream. Until then its position must be kept.
const trimmed = "trimmed"

// listShards finds new shards of the stream and marks trimmed ones.
func (s *Store) listShards(ctx context.Context) error {
	f := &s.feed
	if !f.listed.IsZero() && s.now().Sub(f.listed) < listShardsEvery && slices.ContainsFunc(f.shards,
		func(sh *shardFeed) bool { return !sh.done }) {
		return nil
	}
	if f.arn == "" {
		out, err := s.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.table})
		if err != nil {
			return fault("describe table", err)
		}
		f.arn = aws.ToString(out.Table.LatestStreamArn)
		if f.arn == "" {
			return errors.New("the table has no stream")
		}
	}
	seen := map[string]bool{}
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &f.arn}
	for {
		out, err := s.streams.DescribeStream(ctx, in)
		if err != nil {
			return fault("describe stream", err)
		}
		for _, sh := range out.StreamDescription.Shards {
			id := aws.ToString(sh.ShardId)
			seen[id] = true
			if !slices.ContainsFunc(f.shards, func(o *shardFeed) bool { return o.id == id }) {
				f.shards = append(f.shards, &shardFeed{id: id, parent: aws.ToString(sh.ParentShardId)})
			}
		}
		if out.StreamDescription.LastEvaluatedShardId == nil {
			break
		}
		in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId
	}
	for _, sh := range f.shards {
		if !seen[sh.id] {
			sh.done, sh.iterator = true, trimmed
		}
	}
	f.listed = s.now()
	return nil
}

// deliverShard delivers the entries of a shard until it has no more for now.
func (s *Store) deliverShard(
	ctx context.Context, sh *shardFeed, fn func(context.Context, []directory.TenantEntry) error,
) (n int, err error) {
	for {
		if sh.iterator == "" {
			if err := s.openShard(ctx, sh); err != nil {
				return n, err
			}
		}
		out, err := s.streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: &sh.iterator})
		var api smithy.APIError
		if errors.As(err, &api) && (api.ErrorCode() == "ExpiredIteratorException" || api.ErrorCode() == "TrimmedDataAccessException") {
			sh.iterator = "" // iterators expire after 15 minutes, sequence numbers do not
			continue
		}
		if err != nil {
			return n, fault("read stream", err)
		}
		batch := entriesOf(out.Records)
		if len(batch) > 0 {
			if err := fn(ctx, batch); err != nil {
				sh.iterator = "" // continue after the last delivered record
				return n, err
			}
		}
		n += len(batch)
		if len(out.Records) > 0 {
			sh.last = aws.ToString(out.Records[len(out.Records)-1].Dynamodb.SequenceNumber)
		}
		if out.NextShardIterator == nil {
			sh.done, s.feed.listed = true, time.Time{}
			return n, nil
		}
		sh.iterator = *out.NextShardIterator
		if len(out.Records) == 0 {
			return n, nil
		}
	}
}

func (s *Store) openShard(ctx context.Context, sh *shardFeed) error {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &s.feed.arn, ShardId: &sh.id,
		ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon}
	if sh.last != "" {
		in.ShardIteratorType, in.SequenceNumber = streamtypes.ShardIteratorTypeAfterSequenceNumber, &sh.last
	}
	out, err := s.streams.GetShardIterator(ctx, in)
	if err != nil {
		return fault("open stream", err)
	}
	sh.iterator = aws.ToString(out.ShardIterator)
	return nil
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
	t, ok := tenantOfLog(pk.Value)
	if !ok {
		return directory.TenantEntry{}, false
	}
	e, err := decodeEntry(image)
	if err != nil {
		e = entryOfKey(keyOf(image))
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
