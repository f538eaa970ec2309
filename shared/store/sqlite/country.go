package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

// UpdateCountryValue implements directory.Countries.
func (s *Store) UpdateCountryValue(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, value string, update directory.Update[directory.CountryValue],
) (directory.CountryValue, error) {
	return updateRecord(ctx, s, t, "country", documents, key(t, "country", string(p), value), 0, update)
}

// CountryValue implements directory.Countries.
func (s *Store) CountryValue(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, value string,
) (directory.CountryValue, error) {
	return readRecord[directory.CountryValue](ctx, s, "country", documents.get, key(t, "country", string(p), value)...)
}

// CountryValues implements directory.Countries.
func (s *Store) CountryValues(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, count int,
) ([]directory.CountryValue, error) {
	return readRecords[directory.CountryValue](ctx, s, documents.after, string(t), "country", string(p), "", count)
}
