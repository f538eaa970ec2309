package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// usageStore implements directory.Usages.
type usageStore struct{ *Store }

func (s usageStore) AddUsage(ctx context.Context, t directory.TenantID, p directory.ProviderID, u directory.Usage) error {
	_, err := rewriteRecord(ctx, s.Store, "usage", schema.UsageKey(t, p),
		func(old directory.Usage) (directory.Usage, error) { return old.Merge(u), nil })
	return err
}

func (s usageStore) Usage(ctx context.Context, t directory.TenantID, p directory.ProviderID) (u directory.Usage, err error) {
	_, err = s.record(ctx, schema.UsageKey(t, p), &u)
	return u, err
}

func (s usageStore) AddRequests(ctx context.Context, t directory.TenantID, p directory.ProviderID, r directory.RequestReport) error {
	_, err := rewriteRecord(ctx, s.Store, "requests", schema.RequestsKey(t, p),
		func(old directory.RequestReport) (directory.RequestReport, error) { return old.Merge(r), nil })
	return err
}

func (s usageStore) Requests(ctx context.Context, t directory.TenantID, p directory.ProviderID) (r directory.RequestReport, err error) {
	_, err = s.record(ctx, schema.RequestsKey(t, p), &r)
	return r, err
}
