package country_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"rollcall/shared/country"
)

// original returns the names in testdata/original.tsv, with their codes.
func original(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/original.tsv")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if code, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && line[0] != '#' {
			out[name] = code
		}
	}
	if len(out) != 258 {
		t.Fatalf("%d names, want 258", len(out))
	}
	return out
}

// codes are the 249 of ISO 3166-1, written down independently of the library.
const codes = `
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
VN VU WF WS YE YT ZA ZM ZW`

// all returns the codes of all countries but Kosovo, whose code ISO 3166-1 leaves to its users.
func all() (out []string) {
	for _, c := range country.Countries() {
		if c.Code != "XK" {
			out = append(out, c.Code)
		}
	}
	return out
}

func TestCodesAreThoseOfISO(t *testing.T) {
	t.Parallel()
	want := strings.Fields(codes)
	if got := all(); len(want) != 249 || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %d codes %v, want %d", len(got), got, len(want))
	}
	for _, code := range append(want, "XK") {
		for _, name := range []string{code, strings.ToLower(code), " " + code + " "} {
			if got := country.Code(name); got != code {
				t.Errorf("%q is %q, want %s", name, got, code)
			}
		}
	}
	for _, c := range country.Countries() {
		for _, name := range slices.Concat([]string{c.Alpha3, c.Numeric, strings.TrimLeft(c.Numeric, "0")}, c.Usual, c.Others) {
			if got := country.Code(name); got != c.Code {
				t.Errorf("%q is %q, want %s", name, got, c.Code)
			}
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	check := func(name, want string) {
		t.Helper()
		for _, form := range []string{name, strings.ToUpper(name), "  " + strings.ToLower(name) + " "} {
			if got := country.Code(form); got != want {
				t.Errorf("%q is %q, want %q", form, got, want)
			}
		}
	}
	for name, code := range original(t) {
		check(name, code)
	}
	for code, names := range map[string]string{
		"BA": "Bosnia and Herzegovina|Bosnia & Herzegovina|Bosnia-Herzegovina|BIH|070|70", "AG": "Antigua and Barbuda|Antigua & Barbuda|ATG|028",
		"CZ": "Czechia|Czech Republic|CZE|203", "SZ": "Eswatini|Swaziland|SWZ|748", "MK": "North Macedonia|Macedonia|MKD|807",
		"TR": "Türkiye|Turkiye|Turkey|TUR|792",
		"CV": "Cabo Verde|Cape Verde|CPV|132", "CI": "Côte d'Ivoire|Cote d'Ivoire|Ivory Coast|Côte d’Ivoire|CIV|384",
		"US": "United States of America|USA|U.S.A.|United States|840",
		"KR": "South Korea|Korea|Republic of Korea|Korea, Republic of|Korea (Republic of)|Korea (the Republic of)|KOR|410",
		"KP": "North Korea|Korea (Democratic People's Republic of)|Democratic People's Republic of Korea|PRK|408",
		"CD": "Congo (Democratic Republic of the)|DR Congo|COD|180",
		"CG": "Congo|Congo (the)|COG|178", "GB": "UK|GBR|United Kingdom|826", "GR": "EL|Greece|GRC",
		"NL": "The Netherlands|Netherlands (Kingdom of the)", "BQ": "Bonaire, Sint Eustatius and Saba|BES|535",
		"TZ": "Tanzania, United Republic of", "VE": "Venezuela (Bolivarian Republic of)", "SX": "Sint Maarten (Dutch part)",
		"MF": "Saint Martin (French part)", "VI": "Virgin Islands (U.S.)", "VG": "Virgin Islands (British)",
	} {
		for name := range strings.SplitSeq(names, "|") {
			check(name, code)
		}
	}
	for _, name := range []string{"", " ", "Atlantis", "ZZ", "999", "0", "-840", "International", "Unknown",
		"Korea (somewhere)", "None", "\x00", strings.Repeat("a", 100_000)} {
		check(name, "")
	}
}

// Names in the languages of rule C35, official ones, common ones, and Kosovo.
func TestNamesInManyLanguages(t *testing.T) {
	t.Parallel()
	for code, names := range map[string]string{
		"DE": "Federal Republic of Germany|Bundesrepublik Deutschland|Allemagne|Alemania|Tyskland|Германия|ドイツ|德国|德國|독일|ألمانيا|" +
			"Almanya|Німеччина|जर्मनी|Saksa|Saksamaa|Németország|Niemcy|Niemcy |Γερμανία|ΓΕΡΜΑΝΙΑ|An Ghearmáin|Il-Ġermanja|Vokietija|" +
			"Vācija|Německo|Nemecko|Nemčija|Njemačka|Germania|Alemanha|Duitsland|Tyskland|GERMANY|germany",
		"MX": "United Mexican States|México|Mexico|MEXICO|Vereinigte Mexikanische Staaten|Mexiko",
		"BR": "Brasil|Brasilien|Brazilië|ブラジル|브라질", "ES": "España|Espana|ESPAÑA|Kingdom of Spain|Königreich Spanien|Spanien|Ισπανία",
		"JP": "日本|Japón|Japon|Japonsko|Япония|اليابان|日本国", "XK": "Kosovo|XK|Republic of Kosovo|Republik Kosovo|Косово|Kosova|XKX|983",
		"AT": "Österreich|Oesterreich|OESTERREICH|Osterreich|Republik Österreich|Rakousko|Autriche|오스트리아",
		"FR": "French Republic|Französische Republik|Francja|法国|法國", "CN": "中国|中國|People's Republic of China|Volksrepublik China|VR China",
		"TW": "台灣|台湾", "KR": "대한민국|한국|Südkorea|Suedkorea", "KP": "Nordkorea|북한|조선민주주의인민공화국",
		"SE": "Sverige|Kingdom of Sweden", "FI": "Suomi", "NO": "Norge|Noreg|Norwegen|Kingdom of Norway", "HU": "Magyarország",
		"TR": "Türkiye|TÜRKİYE|türkiye|Türkei|Tuerkei", "UA": "Україна|Украина|The Ukraine", "RU": "Российская Федерация|Россия|Росія",
		"US": "Vereinigte Staaten|Stati Uniti|United States (US)|USA (United States)|Estados Unidos|EE. UU.|アメリカ合衆国|Соединенные Штаты",
		"GB": "Vereinigtes Königreich|United Kingdom (UK)|Royaume-Uni|Великобритания", "IN": "भारत|Republic of India", "EG": "مصر|Ägypten",
		"BA": "Bosnien & Herzegowina|Bosnien und Herzegowina", "LC": "Saint Lucia|St. Lucia|St Lucia|SAINTLUCIA|Sankt Lucia",
		"SA": "المملكة العربية السعودية|السعودية|Saudi-Arabien", "IE": "Éire|Irland", "GR": "Ελλάδα|ΕΛΛΑΔΑ|Ελλαδα|Griechenland",
		"BY": "Belarus|Weißrussland|WEISSRUSSLAND", "CG": "Kongo-Brazzaville", "CD": "Kongo-Kinshasa|Congo (DRC)",
		"PT": "Portogallo|Portugāle", "MM": "Myanmar (Burma)|Burma", "DK": "Danmark|Dänemark|Danemark",
	} {
		for name := range strings.SplitSeq(names, "|") {
			for _, form := range []string{name, norm.NFD.String(name), norm.NFC.String(" " + name + "\t")} {
				if got := country.Code(form); got != code {
					t.Errorf("%q is %q, want %q", form, got, code)
				}
			}
		}
	}
	for _, name := range []string{"Korea (somewhere)", "Kongo (Demokratische Republik)x", "Guinea (Spanish)", "Virgin Islands",
		"United States (DE)", "The", "Republic", "Republik", "República", "Republic of", "ー", "Mars"} {
		if got := country.Code(name); got != "" {
			t.Errorf("%q is %q", name, got)
		}
	}
}

// TestExpression evaluates the expression, as Entra ID would, for everything it should know.
func TestExpression(t *testing.T) {
	t.Parallel()
	text := country.Expression("country")
	if n := utf8.RuneCountInString(text); n >= country.MaxExpression {
		t.Errorf("the expression has %d characters, Entra ID takes fewer than %d", n, country.MaxExpression)
	}
	missing := map[string]bool{}
	for _, code := range strings.Fields(codes) {
		missing[code] = true
	}
	run := func(value string) string {
		t.Helper()
		got, err := evaluate(text, map[string]string{"country": value})
		if err != nil {
			t.Fatal(err)
		}
		delete(missing, got)
		return got
	}
	for _, code := range strings.Fields(codes) {
		if got := run(code); got != code {
			t.Errorf("%q gives %q", code, got)
		}
	}
	known := 0
	for name, code := range original(t) {
		switch run(name) {
		case code:
			known++
		case "":
		default:
			t.Errorf("%q gives %q, want %s", name, run(name), code)
		}
	}
	if known < 230 {
		t.Errorf("the expression knows %d of the 258 original names", known)
	}
	for value, want := range map[string]string{"": "", "Atlantis": "", "Türkiye": "TR", "SOUTH KOREA": "KR", "United States of America": "US",
		"Bosnia and Herzegovina": "BA", "czechia": "CZ", "Côte d'Ivoire": "CI"} {
		if got := run(value); got != want {
			t.Errorf("%q gives %q, want %q", value, got, want)
		}
	}
	if len(missing) > 0 {
		t.Errorf("never given: %v", missing)
	}
}

// evaluate evaluates an expression of Entra ID: IIF, IsNullOrEmpty, Switch, ToLower, texts and attributes.
func evaluate(text string, attributes map[string]string) (string, error) {
	p := &parser{text: text, attributes: attributes}
	v, err := p.value()
	if err == nil && p.text != "" {
		err = fmt.Errorf("%.20q is left over", p.text)
	}
	return v, err
}

type parser struct {
	text       string
	attributes map[string]string
}

func (p *parser) value() (string, error) {
	p.text = strings.TrimLeft(p.text, " ")
	switch {
	case strings.HasPrefix(p.text, `"`):
		v, rest, ok := strings.Cut(p.text[1:], `"`)
		if !ok {
			return "", fmt.Errorf("no end of text: %.20q", p.text)
		}
		p.text = rest
		return v, nil
	case strings.HasPrefix(p.text, "["):
		v, rest, ok := strings.Cut(p.text[1:], "]")
		if !ok {
			return "", fmt.Errorf("no end of attribute: %.20q", p.text)
		}
		p.text = rest
		return p.attributes[v], nil
	case strings.HasPrefix(p.text, ")"), strings.HasPrefix(p.text, ","):
		return "", nil // an argument left out
	}
	name, rest, ok := strings.Cut(p.text, "(")
	if !ok {
		return "", fmt.Errorf("no function: %.20q", p.text)
	}
	p.text = rest
	var args []string
	for {
		v, err := p.value()
		if err != nil {
			return "", err
		}
		args = append(args, v)
		p.text = strings.TrimLeft(p.text, " ")
		end := strings.HasPrefix(p.text, ")")
		if !end && !strings.HasPrefix(p.text, ",") {
			return "", fmt.Errorf("no comma: %.20q", p.text)
		}
		p.text = p.text[1:]
		if end {
			return call(name, args)
		}
	}
}

func call(name string, args []string) (string, error) {
	switch {
	case name == "IIF" && len(args) == 3:
		if args[0] == "True" {
			return args[1], nil
		}
		return args[2], nil
	case name == "IsNullOrEmpty" && len(args) == 1:
		return map[bool]string{true: "True", false: "False"}[args[0] == ""], nil
	case name == "ToLower" && len(args) == 2:
		return strings.ToLower(args[0]), nil
	case name == "Switch" && len(args) >= 4 && len(args)%2 == 0:
		seen := map[string]bool{}
		for i := 2; i < len(args); i += 2 {
			if seen[args[i]] {
				return "", fmt.Errorf("key %q twice", args[i]) // Entra ID refuses it
			}
			seen[args[i]] = true
		}
		for i := 2; i < len(args); i += 2 {
			if args[i] == args[0] {
				return args[i+1], nil
			}
		}
		return args[1], nil
	}
	return "", fmt.Errorf("%s with %d arguments", name, len(args))
}
