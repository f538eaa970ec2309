package administration

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// CountryCount is an unknown country, and how many present users have it.
type CountryCount struct {
	directory.CountryValue
	Users int
}

// Countries reads the unknown countries of a provider or ("") of all, those of most users first; at most
// MaxCountryValues of each provider.
// Errors: NotFound.
func (s Reports) Countries(ctx context.Context, p directory.ProviderID) (out []CountryCount, err error) {
	ps := make([]directory.Provider, 1)
	if p == "" {
		ps, err = s.ports.Providers.ListProviders(ctx, s.tenant)
	} else {
		ps[0], err = Providers(s).ByID(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		vs, err := s.ports.Countries.CountryValues(ctx, s.tenant, p.ID, directory.MaxCountryValues)
		if err != nil {
			return nil, err
		}
		key := func(v directory.CountryValue) string {
			return directory.CountryTally(directory.SentCountry{Provider: v.Provider, Value: v.Value})
		}
		keys := make([]string, len(vs))
		for i, v := range vs {
			keys[i] = key(v)
		}
		n, err := s.ports.Counts.Tallies(ctx, s.tenant, keys)
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
