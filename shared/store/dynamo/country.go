package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// countryStore implements directory.Countries.
type countryStore struct{ *Store }

func (s countryStore) UpdateCountryValue(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, value string, update directory.Update[directory.CountryValue],
) (directory.CountryValue, error) {
	return updateRecord(ctx, s.Store, t, "country", schema.CountryKey(t, p, value), entryOptional|zeroRemoves, update)
}

func (s countryStore) CountryValue(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, value string,
) (directory.CountryValue, error) {
	v, _, err := readRecord[directory.CountryValue](ctx, s.Store, "country", schema.CountryKey(t, p, value))
	return v, err
}

func (s countryStore) CountryValues(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, count int,
) ([]directory.CountryValue, error) {
	return page[directory.CountryValue](ctx, s.Store, span{pk: schema.Countries(t, p), limit: count})
}
