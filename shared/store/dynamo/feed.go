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
	failed []*failedEntry
}

// shardFeed is one shard of the stream. It is read after its parent was read to the end, because the changes of an item
// are in order from parent to child.
type shardFeed struct {
	id, parent string
	iterator   string // of the next read; "" before the first one
	last       string // the sequence number of the last delivered record
	done       bool
}

// failedEntry is an entry whose delivery failed, to be delivered again.
type failedEntry struct {
	tenant directory.TenantID
	entry  directory.LogEntry
	tries  int
	due    time.Time
}

const (
	listShardsEvery = 10 * time.Second
	retryFirst      = time.Second
	retryLongest    = time.Hour
)

// Deliver implements directory.Feed. An entry that fails is repeated with growing pauses and does not delay the others.
func (s *Store) Deliver(ctx context.Context, fn func(context.Context, directory.TenantID, directory.LogEntry) error) (int, error) {
	if s.streams == nil {
		return 0, errors.New("the store was opened without a client for the stream")
	}
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	n := s.deliverFailed(ctx, fn)
	if err := s.listShards(ctx); err != nil {
		return n, err
	}
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

// deliverFailed delivers the failed entries that are due.
func (s *Store) deliverFailed(ctx context.Context, fn func(context.Context, directory.TenantID, directory.LogEntry) error) (n int) {
	s.feed.failed = slices.DeleteFunc(s.feed.failed, func(f *failedEntry) bool {
		if ctx.Err() != nil || s.now().Before(f.due) {
			return false
		}
		if fn(ctx, f.tenant, f.entry) != nil {
			f.due = s.now().Add(min(retryLongest, retryFirst<<min(f.tries, 20)))
			f.tries++
			return false
		}
		n++
		return true
	})
	return n
}

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
	ctx context.Context, sh *shardFeed, fn func(context.Context, directory.TenantID, directory.LogEntry) error,
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
		for _, r := range out.Records {
			if err := ctx.Err(); err != nil {
				sh.iterator = "" // continue after the last delivered record
				return n, fault("read stream", err)
			}
			taken, bad := s.deliverRecord(ctx, r, fn)
			sh.last = aws.ToString(r.Dynamodb.SequenceNumber)
			if taken {
				n++
			}
			if bad != nil { // reported once, then skipped
				sh.iterator = ""
				return n, bad
			}
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

// deliverRecord delivers a log entry, and keeps it as failed when fn returns an error. Other records are skipped.
func (s *Store) deliverRecord(
	ctx context.Context, r streamtypes.Record, fn func(context.Context, directory.TenantID, directory.LogEntry) error,
) (bool, error) {
	if r.EventName != streamtypes.OperationTypeInsert || r.Dynamodb == nil {
		return false, nil
	}
	t, e, ok, err := StreamEntry(fromStream(r.Dynamodb.NewImage))
	if !ok || err != nil {
		return false, err
	}
	if fn(ctx, t, e) == nil {
		return true, nil
	}
	s.feed.failed = append(s.feed.failed, &failedEntry{tenant: t, entry: e, tries: 1, due: s.now().Add(retryFirst)})
	return false, nil
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
