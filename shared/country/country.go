// Package country translates the countries that directories send to ISO 3166-1 alpha-2 codes, and writes the expression
// with which Entra ID can do the same. It keeps no state. An unknown country is no error: it has no code.
package country

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rollcall/shared/casefold"
)

// table has a line for each key (Key) of a name or code, in order: the key, a tab and the code. The code is in lower case
// if names of other countries begin with the same words ("Korea"): then what follows in parentheses is essential.
// integration/tools/countries makes it.
//
//go:embed table.tsv
var table string

// longest is the length of the longest text that can be a country's name, in bytes.
const longest = 200

// Code returns the ISO 3166-1 alpha-2 code of a country, and XK for Kosovo, given by alpha-2, alpha-3 or numeric code, or
// by an official, common or earlier name in a language that docs/countries.md lists, ignoring case, accents, blanks,
// punctuation and "the"; "" when it is unknown, or the name of several countries.
func Code(name string) string {
	if len(name) > longest {
		return ""
	}
	if n, err := strconv.Atoi(strings.TrimSpace(name)); err == nil {
		code, _ := find(fmt.Sprintf("%03d", n))
		return code
	}
	if code, _ := find(Key(name)); code != "" {
		return code
	}
	head, inner, more := strings.Cut(name, "(")
	if !more {
		return ""
	}
	code, shared := find(Key(head))
	if !shared {
		return code
	}
	if in, _ := find(Key(inner)); in == code { // "United States (US)"
		return code
	}
	return ""
}

// Version names what Code knows: it is another one with another table.
var Version = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(table))
	return "1-" + hex.EncodeToString(sum[:8]) // 1: how Code reads it
})

// find looks up a key, and reports whether names of other countries begin with the same words.
func find(key string) (code string, shared bool) {
	if key == "" {
		return "", false
	}
	line := func(at int) (start int, text string) {
		start = strings.LastIndexByte(table[:at], '\n') + 1
		text, _, _ = strings.Cut(table[start:], "\n")
		return start, text
	}
	at := sort.Search(len(table), func(i int) bool {
		_, text := line(i)
		found, _, _ := strings.Cut(text, "\t")
		return found >= key
	})
	if at == len(table) {
		return "", false
	}
	_, text := line(at)
	found, code, _ := strings.Cut(text, "\t")
	if found != key {
		return "", false
	}
	return strings.ToUpper(code), code[0] >= 'a'
}

// Key returns the form under which names are equal: folded letters and digits, without accents, blanks, punctuation and
// the word "the", with "and" for "&". "" when nothing is left.
func Key(name string) string {
	text := plain(casefold.Fold(strings.ReplaceAll(name, "&", " and ")))
	var out strings.Builder
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	}) {
		if word != "the" {
			out.WriteString(word)
		}
	}
	return out.String()
}

// apart are letters with a stroke or the like, which Unicode does not take apart.
var apart = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ð", "d", "ħ", "h", "ı", "i", "æ", "ae", "œ", "oe", "þ", "th")

// plain returns folded text without the accents of the scripts that may be written without: elsewhere, as in Hindi and
// Japanese, a mark makes another letter.
func plain(text string) string {
	accented := false
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) && accented {
			return -1
		}
		accented = unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic)
		return r
	}, norm.NFD.String(text))
	return apart.Replace(norm.NFC.String(text))
}
