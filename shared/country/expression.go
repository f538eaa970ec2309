package country

import (
	_ "embed"
	"slices"
	"strings"
)

// MaxExpression is the limit for expressions in Entra ID, in characters.
const MaxExpression = 10_000

//go:embed names.txt
var names string

// Country is a line of names.txt.
type Country struct {
	Code, Alpha3, Numeric string
	Usual                 []string // the first is its English name; these are in Entra's expression
	Others                []string
}

// Countries returns the 249 countries of ISO 3166-1 and Kosovo, by code.
func Countries() (out []Country) {
	for line := range strings.Lines(names) {
		if line[0] == '#' {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), "|")
		c := Country{Code: cells[0], Alpha3: cells[1], Numeric: cells[2], Usual: cells[3:]}
		if i := slices.Index(cells, ""); i >= 0 {
			c.Usual, c.Others = cells[3:i], cells[i+1:]
		}
		out = append(out, c)
	}
	return out
}

// Expression is the mapping expression that makes Entra ID send alpha-2 codes for the countries in an attribute such as
// "country". It has the usual names and, since values may already be codes, all codes of ISO 3166-1. Any other value is
// sent as "", since none is better than a wrong one.
func Expression(attribute string) string {
	source := "[" + attribute + "]"
	var b strings.Builder
	b.WriteString(`IIF(IsNullOrEmpty(` + source + `), "", Switch(ToLower(` + source + `, ), ""`)
	for _, c := range Countries() {
		if c.Code == "XK" {
			continue
		}
		var keys []string
		for _, n := range append([]string{c.Code}, c.Usual...) {
			if n = strings.ToLower(n); !slices.Contains(keys, n) {
				keys = append(keys, n)
				b.WriteString(`,"` + n + `","` + c.Code + `"`)
			}
		}
	}
	b.WriteString(`))`)
	return b.String()
}
