package directory

import (
	"bytes"
	"encoding/json"

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
