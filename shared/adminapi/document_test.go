package adminapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rollcall/shared/adminapi"
)

var updateDocument = flag.Bool("update", false, "write openapi.json.gz from openapi.yaml")

// document returns openapi.yaml as JSON values.
var document = sync.OnceValue(func() map[string]any {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		panic(err)
	}
	var v map[string]any
	if err := yaml.Unmarshal(text, &v); err != nil {
		panic(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		panic(err)
	}
	return out
})

// resolve follows references.
func resolve(v any) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	var at any = document()
	for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := at.(map[string]any)[name]
		if !ok {
			panic("no " + ref)
		}
		at = next
	}
	return resolve(at)
}

// operation is one operation of the document.
type operation struct {
	method, path string // path as the route table writes it
	form         *regexp.Regexp
	def          map[string]any
}

var pathParameter = regexp.MustCompile(`\{\w+\}`)

var operations = sync.OnceValue(func() []operation {
	var out []operation
	for path, item := range document()["paths"].(map[string]any) {
		for method, def := range item.(map[string]any) {
			if method != "parameters" {
				route := pathParameter.ReplaceAllString(path, "{id}")
				form := "^" + strings.ReplaceAll(regexp.QuoteMeta(route), `\{id\}`, `[0-9a-z][0-9a-z-]{0,63}`) + "$"
				out = append(out, operation{strings.ToUpper(method), route, regexp.MustCompile(form), def.(map[string]any)})
			}
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return out
})

func TestDocumentAndRoutesAgree(t *testing.T) {
	t.Parallel()
	var documented, served []string
	for _, o := range operations() {
		documented = append(documented, fmt.Sprintln(o.method, o.path, o.def["operationId"], o.def["x-roles"]))
	}
	for _, r := range adminapi.Routes() {
		served = append(served, fmt.Sprintln(r.Method, r.Path, r.Operation, r.Roles))
	}
	slices.Sort(documented)
	slices.Sort(served)
	for i := range documented {
		documented[i] = sortRoles(documented[i])
	}
	for i := range served {
		served[i] = sortRoles(served[i])
	}
	if diff := cmp.Diff(documented, served); diff != "" {
		t.Errorf("the document (-) and the route table (+) differ:\n%s", diff)
	}
}

// sortRoles sorts the roles at the end of a line.
func sortRoles(line string) string {
	head, roles, _ := strings.Cut(line, "[")
	words := strings.Fields(strings.Trim(roles, "]\n"))
	slices.Sort(words)
	return head + fmt.Sprint(words)
}

// TestDocumentReferences follows every reference of the document, also those that no example needs; resolve panics at one
// to nothing.
func TestDocumentReferences(t *testing.T) {
	t.Parallel()
	n := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["$ref"].(string); ok {
				resolve(v)
				n++
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(document())
	if n < 1000 {
		t.Errorf("only %d references were found", n)
	}
}

func TestDocumentInJSON(t *testing.T) {
	t.Parallel()
	want, err := json.Marshal(document())
	if err != nil {
		t.Fatal(err)
	}
	if *updateDocument {
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(want)
		if err := errors.Join(err, w.Close(), os.WriteFile("openapi.json.gz", b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
		return
	}
	f := newFixture(t)
	if got := f.want(200, "GET", "/openapi.json", "", "Authorization", ""); got.raw != string(want) {
		t.Error("openapi.json.gz is not openapi.yaml in JSON: write it with go test -run TestDocumentInJSON -update")
	}
}

func TestDocumentIsServedWithoutKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if got := f.want(200, "GET", "/openapi.json", "", "Authorization", ""); got.str("openapi") != "3.1.0" {
		t.Errorf("openapi.json begins with %.60s", got.raw)
	}
}

// TestDocumentExamples sends each example of a request, as a dry run, and checks each example of an answer against its
// schema.
func TestDocumentExamples(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	sent := 0
	for _, o := range operations() {
		if body := resolve(o.def["requestBody"]); body != nil {
			content := body["content"].(map[string]any)
			media, table := content["text/csv"].(map[string]any)
			if !table {
				media = content["application/json"].(map[string]any)
			}
			example, ok := media["example"]
			if !ok {
				t.Errorf("%s %s has no example of a request", o.method, o.path)
				continue
			}
			b, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			if table {
				b = []byte(example.(string))
			}
			if bad := validate(media["schema"], example); len(bad) > 0 {
				t.Errorf("%s %s: the example breaks its schema: %v", o.method, o.path, bad)
			}
			f, w := f, w
			if o.def["operationId"] == "undoApplyRun" { // needs an applied run, unlike the others
				f = newFixture(t)
				w = f.populateAll()
			}
			f.prepare(&w, fmt.Sprint(o.def["operationId"]))
			if got := f.do(o.method, w.path(o.path)+"?dryRun=true", w.fill(string(b))); got.status != http.StatusOK || got.str("dryRun") != "true" {
				t.Errorf("%s %s: the example was answered %d %s", o.method, o.path, got.status, got.raw)
			}
			sent++
		}
		for code, r := range o.def["responses"].(map[string]any) {
			for _, media := range resolve(r)["content"].(map[string]any) {
				if example, ok := media.(map[string]any)["example"]; ok {
					if bad := validate(media.(map[string]any)["schema"], example); len(bad) > 0 {
						t.Errorf("%s %s: the example of answer %s breaks its schema: %v", o.method, o.path, code, bad)
					}
				}
			}
		}
	}
	if sent < 8 {
		t.Errorf("%d examples were sent", sent)
	}
}

// checkAnswer checks an answer against the document. Every answer of every test is checked.
func checkAnswer(t testing.TB, method, path string, got reply) {
	t.Helper()
	if strings.HasPrefix(path, "/api/v1/openapi.") {
		return
	}
	mediaType := got.header.Get("Content-Type")
	schema := any(map[string]any{"$ref": "#/components/schemas/Problem"})
	want := "application/problem+json"
	if o, ok := operationOf(method, strings.TrimPrefix(path, "/api/v1")); ok {
		responses := o.def["responses"].(map[string]any)
		r, ok := responses[fmt.Sprint(got.status)]
		if !ok && got.status != http.StatusNotFound { // a malformed id gives a path of no route
			t.Errorf("%s %s answered %d, which is not documented: %s", method, path, got.status, got.raw)
		}
		content := asMap(resolve(r)["content"])
		for m, c := range content {
			if _, ok := content[mediaType]; m == mediaType || !ok {
				want, schema = m, c.(map[string]any)["schema"]
			}
		}
	} else if got.status < 400 {
		t.Errorf("%s %s answered %d and is not documented", method, path, got.status)
	}
	if want == "text/csv" && mediaType == "text/csv; charset=utf-8" {
		return
	}
	if mediaType != want {
		t.Errorf("%s %s answered %d as %q, want %q", method, path, got.status, mediaType, want)
	}
	body := any(got.body)
	if !strings.HasSuffix(mediaType, "json") {
		body = got.raw
	}
	if bad := validate(schema, body); len(bad) > 0 {
		t.Errorf("%s %s answered %d, which breaks the schema: %v\n%s", method, path, got.status, bad, got.raw)
	}
}

func asMap(v any) map[string]any { m, _ := v.(map[string]any); return m }

func operationOf(method, path string) (operation, bool) {
	for _, o := range operations() {
		if o.method == method && o.form.MatchString(path) {
			return o, true
		}
	}
	return operation{}, false
}

// validate checks a JSON value against the part of JSON Schema that the document uses, and returns the errors. An
// unknown keyword is an error, too.
func validate(schema, v any) (bad []string) {
	s := asMap(schema)
	if ref, ok := s["$ref"]; ok {
		bad = append(bad, validate(resolve(map[string]any{"$ref": ref}), v)...)
	}
	fail := func(format string, a ...any) { bad = append(bad, fmt.Sprintf(format, a...)) }
	for keyword, arg := range s {
		switch keyword {
		case "$ref", "description", "default", "format":
		case "type":
			if !isType(arg.(string), v) {
				fail("%v is no %s", v, arg)
			}
		case "const":
			if v != arg {
				fail("%v is not %v", v, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				fail("%v is not one of %v", v, arg)
			}
		case "anyOf":
			if !slices.ContainsFunc(arg.([]any), func(s any) bool { return len(validate(s, v)) == 0 }) {
				fail("%v fits no alternative", v)
			}
		case "allOf":
			for _, s := range arg.([]any) {
				bad = append(bad, validate(s, v)...)
			}
		case "pattern":
			if text, ok := v.(string); ok && !goPattern(arg.(string)).MatchString(text) {
				fail("%q does not match %s", text, arg)
			}
		case "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems":
			if !inBounds(keyword, arg.(float64), v) {
				fail("%v breaks %s %v", v, keyword, arg)
			}
		case "items":
			elements, _ := v.([]any)
			for i, e := range elements {
				for _, b := range validate(arg, e) {
					fail("[%d]: %s", i, b)
				}
			}
		case "properties", "additionalProperties":
		case "required":
			for _, name := range arg.([]any) {
				if o, ok := v.(map[string]any); ok && o[name.(string)] == nil {
					fail("%s is missing", name)
				}
			}
		default:
			fail("the keyword %s is not known to this test", keyword)
		}
	}
	o, _ := v.(map[string]any)
	for name, value := range o {
		property, ok := asMap(s["properties"])[name]
		switch {
		case ok:
			for _, b := range validate(property, value) {
				fail("%s: %s", name, b)
			}
		case s["additionalProperties"] == false:
			fail("%s is not in the schema", name)
		}
	}
	return bad
}

// goPattern compiles a pattern of the document in Go's syntax.
func goPattern(p string) *regexp.Regexp {
	if known, ok := goPatterns.Load(p); ok {
		return known.(*regexp.Regexp)
	}
	re := regexp.MustCompile(escapedRune.ReplaceAllString(p, `\x{$1}`))
	goPatterns.Store(p, re)
	return re
}

var (
	goPatterns  sync.Map
	escapedRune = regexp.MustCompile(`\\u([0-9A-F]{4})`)
)

func isType(name string, v any) bool {
	switch x := v.(type) {
	case nil:
		return name == "null"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && x == math.Trunc(x)
	case []any:
		return name == "array"
	}
	return name == "object"
}

func inBounds(keyword string, bound float64, v any) bool {
	var n float64
	switch x := v.(type) {
	case string:
		n = float64(utf8.RuneCountInString(x))
	case float64:
		n = x
	case []any:
		n = float64(len(x))
	default:
		return true
	}
	if strings.HasPrefix(keyword, "min") {
		return n >= bound
	}
	return n <= bound
}
