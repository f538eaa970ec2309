package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

func usageOf(t directory.TenantID, p directory.ProviderID) []any {
	return key(t, "usage", string(p), "")
}

// usageStore implements directory.Usages.
type usageStore struct{ *Store }

func (s usageStore) AddUsage(ctx context.Context, t directory.TenantID, p directory.ProviderID, u directory.Usage) error {
	_, err := rewriteRecord(ctx, s.Store, usageOf(t, p), func(old directory.Usage) (directory.Usage, error) { return old.Merge(u), nil })
	return err
}

func (s usageStore) Usage(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.Usage, error) {
	u, err := readRecord[directory.Usage](ctx, s.Store, "usage", documents.get, usageOf(t, p)...)
	return u, directory.IgnoreNotFound(err)
}
