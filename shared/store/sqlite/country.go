package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

// countryStore implements directory.Countries.
type countryStore struct{ *Store }

func (s countryStore) UpdateCountryValue(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, value string, update directory.Update[directory.CountryValue],
) (directory.CountryValue, error) {
	return updateRecord(ctx, s.Store, t, "country", documents, key(t, "country", string(p), value), entryOptional|zeroRemoves, update)
}

func (s countryStore) CountryValue(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, value string,
) (directory.CountryValue, error) {
	return readRecord[directory.CountryValue](ctx, s.Store, "country", documents.get, key(t, "country", string(p), value)...)
}

func (s countryStore) CountryValues(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, count int,
) ([]directory.CountryValue, error) {
	return readRecords[directory.CountryValue](ctx, s.Store, documents.after, string(t), "country", string(p), "", count)
}
