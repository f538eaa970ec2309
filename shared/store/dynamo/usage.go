package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// AddUsage implements directory.Usages.
func (s *Store) AddUsage(ctx context.Context, t directory.TenantID, p directory.ProviderID, u directory.Usage) error {
	_, err := rewriteRecord(ctx, s, "usage", usageKey(t, p), func(old directory.Usage) (directory.Usage, error) { return old.Merge(u), nil })
	return err
}

// Usage implements directory.Usages.
func (s *Store) Usage(ctx context.Context, t directory.TenantID, p directory.ProviderID) (u directory.Usage, err error) {
	_, err = s.record(ctx, usageKey(t, p), &u)
	return u, err
}
