package directory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"rollcall/shared/casefold"
)

// countryCode is the code of the country a profile names: that of the work address, else of the first address
// with a country. code is the one of the old profile, which stays while the attributes do.
func (s *Service) countryCode(old, now Profile, code string) string {
	if s.country == nil || bytes.Equal(old.Attributes, now.Attributes) {
		return code
	}
	return s.country(countryName(now.Attributes))
}

// countryName is the country of a user's attributes as the directory sent it, "" for none.
func countryName(attributes []byte) string {
	if !bytes.Contains(attributes, []byte(`"country"`)) {
		return ""
	}
	var user struct {
		Addresses []struct{ Type, Country string } `json:"addresses"`
	}
	_ = json.Unmarshal(attributes, &user) // SCIM keeps what it knows; anything else has no country
	name := ""
	for _, a := range user.Addresses {
		if a.Country != "" && (name == "" || casefold.Equal(a.Type, "work")) {
			name = a.Country
		}
	}
	return name
}

// CountryValue is what a directory sent as a country and that is none we know.
type CountryValue struct {
	Provider ProviderID
	Value    string
	FirstAt  time.Time
}

const (
	// AttrUnknownCountry is the attribute of log entries about a country that nobody knows, with its provider: of
	// present users of a provider only.
	AttrUnknownCountry = "unknownCountry"
	// MaxCountryValues is how many such values are kept for a provider: more are a mapping of something else.
	MaxCountryValues = 200
	maxCountryLength = 100 // characters that are kept of one
)

type sentCountry struct {
	Provider ProviderID `json:"provider"`
	Value    string     `json:"value"`
}

// unknownCountry is the country of a user that nobody knows, nil for none.
func unknownCountry(u User) any {
	if u.CountryCode != "" || u.Provider == "" || u.Gone() {
		return nil
	}
	name := []rune(strings.TrimSpace(countryName(u.Attributes)))
	if len(name) == 0 {
		return nil
	}
	return sentCountry{u.Provider, string(name[:min(len(name), maxCountryLength)])}
}

// countryTally counts the users with the value. A hash, since what is sent as a country may be anything.
func countryTally(c sentCountry) string {
	h := sha256.Sum256([]byte(c.Value))
	return "country/" + string(c.Provider) + "/" + hex.EncodeToString(h[:8])
}

// countryUsers is a store of users that says in the log entry of every change, whatever it is about, when a country
// that nobody knows comes or goes.
type countryUsers struct {
	Users
	Leavers
}

func noteCountry(old, n User, e *LogEntry) {
	if was, is := unknownCountry(old), unknownCountry(n); e != nil && was != is {
		e.Changes = append(slices.Clip(e.Changes), change(AttrUnknownCountry, was, is))
	}
}

// CreateUser implements Users.
func (c countryUsers) CreateUser(ctx context.Context, t TenantID, p ProviderID, admit Admit, make func(Provider) (User, LogEntry, error)) (User, error) {
	return c.Users.CreateUser(ctx, t, p, admit, func(p Provider) (User, LogEntry, error) {
		u, e, err := make(p)
		noteCountry(User{}, u, &e)
		return u, e, err
	})
}

// UpdateUser implements Users.
func (c countryUsers) UpdateUser(ctx context.Context, t TenantID, old User, update func(User) (User, *LogEntry, error)) (User, error) {
	return c.Users.UpdateUser(ctx, t, old, func(old User) (User, *LogEntry, error) {
		n, e, err := update(old)
		noteCountry(old, n, e)
		return n, e, err
	})
}

// CreateOrRestoreUser implements Leavers.
func (c countryUsers) CreateOrRestoreUser(ctx context.Context, t TenantID, p ProviderID, externalID string, admit Admit, make func(Provider, []User) (User, LogEntry, error)) (User, error) {
	return c.Leavers.CreateOrRestoreUser(ctx, t, p, externalID, admit, func(p Provider, gone []User) (User, LogEntry, error) {
		u, e, err := make(p, gone)
		noteCountry(User{}, u, &e) // a gone user has none
		return u, e, err
	})
}

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
