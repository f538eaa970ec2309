package casefold_test

import (
	"testing"

	"pgregory.net/rapid"

	"rollcall/shared/casefold"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ name, a, b string }{
		{"ASCII capitals", "Adele.Vance@Contoso.example", "adele.vance@contoso.example"},
		{"composed and decomposed", "Ren\u00e9e", "RENE\u0301E"},
		{"sharp s", "Stra\u00dfe", "STRASSE"},
		{"final sigma", "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3"},
		{"Kelvin sign", "\u212aim", "kim"},
		{"long s", "\u017fam", "SAM"},
		{"ligature", "\ufb01", "fi"},
	} {
		if casefold.Fold(c.a) != casefold.Fold(c.b) {
			t.Errorf("%s: Fold(%q) = %q, Fold(%q) = %q, want equal", c.name, c.a, casefold.Fold(c.a), c.b, casefold.Fold(c.b))
		}
		if !casefold.Equal(c.a, c.b) || !casefold.Equal(c.b, c.a) {
			t.Errorf("%s: Equal(%q, %q) = false", c.name, c.a, c.b)
		}
	}
	for _, c := range [][2]string{{"a", "b"}, {"a", "ab"}, {"", "a"}, {"e", "e\u0301"}, {"\u0131", "i"}} {
		if casefold.Equal(c[0], c[1]) || casefold.Equal(c[1], c[0]) {
			t.Errorf("Equal(%q, %q) = true", c[0], c[1])
		}
	}
}

func TestFoldIsStableAndAgreesWithEqual(t *testing.T) {
	letters := []rune("aAkKsS\u212a\u017f\u00df\u1e9eeE\u00e9\u00c9\u0301\u03c2\u03c3\u03a3\ufb01i\u0130\u0131\u0345\u1fb3 1")
	text := rapid.StringOfN(rapid.SampledFrom(letters), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if once, twice := casefold.Fold(a), casefold.Fold(casefold.Fold(a)); once != twice {
			t.Fatalf("Fold(%q) = %q, folded again %q", a, once, twice)
		}
		if got, want := casefold.Equal(a, b), casefold.Fold(a) == casefold.Fold(b); got != want {
			t.Fatalf("Equal(%q, %q) = %v, folds equal: %v", a, b, got, want)
		}
	})
}

func TestNamesAreEqualWithoutInvisibleEnds(t *testing.T) {
	for _, end := range []string{" ", "  ", "\t", "\n", "\x00", "\x7f", "\u0085", "\u00a0", "\u00ad", "\u2003", "\u2028", "\u200b", "\u200d",
		"\u2060", "\u3000", "\u3164", "\ufe0f", "\ufeff", "\U000e0020", " \u200b\u3000"} {
		for _, name := range []string{"kim" + end, end + "kim", end + "KIM" + end} {
			if casefold.Name(name) != "kim" || !casefold.EqualNames(name, "Kim") {
				t.Errorf("Name(%q) = %q", name, casefold.Name(name))
			}
		}
		if got := casefold.Name(end); got != "" {
			t.Errorf("Name(%q) = %q, want nothing", end, got)
		}
		if casefold.EqualNames("ki"+end+"m", "kim") {
			t.Errorf("%q inside a name is dropped", end)
		}
	}
	for _, name := range []string{".kim", "kim\u0301", "kim\u0600", "kim\ufffd", "'kim'", "\u00bfkim"} {
		if casefold.EqualNames(name, "kim") {
			t.Errorf("%q is kim", name)
		}
	}
}

func TestNameIsStable(t *testing.T) {
	letters := []rune("aK\u00df\u0301\u0345 \u00a0\u200b\u2000\u3000\ufeff\u1fb3\t")
	text := rapid.StringOfN(rapid.SampledFrom(letters), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		once := casefold.Name(a)
		if twice, folded := casefold.Name(once), casefold.Name(casefold.Fold(a)); once != twice || once != folded {
			t.Fatalf("Name(%q) = %q, again %q, of its folding %q", a, once, twice, folded)
		}
		if got, want := casefold.EqualNames(a, b), casefold.Name(a) == casefold.Name(b); got != want {
			t.Fatalf("EqualNames(%q, %q) = %v, names equal: %v", a, b, got, want)
		}
	})
}
