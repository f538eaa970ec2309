package spreadsheet_test

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"rollcall/shared/spreadsheet"
)

// What a spreadsheet would run, whatever stands unseen in front of it, gets an apostrophe, once.
func TestNoTextIsAFormula(t *testing.T) {
	t.Parallel()
	begins := strings.Split("= + - @ ＝ ＋ － ＠ ﹦ ﹢ ﹣ ﹫ −", " ")
	unseen := []string{
		"", " ", "   ", "\t", "\r", "\n", "\v", "\x00", "\x1b", "\u007f", "\u0085", "\u00a0", "\u00ad", "\u1680", "\u180e", "\u2000", "\u2003",
		"\u200b", "\u200d", "\u200e", "\u2028", "\u202e", "\u202f", "\u2060", "\u2066", "\u2800", "\u3000", "\u3164", "\u115f", "\ufe0f",
		"\ufeff", "\uffa0", "\U000e0001", "\U000e0100", " \u200b\u3000", "\xff", "\ufffd",
	}
	for _, b := range begins {
		for _, u := range unseen {
			text := u + b + "1"
			got := spreadsheet.Harmless(text)
			if got != "'"+text || spreadsheet.Harmless(got) != got {
				t.Errorf("%q became %q, and then %q", text, got, spreadsheet.Harmless(got))
			}
		}
	}
	for _, text := range []string{"\t", "\rkim", "\nkim"} {
		if got := spreadsheet.Harmless(text); got != "'"+text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{"", " ", "kim", " kim", "\u200bkim", "a=1", "1-2", "'=1", `"=1"`, "日本", "می\u200cخواهم", "(-1)"} {
		if got := spreadsheet.Harmless(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// Wherever a program parts the text of a joined cell, no part is a formula.
func TestJoinedValuesAreHarmless(t *testing.T) {
	t.Parallel()
	values := []string{"=1", "kim", " =2", "\u3000＝3", "-4"}
	for _, separator := range []string{"; ", ", ", " "} {
		want := strings.Join([]string{"'=1", "kim", "' =2", "'\u3000＝3", "'-4"}, separator)
		if got := spreadsheet.Join(values, separator); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := spreadsheet.Join([]string(nil), "; "); got != "" {
		t.Errorf("nothing became %q", got)
	}
}

// Every cell is quoted, and a reader of CSV gets it back.
func TestLinesAreQuoted(t *testing.T) {
	t.Parallel()
	cells := []string{"kim", "", `say "hi"`, "a;=cmd", "a,b", "two\nlines", "two\r\nlines", " =1", "12"}
	line := spreadsheet.Line(cells...)
	if want := `"kim","","say ""hi""","a;=cmd",`; !strings.HasPrefix(line, want) {
		t.Errorf("the line is %s", line)
	}
	for _, comma := range []rune{',', ';', '\t'} {
		in := csv.NewReader(strings.NewReader(strings.ReplaceAll(line, `","`, `"`+string(comma)+`"`)))
		in.Comma = comma
		got, err := in.Read()
		want := slices.Clone(cells)
		want[6], want[7] = "two\nlines", "' =1" // package csv reads a line break as one character
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("with %q: %q %v", comma, got, err)
		}
	}
}
