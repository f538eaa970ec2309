package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// CountryCount is a country that nobody knows, and how many present users have it.
type CountryCount struct {
	CountryValue
	Users int
}

// CountryReport reads the countries that nobody knows, of a provider or ("") of all, those of most users first. More
// than MaxCountryValues of a provider are not kept.
// Errors: NotFound.
func (s *Service) CountryReport(ctx context.Context, a Admin, p ProviderID) (out []CountryCount, err error) {
	ps := make([]Provider, 1)
	if p == "" {
		ps, err = s.Providers.ListProviders(ctx, a.Tenant)
	} else {
		ps[0], err = s.ProviderByID(ctx, a, p)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		vs, err := s.Reports.CountryValues(ctx, a.Tenant, p.ID, MaxCountryValues)
		if err != nil {
			return nil, err
		}
		key := func(v CountryValue) string { return countryTally(sentCountry{v.Provider, v.Value}) }
		keys := make([]string, len(vs))
		for i, v := range vs {
			keys[i] = key(v)
		}
		n, err := s.Follow.Tallies(ctx, a.Tenant, keys)
		if err != nil {
			return nil, err
		}
		for _, v := range vs {
			if n[key(v)] > 0 {
				out = append(out, CountryCount{v, n[key(v)]})
			}
		}
	}
	slices.SortFunc(out, func(a, b CountryCount) int {
		return cmp.Or(b.Users-a.Users, strings.Compare(string(a.Provider), string(b.Provider)), strings.Compare(a.Value, b.Value))
	})
	return out, nil
}
