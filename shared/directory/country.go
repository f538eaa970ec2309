package directory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"rollcall/shared/casefold"
)

// CountryName is the country in a user's attributes as the directory sent it, "" for none.
func CountryName(attributes []byte) string {
	if !bytes.Contains(attributes, []byte(`"country"`)) {
		return ""
	}
	var user struct {
		Addresses []struct{ Type, Country string } `json:"addresses"`
	}
	_ = json.Unmarshal(attributes, &user) // attributes are valid SCIM; anything else has no country
	name := ""
	for _, a := range user.Addresses {
		if a.Country != "" && (name == "" || casefold.Equal(a.Type, "work")) {
			name = a.Country
		}
	}
	return name
}

// CountryValue is a text that a directory sent as a country and that names none we know.
type CountryValue struct {
	Provider ProviderID
	Value    string
	FirstAt  time.Time
}

const (
	// AttrUnknownCountry is the attribute in log entries of an unknown country of a provider's present user.
	AttrUnknownCountry = "unknownCountry"
	// MaxCountryValues is how many such values are kept for a provider: more mean that another attribute is mapped.
	MaxCountryValues = 200
	maxCountryLength = 100 // characters kept of a value
)

// SentCountry is an unknown country in a log entry.
type SentCountry struct {
	Provider ProviderID `json:"provider"`
	Value    string     `json:"value"`
}

// unknownCountry is the unknown country of a user, nil for none.
func unknownCountry(u User) any {
	if u.CountryCode != "" || u.Provider == "" || u.Removed() {
		return nil
	}
	name := []rune(strings.TrimSpace(CountryName(u.Attributes)))
	if len(name) == 0 {
		return nil
	}
	return SentCountry{u.Provider, string(name[:min(len(name), maxCountryLength)])}
}

// CountryTally counts the users with the value. The key has its hash, since directories may send any text.
func CountryTally(c SentCountry) string {
	h := sha256.Sum256([]byte(c.Value))
	return "country/" + string(c.Provider) + "/" + hex.EncodeToString(h[:8])
}

// noteCountry adds a change of the user's unknown country, if there is one.
func noteCountry(changes []Change, old, u User) []Change {
	was, is := unknownCountry(old), unknownCountry(u)
	if was == is {
		return changes
	}
	return append(slices.Clip(changes), NewChange(AttrUnknownCountry, was, is))
}
