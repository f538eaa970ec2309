package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

func usageOf(t directory.TenantID, p directory.ProviderID) []any {
	return key(t, "usage", string(p), "")
}

// AddUsage implements directory.Usages.
func (s *Store) AddUsage(ctx context.Context, t directory.TenantID, p directory.ProviderID, u directory.Usage) error {
	_, err := rewriteRecord(ctx, s, usageOf(t, p), func(old directory.Usage) (directory.Usage, error) { return old.Merge(u), nil })
	return err
}

// Usage implements directory.Usages.
func (s *Store) Usage(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.Usage, error) {
	u, err := readRecord[directory.Usage](ctx, s, "usage", documents.get, usageOf(t, p)...)
	return u, directory.IgnoreNotFound(err)
}
