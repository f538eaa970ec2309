// Package casefold compares strings the way SCIM attributes with caseExact false are compared: after
// Unicode normalization form C and full case folding (RFC 7643 §2.2, RFC 8264 §5.2.3).
//
// It is a separate package because both shared/scim (filters) and shared/directory (uniqueness) need exactly the same
// folding and may not import each other.
package casefold

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold returns s in the form under which caseless values are equal. Folding twice gives the same text.
// ASCII text without capitals is returned unchanged, without allocating. Safe for concurrent use.
func Fold(s string) string {
	upper := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x80:
			return foldUnicode(s)
		case 'A' <= c && c <= 'Z':
			upper = true
		}
	}
	if !upper {
		return s
	}
	b := make([]byte, len(s))
	for i := range len(s) {
		b[i] = lower(s[i])
	}
	return string(b)
}

// Equal reports whether Fold(a) == Fold(b), without allocating where both begin with ASCII up to the
// first difference: an ASCII letter never equals another one, whatever follows it.
func Equal(a, b string) bool {
	if a == b {
		return true
	}
	for i := range min(len(a), len(b)) {
		if a[i] >= 0x80 || b[i] >= 0x80 {
			return Fold(a) == Fold(b)
		}
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// foldUnicode normalizes on both sides of the folding: folding can leave text that is not in form C,
// and a few letters fold differently before and after composition.
func foldUnicode(s string) string {
	c := cases.Fold()
	s = norm.NFC.String(c.String(norm.NFC.String(s)))
	for {
		next := norm.NFC.String(c.String(s))
		if next == s {
			return s
		}
		s = next
	}
}
