package scim_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/shared/scim"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want string }{ // want "" is refused
		{` { "a" : [ 1 , true , null , "x" ] } `, `{"a":[1,true,null,"x"]}`},
		{`[]`, `[]`}, {`{}`, `{}`}, {`"\u00e9\n\t\"\\\/\b\f\r\ud83d\ude00"`, "\"é\\n\\t\\\"\\\\/\\u0008\\u000c\\r😀\""},
		{`-0.50e+07`, `-0.50e+07`}, {`12345678901234567890123`, `12345678901234567890123`},
		{``, ``}, {` `, ``}, {`{`, ``}, {`[1,]`, ``}, {`{"a":1,}`, ``}, {`{"a"}`, ``}, {`{a:1}`, ``}, {`01`, ``}, {`1.`, ``},
		{`.5`, ``}, {`+1`, ``}, {`1e`, ``}, {`-`, ``}, {`NaN`, ``}, {`tru`, ``}, {`True`, ``}, {`nul`, ``}, {`'a'`, ``}, {"\"a\nb\"", ``},
		{`"\x"`, ``}, {`"\u12"`, ``}, {`"\u12g4"`, ``}, {`"abc`, ``}, {`"abc\`, ``}, {`1 2`, ``}, {`{} x`, ``}, {"\"\xff\"", ``},
		{`"\ud800"`, ``}, {`"\udc00\ud800"`, ``}, {`"\ud800\u0041"`, ``}, {`"\ud800x"`, ``}, {"\ufeff{}", ``},
		{`{"a":1,"a":2}`, ``}, {`{"userName":1,"USERNAME":2}`, ``}, {`{"x":{"a":1,"A":1}}`, ``}, {"[1\v]", ``},
	} {
		v, err := scim.Parse([]byte(c.in))
		switch {
		case c.want == "" && fault(err) != "400 invalidSyntax":
			t.Errorf("Parse(%q) = %s, %v: want refused", c.in, render(v), err)
		case c.want != "" && (err != nil || render(v) != c.want):
			t.Errorf("Parse(%q) = %s, %v: want %s", c.in, render(v), err, c.want)
		}
	}
}

func TestParseLimits(t *testing.T) {
	nest := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if _, err := scim.Parse(nest(scim.MaxDepth)); err != nil {
		t.Error(err)
	}
	if _, err := scim.Parse(nest(scim.MaxDepth + 1)); fault(err) != "400 invalidSyntax" {
		t.Errorf("one level more: %v", err)
	}
	var wide strings.Builder
	for i := range 40 {
		wide.WriteString(`"k` + strings.Repeat("x", i) + `":1,`)
	}
	if _, err := scim.Parse([]byte(`{` + wide.String() + `"z":1}`)); err != nil {
		t.Error(err)
	}
	if _, err := scim.Parse([]byte(`{` + wide.String() + `"KX":1}`)); fault(err) != "400 invalidSyntax" {
		t.Errorf("a repeated member of a large object: %v", err)
	}
}

func TestValue(t *testing.T) {
	v := parse(t, `{'a':1,'B':{'c':[true,null]}}`)
	if v.Get("A").Text() != "1" || v.Get("b").Get("C").Elements()[0].Bool() != true || !v.Get("x").Get("y").IsNull() {
		t.Error("Get")
	}
	for _, c := range []struct{ got, want string }{
		{render(v.With("b", scim.IntValue(2))), `{'a':1,'B':2}`},
		{render(v.With("d", scim.StringValue("x"))), `{'a':1,'B':{'c':[true,null]},'d':'x'}`},
		{render(v.With("A", scim.Value{})), `{'B':{'c':[true,null]}}`},
		{render(v.With("zz", scim.Value{})), `{'a':1,'B':{'c':[true,null]}}`},
		{render(scim.Value{}.With("a", scim.NumberValue("1.50"))), `{'a':1.50}`},
		{render(scim.BoolValue(true).With("a", scim.IntValue(1))), `true`},
		{render(v), `{'a':1,'B':{'c':[true,null]}}`},
		{render(scim.ArrayValue()), `[]`}, {render(scim.ObjectValue()), `{}`}, {render(scim.Value{}), `null`},
	} {
		if c.got != quote(c.want) {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func TestValueEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{'a':1,'b':2}`, `{'B':2.0,'a':1}`, true}, {`{'a':1,'b':2}`, `{'a':1}`, false}, {`{'a':1,'b':2}`, `{'a':1,'c':2}`, false},
		{`[1,2]`, `[2,1]`, false}, {`[1,2]`, `[1,2]`, true}, {`1e2`, `100`, true}, {`-0`, `0.000`, true}, {`1e400`, `1e401`, false},
		{`0.1`, `0.10`, true}, {`-1`, `1`, false}, {`'a'`, `'A'`, false}, {`null`, `false`, false}, {`true`, `false`, false},
		{`{'a':null}`, `{}`, false}, {`9007199254740993`, `9007199254740992`, false}, {`1e999999999999999999999`, `1e9`, false},
	} {
		if a, b := parse(t, c.a), parse(t, c.b); a.Equal(b) != c.want || b.Equal(a) != c.want {
			t.Errorf("%s equal %s: want %v", c.a, c.b, c.want)
		}
	}
}

