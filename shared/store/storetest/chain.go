package storetest

import (
	"fmt"

	"rollcall/shared/directory"
)

var chainChapter = []promise{
	{"chains/blocks follow one another", appendBlocks},
	{"chains/only one of racing blocks is appended", raceBlocks},
	{"chains/a late entry is settled once", lateEntries},
	{"chains/an erased entry keeps its stub", eraseEntry},
}

func (w *world) head(p directory.ProviderID) directory.ChainHead {
	w.Helper()
	h, err := w.Chains.ChainHead(w.ctx, w.tenant, p)
	w.must(err)
	return h
}

// nextBlock returns a block with every field set.
func (w *world) nextBlock(seq int64, positions ...string) directory.Block {
	hash := directory.Digest(fmt.Sprint("hash", seq))
	b := directory.Block{Seq: seq, Prev: hash[:4], At: w.now(), Mark: fmt.Sprint("mark", seq), Hash: hash,
		Checkpoint: &directory.Checkpoint{Key: "k", Signature: directory.Digest{9}}}
	for _, p := range positions {
		b.Seals = append(b.Seals, directory.Seal{Position: p, Hash: directory.Digest{3}, Salt: directory.Digest{4}})
	}
	b.Late = b.Seals[:min(1, len(b.Seals))]
	return b
}

func appendBlocks(w *world) {
	w.equal("no chain", w.head(w.p), directory.ChainHead{Provider: w.p})
	var all []directory.Block
	for i := range 12 {
		b := w.nextBlock(int64(i+1), "p1", "p2")
		w.must(w.Chains.AppendBlock(w.ctx, w.tenant, w.p, b, nil))
		all = append(all, b)
		w.equal("head", w.head(w.p), directory.ChainHead{Provider: w.p}.Next(b))
	}
	own := w.nextBlock(1)
	w.must(w.Chains.AppendBlock(w.ctx, w.tenant, "", own, nil))
	for _, seq := range []int64{12, 14, 1} {
		w.wantKind(fmt.Sprint("block ", seq), w.Chains.AppendBlock(w.ctx, w.tenant, w.p, w.nextBlock(seq), nil), directory.Conflict)
	}
	read := func(p directory.ProviderID, from int64, count int) []directory.Block {
		bs, err := w.Chains.Blocks(w.ctx, w.tenant, p, from, count)
		w.must(err)
		return bs
	}
	w.equal("all", read(w.p, 1, 100), all)
	w.equal("from 0", read(w.p, 0, 2), all[:2])
	w.equal("from the ninth", read(w.p, 9, 2), all[8:10])
	w.equal("after the last", read(w.p, 13, 2), nil)
	w.equal("the tenant's own", read("", 1, 100), []directory.Block{own})
	hs, err := w.Chains.ChainHeads(w.ctx, w.tenant)
	w.must(err)
	w.equal("chains", hs, []directory.ChainHead{directory.ChainHead{}.Next(own), directory.ChainHead{Provider: w.p}.Next(all[11])})
}

func raceBlocks(w *world) {
	errs := race(racers, func(i int) error {
		b := w.nextBlock(1, fmt.Sprint("p", i))
		return w.Chains.AppendBlock(w.ctx, w.tenant, w.p, b, nil)
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !directory.IsKind(err, directory.Conflict) {
			w.Errorf("error %v, want a conflict", err)
		}
	}
	w.equal("appended", won, 1)
}

func lateEntries(w *world) {
	late := func() []string {
		ps, err := w.Chains.Late(w.ctx, w.tenant, w.p, 10)
		w.must(err)
		return ps
	}
	add := func(position string) { w.must(w.Chains.AddLate(w.ctx, w.tenant, w.p, position)) }
	w.equal("none", late(), nil)
	for _, p := range []string{"0b.e2", "0a.e1", "0b.e2"} {
		add(p)
	}
	w.equal("two", late(), []string{"0a.e1", "0b.e2"})
	w.must(w.Chains.AppendBlock(w.ctx, w.tenant, w.p, w.nextBlock(1), []string{"0a.e1"}))
	w.equal("after one was settled", late(), []string{"0b.e2"})
	add("0a.e1")
	w.equal("after it was added again", late(), []string{"0b.e2"})
}

func eraseEntry(w *world) {
	u := w.user(w.p, "u")
	e := w.log(directory.LogQuery{User: u.ID})[0]
	b := w.nextBlock(1, "0other", e.Position())
	w.must(w.Chains.AppendBlock(w.ctx, w.tenant, w.p, b, nil))
	stub := e.Stub(directory.Digest{4})
	w.must(w.Chains.EraseEntry(w.ctx, w.tenant, stub, 1))
	got, err := w.Ports.Log.Entry(w.ctx, w.tenant, w.p, e.At, e.ID)
	w.must(err)
	w.equal("stub", got, stub)
	w.equal("of the user", w.log(directory.LogQuery{User: u.ID})[0], stub)
	bs, err := w.Chains.Blocks(w.ctx, w.tenant, w.p, 1, 1)
	w.must(err)
	w.equal("block", bs, []directory.Block{b.Unsalted(e.Position())})
	w.must(w.Chains.EraseEntry(w.ctx, w.tenant, stub, 0)) // again, without a block
	stub.ID = entryID()
	w.wantKind("unknown", w.Chains.EraseEntry(w.ctx, w.tenant, stub, 1), directory.NotFound)
}

func (x intruder) chainsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Chains.ChainHeads": func() {
			hs, err := x.Chains.ChainHeads(ctx, t)
			x.empty("Chains", len(hs), err)
		},
		"Chains.ChainHead": func() { x.equal("Chain", x.head(v.p), directory.ChainHead{Provider: v.p}) },
		"Chains.Blocks": func() {
			bs, err := x.Chains.Blocks(ctx, t, v.p, 1, 10)
			x.empty("Blocks", len(bs), err)
		},
		"Chains.Late": func() {
			ps, err := x.Chains.Late(ctx, t, v.p, 10)
			x.empty("Late", len(ps), err)
			x.must(x.Chains.AddLate(ctx, t, v.p, "0x"))
			x.must(x.Chains.AppendBlock(ctx, t, v.p, x.nextBlock(1), []string{v.entry.Position()}))
		},
		"Chains.AddLate":     func() {}, // with Late, which must find nothing first
		"Chains.AppendBlock": func() {},
		"Chains.EraseEntry": func() {
			y := newWorld(x.T, x.Ports)
			x.notFound("EraseEntry", y.Chains.EraseEntry(ctx, y.tenant, v.entry.Stub(nil), 1))
		},
	}
}
