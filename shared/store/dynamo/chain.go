package dynamo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// settledFor is how long a late entry is remembered as sealed: longer than an entry may be delivered again.
const settledFor = 31 * 24 * time.Hour

// chainStore implements directory.Chains.
type chainStore struct{ *Store }

func (s chainStore) ChainHead(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.ChainHead, error) {
	h := directory.ChainHead{Provider: p}
	_, err := s.record(ctx, schema.ChainKey(t, p), &h)
	return h, err
}

func (s chainStore) ChainHeads(ctx context.Context, t directory.TenantID) ([]directory.ChainHead, error) {
	its, _, err := s.query(ctx, span{pk: schema.Chains(t)})
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.ChainHead](its)
}

// AppendBlock implements directory.Chains. The head's revision is its number. The mark is stored once more, where following
// an entry reads it together with what else it depends on.
func (s chainStore) AppendBlock(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, b directory.Block, settled []string,
) error {
	moved := directory.Errorf(directory.Conflict, "the chain has moved on")
	h, err := s.ChainHead(ctx, t, p)
	if err != nil {
		return err
	}
	if h.Seq+1 != b.Seq {
		return moved
	}
	x := &tx{}
	x.putRecord(s.Store, schema.ChainKey(t, p), h.Next(b), h.Seq)
	x.putRecord(s.Store, schema.BlockKey(t, p, b.Seq), b, 0)
	x.update(s.Store, schema.RulesKey(t), edit{set: item{schema.MarkAttr(p): str(b.Mark)}}, always, nil)
	for _, position := range settled {
		x.delete(s.Store, schema.LateKey(t, p, position), always, nil)
		x.put(s.Store, schema.SettledKey(t, p, position), item{"ttl": num(s.now().Add(settledFor).Unix())}, always, nil)
	}
	err = s.commit(ctx, "append block", x)
	if errors.Is(err, errStale) {
		return moved
	}
	return err
}

func (s chainStore) Blocks(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, from int64, count int,
) ([]directory.Block, error) {
	if count < 1 {
		return nil, nil
	}
	its, _, err := s.query(ctx, span{pk: schema.Blocks(t, p), lo: schema.BlockText(from), limit: count})
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.Block](its)
}

