package directory

import (
	"context"
	"slices"
	"sort"
)

// EachTenant calls fn for every tenant. An error of fn ends the walk.
func EachTenant(ctx context.Context, ts Tenants, fn func(Tenant) error) error {
	const batch = 100
	for after := TenantID(""); ; {
		page, err := ts.ListTenants(ctx, after, batch)
		if err != nil {
			return err
		}
		for _, t := range page {
			after = t.ID
			if err := fn(t); err != nil {
				return err
			}
		}
		if len(page) < batch {
			return nil
		}
	}
}

// EachUser calls fn for every user of the tenant that matches. An error of fn ends the walk.
func EachUser(ctx context.Context, us Users, t TenantID, q UserSearch, fn func(User) error) error {
	for q.Count = 200; ; {
		page, next, err := us.SearchUsers(ctx, t, q)
		if err != nil {
			return err
		}
		for _, u := range page {
			if err := fn(u); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		q.After = next
	}
}

// UserNameFree returns the TakenError that storing the userName for the user with the id would return now. The store
// decides when it writes.
func UserNameFree(ctx context.Context, us Users, ps Providers, t TenantID, id UserID, userName string) error {
	providers, err := ps.ListProviders(ctx, t)
	if err != nil {
		return err
	}
	for _, p := range append(providers, Provider{}) { // the zero provider stands for the local users
		found, err := us.FindUsers(ctx, t, p.ID, Lookup{AttrUserName, userName}, 1, UserWant{}, nil)
		if err != nil {
			return err
		}
		if len(found) > 0 && found[0].ID != id {
			return &TakenError{Attr: AttrUserName, Holder: string(found[0].ID), Provider: p.ID}
		}
	}
	return nil
}

// ActiveUsers returns how many of a provider's users are not deactivated, by the entries followed so far.
func ActiveUsers(ctx context.Context, counts Counts, t TenantID, p ProviderID) (int, error) {
	n, err := counts.Tallies(ctx, t, []string{ActiveTally(p)})
	return n[ActiveTally(p)], err
}

// ChainsOf returns the providers that have or had a hash chain, and first "" for the tenant's own chain.
func ChainsOf(ctx context.Context, ps Providers, chains Chains, t TenantID) ([]ProviderID, error) {
	out := []ProviderID{""}
	providers, err := ps.ListProviders(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, p := range providers {
		out = append(out, p.ID)
	}
	heads, err := chains.ChainHeads(ctx, t)
	for _, h := range heads {
		if !slices.Contains(out, h.Provider) {
			out = append(out, h.Provider)
		}
	}
	return out, err
}

// BlockAt returns the block that spans a position: the first whose mark is not before it; the zero block for none.
func BlockAt(ctx context.Context, chains Chains, t TenantID, p ProviderID, head ChainHead, position string) (found Block, err error) {
	at := sort.Search(int(head.Seq), func(i int) bool {
		if err != nil {
			return true
		}
		var bs []Block
		if bs, err = chains.Blocks(ctx, t, p, int64(i)+1, 1); err != nil || len(bs) == 0 {
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

// EntryAt reads the entry at a position.
// Errors: NotFound.
func EntryAt(ctx context.Context, log Log, t TenantID, p ProviderID, position string) (LogEntry, error) {
	e := EntryOfPosition(p, position)
	if e.ID == "" {
		return LogEntry{}, Errorf(NotFound, "no such log entry")
	}
	return log.Entry(ctx, t, p, e.At, e.ID)
}

// Page selects part of a list: by position (Start, 1-based) or, with ByCursor, after the id After.
type Page struct {
	Start    int
	ByCursor bool
	After    string // UserID or GroupID; "" for the first page
	Count    int    // 0: only the total
}
