package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

const (
	// sealLag is how old an entry must be to be sealed. Entries are expected to be written by then; one that the chain
	// has passed, for whatever reason, is noticed when it is followed, and sealed as late.
	sealLag         = 2 * time.Minute
	maxLate         = 40 // late entries in a block; a transaction of DynamoDB holds 100 items
	checkpointEvery = time.Hour
	saltSize        = 16
)

// noteLate records those of a tenant's entries that their chain had passed before they were written: because writing took
// long, or because the clock of another process, or this one's before it was set, was ahead. Only the mark tells, no
// clock does.
func (c *course) noteLate(ctx context.Context, t directory.TenantID, es []directory.LogEntry) error {
	s := c.s
	for _, e := range es {
		g, err := c.ground(ctx, t, e.Provider)
		if err != nil {
			return err
		}
		if e.Position() > g.Mark {
			continue
		}
		if err := s.ports.Chains.AddLate(ctx, t, e.Provider, e.Position()); err != nil {
			return err
		}
		if err := s.ports.Chains.MarkGrown(ctx, t, e.Provider, s.rt.Time()); err != nil {
			return err
		}
	}
	return nil
}

// Seal appends one block of entries that are old enough to a provider's chain ("" for the tenant's own), or else a
// checkpoint when the last one is an hour old. It reports whether there may be more to do. It may run in several
// processes at the same time: one of them appends.
func (s *Service) Seal(ctx context.Context, t directory.TenantID, p directory.ProviderID) (more bool, err error) {
	more, _, err = s.sealNext(ctx, t, p)
	return more, err
}

// sealNext is Seal; waits reports whether the chain cannot go on, because its next entry has no number yet.
func (s *Service) sealNext(ctx context.Context, t directory.TenantID, p directory.ProviderID) (more, waits bool, err error) {
	head, err := s.ports.Chains.ChainHead(ctx, t, p)
	if err != nil {
		return false, false, err
	}
	now := s.rt.Time()
	b := directory.Block{Seq: head.Seq + 1, Prev: head.Hash, At: now, Mark: head.Mark}
	if b.At.Before(head.At) { // another clock was ahead: the times of blocks never go back
		b.At = head.At
	}
	es, err := s.ports.Log.EntriesAfter(ctx, t, p, head.Mark, directory.LogEntry{At: now.Add(-sealLag)}.Position(), directory.MaxSeals)
	if err != nil {
		return false, false, err
	}
	for _, e := range es {
		if waits = e.Unnumbered; waits { // its hash covers the number; when it is followed, the chain is marked again
			break
		}
		b.Seals = append(b.Seals, s.seal(t, e))
		b.Mark = e.Position()
	}
	settled, err := s.sealLate(ctx, t, p, head, &b)
	if err != nil {
		return false, false, err
	}
	switch {
	case len(b.Seals)+len(b.Late)+len(settled) > 0:
	case s.rt.Signer != nil && head.Seq > head.CheckpointSeq && now.Sub(head.CheckpointAt) >= checkpointEvery:
		if err := s.sign(ctx, t, p, &b); err != nil {
			return false, false, err
		}
	default:
		return false, waits, nil
	}
	b.Hash = b.HashOf(t, p)
	if err := s.ports.Chains.AppendBlock(ctx, t, p, b, settled); err != nil && !directory.IsKind(err, directory.Conflict) {
		return false, false, err
	}
	return b.Checkpoint == nil, waits, nil
}

func (s *Service) seal(t directory.TenantID, e directory.LogEntry) directory.Seal {
	var salt directory.Digest
	if len(e.Erased) == 0 {
		salt = make(directory.Digest, saltSize)
		s.rt.Random(salt)
	}
	return directory.Seal{Position: e.Position(), Hash: e.SealHash(t, salt), Salt: salt}
}

func (s *Service) sign(ctx context.Context, t directory.TenantID, p directory.ProviderID, b *directory.Block) error {
	der, err := s.rt.Signer.PublicKey(ctx)
	if err != nil {
		return err
	}
	b.Checkpoint = &directory.Checkpoint{Key: directory.KeyID(der)}
	b.Checkpoint.Signature, err = s.rt.Signer.Sign(ctx, b.CheckpointDigest(t, p))
	return err
}

// sealLate adds to b the late entries that no block holds, and returns the positions that are settled.
func (s *Service) sealLate(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, head directory.ChainHead, b *directory.Block,
) (settled []string, err error) {
	late, err := s.ports.Chains.Late(ctx, t, p, maxLate)
	if err != nil {
		return nil, err
	}
	for _, position := range late {
		if position > b.Mark {
			continue // a later block will seal it in its place
		}
		settled = append(settled, position)
		if position > head.Mark {
			continue // this block seals it in its place
		}
		old, err := find.BlockAt(ctx, s.ports.Chains, t, p, head, position)
		if err != nil {
			return nil, err
		}
		if _, sealed := old.SealOf(position); sealed {
			continue
		}
		e, err := find.EntryAt(ctx, s.ports.Log, t, p, position)
		if directory.IsKind(err, directory.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		b.Late = append(b.Late, s.seal(t, e))
	}
	return settled, nil
}

// EraseFromLog erases names, values and reasons from every entry of a user. The rest can be verified as before: an
// entry's seal covers a blinded hash of the erased part, and the hash's salt is erased.
// Errors: Unavailable (an entry is not sealed yet).
func (s *Service) EraseFromLog(ctx context.Context, t directory.TenantID, u directory.UserID) error {
	for before := ""; ; {
		es, err := s.ports.Log.Entries(ctx, t, directory.LogQuery{User: u, Before: before, Count: 100})
		if err != nil || len(es) == 0 {
			return err
		}
		for _, e := range es {
			before = e.Position()
			if len(e.Erased) > 0 {
				continue
			}
			if err := s.forgetCountry(ctx, t, e); err != nil {
				return err
			}
			if err := s.eraseEntry(ctx, t, e); err != nil {
				return err
			}
		}
	}
}

// eraseEntry erases one entry, which must be sealed before: its hash covers the erased part.
func (s *Service) eraseEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	b, sl, err := s.sealOf(ctx, t, e)
	switch {
	case err != nil:
		return err
	case sl.Hash == nil:
		return directory.Errorf(directory.Unavailable, "the newest entries are not sealed yet; try again in a few minutes")
	case sl.Salt == nil:
		return nil // erased by another process
	}
	return s.ports.Chains.EraseEntry(ctx, t, e.Stub(sl.Salt), b.Seq)
}

// sealOf finds the seal of an entry: in the block of its time or, for a late one, in a later block.
func (s *Service) sealOf(ctx context.Context, t directory.TenantID, e directory.LogEntry) (directory.Block, directory.Seal, error) {
	head, err := s.ports.Chains.ChainHead(ctx, t, e.Provider)
	if err != nil {
		return directory.Block{}, directory.Seal{}, err
	}
	b, err := find.BlockAt(ctx, s.ports.Chains, t, e.Provider, head, e.Position())
	for err == nil && b.Seq > 0 {
		if sl, ok := b.SealOf(e.Position()); ok {
			return b, sl, nil
		}
		var next []directory.Block
		if next, err = s.ports.Chains.Blocks(ctx, t, e.Provider, b.Seq+1, 1); len(next) == 0 {
			break
		}
		b = next[0]
	}
	return directory.Block{}, directory.Seal{}, err
}
