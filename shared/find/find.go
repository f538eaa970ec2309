// Package find answers questions that take several reads of a store, through the ports of package directory. It changes
// nothing.
package find

import (
	"context"
	"slices"
	"sort"

	"rollcall/shared/directory"
)

// EachTenant calls fn for every tenant. An error of fn ends the walk.
func EachTenant(ctx context.Context, ts directory.Tenants, fn func(directory.Tenant) error) error {
	const batch = 100
	for after := directory.TenantID(""); ; {
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
func EachUser(ctx context.Context, us directory.Users, t directory.TenantID, q directory.UserSearch, fn func(directory.User) error) error {
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
func UserNameFree(
	ctx context.Context, us directory.Users, ps directory.Providers, t directory.TenantID, id directory.UserID, userName string,
) error {
	providers, err := ps.ListProviders(ctx, t)
	if err != nil {
		return err
	}
	for _, p := range append(providers, directory.Provider{}) { // the zero provider stands for the local users
		found, err := us.FindUsers(ctx, t, p.ID, directory.Lookup{Attr: directory.AttrUserName, Value: userName}, 1, directory.UserWant{}, nil)
		if err != nil {
			return err
		}
		if len(found) > 0 && found[0].ID != id {
			return &directory.TakenError{Attr: directory.AttrUserName, Holder: string(found[0].ID), Provider: p.ID}
		}
	}
	return nil
}

// ActiveUsers returns how many of a provider's users are not deactivated, by the entries followed so far.
func ActiveUsers(ctx context.Context, counts directory.Counts, t directory.TenantID, p directory.ProviderID) (int, error) {
	n, err := counts.Tallies(ctx, t, []string{directory.ActiveTally(p)})
	return n[directory.ActiveTally(p)], err
}

// ChainsOf returns the providers that have or had a hash chain, and first "" for the tenant's own chain.
func ChainsOf(ctx context.Context, ps directory.Providers, chains directory.Chains, t directory.TenantID) ([]directory.ProviderID, error) {
	out := []directory.ProviderID{""}
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
func BlockAt(
	ctx context.Context, chains directory.Chains, t directory.TenantID, p directory.ProviderID, head directory.ChainHead, position string,
) (found directory.Block, err error) {
	at := sort.Search(int(head.Seq), func(i int) bool {
		if err != nil {
			return true
		}
		var bs []directory.Block
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
		return directory.Block{}, err
	}
	return found, nil
}

// EntryAt reads the entry at a position.
// Errors: NotFound.
func EntryAt(
	ctx context.Context, log directory.Log, t directory.TenantID, p directory.ProviderID, position string,
) (directory.LogEntry, error) {
	e := directory.EntryOfPosition(p, position)
	if e.ID == "" {
		return directory.LogEntry{}, directory.Errorf(directory.NotFound, "no such log entry")
	}
	return log.Entry(ctx, t, p, e.At, e.ID)
}
