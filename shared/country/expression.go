package country

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/biter777/countries"
)

// MaxExpression is the longest expression that Entra ID takes, in characters.
const MaxExpression = 10_000

// expressionNames is how many of a country's other names the expression holds.
const expressionNames = 2

// Expression is the mapping expression that makes Entra ID send alpha-2 codes for the countries an attribute
// such as "country" names. It holds the usual names and, since values may be codes already, every code too.
// A value it does not hold is sent as "": better none than a wrong one.
func Expression(attribute string) string {
	source := "[" + attribute + "]"
	var b strings.Builder
	b.WriteString(`IIF(IsNullOrEmpty(` + source + `), "", Switch(ToLower(` + source + `, ), ""`)
	for _, code := range Codes() {
		for _, name := range expressionKeys(code) {
			b.WriteString(`,"` + name + `","` + code + `"`)
		}
	}
	b.WriteString(`))`)
	return b.String()
}

// expressionKeys are the values that mean a country, in small letters: its code, its name, other names.
func expressionKeys(code string) []string {
	name, _, _ := strings.Cut(countries.ByName(code).String(), " (")
	names := append([]string{code, name}, otherNames[code][:min(expressionNames, len(otherNames[code]))]...)
	var out []string
	for _, n := range names {
		if n = strings.ToLower(n); utf8.RuneCountInString(n) > 0 && !strings.ContainsRune(n, '"') && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
