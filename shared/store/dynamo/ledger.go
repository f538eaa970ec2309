package dynamo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
)

// settledFor is how long it is remembered that a late entry was sealed: longer than anything comes again.
const settledFor = 31 * 24 * time.Hour

// putIf stores an item outside a transaction when a condition holds, errStale when it does not.
func (s *Store) putIf(ctx context.Context, name string, k key, it item, c cond) error {
	if err := s.writing(name); err != nil {
		return err
	}
	full := k.with(it)
	in := &dynamodb.PutItemInput{TableName: &s.table, Item: full, ConditionExpression: optional(c.expr), ExpressionAttributeNames: names(c.expr)}
	if len(c.vals) > 0 {
		in.ExpressionAttributeValues = c.vals
	}
	_, err := s.client.PutItem(ctx, in)
	count(ctx, 0, writeUnits(itemSize(full)))
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return errStale
	}
	return fault(name, err)
}

// EntriesAfter implements directory.Log: one day after the other, the shards of each merged.
func (s *Store) EntriesAfter(ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, count int) ([]directory.LogEntry, error) {
	days, _, err := s.query(ctx, span{pk: logDays(t, p), lo: dayOfPosition(after), hi: dayOfPosition(before)})
	if err != nil {
		return nil, err
	}
	var out []directory.LogEntry
	for _, day := range days {
		its, err := s.oldest(ctx, t, p, text(day, "SK"), after, before, count-len(out))
		if err != nil {
			return nil, err
		}
		for _, it := range its {
			e, err := decodeEntry(it)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		if len(out) >= count {
			break
		}
	}
	return out, nil
}

// oldest reads the first entries of a day between two positions.
func (s *Store) oldest(ctx context.Context, t directory.TenantID, p directory.ProviderID, day, after, before string, count int) ([]item, error) {
	var parts [logShards][]item
	var fns []func(context.Context) error
	for i := range logShards {
		fns = append(fns, func(ctx context.Context) (err error) {
			parts[i], _, err = s.query(ctx, span{pk: logShard(t, p, day, i), lo: after, hi: before, limit: count + 1})
			return err
		})
	}
	if err := parallel(ctx, fns...); err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slices.Concat(parts[:]...), func(it item) bool {
		sk := text(it, "SK")
		return sk <= after || before != "" && sk >= before
	})
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(a, "SK"), text(b, "SK")) })
	return all[:min(count, len(all))], nil
}

// AppendEntry implements directory.Log.
func (s *Store) AppendEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	x := &tx{}
	x.log(s, t, e, rest{})
	return s.commit(ctx, "append entry", x)
}

// DropEntries implements directory.Log. The table drops entries itself when their time to live is over; a tenant may
// keep them for a shorter time. The marks of whole days go with them.
func (s *Store) DropEntries(ctx context.Context, t directory.TenantID, p directory.ProviderID, before time.Time, count int) (n int, err error) {
	end := directory.LogEntry{At: before}.Position()
	days, _, err := s.query(ctx, span{pk: logDays(t, p), hi: dayOf(before)})
	if err != nil {
		return 0, err
	}
	for _, day := range days {
		its, err := s.oldest(ctx, t, p, text(day, "SK"), "", end, count-n)
		if err != nil {
			return n, err
		}
		keys := make([]key, len(its), len(its)+1)
		for i, it := range its {
			keys[i] = keyOf(it)
		}
		if n += len(its); n < count && text(day, "SK") < dayOf(before) {
			keys = append(keys, keyOf(day))
		}
		if err := s.erase(ctx, "drop entries", keys); err != nil || n >= count {
			return n, err
		}
	}
	return n, nil
}

// Chain implements directory.Ledger.
func (s *Store) Chain(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.ChainHead, error) {
	h := directory.ChainHead{Provider: p}
	_, err := s.record(ctx, chainKey(t, p), &h)
	return h, err
}

// Chains implements directory.Ledger.
func (s *Store) Chains(ctx context.Context, t directory.TenantID) ([]directory.ChainHead, error) {
	its, _, err := s.query(ctx, span{pk: chains(t)})
	if err != nil {
		return nil, err
	}
	return decodeAll[directory.ChainHead](its)
}

// AppendBlock implements directory.Ledger. The head's revision is its number.
func (s *Store) AppendBlock(ctx context.Context, t directory.TenantID, p directory.ProviderID, b directory.Block, settled []string) error {
	moved := directory.Errorf(directory.Conflict, "the chain has moved on")
	h, err := s.Chain(ctx, t, p)
	if err != nil {
		return err
	}
	if h.Seq+1 != b.Seq {
		return moved
	}
	x := &tx{}
	x.putRecord(s, chainKey(t, p), h.Next(b), h.Seq)
	x.putRecord(s, blockKey(t, p, b.Seq), b, 0)
	for _, position := range settled {
		x.delete(s, lateKey(t, p, position), always, nil)
		x.put(s, settledKey(t, p, position), item{"ttl": num(s.now().Add(settledFor).Unix())}, always, nil)
	}
	if err = s.commit(ctx, "append block", x); errors.Is(err, errStale) {
		return moved
	}
	return err
}

// Blocks implements directory.Ledger.
func (s *Store) Blocks(ctx context.Context, t directory.TenantID, p directory.ProviderID, from int64, count int) ([]directory.Block, error) {
	if count < 1 {
		return nil, nil
	}
	its, _, err := s.query(ctx, span{pk: blocks(t, p), lo: blockText(from), limit: count})
	if err != nil {
		return nil, err
	}
	return decodeAll[directory.Block](its)
}

// AddLate implements directory.Ledger.
func (s *Store) AddLate(ctx context.Context, t directory.TenantID, p directory.ProviderID, position string) error {
	x := &tx{}
	x.check(s, settledKey(t, p, position), absent, func(item) error { return errDone })
	x.put(s, lateKey(t, p, position), item{"v": num(schemaVersion)}, always, nil)
	if err := s.commit(ctx, "add late", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// Late implements directory.Ledger.
func (s *Store) Late(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) (out []string, err error) {
	its, _, err := s.query(ctx, span{pk: lateKey(t, p, "").pk, limit: count})
	for _, it := range its {
		out = append(out, text(it, "SK"))
	}
	return out, err
}

// EraseEntry implements directory.Ledger.
func (s *Store) EraseEntry(ctx context.Context, t directory.TenantID, stub directory.LogEntry, block int64) error {
	return s.rerun(ctx, "erase entry", func(int) error {
		x := &tx{}
		full := encodeEntry(t, stub, rest{})
		delete(full, "S1") // what an index holds stays
		x.update(s, entryKey(t, stub.Provider, stub.At, stub.ID), edit{set: full}, exists, func(item) error { return notFound("log entry") })
		if block > 0 {
			var b directory.Block
			rev, err := s.record(ctx, blockKey(t, stub.Provider, block), &b)
			if err != nil {
				return err
			}
			if rev > 0 {
				x.putRecord(s, blockKey(t, stub.Provider, block), b.Unsalted(stub.Position()), rev)
			}
		}
		return s.commit(ctx, "erase entry", x)
	})
}