func (s chainStore) AddLate(ctx context.Context, t directory.TenantID, p directory.ProviderID, position string) error {
	x := &tx{}
	x.check(s.Store, schema.SettledKey(t, p, position), absent, func(item) error { return errDone })
	x.put(s.Store, schema.LateKey(t, p, position), item{"v": num(schemaVersion)}, always, nil)
	if err := s.commit(ctx, "add late", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

func (s chainStore) Late(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) (out []string, err error) {
	its, _, err := s.query(ctx, span{pk: schema.LateKey(t, p, "").PK, limit: count})
	for _, it := range its {
		out = append(out, text(it, "SK"))
	}
	return out, err
}

// MarkGrown implements directory.Chains. Only a mark that moves is written in the due index.
func (s chainStore) MarkGrown(ctx context.Context, t directory.TenantID, p directory.ProviderID, due time.Time) error {
	return s.rerun(ctx, "mark grown", func(int) error {
		g, err := s.grown(ctx, t, p)
		if err != nil {
			return err
		}
		n := directory.GrownChain{Tenant: t, Provider: p, Due: due, Last: due, Version: g.Version + 1}
		if g.Version > 0 && g.Due.Before(due) {
			n.Due = g.Due
		}
		if g.Last.After(due) {
			n.Last = g.Last
		}
		return s.putGrown(ctx, g, n)
	})
}

// grown reads the mark of a chain; its version is 0 when there is none.
func (s chainStore) grown(ctx context.Context, t directory.TenantID, p directory.ProviderID) (g directory.GrownChain, err error) {
	_, err = s.record(ctx, schema.GrownKey(t, p), &g)
	return g, err
}

// putGrown replaces a mark if it is as it was read.
func (s chainStore) putGrown(ctx context.Context, old, g directory.GrownChain) error {
	k := schema.GrownKey(g.Tenant, g.Provider)
	it := item{"v": num(schemaVersion), "rev": num(g.Version), "due": str(schema.DueChains(schema.Spread(k.PK+k.SK, schema.GrownShards))),
		"dueAt": str(schema.GrownText(g))}
	if err := putJSON(it, "r", g); err != nil {
		return err
	}
	c := absent
	if old.Version > 0 {
		c = asRead(old)
	}
	return s.putIf(ctx, "mark grown", k, it, c)
}

// asRead is the condition that a mark is as it was read: a mark that was removed and made again has another time.
func asRead(g directory.GrownChain) cond {
	return when("#rev = :rev AND #dueAt = :due", item{":rev": num(g.Version), ":due": str(schema.GrownText(g))})
}

// GrownChains implements directory.Chains: the partitions of the index are merged, and the marks read. One that has changed
// since the index was read is returned as the index has it: the place of its present time may be far behind those of
// others, which a reader that continues after it would miss.
func (s chainStore) GrownChains(
	ctx context.Context, now time.Time, from directory.GrownChain, count int,
) (out []directory.GrownChain, err error) {
	var parts [schema.GrownShards][]item
	var fns []func(context.Context) error
	for i := range schema.GrownShards {
		fns = append(fns, func(ctx context.Context) (err error) {
			r := span{pk: schema.DueChains(i), index: indexDue, lo: after(schema.GrownText(from)), hi: schema.DueText(now) + "~", limit: count}
			parts[i], _, err = s.query(ctx, r)
			return err
		})
	}
	if err := meter.Parallel(ctx, fns...); err != nil {
		return nil, err
	}
	all := slices.Concat(parts[:]...)
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(a, "dueAt"), text(b, "dueAt")) })
	all = all[:min(count, len(all))]
	keys := make([]schema.Key, 0, count)
	for _, it := range all {
		keys = append(keys, keyOf(it))
	}
	got, err := s.get(ctx, keys...)
	for _, listed := range all {
		if err != nil {
			return nil, err
		}
		g := schema.GrownOf(text(listed, "dueAt"))
		if it := got[keyOf(listed)]; it != nil && text(it, "dueAt") == text(listed, "dueAt") {
			err = errors.Join(checkVersion(it), getJSON(it, "r", &g))
		}
		out = append(out, g)
	}
	return out, err
}

// ClearGrown implements directory.Chains.
func (s chainStore) ClearGrown(ctx context.Context, g directory.GrownChain, next time.Time) error {
	var err error
	if next.IsZero() {
		x := &tx{}
		x.delete(s.Store, schema.GrownKey(g.Tenant, g.Provider), asRead(g), nil)
		err = s.commit(ctx, "clear grown", x)
	} else {
		n := g
		n.Due, n.Last, n.Version = next, next, g.Version+1
		err = s.putGrown(ctx, g, n)
	}
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

func (s chainStore) EraseEntry(ctx context.Context, t directory.TenantID, stub directory.LogEntry, block int64) error {
	return s.rerun(ctx, "erase entry", func(int) error {
		x := &tx{}
		full := encodeEntry(t, stub, remainder{})
		delete(full, "S1") // the entry in the index is kept
		x.update(s.Store, schema.EntryKey(t, stub.Provider, stub.At, stub.ID), edit{set: full}, exists,
			func(item) error { return notFound("log entry") })
		if block > 0 {
			var b directory.Block
			rev, err := s.record(ctx, schema.BlockKey(t, stub.Provider, block), &b)
			if err != nil {
				return err
			}
			if rev > 0 {
				x.putRecord(s.Store, schema.BlockKey(t, stub.Provider, block), b.Unsalted(stub.Position()), rev)
			}
		}
		return s.commit(ctx, "erase entry", x)
	})
}
