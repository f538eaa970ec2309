package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"rollcall/shared/country"
)

// The order in which names count: a code or a name that we wrote down before any other, then English and German names of
// the CLDR, other ones, and last the parts of names with parentheses.
const (
	ours = iota
	first
	other
	part
	ranks
)

// generator collects which countries each key can stand for.
type generator struct {
	keys    map[string]*[ranks]map[string]bool // key → rank → codes
	prefix  map[string]map[string]bool         // the first words of a longer name, as a key → codes
	problem error
}

// generate returns the table: each key with the one country that it stands for at the first rank that has any. A key that
// stands for several there is left out.
func generate(cldr string) (string, error) {
	g := &generator{keys: map[string]*[ranks]map[string]bool{}, prefix: map[string]map[string]bool{}}
	for _, c := range country.Countries() {
		g.add(ours, c.Code, c.Numeric)
		for _, name := range slices.Concat([]string{c.Code, c.Alpha3}, c.Usual, c.Others) {
			g.name(ours, c.Code, name, "de")
		}
	}
	for line := range strings.Lines(cldr) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if line[0] == '#' {
			continue
		}
		if len(cells) != 3 {
			return "", fmt.Errorf("not a line of the CLDR: %q", line)
		}
		language, _, _ := strings.Cut(cells[0], "-")
		rank := other
		if language == "en" || language == "de" {
			rank = first
		}
		g.name(rank, cells[1], cells[2], language)
	}
	return g.table(), g.problem
}

func (g *generator) table() string {
	var out strings.Builder
	for _, key := range slices.Sorted(maps.Keys(g.keys)) {
		for rank, codes := range g.keys[key] {
			if len(codes) == 0 {
				continue
			}
			if len(codes) > 1 {
				if rank == ours {
					g.problem = fmt.Errorf("%q stands for %v in names.txt", key, slices.Sorted(maps.Keys(codes)))
				}
				break
			}
			for code := range codes {
				shared := g.shared(key, code)
				if shared && rank == part {
					continue // "Republic", of "Congo (Republic)"
				}
				if shared {
					code = strings.ToLower(code)
				}
				out.WriteString(key + "\t" + code + "\n")
			}
			break
		}
	}
	return out.String()
}

// shared reports whether the name of another country begins with the words of the key.
func (g *generator) shared(key, code string) bool {
	for c := range g.prefix[key] {
		if c != code {
			return true
		}
	}
	return false
}

// name adds a name in its spellings.
func (g *generator) name(rank int, code, name, language string) {
	for _, n := range spellings(name, language) {
		g.add(rank, code, country.Key(n))
		words := strings.FieldsFunc(n, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
		for i := 1; i < len(words); i++ {
			key := country.Key(strings.Join(words[:i], " "))
			if g.prefix[key] == nil {
				g.prefix[key] = map[string]bool{}
			}
			g.prefix[key][code] = true
		}
	}
	head, inner, found := strings.Cut(name, "(")
	if found && rank != ours {
		g.add(part, code, country.Key(head))
		g.add(part, code, country.Key(inner))
	}
}

// joint are the words for "and" around which "&" is usual, by language.
var joint = map[string]string{"en": "and", "de": "und", "fr": "et", "es": "y", "it": "e", "pt": "e", "nl": "en", "sv": "och",
	"nb": "og", "da": "og"}

var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue")

var saint = regexp.MustCompile(`^(Saint|Sankt|St\.) `)

// spellings returns a name as it may be written: with "&", with the short and the long "Saint", in German without umlauts.
func spellings(name, language string) []string {
	out := []string{name}
	for _, long := range []string{"Saint ", "Sankt ", "St. "} {
		if n := saint.ReplaceAllString(name, long); n != name {
			out = append(out, n)
		}
	}
	if word := joint[language]; word != "" && strings.Contains(name, " "+word+" ") {
		for _, n := range slices.Clone(out) {
			out = append(out, strings.ReplaceAll(n, " "+word+" ", " & "))
		}
	}
	if language == "de" {
		for _, n := range slices.Clone(out) {
			out = append(out, umlauts.Replace(n))
		}
	}
	return out
}

func (g *generator) add(rank int, code, key string) {
	if key == "" {
		return
	}
	if g.keys[key] == nil {
		g.keys[key] = &[ranks]map[string]bool{}
	}
	if g.keys[key][rank] == nil {
		g.keys[key][rank] = map[string]bool{}
	}
	g.keys[key][rank][code] = true
}
