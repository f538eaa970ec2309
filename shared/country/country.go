// Package country turns what directories call countries into ISO 3166-1 alpha-2 codes, and writes the
// expression by which Entra ID can do the same. It keeps no state and refuses nobody: what it does not know has
// no code.
package country

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/biter777/countries"
)

// Code returns the ISO 3166-1 alpha-2 code of a country given by alpha-2, alpha-3 or numeric code, or by an
// official, common, earlier or joint name, whatever the case, blanks and punctuation; "" when it is unknown.
func Code(name string) string {
	if len(name) > longest {
		return ""
	}
	key := letters(name)
	if code, ok := byName()[key]; ok {
		return code
	}
	if n, err := strconv.Atoi(strings.TrimSpace(name)); err == nil && n > 0 {
		return official(countries.ByNumeric(n))
	}
	// The library forgets what stands in parentheses, which can be the whole difference.
	head, _, more := strings.Cut(name, "(")
	if more && slices.Contains(ambiguous, letters(head)) {
		return ""
	}
	return official(countries.ByName(name))
}

// longest is the longest text that can be a country's name, in bytes.
const longest = 100

// ambiguous are names that parentheses tell apart: "Korea (Democratic People's Republic of)".
var ambiguous = []string{"korea", "congo", "virginislands", "saintmartin", "stmartin", "guinea", "netherlands", "micronesia"}

// official is the code of a country that ISO 3166-1 knows.
func official(c countries.CountryCode) string {
	if _, ok := slices.BinarySearch(Codes(), c.Alpha2()); ok {
		return c.Alpha2()
	}
	return ""
}

// letters is a name by which it is looked up: its letters and digits, small, "&" for "and".
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, strings.ReplaceAll(name, "&", "and"))
}

// notOfficial are codes that the library has besides the 249 of ISO 3166-1.
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

// byName holds the codes and the names that the library does not know, or knows otherwise.
var byName = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, code := range Codes() {
		c := countries.ByName(code)
		for _, name := range []string{code, c.Alpha3(), c.String()} {
			out[letters(name)] = code
		}
	}
	for code, names := range otherNames {
		for _, name := range names {
			out[letters(name)] = code
		}
	}
	return out
})
