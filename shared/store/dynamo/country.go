package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// UpdateCountryValue implements directory.Countries.
func (s *Store) UpdateCountryValue(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, value string, update directory.Update[directory.CountryValue],
) (directory.CountryValue, error) {
	return updateRecord(ctx, s, t, "country", countryKey(t, p, value), 0, update)
}

// CountryValue implements directory.Countries.
func (s *Store) CountryValue(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, value string,
) (directory.CountryValue, error) {
	v, _, err := readRecord[directory.CountryValue](ctx, s, "country", countryKey(t, p, value))
	return v, err
}

// CountryValues implements directory.Countries.
func (s *Store) CountryValues(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, count int,
) ([]directory.CountryValue, error) {
	return page[directory.CountryValue](ctx, s, span{pk: countries(t, p), limit: count})
}
