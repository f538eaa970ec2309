package casefold

import (
	"strings"
	"unicode"
)

// Name returns the form under which names are equal: folded, without what cannot be seen at either end. Applying it twice
// gives the same text. Names of nothing else give "". Safe for concurrent use.
func Name(s string) string { return Fold(trim(s)) }

// EqualNames reports whether Name(a) == Name(b).
func EqualNames(a, b string) bool { return Equal(trim(a), trim(b)) }

func trim(s string) string {
	if n := len(s); n > 0 && visible(s[0]) && visible(s[n-1]) {
		return s
	}
	return strings.TrimFunc(s, invisible)
}

func visible(c byte) bool { return ' ' < c && c < 0x7f }

// invisible reports whether r is white space, a control character, or has no glyph of its own: White_Space, Cc, and
// Default_Ignorable_Code_Point, which is derived as in DerivedCoreProperties.txt of Unicode 15.
func invisible(r rune) bool {
	switch {
	case unicode.IsSpace(r) || unicode.Is(unicode.Cc, r):
		return true
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r) || 0xfff9 <= r && r <= 0xfffb || 0x13430 <= r && r <= 0x1343f:
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
