package directory

import (
	"context"
	"crypto/rand"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	// sealLag is how old an entry is before it is sealed. A change is written at most half of it after its
	// time; what comes later anyway is noticed when it is followed, and sealed as late.
	sealLag         = 2 * time.Minute
	maxSeals        = 500 // of a block: 70 KB
	maxLate         = 40  // likewise; a transaction of DynamoDB holds 100 items
	checkpointEvery = time.Hour
	saltSize        = 16
)

// noteLate remembers an entry that the chain may have passed before it was written.
func (s *Service) noteLate(ctx context.Context, t TenantID, e LogEntry) error {
	if s.Now().Sub(e.At) <= sealLag/2 {
		return nil
	}
	return s.Ledger.AddLate(ctx, t, e.Provider, e.Position())
}

// Seal appends to a provider's chain ("" for the tenant's own) what is old enough: at most one block, and a
// checkpoint when the last one is an hour old. It returns whether there may be more to do. It may run at once
// in several processes: one of them appends.
func (s *Service) Seal(ctx context.Context, t TenantID, p ProviderID) (bool, error) {
	head, err := s.Ledger.Chain(ctx, t, p)
	if err != nil {
		return false, err
	}
	now := s.Now()
	b := Block{Seq: head.Seq + 1, Prev: head.Hash, At: now, Mark: head.Mark}
	es, err := s.Log.EntriesAfter(ctx, t, p, head.Mark, LogEntry{At: now.Add(-sealLag)}.Position(), maxSeals)
	if err != nil {
		return false, err
	}
	for _, e := range es {
		b.Seals = append(b.Seals, seal(t, e))
		b.Mark = e.Position()
	}
	settled, err := s.sealLate(ctx, t, p, head, &b)
	if err != nil {
		return false, err
	}
	switch {
	case len(b.Seals)+len(b.Late)+len(settled) > 0:
	case s.out.Signer != nil && head.Seq > head.CheckpointSeq && now.Sub(head.CheckpointAt) >= checkpointEvery:
		if err := s.sign(ctx, t, p, &b); err != nil {
			return false, err
		}
	default:
		return false, nil
	}
	b.Hash = b.HashOf(t, p)
	if err := s.Ledger.AppendBlock(ctx, t, p, b, settled); err != nil && !IsKind(err, Conflict) {
		return false, err
	}
	return b.Checkpoint == nil, nil
}

func seal(t TenantID, e LogEntry) Seal {
	salt := make(Digest, saltSize)
	_, _ = rand.Read(salt) // never fails: it ends the program instead
	if len(e.Erased) > 0 {
		salt = nil
	}
	return Seal{Position: e.Position(), Hash: e.SealHash(t, salt), Salt: salt}
}

func (s *Service) sign(ctx context.Context, t TenantID, p ProviderID, b *Block) error {
	der, err := s.out.Signer.PublicKey(ctx)
	if err != nil {
		return err
	}
	b.Checkpoint = &Checkpoint{Key: KeyID(der)}
	b.Checkpoint.Signature, err = s.out.Signer.Sign(ctx, b.checkpointDigest(t, p))
	return err
}

