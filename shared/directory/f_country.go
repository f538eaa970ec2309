package directory

import (
	"context"
	"encoding/json"
	"slices"
)

// warnCountry remembers the country of an entry that nobody knows, and warns of it once for each value of a provider.
func (s *Service) warnCountry(ctx context.Context, t TenantID, because LogEntry) error {
	i := slices.IndexFunc(because.Changes, func(c Change) bool { return c.Attr == AttrUnknownCountry && c.After != nil })
	if i < 0 {
		return nil
	}
	var sent sentCountry
	if err := json.Unmarshal(because.Changes[i].After, &sent); err != nil {
		return nil //nolint:nilerr // erased since
	}
	known, err := s.Reports.UpdateCountryValue(ctx, t, sent.Provider, sent.Value, func(old CountryValue) (CountryValue, *LogEntry, error) { return old, nil, nil })
	if err != nil || known.Value != "" {
		return err
	}
	if vs, err := s.Reports.CountryValues(ctx, t, sent.Provider, MaxCountryValues); err != nil || len(vs) >= MaxCountryValues {
		return err
	}
	_, err = s.Reports.UpdateCountryValue(ctx, t, sent.Provider, sent.Value, func(old CountryValue) (CountryValue, *LogEntry, error) {
		if old.Value != "" {
			return old, nil, nil
		}
		e := s.consequence(because, CountryUnknown)
		e.Provider, e.Audit, e.Target, e.Changes = "", true, string(sent.Provider), []Change{change("country", nil, sent.Value)}
		return CountryValue{sent.Provider, sent.Value, e.At}, &e, nil
	})
	return err
}