// jsonText draws JSON, and text that is almost JSON.
func jsonText() *rapid.Generator[string] {
	leaf := rapid.OneOf(rapid.SampledFrom([]string{"1", "-0", "0.5", "1E3", "01", "true", "null", `""`, `"a"`, `"\u00e9"`, `"\ud83d\ude00"`,
		`"\q"`, "{}", "[]"}),
		rapid.Map(rapid.String(), func(s string) string { b, _ := json.Marshal(s); return string(b) }),
		rapid.Map(rapid.Float64Range(-math.MaxFloat32, math.MaxFloat32), func(f float64) string { b, _ := json.Marshal(f); return string(b) }))
	var tree func(depth int) *rapid.Generator[string]
	tree = func(depth int) *rapid.Generator[string] {
		if depth == 0 {
			return leaf
		}
		inner := rapid.SliceOfN(tree(depth-1), 0, 3)
		return rapid.OneOf(leaf, rapid.Map(inner, func(s []string) string { return "[" + strings.Join(s, ", ") + "]" }),
			rapid.Map(inner, func(s []string) string {
				for i := range s {
					s[i] = `"` + string(rune('a'+i)) + `":` + s[i]
				}
				return "{" + strings.Join(s, ",") + "}"
			}))
	}
	return rapid.Custom(func(t *rapid.T) string {
		s := tree(3).Draw(t, "json")
		if rapid.IntRange(0, 9).Draw(t, "damage") == 0 && len(s) > 0 {
			at := rapid.IntRange(0, len(s)-1).Draw(t, "at")
			s = s[:at] + rapid.SampledFrom([]string{"", "x", ",", "]", `"`, `\`, "\x00", "\xff"}).Draw(t, "by") + s[at+1:]
		}
		return s
	})
}

// encoding/json reads the same values, except for texts that Parse refuses on purpose.
func TestParseAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { agreeWithJSON(t, jsonText().Draw(t, "text")) })
}

func agreeWithJSON(t interface{ Fatalf(string, ...any) }, text string) {
	v, err := scim.Parse([]byte(text))
	if err != nil {
		detail := err.Error()
		ours := strings.Contains(detail, "UTF-8") || strings.Contains(detail, "twice") || strings.Contains(detail, "levels") ||
			strings.Contains(detail, `\u escape`)
		if json.Valid([]byte(text)) && !ours {
			t.Fatalf("Parse(%q): %v, but encoding/json accepts it", text, err)
		}
		return
	}
	var want, got any
	if err := decodeJSON([]byte(text), &want); err != nil {
		t.Fatalf("Parse accepts %q, encoding/json: %v", text, err)
	}
	printed := v.Append(nil)
	if err := decodeJSON(printed, &got); err != nil {
		t.Fatalf("%q printed as %q: %v", text, printed, err)
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if !bytes.Equal(a, b) {
		t.Fatalf("%q printed as %q: %s, want %s", text, printed, b, a)
	}
	again, err := scim.Parse(printed)
	if err != nil || !again.Equal(v) || !bytes.Equal(again.Append(nil), printed) {
		t.Fatalf("%q: print and parse is not stable: %q, %v", text, printed, err)
	}
}

func decodeJSON(data []byte, v *any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(v)
}

func TestErrorMessage(t *testing.T) {
	e := scim.Errorf(400, scim.TypeInvalidValue, "%s must be a boolean", "active")
	want := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidValue",` +
		`"detail":"active must be a boolean"}`
	if got := string(e.Append(nil)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := string((&scim.Error{
		Status: 500,
	}).Append(nil)); got != `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"500"}` {
		t.Error(got)
	}
}
