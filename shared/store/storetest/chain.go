package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
)

var chainChapter = []promise{
	{"chains/blocks follow one another", appendBlocks},
	{"chains/only one of racing blocks is appended", raceBlocks},
	{"chains/a late entry is settled once", lateEntries},
	{"chains/an erased entry keeps its stub", eraseEntry},
	{"chains/grown ones are found, the longest due first", grownChains},
	{"chains/a grown one is found while another moves behind it", grownMoves},
	{"chains/a mark is not cleared when there is a newer one", clearGrown},
	{"chains/racing marks leave one", raceMarks},
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

// grownOf reads the marks of the world's tenant that are due, by count.
func (w *world) grownOf(now time.Time, count int) (out []directory.GrownChain) {
	w.Helper()
	for after := (directory.GrownChain{}); ; {
		page, err := w.Chains.GrownChains(w.ctx, now, after, count)
		w.must(err)
		for _, g := range page {
			if g.Tenant == w.tenant {
				out = append(out, g)
			}
		}
		if len(page) < count {
			return out
		}
		after = page[count-1]
	}
}

func (w *world) mark(p directory.ProviderID, due time.Time) {
	w.Helper()
	w.must(w.Chains.MarkGrown(w.ctx, w.tenant, p, due))
}

func grownChains(w *world) {
	at := w.now()
	other := w.provider("Other")
	w.equal("none", len(w.grownOf(at.Add(age), 7)), 0)
	w.mark(w.p, at.Add(2*time.Minute))
	w.mark(other, at.Add(time.Minute))
	w.mark("", at.Add(time.Minute))
	w.mark(w.p, at.Add(3*time.Minute))
	w.mark("", at)
	want := []directory.GrownChain{
		{Tenant: w.tenant, Due: at, Last: at.Add(time.Minute), Version: 2},
		{Tenant: w.tenant, Provider: other, Due: at.Add(time.Minute), Last: at.Add(time.Minute), Version: 1},
		{Tenant: w.tenant, Provider: w.p, Due: at.Add(2 * time.Minute), Last: at.Add(3 * time.Minute), Version: 2},
	}
	for count := range 3 {
		w.equal("due", w.grownOf(at.Add(2*time.Minute), count+1), want)
	}
	w.equal("before the last", w.grownOf(at.Add(2*time.Minute-1), 7), want[:2])
	w.equal("before all", len(w.grownOf(at.Add(-1), 7)), 0)
}

func grownMoves(w *world) {
	at, other := w.now(), w.provider("Other")
	w.mark(other, at.Add(time.Minute))
	w.must(errors.Join(race(2, func(i int) error {
		for k := range 20 {
			if i == 0 {
				if gs := w.grownOf(at.Add(time.Hour), 1); !slices.ContainsFunc(gs, func(g directory.GrownChain) bool { return g.Provider == other }) {
					return fmt.Errorf("read %d: found %v, want the mark that stays, too", k, gs)
				}
				continue
			}
			g := directory.GrownChain{Tenant: w.tenant, Provider: w.p, Due: at, Last: at, Version: 1}
			if err := w.Chains.MarkGrown(w.ctx, g.Tenant, g.Provider, at); err != nil {
				return err
			}
			if err := w.Chains.ClearGrown(w.ctx, g, at.Add(2*time.Minute)); err != nil {
				return err
			}
			g.Due, g.Last, g.Version = at.Add(2*time.Minute), at.Add(2*time.Minute), 2
			if err := w.Chains.ClearGrown(w.ctx, g, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})...))
}

func clearGrown(w *world) {
	at := w.now()
	read := func(what string, want ...directory.GrownChain) directory.GrownChain {
		w.Helper()
		got := w.grownOf(at.Add(time.Hour), 7)
		w.equal(what, got, want)
		return append(got, directory.GrownChain{})[0]
	}
	w.mark(w.p, at)
	first := read("marked", directory.GrownChain{Tenant: w.tenant, Provider: w.p, Due: at, Last: at, Version: 1})
	w.mark(w.p, at)
	again := directory.GrownChain{Tenant: w.tenant, Provider: w.p, Due: at, Last: at, Version: 2}
	for _, next := range []time.Time{{}, at.Add(time.Minute)} {
		w.must(w.Chains.ClearGrown(w.ctx, first, next))
		read("marked since", again)
	}
	w.must(w.Chains.ClearGrown(w.ctx, again, at.Add(time.Minute)))
	later := at.Add(time.Minute)
	moved := read("moved", directory.GrownChain{Tenant: w.tenant, Provider: w.p, Due: later, Last: later, Version: 3})
	w.must(w.Chains.ClearGrown(w.ctx, moved, time.Time{}))
	read("cleared")
	w.must(w.Chains.ClearGrown(w.ctx, moved, at))
	read("cleared twice")
	w.mark(w.p, at.Add(time.Second)) // a new mark has the first one's number
	w.must(w.Chains.ClearGrown(w.ctx, first, time.Time{}))
	read("made again", directory.GrownChain{Tenant: w.tenant, Provider: w.p, Due: at.Add(time.Second), Last: at.Add(time.Second), Version: 1})
}

func raceMarks(w *world) {
	at := w.now()
	w.must(errors.Join(race(racers, func(i int) error {
		return w.Chains.MarkGrown(w.ctx, w.tenant, w.p, at.Add(time.Duration(i)*time.Second))
	})...))
	w.equal("the mark", w.grownOf(at.Add(time.Hour), 7), []directory.GrownChain{
		{Tenant: w.tenant, Provider: w.p, Due: at, Last: at.Add((racers - 1) * time.Second), Version: racers},
	})
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
		"Chains.MarkGrown":   func() { x.must(x.Chains.MarkGrown(ctx, t, v.p, v.now)) },
		"Chains.AddLate":     func() {}, // with Late, which must find nothing first
		"Chains.AppendBlock": func() {},
		"Chains.EraseEntry": func() {
			y := newWorld(x.T, x.Ports)
			x.notFound("EraseEntry", y.Chains.EraseEntry(ctx, y.tenant, v.entry.Stub(nil), 1))
		},
	}
}
