package dynamo

import (
	"context"
	"errors"
	"time"

	"rollcall/shared/directory"
)

// settledFor is how long a late entry is remembered as sealed: longer than an entry may be delivered again.
const settledFor = 31 * 24 * time.Hour

// ChainHead implements directory.Chains.
func (s *Store) ChainHead(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.ChainHead, error) {
	h := directory.ChainHead{Provider: p}
	_, err := s.record(ctx, chainKey(t, p), &h)
	return h, err
}

// ChainHeads implements directory.Chains.
func (s *Store) ChainHeads(ctx context.Context, t directory.TenantID) ([]directory.ChainHead, error) {
	its, _, err := s.query(ctx, span{pk: chains(t)})
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.ChainHead](its)
}

// AppendBlock implements directory.Chains. The head's revision is its number.
func (s *Store) AppendBlock(ctx context.Context, t directory.TenantID, p directory.ProviderID, b directory.Block, settled []string) error {
	moved := directory.Errorf(directory.Conflict, "the chain has moved on")
	h, err := s.ChainHead(ctx, t, p)
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
	err = s.commit(ctx, "append block", x)
	if errors.Is(err, errStale) {
		return moved
	}
	return err
}

// Blocks implements directory.Chains.
func (s *Store) Blocks(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, from int64, count int,
) ([]directory.Block, error) {
	if count < 1 {
		return nil, nil
	}
	its, _, err := s.query(ctx, span{pk: blocks(t, p), lo: blockText(from), limit: count})
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.Block](its)
}

// AddLate implements directory.Chains.
func (s *Store) AddLate(ctx context.Context, t directory.TenantID, p directory.ProviderID, position string) error {
	x := &tx{}
	x.check(s, settledKey(t, p, position), absent, func(item) error { return errDone })
	x.put(s, lateKey(t, p, position), item{"v": num(schemaVersion)}, always, nil)
	if err := s.commit(ctx, "add late", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// Late implements directory.Chains.
func (s *Store) Late(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) (out []string, err error) {
	its, _, err := s.query(ctx, span{pk: lateKey(t, p, "").pk, limit: count})
	for _, it := range its {
		out = append(out, text(it, "SK"))
	}
	return out, err
}

// EraseEntry implements directory.Chains.
func (s *Store) EraseEntry(ctx context.Context, t directory.TenantID, stub directory.LogEntry, block int64) error {
	return s.rerun(ctx, "erase entry", func(int) error {
		x := &tx{}
		full := encodeEntry(t, stub, remainder{})
		delete(full, "S1") // the entry in the index is kept
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
