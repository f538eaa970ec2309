package scim_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	reference "github.com/scim2/filter-parser/v2"
	"pgregory.net/rapid"

	"rollcall/shared/proof"
	"rollcall/shared/scim"
)

// referenceText prints the tree of the reference parser the way Filter.String does.
func referenceText(e reference.Expression, inAnd bool) string {
	switch e := e.(type) {
	case *reference.LogicalExpression:
		and := e.Operator == reference.AND
		text := referenceText(e.Left, and) + " " + string(e.Operator) + " " + referenceText(e.Right, and)
		if inAnd && !and {
			return "(" + text + ")"
		}
		return text
	case *reference.NotExpression:
		return "not (" + referenceText(e.Expression, false) + ")"
	case *reference.ValuePath:
		return e.AttributePath.String() + "[" + referenceText(e.ValueFilter, false) + "]"
	case *reference.AttributeExpression:
		text := e.AttributePath.String() + " " + string(e.Operator)
		if e.Operator == reference.PR {
			return text
		}
		if literal, ok := e.CompareValue.(string); ok {
			return text + ` "` + literal + `"` // the reference leaves escapes as they are
		}
		literal, _ := json.Marshal(e.CompareValue)
		return text + " " + string(literal)
	}
	return fmt.Sprintf("%T", e)
}

// filterText draws a filter of the grammar whose attributes exist, without empty texts (C37), and sometimes damages it.
// Inside brackets it draws
// only the forms that the reference supports: one or two comparisons, perhaps negated.
func filterText() *rapid.Generator[string] {
	attrs := []string{"userName", "title", "NICKNAME", "name.givenName", "emails.value", coreURN + ":title"}
	subs := []string{"value", "type", "Display"}
	literals := []string{`"x"`, `"a b"`, `"a)]"`, `"a\"b"`, "true", "false", "null", "1"}
	comparison := func(t *rapid.T, names []string) string {
		name := rapid.SampledFrom(names).Draw(t, "attr")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			return name + " " + rapid.SampledFrom([]string{"pr", "PR"}).Draw(t, "op")
		case 1:
			return name + " " + rapid.SampledFrom([]string{"eq", "ne", "Eq"}).Draw(t, "op") + " " + rapid.SampledFrom(literals).Draw(t, "literal")
		}
		return name + " " + rapid.SampledFrom([]string{"co", "sw", "ew", "gt", "ge", "lt", "le"}).Draw(t, "op") + ` "x"`
	}
	word := rapid.SampledFrom([]string{" and ", " or ", " AND "})
	inside := func(t *rapid.T) string {
		s := comparison(t, subs)
		if rapid.Bool().Draw(t, "two") {
			s += word.Draw(t, "word") + comparison(t, subs)
		}
		if rapid.Bool().Draw(t, "not") {
			return "not (" + s + ")"
		}
		return s
	}
	var expression func(t *rapid.T, depth int) string
	expression = func(t *rapid.T, depth int) string {
		kind := rapid.IntRange(0, 6).Draw(t, "expression")
		switch {
		case depth == 0 || kind <= 1:
			return comparison(t, attrs)
		case kind == 2:
			return "emails[" + inside(t) + "]"
		case kind == 3:
			return "not (" + expression(t, depth-1) + ")"
		case kind == 4:
			return "(" + expression(t, depth-1) + ")"
		}
		return expression(t, depth-1) + word.Draw(t, "word") + expression(t, depth-1)
	}
	return rapid.Custom(func(t *rapid.T) string {
		s := expression(t, 3)
		if rapid.IntRange(0, 4).Draw(t, "damage") == 0 {
			at := rapid.IntRange(0, len(s)-1).Draw(t, "at")
			s = s[:at] + rapid.SampledFrom([]string{"", "(", ")", "[", "]", `"`, " ", "x", "."}).Draw(t, "by") + s[at+1:]
		}
		return s
	})
}

// grammatical reports whether an error is about the grammar, and not about the schema, which the reference does not
// know.
func grammatical(err error) bool {
	for _, meaning := range []string{"is not an attribute of", "has no sub-attribute", "cannot be compared", "null can be", "is complex",
		"has no elements", "is a schema"} {
		if strings.Contains(err.Error(), meaning) {
			return false
		}
	}
	return true
}

// Acceptance, refusal and structure agree with an independent parser of the same grammar.
func TestFilterAgreesWithReference(t *testing.T) {
	compared := 0
	proof.Check(t, 100, func(t *rapid.T) {
		text := filterText().Draw(t, "filter")
		ours, err := users.ParseFilter(text, scim.Tolerance{LooseBlanks: true}) // as the reference reads blanks
		theirs, theirErr := reference.ParseFilter([]byte(text))
		switch {
		case err != nil && theirErr != nil:
		case err != nil:
			if grammatical(err) && !knownDifference(text) {
				t.Fatalf("%q: %v, the reference reads %s", text, err, referenceText(theirs, false))
			}
		case theirErr != nil:
			if !knownDifference(text) {
				t.Fatalf("%q is read as %s, the reference: %v", text, ours, theirErr)
			}
		default:
			compared++
			want := strings.ReplaceAll(referenceText(theirs, false), coreURN+":", "")
			want = emptyText.ReplaceAllString(want, "$1 null") // C37, which no grammar knows
			if !strings.EqualFold(ours.String(), want) && !knownDifference(text) {
				t.Fatalf("%q is read as %s, by the reference as %s", text, ours, want)
			}
		}
	})
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// emptyText finds a comparison with an empty text.
var emptyText = regexp.MustCompile(`(?i)\b(eq|ne) ""`)

// withoutBlank finds an operator or word without the blank that the grammar requires before or after a string or
// parenthesis, or after `and`. The two parsers tolerate different missing blanks.
var withoutBlank = regexp.MustCompile(`(?i) (and|or)[a-z]|pr(and|or)|[a-zA-Z]["(]|[")\]][a-zA-Z]`)

// damagedURN finds a schema URN with a changed character: the reference accepts any URI, we refuse an unknown one.
var damagedURN = regexp.MustCompile(`:[^ ]*:`)

// knownDifference reports whether the two may differ on a text.
func knownDifference(text string) bool {
	return withoutBlank.MatchString(text) || damagedURN.MatchString(strings.ReplaceAll(text, coreURN+":title ", ""))
}
