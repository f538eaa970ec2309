package country

import (
	"slices"
	"strings"

	"github.com/biter777/countries"
)

// MaxExpression is the limit for expressions in Entra ID, in characters.
const MaxExpression = 10_000

// expressionNames is how many of a country's other names the expression holds.
const expressionNames = 2

// Expression is the mapping expression that makes Entra ID send alpha-2 codes for the countries in an attribute such as
// "country". It has the usual names and, since values may already be codes, all codes. Any other value is sent as "",
// since none is better than a wrong one.
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

// expressionKeys returns the values for a country, in lower case: its code, its name, other names.
func expressionKeys(code string) []string {
	name, _, _ := strings.Cut(countries.ByName(code).String(), " (")
	names := append([]string{code, name}, otherNames[code][:min(expressionNames, len(otherNames[code]))]...)
	var out []string
	for _, n := range names {
		n = strings.ToLower(n)
		if n != "" && !strings.ContainsRune(n, '"') && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
