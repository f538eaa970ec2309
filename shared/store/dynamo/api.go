package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// maxBatchGet and maxBatchWrite are DynamoDB's limits for one call.
const (
	maxBatchGet   = 100
	maxBatchWrite = 25
)

// get reads the items that exist, with strong consistency. Up to 100 keys are one call, a single one too: the call for one
// would make every function's bundle larger.
func (s *Store) get(ctx context.Context, keys ...schema.Key) (map[schema.Key]item, error) {
	out := make(map[schema.Key]item, len(keys))
	switch {
	case len(keys) == 0:
		return out, nil
	case len(keys) <= maxBatchGet:
		return out, s.batchGet(ctx, keys, out)
	}
	var parts []map[schema.Key]item
	var fns []func(context.Context) error
	for chunk := range slices.Chunk(keys, maxBatchGet) {
		part := make(map[schema.Key]item, len(chunk))
		parts = append(parts, part)
		fns = append(fns, func(ctx context.Context) error { return s.batchGet(ctx, chunk, part) })
	}
	if err := meter.Parallel(ctx, fns...); err != nil {
		return nil, err
	}
	for _, part := range parts {
		for k, it := range part {
			out[k] = it
		}
	}
	return out, nil
}

func (s *Store) batchGet(ctx context.Context, keys []schema.Key, out map[schema.Key]item) error {
	want := make([]item, len(keys))
	for i, k := range keys {
		want[i] = k.Item()
	}
	for n := 0; len(want) > 0; n++ {
		if n > 0 { // the remaining keys were throttled
			if n == maxTries {
				return contended("batch get")
			}
			if err := pause(ctx, n); err != nil {
				return err
			}
		}
		res, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{s.table: {Keys: want, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return fault("batch get", err)
		}
		left := res.UnprocessedKeys[s.table].Keys
		read := float64(len(want) - len(left) - len(res.Responses[s.table])) // an absent item costs 1
		for _, it := range res.Responses[s.table] {
			out[keyOf(it)] = it
			read += meter.ReadUnits(meter.ItemSize(it))
		}
		meter.Count(ctx, read, 0)
		want = left
	}
	return nil
}

// getOne reads one item; nil when it does not exist.
func (s *Store) getOne(ctx context.Context, k schema.Key) (item, error) {
	its, err := s.get(ctx, k)
	return its[k], err
}

// span is a range of one partition: SK from lo to hi, both inclusive, "" for open.
type span struct {
	pk     string
	lo, hi string
	desc   bool
	limit  int    // 0: all
	index  string // "": the table; an index has only keys, and the latest items may be missing
	stale  bool   // the latest changes may be missing, for half the price
}

// after returns the lowest SK after sk: no key of ours continues with a character below "!".
func after(sk string) string {
	if sk == "" {
		return ""
	}
	return sk + " "
}

// indexKeys holds the key attributes of each index.
var indexKeys = map[string][2]string{indexSubject: {"S1", "SK"}, indexDue: {"due", "dueAt"}}

func sortKey(index string) string {
	if index == "" {
		return "SK"
	}
	return indexKeys[index][1]
}

// query reads a span in order, page by page, with strong consistency in the table, and reports whether more items
// follow the limit.
func (s *Store) query(ctx context.Context, r span) (out []item, more bool, err error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, KeyConditionExpression: aws.String("#pk = :pk"), ScanIndexForward: aws.Bool(!r.desc),
		ExpressionAttributeNames:  map[string]string{"#pk": "PK"},
		ExpressionAttributeValues: item{":pk": str(r.pk)},
		ConsistentRead:            aws.Bool(r.index == "" && !r.stale),
	}
	if r.index != "" {
		in.IndexName, in.ExpressionAttributeNames["#pk"] = &r.index, indexKeys[r.index][0]
	}
	if r.lo != "" || r.hi != "" {
		in.ExpressionAttributeNames["#sk"] = sortKey(r.index)
		cond := "#pk = :pk AND #sk "
		switch {
		case r.hi == "":
			cond += ">= :lo"
		case r.lo == "":
			cond += "<= :hi"
		case r.lo > r.hi:
			return nil, false, nil
		default:
			cond += "BETWEEN :lo AND :hi"
		}
		in.KeyConditionExpression = &cond
		if r.lo != "" {
			in.ExpressionAttributeValues[":lo"] = str(r.lo)
		}
		if r.hi != "" {
			in.ExpressionAttributeValues[":hi"] = str(r.hi)
		}
	}
	for {
		if r.limit > 0 {
			in.Limit = aws.Int32(int32(min(r.limit-len(out), 10_000))) //nolint:gosec // G115: at most 10,000
		}
		res, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, false, fault("query", err)
		}
		size := 0
		for _, it := range res.Items {
			size += meter.ItemSize(it)
		}
		if units := meter.ReadUnits(size); *in.ConsistentRead {
			meter.Count(ctx, units, 0)
		} else {
			meter.Count(ctx, units/2, 0)
		}
		out = append(out, res.Items...)
		more = len(res.LastEvaluatedKey) > 0
		if !more || r.limit > 0 && len(out) >= r.limit {
			return out, more, nil
		}
		in.ExclusiveStartKey = res.LastEvaluatedKey
	}
}

// writing is called before every write.
func (s *Store) writing(name string) error {
	if s.step == nil {
		return nil
	}
	return s.step(name)
}

