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

// CountryName is the country of a user's attributes as the directory sent it, "" for none.
func CountryName(attributes []byte) string {
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

type SentCountry struct {
	Provider ProviderID `json:"provider"`
	Value    string     `json:"value"`
}

// unknownCountry is the country of a user that nobody knows, nil for none.
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

// CountryTally counts the users with the value. A hash, since what is sent as a country may be anything.
func CountryTally(c SentCountry) string {
	h := sha256.Sum256([]byte(c.Value))
	return "country/" + string(c.Provider) + "/" + hex.EncodeToString(h[:8])
}

// noteCountry adds to an entry that a country nobody knows came or went with the change of a user.
func noteCountry(changes []Change, old, n User) []Change {
	was, is := unknownCountry(old), unknownCountry(n)
	if was == is {
		return changes
	}
	return append(slices.Clip(changes), NewChange(AttrUnknownCountry, was, is))
}
