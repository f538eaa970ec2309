package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// replayKept is how long an expired replay is kept before the table drops it.
const replayKept = 24 * time.Hour

func replayItem(r directory.Replay) item {
	it := item{"request": str(r.Request), "exp": num(r.Expires.UnixMilli()), "ttl": num(r.Expires.Add(replayKept).Unix())}
	if r.Answer != nil {
		it["answer"] = bin(r.Answer)
	}
	return it
}

// replayStore implements directory.Replays.
type replayStore struct{ *Store }

func (s replayStore) BeginReplay(
	ctx context.Context, t directory.TenantID, r directory.Replay, now time.Time,
) (directory.Replay, bool, error) {
	if err := s.writing("begin replay"); err != nil {
		return directory.Replay{}, false, err
	}
	full := schema.ReplayKey(t, r.Key).With(replayItem(r))
	full["by"] = str(random.ID()) // when the answer is lost, the AWS client repeats the call: this identifies our own
	free := when("attribute_not_exists(#PK) OR #exp <= :now", item{":now": num(now.UnixMilli())})
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: full, ConditionExpression: &free.expr, ExpressionAttributeNames: names(free.expr),
		ExpressionAttributeValues: free.vals, ReturnValuesOnConditionCheckFailure: allOld,
	})
	meter.Count(ctx, 0, meter.WriteUnits(meter.ItemSize(full)))
	var taken *types.ConditionalCheckFailedException
	if errors.As(err, &taken) {
		old := taken.Item
		if text(old, "by") == text(full, "by") {
			return directory.Replay{}, false, nil
		}
		return directory.Replay{Key: r.Key, Request: text(old, "request"), Answer: bytesOf(old, "answer"), Expires: timeOf(old, "exp")}, true, nil
	}
	return directory.Replay{}, false, fault("begin replay", err)
}

func (s replayStore) FinishReplay(ctx context.Context, t directory.TenantID, r directory.Replay) error {
	k := schema.ReplayKey(t, r.Key)
	if r.Answer == nil {
		return s.erase(ctx, "drop replay", []schema.Key{k})
	}
	x := &tx{}
	full := replayItem(r)
	delete(full, "request") // it is kept
	x.update(s.Store, k, edit{set: full}, exists, func(item) error { return errDone })
	if err := s.commit(ctx, "finish replay", x); !errors.Is(err, errDone) {
		return err
	}
	return nil // it expired meanwhile
}
