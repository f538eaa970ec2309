package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
)

// record reads a JSON record and its revision, 0 when there is none.
func (s *Store) record(ctx context.Context, k key, v any) (rev int64, err error) {
	it, err := s.one(ctx, k)
	if err != nil || it == nil {
		return 0, err
	}
	if err := checkVersion(it); err != nil {
		return 0, err
	}
	return number(it, "rev"), getJSON(it, "r", v)
}

// putRecord adds a JSON record that replaces the revision, 0 for a new one.
func (x *tx) putRecord(s *Store, k key, v any, rev int64) {
	it := item{"v": num(schemaVersion), "rev": num(rev + 1)}
	if err := putJSON(it, "r", v); err != nil {
		x.err = err
		return
	}
	c := absent
	if rev > 0 {
		c = when("#rev = :rev", item{":rev": num(rev)})
	}
	x.put(s, k, it, c, nil)
}

// UpdateCollision implements directory.Collisions.
func (s *Store) UpdateCollision(ctx context.Context, t directory.TenantID, id string, update func(directory.Collision) (directory.Collision, *directory.LogEntry, error)) (c directory.Collision, err error) {
	if !usable(id) {
		return c, notFound("conflict")
	}
	err = s.rerun(ctx, "conflict", func(int) error {
		var old directory.Collision
		rev, err := s.record(ctx, collisionKey(t, id), &old)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if c, e, err = update(old); err != nil {
			return err
		}
		x := &tx{}
		x.putRecord(s, collisionKey(t, id), c, rev)
		if e != nil {
			x.log(s, t, *e, rest{})
		}
		return s.commit(ctx, "update conflict", x)
	})
	return c, err
}

// ListCollisions implements directory.Collisions.
func (s *Store) ListCollisions(ctx context.Context, t directory.TenantID, state directory.CollisionState, from string, count int) (out []directory.Collision, err error) {
	for lo := after(escaper.Replace(from)); len(out) < count; {
		its, more, err := s.query(ctx, span{pk: collisions(t), lo: lo, limit: max(count-len(out), 100)})
		if err != nil {
			return nil, err
		}
		for _, it := range its {
			var c directory.Collision
			if err := errors.Join(checkVersion(it), getJSON(it, "r", &c)); err != nil {
				return nil, err
			}
			if lo = after(text(it, "SK")); state == "" || c.State == state {
				out = append(out, c)
			}
		}
		if !more {
			break
		}
	}
	return out[:min(len(out), max(count, 0))], nil
}

// CreateAPIKey implements directory.APIKeys.
func (s *Store) CreateAPIKey(ctx context.Context, t directory.TenantID, k directory.APIKey, e directory.LogEntry) error {
	x := &tx{}
	x.putRecord(s, apiKeyKey(t, k.ID), k, 0)
	x.put(s, apiKeyHash(t, k.Hash), item{"id": str(k.ID)}, absent, nil)
	x.log(s, t, e, rest{})
	err := s.commit(ctx, "create API key", x)
	if errors.Is(err, errStale) {
		return directory.Errorf(directory.Conflict, "the key's id is taken")
	}
	return err
}

// APIKeyByHash implements directory.APIKeys.
func (s *Store) APIKeyByHash(ctx context.Context, t directory.TenantID, h directory.TokenHash) (k directory.APIKey, err error) {
	it, err := s.one(ctx, apiKeyHash(t, h))
	if err == nil && it == nil {
		err = notFound("API key")
	}
	if err != nil {
		return k, err
	}
	_, err = s.record(ctx, apiKeyKey(t, text(it, "id")), &k)
	if err == nil && k.Hash != h {
		err = notFound("API key")
	}
	return k, err
}

// ListAPIKeys implements directory.APIKeys.
func (s *Store) ListAPIKeys(ctx context.Context, t directory.TenantID) ([]directory.APIKey, error) {
	its, _, err := s.query(ctx, span{pk: apiKeys(t)})
	if err != nil {
		return nil, err
	}
	out := make([]directory.APIKey, len(its))
	for i, it := range its {
		if err := errors.Join(checkVersion(it), getJSON(it, "r", &out[i])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// UpdateAPIKey implements directory.APIKeys. A key's hash never changes.
func (s *Store) UpdateAPIKey(ctx context.Context, t directory.TenantID, id string, update func(directory.APIKey) (directory.APIKey, *directory.LogEntry, error)) (k directory.APIKey, err error) {
	if !usable(id) {
		return k, notFound("API key")
	}
	err = s.rerun(ctx, "API key", func(int) error {
		var old directory.APIKey
		rev, err := s.record(ctx, apiKeyKey(t, id), &old)
		if err == nil && rev == 0 {
			err = notFound("API key")
		}
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if k, e, err = update(old); err != nil || e == nil {
			return err
		}
		x := &tx{}
		x.putRecord(s, apiKeyKey(t, id), k, rev)
		x.log(s, t, *e, rest{})
		return s.commit(ctx, "update API key", x)
	})
	return k, err
}

// replayKept is how long an expired replay stays before the table drops it.
const replayKept = 24 * time.Hour

func replayItem(r directory.Replay) item {
	it := item{"request": str(r.Request), "exp": num(r.Expires.UnixMilli()), "ttl": num(r.Expires.Add(replayKept).Unix())}
	if r.Answer != nil {
		it["answer"] = bin(r.Answer)
	}
	return it
}

// BeginReplay implements directory.Replays.
func (s *Store) BeginReplay(ctx context.Context, t directory.TenantID, r directory.Replay, now time.Time) (directory.Replay, bool, error) {
	if err := s.writing("begin replay"); err != nil {
		return directory.Replay{}, false, err
	}
	full := replayKey(t, r.Key).with(replayItem(r))
	full["by"] = str(directory.RandomID()) // when the answer is lost, the client of AWS asks again: then this is ours
	free := when("attribute_not_exists(#PK) OR #exp <= :now", item{":now": num(now.UnixMilli())})
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: full, ConditionExpression: &free.expr, ExpressionAttributeNames: names(free.expr),
		ExpressionAttributeValues: free.vals, ReturnValuesOnConditionCheckFailure: allOld,
	})
	count(ctx, 0, writeUnits(itemSize(full)))
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

// FinishReplay implements directory.Replays.
func (s *Store) FinishReplay(ctx context.Context, t directory.TenantID, r directory.Replay) error {
	k := replayKey(t, r.Key)
	if r.Answer == nil {
		return s.erase(ctx, "drop replay", []key{k})
	}
	x := &tx{}
	full := replayItem(r)
	delete(full, "request") // what was asked stays
	x.update(s, k, edit{set: full}, exists, func(item) error { return errDone })
	if err := s.commit(ctx, "finish replay", x); !errors.Is(err, errDone) {
		return err
	}
	return nil // it expired meanwhile
}
