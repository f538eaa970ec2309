// Package stream reads the stream of a table in this process. In a deployment a Lambda function gets its records instead.
package stream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"
)

// Reader is a position in the stream of a table. It is kept in memory: a new process begins at the oldest record of the
// stream, so that none is lost and many are delivered again. Safe for concurrent use, by one caller at a time.
type Reader struct {
	Client  *dynamodb.Client
	Streams *dynamodbstreams.Client // nil: there is nothing to read
	Table   string
	Now     func() time.Time
	Fault   func(call string, err error) error // wraps the error of a call to AWS

	mu     sync.Mutex
	arn    string
	listed time.Time // when the shards were last listed
	shards []*shard
}

// shard is one shard of the stream. It is read after its parent was read to the end, because the changes of an item are
// in order from parent to child.
type shard struct {
	id, parent string
	iterator   string // of the next read; "" before the first one
	last       string // the sequence number of the last delivered record
	done       bool
}

const listShardsEvery = 10 * time.Second

// Deliver calls fn with what each read of a shard returns, until there is nothing more for now, and returns the sum of what
// fn returned. An error of fn ends it and is returned; its records are delivered again.
func (r *Reader) Deliver(ctx context.Context, fn func(context.Context, []types.Record) (int, error)) (int, error) {
	if r.Streams == nil {
		return 0, errors.New("the store was opened without a client for the stream")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.listShards(ctx); err != nil {
		return 0, err
	}
	n := 0
	for _, sh := range r.shards {
		if sh.done || !r.parentDone(sh) {
			continue
		}
		m, err := r.deliverShard(ctx, sh, fn)
		n += m
		if err != nil {
			return n, err
		}
	}
	r.shards = slices.DeleteFunc(r.shards, func(sh *shard) bool { return sh.done && sh.iterator == trimmed })
	return n, nil
}

func (r *Reader) parentDone(sh *shard) bool {
	i := slices.IndexFunc(r.shards, func(o *shard) bool { return o.id == sh.parent })
	return i < 0 || r.shards[i].done
}

// trimmed is the iterator of a shard that is no longer in the stream. Until then its position must be kept.
const trimmed = "trimmed"

// listShards finds new shards of the stream and marks trimmed ones.
func (r *Reader) listShards(ctx context.Context) error {
	open := slices.ContainsFunc(r.shards, func(sh *shard) bool { return !sh.done })
	if !r.listed.IsZero() && r.Now().Sub(r.listed) < listShardsEvery && open {
		return nil
	}
	if r.arn == "" {
		out, err := r.Client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &r.Table})
		if err != nil {
			return r.Fault("describe table", err)
		}
		r.arn = aws.ToString(out.Table.LatestStreamArn)
		if r.arn == "" {
			return errors.New("the table has no stream")
		}
	}
	seen := map[string]bool{}
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &r.arn}
	for {
		out, err := r.Streams.DescribeStream(ctx, in)
		if err != nil {
			return r.Fault("describe stream", err)
		}
		for _, sh := range out.StreamDescription.Shards {
			id := aws.ToString(sh.ShardId)
			seen[id] = true
			if !slices.ContainsFunc(r.shards, func(o *shard) bool { return o.id == id }) {
				r.shards = append(r.shards, &shard{id: id, parent: aws.ToString(sh.ParentShardId)})
			}
		}
		if out.StreamDescription.LastEvaluatedShardId == nil {
			break
		}
		in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId
	}
	for _, sh := range r.shards {
		if !seen[sh.id] {
			sh.done, sh.iterator = true, trimmed
		}
	}
	r.listed = r.Now()
	return nil
}

// deliverShard delivers the records of a shard until it has no more for now.
func (r *Reader) deliverShard(
	ctx context.Context, sh *shard, fn func(context.Context, []types.Record) (int, error),
) (n int, err error) {
	for {
		if sh.iterator == "" {
			if err := r.openShard(ctx, sh); err != nil {
				return n, err
			}
		}
		out, err := r.Streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: &sh.iterator})
		var api smithy.APIError
		if errors.As(err, &api) && (api.ErrorCode() == "ExpiredIteratorException" || api.ErrorCode() == "TrimmedDataAccessException") {
			sh.iterator = "" // iterators expire after 15 minutes, sequence numbers do not
			continue
		}
		if err != nil {
			return n, r.Fault("read stream", err)
		}
		m, err := fn(ctx, out.Records)
		if err != nil {
			sh.iterator = "" // continue after the last delivered record
			return n, err
		}
		n += m
		if len(out.Records) > 0 {
			sh.last = aws.ToString(out.Records[len(out.Records)-1].Dynamodb.SequenceNumber)
		}
		if out.NextShardIterator == nil {
			sh.done, r.listed = true, time.Time{}
			return n, nil
		}
		sh.iterator = *out.NextShardIterator
		if len(out.Records) == 0 {
			return n, nil
		}
	}
}

func (r *Reader) openShard(ctx context.Context, sh *shard) error {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &r.arn, ShardId: &sh.id,
		ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	if sh.last != "" {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &sh.last
	}
	out, err := r.Streams.GetShardIterator(ctx, in)
	if err != nil {
		return r.Fault("open stream", err)
	}
	sh.iterator = aws.ToString(out.ShardIterator)
	return nil
}
