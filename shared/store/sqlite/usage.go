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

func requestsOf(t directory.TenantID, p directory.ProviderID) []any {
	return key(t, "requests", string(p), "")
}

func (s usageStore) AddRequests(ctx context.Context, t directory.TenantID, p directory.ProviderID, r directory.RequestReport) error {
	_, err := rewriteRecord(ctx, s.Store, requestsOf(t, p),
		func(old directory.RequestReport) (directory.RequestReport, error) { return old.Merge(r), nil })
	return err
}

func (s usageStore) Requests(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.RequestReport, error) {
	r, err := readRecord[directory.RequestReport](ctx, s.Store, "requests", documents.get, requestsOf(t, p)...)
	return r, directory.IgnoreNotFound(err)
}
