package fsck

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// chains checks each chain of the tenant against the log.
func (c *check) chains() error {
	ps, err := find.ChainsOf(c.ctx, c.Providers, c.Chains, c.tenant.ID)
	for _, p := range ps {
		if err != nil {
			return err
		}
		err = (&chain{check: c, p: p, behind: map[string]bool{}}).run()
	}
	return err
}

// chain is the check of one chain.
type chain struct {
	*check
	p      directory.ProviderID
	last   directory.Block
	behind map[string]bool // entries that the blocks so far have passed and do not hold
	oldest string          // position of the oldest entry
}

func (c *chain) broken(k Kind, detail string) {
	c.found(k, "chain", cmp.Or(string(c.p), "of the tenant"), detail)
}

func (c *chain) run() error {
	head, err := c.Chains.ChainHead(c.ctx, c.tenant.ID, c.p)
	if err != nil {
		return err
	}
	first, err := c.Log.EntriesAfter(c.ctx, c.tenant.ID, c.p, "", "", 1)
	if err != nil {
		return err
	}
	if len(first) > 0 {
		c.oldest = first[0].Position()
	}
	const batch = 10
	for more := true; more; {
		bs, err := c.Chains.Blocks(c.ctx, c.tenant.ID, c.p, c.last.Seq+1, batch)
		if err != nil {
			return err
		}
		for _, b := range bs {
			if err := c.block(b); err != nil {
				return err
			}
			c.last = b
		}
		more = len(bs) == batch
	}
	if head.Seq != c.last.Seq || !head.Hash.Equal(c.last.Hash) || head.Mark != c.last.Mark {
		c.broken(Chain, "its head is not its last block")
	}
	return c.unsealed()
}

// block checks a block against the one before and against its entries.
func (c *chain) block(b directory.Block) error {
	switch {
	case b.Seq != c.last.Seq+1 || !b.Prev.Equal(c.last.Hash):
		c.broken(Chain, "a block does not follow the one before")
	case !b.Hash.Equal(b.HashOf(c.tenant.ID, c.p)):
		c.broken(Chain, "a block does not have the hash it states")
	}
	seals := map[string]directory.Seal{}
	for _, s := range b.Seals {
		seals[s.Position] = s
	}
	err := c.entries(c.last.Mark, b.Mark+"!", func(e directory.LogEntry) {
		s, sealed := seals[e.Position()]
		if !sealed {
			c.behind[e.Position()] = true
			return
		}
		delete(seals, e.Position())
		c.compare(e, s)
	})
	if err != nil {
		return err
	}
	for _, position := range slices.Sorted(maps.Keys(seals)) {
		c.missing(position)
	}
	for _, s := range b.Late {
		e, err := find.EntryAt(c.ctx, c.Log, c.tenant.ID, c.p, s.Position)
		switch {
		case directory.IsKind(err, directory.NotFound):
			c.missing(s.Position)
		case err != nil:
			return err
		default:
			c.compare(e, s)
		}
		delete(c.behind, s.Position)
	}
	return nil
}

// entries calls fn for the entries between two positions.
func (c *chain) entries(after, before string, fn func(directory.LogEntry)) error {
	for {
		es, err := c.Log.EntriesAfter(c.ctx, c.tenant.ID, c.p, after, before, page)
		if err != nil {
			return err
		}
		for _, e := range es {
			after = e.Position()
			fn(e)
		}
		if len(es) < page {
			return nil
		}
	}
}

func (c *chain) compare(e directory.LogEntry, s directory.Seal) {
	if !s.Hash.Equal(e.SealHash(c.tenant.ID, s.Salt)) {
		c.found(Sealed, "log entry", string(e.ID), "it is not the entry that was sealed")
	}
}

// missing notes a sealed entry that is not in the log, unless it has expired: by the retention, or, since that may have
// been shorter, because no older entry is left.
func (c *chain) missing(position string) {
	aDayAgo := directory.PositionAt(c.o.Now.Add(-directory.MinRetention))
	if position < directory.PositionAt(c.kept()) || position < c.oldest && position < aDayAgo {
		return
	}
	c.found(Sealed, "log entry", position[min(len(position), 10):], "it was sealed and is missing")
}

// noticed is how long it may take until an entry that the chain has passed is followed, and so noticed.
const noticed = 24 * time.Hour

// unsealed looks for entries that the chain has passed and that nobody has noticed.
func (c *chain) unsealed() error {
	if len(c.behind) == 0 {
		return nil
	}
	late, err := c.Chains.Late(c.ctx, c.tenant.ID, c.p, len(c.behind)+page)
	for _, position := range late {
		delete(c.behind, position)
	}
	for _, position := range slices.Sorted(maps.Keys(c.behind)) {
		if position < directory.PositionAt(c.o.Now.Add(-noticed)) {
			c.found(Unsealed, "log entry", position[min(len(position), 10):], "the chain has passed it, and it is in no block")
		}
	}
	return err
}