// put stores an item outside a transaction and unconditionally.
func (s *Store) put(ctx context.Context, name string, k schema.Key, it item) error {
	if err := s.writing(name); err != nil {
		return err
	}
	full := k.With(it)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: full})
	meter.Count(ctx, 0, meter.WriteUnits(meter.ItemSize(full)))
	return fault(name, err)
}

// inCalls calls fn with as many of the writes as a call takes, for all of them.
func inCalls[T any](ctx context.Context, writes []T, fn func(context.Context, []T) error) error {
	var fns []func(context.Context) error
	for chunk := range slices.Chunk(writes, maxBatchWrite) {
		fns = append(fns, func(ctx context.Context) error { return fn(ctx, chunk) })
	}
	return meter.Parallel(ctx, fns...)
}

// erase deletes items outside a transaction, 25 in a call; absent ones are ignored.
func (s *Store) erase(ctx context.Context, name string, keys []schema.Key) error {
	return inCalls(ctx, keys, func(ctx context.Context, some []schema.Key) error { return s.eraseBatch(ctx, name, some) })
}

// untilNone calls send with growing pauses until it reports that nothing is left to be sent.
func (s *Store) untilNone(ctx context.Context, name string, send func() (left int, err error)) error {
	for n := range maxTries {
		if n > 0 {
			if err := pause(ctx, n); err != nil {
				return err
			}
		}
		if err := s.writing(name); err != nil {
			return err
		}
		if left, err := send(); err != nil || left == 0 {
			return err
		}
	}
	return contended(name)
}

// busyStatements are the codes of statements that may succeed when repeated.
var busyStatements = []types.BatchStatementErrorCodeEnum{
	types.BatchStatementErrorCodeEnumThrottlingError, types.BatchStatementErrorCodeEnumProvisionedThroughputExceeded,
	types.BatchStatementErrorCodeEnumRequestLimitExceeded, types.BatchStatementErrorCodeEnumTransactionConflict,
	types.BatchStatementErrorCodeEnumInternalServerError,
}

// insertBatch stores at most 25 items outside a transaction, those whose keys do not exist: a batch of writes would replace
// the others.
func (s *Store) insertBatch(ctx context.Context, name string, its []item) error {
	return s.untilNone(ctx, name, func() (int, error) {
		in, units := &dynamodb.BatchExecuteStatementInput{Statements: make([]types.BatchStatementRequest, len(its))}, 0.0
		for i, it := range its {
			in.Statements[i] = s.insertion(it)
			units += meter.WriteUnits(meter.ItemSize(it))
		}
		res, err := s.client.BatchExecuteStatement(ctx, in)
		if err != nil {
			return 0, fault(name, err)
		}
		meter.Count(ctx, 0, units)
		var left []item
		for i, r := range res.Responses {
			switch {
			case r.Error == nil || r.Error.Code == types.BatchStatementErrorCodeEnumDuplicateItem:
			case slices.Contains(busyStatements, r.Error.Code):
				left = append(left, its[i])
			default:
				return 0, fmt.Errorf("%s: %s: %s", name, r.Error.Code, aws.ToString(r.Error.Message))
			}
		}
		its = left
		return len(its), nil
	})
}

// insertion is the statement that stores an item whose key does not exist.
func (s *Store) insertion(it item) types.BatchStatementRequest {
	var fields []string
	var values []types.AttributeValue
	for _, name := range slices.Sorted(maps.Keys(it)) {
		fields, values = append(fields, "'"+name+"': ?"), append(values, it[name])
	}
	text := `INSERT INTO "` + s.table + `" VALUE {` + strings.Join(fields, ", ") + "}"
	return types.BatchStatementRequest{Statement: &text, Parameters: values}
}

func (s *Store) eraseBatch(ctx context.Context, name string, keys []schema.Key) error {
	reqs := make([]types.WriteRequest, len(keys))
	for i, k := range keys {
		reqs[i].DeleteRequest = &types.DeleteRequest{Key: k.Item()}
	}
	return s.writeBatch(ctx, name, reqs)
}

// writeBatch carries out at most 25 writes outside a transaction. Items that are put are below 1 KB.
func (s *Store) writeBatch(ctx context.Context, name string, reqs []types.WriteRequest) error {
	return s.untilNone(ctx, name, func() (int, error) {
		res, err := s.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.table: reqs}})
		if err != nil {
			return 0, fault(name, err)
		}
		left := res.UnprocessedItems[s.table]
		meter.Count(ctx, 0, float64(len(reqs)-len(left)))
		reqs = left
		return len(reqs), nil
	})
}

// eraseIf deletes an item when a condition holds, errStale when it does not: in a transaction, because another kind of call
// would make every function's bundle larger.
func (s *Store) eraseIf(ctx context.Context, name string, k schema.Key, c cond) error {
	x := &tx{}
	x.delete(s, k, c, nil)
	return s.commit(ctx, name, x)
}

// putIf stores an item outside a transaction when a condition holds, errStale when it does not.
func (s *Store) putIf(ctx context.Context, name string, k schema.Key, it item, c cond) error {
	if err := s.writing(name); err != nil {
		return err
	}
	full := k.With(it)
	in := &dynamodb.PutItemInput{TableName: &s.table, Item: full, ConditionExpression: optional(c.expr),
		ExpressionAttributeNames: names(c.expr)}
	if len(c.vals) > 0 {
		in.ExpressionAttributeValues = c.vals
	}
	_, err := s.client.PutItem(ctx, in)
	meter.Count(ctx, 0, meter.WriteUnits(meter.ItemSize(full)))
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return errStale
	}
	return fault(name, err)
}
