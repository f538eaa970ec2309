package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
)

const (
	// markEvery is how often a process marks a chain that grows all the time.
	markEvery = time.Minute
	sealPage  = 1000 // marks read at once
)

// chain is a chain of a tenant.
type chain struct {
	tenant   directory.TenantID
	provider directory.ProviderID
}

// markGrown marks the chain of an entry for sealing. A mark serves all entries of a minute: it is due when the last of
// them can be sealed.
func (s *Service) markGrown(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	const remembered = 10_000
	c, at := chain{t, e.Provider}, directory.Latest(s.rt.Time(), e.At) // another clock may be ahead
	s.mu.Lock()
	marked, known := s.marked[c]
	s.mu.Unlock()
	if since := at.Sub(marked); known && since >= 0 && since <= markEvery {
		return nil
	}
	if err := s.ports.Chains.MarkGrown(ctx, t, e.Provider, at.Add(markEvery+sealLag)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.marked) >= remembered {
		clear(s.marked)
	}
	s.marked[c] = at
	return nil
}

// SealAll seals the chains that are marked, one block of each in turn and the longest due first, until nothing is left
// or stop returns true. A chain that fails keeps its mark and stops no other. Chains without a mark cost nothing. It may
// run in several processes at the same time.
// Errors: those of all chains that failed.
func (s *Service) SealAll(ctx context.Context, stop func() bool) error {
	var errs []error
	failed := map[chain]bool{}
	for more := true; more; {
		more = false
		for after := (directory.GrownChain{}); ; {
			page, err := s.ports.Chains.GrownChains(ctx, s.rt.Time(), after, sealPage)
			if err != nil {
				return errors.Join(append(errs, err)...)
			}
			if len(page) == 0 {
				break
			}
			after = page[len(page)-1]
			for _, g := range inTurns(page) {
				c := chain{g.Tenant, g.Provider}
				if failed[c] {
					continue
				}
				if stop() {
					return errors.Join(errs...)
				}
				again, err := s.sealGrown(ctx, g)
				if err != nil {
					failed[c] = true
					errs = append(errs, fmt.Errorf("seal the chain of %s %q: %w", g.Tenant, g.Provider, err))
				}
				more = more || again
			}
		}
	}
	return errors.Join(errs...)
}

// inTurns orders marks so that no tenant has a second one before each has its first.
func inTurns(gs []directory.GrownChain) []directory.GrownChain {
	seen, turns := map[directory.TenantID]int{}, [][]directory.GrownChain{}
	for _, g := range gs {
		turn := seen[g.Tenant]
		if seen[g.Tenant]++; turn == len(turns) {
			turns = append(turns, nil)
		}
		turns[turn] = append(turns[turn], g)
	}
	return slices.Concat(turns...)
}

// sealGrown appends one block to a marked chain and reports whether there may be more to do. Otherwise it clears the
// mark, or moves it to when there is: entries of the mark that are too young, a checkpoint, entries old enough for findLost.
func (s *Service) sealGrown(ctx context.Context, g directory.GrownChain) (more bool, err error) {
	gone, err := s.gone(ctx, g.Tenant)
	if err != nil {
		return false, err
	}
	now, next := s.rt.Time(), time.Time{}
	if !gone {
		more, waits, err := s.sealNext(ctx, g.Tenant, g.Provider)
		if err != nil || more {
			return more, err
		}
		head, err := s.ports.Chains.ChainHead(ctx, g.Tenant, g.Provider)
		switch {
		case err != nil:
			return false, err
		case g.Last.After(now):
			next = g.Last
		case s.rt.Signer != nil && head.Seq > head.CheckpointSeq:
			next = head.CheckpointAt.Add(checkpointEvery)
		}
		more, again, err := s.findLost(ctx, g.Tenant, g.Provider, head, waits)
		if err != nil || more {
			return more, err
		}
		if next.IsZero() || !again.IsZero() && again.Before(next) {
			next = again
		}
	}
	return false, s.ports.Chains.ClearGrown(ctx, g, next)
}

// gone reports whether a tenant is removed, or being removed: then nothing may be written for it.
func (s *Service) gone(ctx context.Context, t directory.TenantID) (bool, error) {
	if t == directory.OperatorScope {
		return false, nil
	}
	got, err := s.ports.Tenants.Tenant(ctx, t)
	if directory.IsKind(err, directory.NotFound) {
		return true, nil
	}
	return got.State == directory.TenantRemoving, err
}

// unsealed returns how long entries could have been sealed and were not.
func (s *Service) unsealed(ctx context.Context) (time.Duration, error) {
	now := s.rt.Time()
	gs, err := s.ports.Chains.GrownChains(ctx, now, directory.GrownChain{}, 1)
	if err != nil || len(gs) == 0 {
		return 0, err
	}
	return now.Sub(gs[0].Due), nil
}