// sealLate adds to b the late entries that no block holds, and returns the positions that are settled.
func (s *Service) sealLate(ctx context.Context, t TenantID, p ProviderID, head ChainHead, b *Block) (settled []string, err error) {
	late, err := s.Ledger.Late(ctx, t, p, maxLate)
	if err != nil {
		return nil, err
	}
	for _, position := range late {
		if position > b.Mark {
			continue // it will be sealed in its place
		}
		settled = append(settled, position)
		if position > head.Mark {
			continue // it is, by this block
		}
		old, err := s.blockOf(ctx, t, p, head, position)
		if err != nil {
			return nil, err
		}
		if _, sealed := old.seal(position); sealed {
			continue
		}
		e, err := s.entryAt(ctx, t, p, position)
		if IsKind(err, NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		b.Late = append(b.Late, seal(t, e))
	}
	return settled, nil
}

// blockOf returns the block in whose span a position lies: the first whose mark is not before it; the zero
// block when there is none.
func (s *Service) blockOf(ctx context.Context, t TenantID, p ProviderID, head ChainHead, position string) (found Block, err error) {
	at := sort.Search(int(head.Seq), func(i int) bool {
		if err != nil {
			return true
		}
		var bs []Block
		if bs, err = s.Ledger.Blocks(ctx, t, p, int64(i)+1, 1); err != nil || len(bs) == 0 {
			return true
		}
		if bs[0].Mark >= position {
			found = bs[0]
			return true
		}
		return false
	})
	if err != nil || int64(at) == head.Seq {
		return Block{}, err
	}
	return found, nil
}

// entryAt reads the entry at a position.
func (s *Service) entryAt(ctx context.Context, t TenantID, p ProviderID, position string) (LogEntry, error) {
	digits, id, _ := strings.Cut(position, ".")
	ms, err := strconv.ParseInt(digits, 36, 64)
	if err != nil {
		return LogEntry{}, Errorf(NotFound, "no such log entry")
	}
	return s.Log.Entry(ctx, t, p, time.UnixMilli(ms).UTC(), EntryID(id))
}

// SealAll seals every chain of every tenant as far as it can, and drops deliveries that are kept no longer. It is
// meant to be called each minute or each hour; calling it again does no harm.
func (s *Service) SealAll(ctx context.Context) error {
	err := s.eachTenant(ctx, func(t Tenant) error {
		if t.State == TenantRemoving {
			return nil
		}
		return s.sealTenant(ctx, t.ID)
	})
	if err != nil {
		return err
	}
	if err := s.sealTenant(ctx, OperatorScope); err != nil {
		return err
	}
	const atOnce = 1000
	for n := atOnce; n == atOnce; {
		var err error
		if n, err = s.Deliveries.DropDeliveries(ctx, s.Now().Add(-DeliveryKept), atOnce); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) sealTenant(ctx context.Context, t TenantID) error {
	ps, err := s.chains(ctx, t)
	if err != nil {
		return err
	}
	for _, p := range ps {
		for more := true; more; {
			if more, err = s.Seal(ctx, t, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// chains are the providers that a tenant has or had chains for, its own first.
func (s *Service) chains(ctx context.Context, t TenantID) ([]ProviderID, error) {
	out := []ProviderID{""}
	ps, err := s.Providers.ListProviders(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		out = append(out, p.ID)
	}
	hs, err := s.Ledger.Chains(ctx, t)
	for _, h := range hs {
		if !slices.Contains(out, h.Provider) {
			out = append(out, h.Provider)
		}
	}
	return out, err
}

// EraseFromLog erases names, values and reasons from every entry of a user. What is left is verified as
// before: an entry's seal covers a blinded hash of what is erased, and the hash's salt is forgotten.
// Errors: Unavailable (an entry is not sealed yet).
func (s *Service) EraseFromLog(ctx context.Context, t TenantID, u UserID) error {
	for before := ""; ; {
		es, err := s.Log.Entries(ctx, t, LogQuery{User: u, Before: before, Count: 100})
		if err != nil || len(es) == 0 {
			return err
		}
		for _, e := range es {
			if before = e.Position(); len(e.Erased) > 0 {
				continue
			}
			if err := s.eraseEntry(ctx, t, e); err != nil {
				return err
			}
		}
	}
}

// eraseEntry erases one entry. Before it is sealed its hash would be made of what is not there any more.
func (s *Service) eraseEntry(ctx context.Context, t TenantID, e LogEntry) error {
	b, sl, err := s.sealOf(ctx, t, e)
	switch {
	case err != nil:
		return err
	case sl.Hash == nil:
		return Errorf(Unavailable, "the newest entries are not sealed yet; try again in some minutes")
	case sl.Salt == nil:
		return nil // somebody else erased it
	}
	return s.Ledger.EraseEntry(ctx, t, e.Stub(sl.Salt), b.Seq)
}

// sealOf finds the seal of an entry: in the block of its time or, when it came late, in one behind.
func (s *Service) sealOf(ctx context.Context, t TenantID, e LogEntry) (Block, Seal, error) {
	head, err := s.Ledger.Chain(ctx, t, e.Provider)
	if err != nil {
		return Block{}, Seal{}, err
	}
	b, err := s.blockOf(ctx, t, e.Provider, head, e.Position())
	for err == nil && b.Seq > 0 {
		if sl, ok := b.seal(e.Position()); ok {
			return b, sl, nil
		}
		var next []Block
		if next, err = s.Ledger.Blocks(ctx, t, e.Provider, b.Seq+1, 1); len(next) == 0 {
			break
		}
		b = next[0]
	}
	return Block{}, Seal{}, err
}
