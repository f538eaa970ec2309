// Package country translates the countries that directories send to ISO 3166-1 alpha-2 codes, and writes the expression
// with which Entra ID can do the same. It keeps no state. An unknown country is no error: it has no code.
package country

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/biter777/countries"
)

// Code returns the ISO 3166-1 alpha-2 code of a country given by alpha-2, alpha-3 or numeric code, or by an official,
// common, earlier or joint name, ignoring case, blanks and punctuation; "" when it is unknown.
func Code(name string) string {
	if len(name) > longest {
		return ""
	}
	key := normalize(name)
	if code, ok := byName()[key]; ok {
		return code
	}
	if n, err := strconv.Atoi(strings.TrimSpace(name)); err == nil && n > 0 {
		return official(countries.ByNumeric(n))
	}
	// The library ignores text in parentheses, which can be the only difference.
	head, _, more := strings.Cut(name, "(")
	if more && slices.Contains(ambiguous, normalize(head)) {
		return ""
	}
	return official(countries.ByName(name))
}

// longest is the length of the longest text that can be a country's name, in bytes.
const longest = 100

// ambiguous are names that only parentheses distinguish: "Korea (Democratic People's Republic of)".
var ambiguous = []string{"korea", "congo", "virginislands", "saintmartin", "stmartin", "guinea", "netherlands", "micronesia"}

// official is the code of a country in ISO 3166-1, "" for others.
func official(c countries.CountryCode) string {
	if _, ok := slices.BinarySearch(Codes(), c.Alpha2()); ok {
		return c.Alpha2()
	}
	return ""
}

// normalize returns the key of a name: its letters and digits, in lower case, with "and" for "&".
func normalize(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, strings.ReplaceAll(name, "&", "and"))
}

// notOfficial are codes that the library has in addition to the 249 of ISO 3166-1.
var notOfficial = []string{"AN", "CS", "XK", "XX", "YU"}

// Codes are the 249 alpha-2 codes of ISO 3166-1, in order.
var Codes = sync.OnceValue(func() (out []string) {
	for _, c := range countries.All() {
		if code := c.Alpha2(); len(code) == 2 && int64(c) < 1000 && !slices.Contains(notOfficial, code) {
			out = append(out, code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
})

// byName maps the codes, and names that the library does not know or maps otherwise, to codes.
var byName = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, code := range Codes() {
		c := countries.ByName(code)
		for _, name := range []string{code, c.Alpha3(), c.String()} {
			out[normalize(name)] = code
		}
	}
	for code, names := range otherNames {
		for _, name := range names {
			out[normalize(name)] = code
		}
	}
	return out
})
