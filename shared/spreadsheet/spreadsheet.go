// Package spreadsheet writes CSV (RFC 4180) that is safe to open in a spreadsheet: no text from outside is run as a
// formula. It does not read CSV.
//
// It is a separate package because both the admin API and the command line write CSV, and one rule must hold for both.
package spreadsheet

import (
	"strings"
	"unicode"
)

// formula are the characters that begin a formula: those of ASCII, the wide and small forms that spreadsheets take for
// them, and mathematical signs that look the same.
const formula = "=+-@＝＋－＠﹦﹢﹣﹫−⁼₌⁺₊⁻₋"

// Harmless returns text that no spreadsheet runs: text that begins like a formula, also behind white space and invisible
// characters, gets an apostrophe in front, and so does text that begins with a tab or a line break, which some programs
// drop. Harmless text is returned unchanged, so repeating is harmless.
func Harmless(text string) string {
	begin := strings.TrimLeftFunc(text, unseen)
	if begin != "" && strings.ContainsRune(formula, []rune(begin)[0]) || text != "" && strings.ContainsRune("\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// unseen reports whether a reader sees nothing of a character, so that a program may drop it at the beginning of a cell.
func unseen(r rune) bool {
	const braille = '\u2800' // a blank in braille
	return r == braille || r == unicode.ReplacementChar || unicode.IsSpace(r) ||
		unicode.In(r, unicode.White_Space, unicode.C, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Join returns values as the text of one cell, each of them harmless: a separator may be the one that parts cells.
func Join[T ~string](values []T, separator string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = Harmless(string(v))
	}
	return strings.Join(texts, separator)
}

// Line returns a line of CSV without its end. Every cell is harmless and quoted, so that none ends early in a program
// that parts cells at another character.
func Line(cells ...string) string {
	quoted := make([]string, len(cells))
	for i, cell := range cells {
		quoted[i] = `"` + strings.ReplaceAll(Harmless(cell), `"`, `""`) + `"`
	}
	return strings.Join(quoted, ",")
}
