package directory

import (
	"bytes"
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
