package integration_test

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	fileLines = 500
	mainLines = 40
)

const aws = "github.com/aws/aws-sdk-go-v2"

// mayImport says, for each package and those below it, what its production code may import besides the standard
// library and itself: our own packages by their folder, and modules. Imports point inward: functions, then the
// protocols, then the business; a store or a workflow knows the business only. Tests may import what they need.
var mayImport = map[string][]string{
	"shared/casefold":        {"golang.org/x/text"},
	"shared/scim":            {"shared/casefold", "golang.org/x/text"},
	"shared/entra":           {"shared/scim", "shared/casefold"},
	"shared/directory":       {"shared/casefold"},
	"shared/scimapi":         {"shared/casefold", "shared/scim", "shared/entra", "shared/directory", "shared/reqlog"},
	"shared/adminapi":        {"shared/directory", "shared/reqlog"},
	"shared/console":         {"shared/directory", "shared/reqlog"},
	"shared/store/dynamo":    {"shared/directory", aws, "github.com/aws/smithy-go"},
	"shared/store/sqlite":    {"shared/directory", "zombiezen.com/go/sqlite", "modernc.org/sqlite"},
	"shared/store/storetest": {"shared/directory", "shared/proof", "github.com/google/go-cmp", "pgregory.net/rapid"},
	"shared/country":         {"github.com/biter777/countries"},
	"shared/workflow":        {"shared/directory", aws, "github.com/aws/smithy-go"},
	"shared/keys":            {"shared/directory", aws, "github.com/aws/smithy-go"},
	"shared/reqlog":          {},
	"shared/golden":          {"github.com/google/go-cmp"},
	"shared/proof":           {"pgregory.net/rapid"},
	"shared/app": {"shared/casefold", "shared/country", "shared/directory", "shared/entra", "shared/keys", "shared/reqlog", "shared/scim", "shared/store",
		"shared/workflow", aws, "github.com/aws/smithy-go", "github.com/aws/aws-lambda-go", "github.com/awslabs/aws-lambda-go-api-proxy"},
	"functions": {"shared/scimapi", "shared/adminapi", "shared/console", "shared/app", "github.com/aws/aws-lambda-go"},
	// An Entra of our own making proves something only while it shares nothing with the service.
	"integration/entra": {"golang.org/x/sync", "golang.org/x/term"},
}

var (
	topLevel = strings.Fields("functions infra shared events integration go.mod go.sum samconfig.toml README.md CHANGELOG.md " +
		"Makefile .golangci.yml .gitignore .github .ci docs")
	bannedNames = strings.Fields("util utils common helper helpers type types model models interface interfaces misc base")
	generated   = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	laterMark   = regexp.MustCompile(`\b(TODO|FIXME)\b`)
	docLine     = regexp.MustCompile("(?m)^[*-] `([^`]+)`")
)

// source is one Go file of the tree.
type source struct {
	name string
	text []byte
	ast  *ast.File
	fset *token.FileSet
}

func (s source) dir() string { return path.Dir(s.name) }
func (s source) test() bool  { return strings.HasSuffix(s.name, "_test.go") }
func (s source) lines() int  { return bytes.Count(s.text, []byte("\n")) }
func (s source) line(p token.Pos) string {
	return s.name + ":" + strconv.Itoa(s.fset.Position(p).Line)
}

func (s source) imports() []string {
	var all []string
	for _, i := range s.ast.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			all = append(all, p)
		}
	}
	return all
}

func TestArchitecture(t *testing.T) {
	t.Parallel()
	found, err := violations(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// violations returns what the tree does against our architecture, a line each.
func violations(tree fs.FS) ([]string, error) {
	sources, err := goFiles(tree)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, s := range sources {
		found = append(found, fileRules(s)...)
		found = append(found, importRules(s)...)
	}
	found = append(found, packageRules(sources)...)
	for _, rule := range []func(fs.FS, []source) ([]string, error){topLevelRules, eventRules, moduleRules} {
		more, err := rule(tree, sources)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

func goFiles(tree fs.FS) ([]source, error) {
	var all []source
	fset := token.NewFileSet()
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != "." && (base[0] == '.' || slices.Contains([]string{"testdata", "node_modules", "cdk.out", "bin", "dist"}, base)) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{name, text, f, fset})
		return nil
	})
	return all, err
}

func fileRules(s source) []string {
	var found []string
	if n := s.lines(); n > fileLines && !generated.Match(s.text) {
		found = append(found, fmt.Sprintf("%s has %d lines, more than %d: split it by what it is about", s.name, n, fileLines))
	}
	if n := s.lines(); n > mainLines && strings.HasPrefix(s.name, "functions/") && path.Base(s.name) == "main.go" {
		found = append(found, fmt.Sprintf("%s has %d lines, more than %d: a main wires and starts, what deserves a test lives in shared/",
			s.name, n, mainLines))
	}
	for _, group := range s.ast.Comments {
		for _, c := range group.List {
			if laterMark.MatchString(c.Text) {
				found = append(found, s.line(c.Pos())+" puts work off in a comment: do it, or open an issue")
			}
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
			return true
		}
		if on, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"t", "b", "f", "tb"}, on.Name) {
			found = append(found, s.line(n.Pos())+" skips a test: a test that lacks its tool fails and says what to install")
		}
		return true
	})
	return found
}

func importRules(s source) []string {
	var found []string
	deployed := strings.HasPrefix(s.name, "shared/") || strings.HasPrefix(s.name, "functions/")
	row := longest(s.dir(), mayImport)
	if deployed && row == "" {
		return []string{s.name + " is of a package without a row in mayImport: say there what it may import, and why it is no file of another package"}
	}
	for _, p := range s.imports() {
		if deployed && strings.HasPrefix(p, "github.com/aws/aws-cdk-go") {
			found = append(found, fmt.Sprintf("%s imports %s: what is deployed must not know how it is deployed", s.name, p))
			continue
		}
		own := strings.HasPrefix(p, "rollcall/")
		outside := strings.Contains(strings.Split(p, "/")[0], ".")
		if row == "" || s.test() || !own && !outside {
			continue
		}
		p = strings.TrimPrefix(p, "rollcall/")
		if !slices.ContainsFunc(append([]string{row}, mayImport[row]...), func(ok string) bool { return within(p, ok) }) {
			found = append(found, fmt.Sprintf("%s imports %s: %s may import %s only", s.name, p, row, strings.Join(mayImport[row], ", ")))
		}
	}
	return found
}

// within reports whether the path is dir or lies below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// longest returns the longest key that p lies within, or "".
func longest[V any](p string, keys map[string]V) string {
	best := ""
	for k := range keys {
		if len(k) > len(best) && within(p, k) {
			best = k
		}
	}
	return best
}

func packageRules(sources []source) []string {
	docs := map[string][]string{}
	var found []string
	for _, s := range sources {
		if name := strings.TrimSuffix(s.ast.Name.Name, "_test"); slices.Contains(bannedNames, name) || slices.Contains(bannedNames, path.Base(s.dir())) {
			found = append(found, s.name+" is of a package whose name says nothing: name it by what it does")
		}
		if s.test() {
			continue
		}
		docs[s.dir()] = append(docs[s.dir()], "")
		if s.ast.Doc != nil {
			docs[s.dir()] = append(docs[s.dir()], path.Base(s.name))
		}
	}
	for dir, files := range docs {
		if files = slices.DeleteFunc(files, func(f string) bool { return f == "" }); len(files) != 1 {
			found = append(found, fmt.Sprintf("%s has %d package comments %v, want one: what it is for and what it is not", dir, len(files), files))
		}
	}
	slices.Sort(found)
	return found
}

func topLevelRules(tree fs.FS, _ []source) ([]string, error) {
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return nil, err
	}
	ignored := []string{".git"}
	if text, err := fs.ReadFile(tree, ".gitignore"); err == nil {
		for _, l := range strings.Fields(string(text)) {
			ignored = append(ignored, strings.Trim(l, "/"))
		}
	}
	var found []string
	for _, e := range entries {
		skip := func(pattern string) bool { ok, err := path.Match(pattern, e.Name()); return ok && err == nil }
		if !slices.Contains(topLevel, e.Name()) && !slices.ContainsFunc(ignored, skip) {
			found = append(found, e.Name()+" lies at the top level, which is fixed: find it a place in one of the folders")
		}
	}
	return found, nil
}

func eventRules(tree fs.FS, _ []source) ([]string, error) {
	functions, err := fs.Glob(tree, "functions/*/main.go")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, f := range functions {
		name := path.Base(path.Dir(f))
		one, err := fs.Glob(tree, "events/"+name+".json")
		if err != nil {
			return nil, err
		}
		more, err := fs.Glob(tree, "events/"+name+".*.json")
		if err != nil {
			return nil, err
		}
		if len(one)+len(more) == 0 {
			found = append(found, fmt.Sprintf("functions/%s has no sample event: add events/%s.json or events/%s.<case>.json", name, name, name))
		}
	}
	return found, nil
}

// moduleRules compares the modules that are imported with go.mod and with docs/dependencies.md. While go.mod marks an
// imported module as indirect, code is still landing and the document may run ahead; after `go mod tidy` all three agree.
func moduleRules(tree fs.FS, sources []source) ([]string, error) {
	text, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		return nil, err
	}
	indirect, found := requirements(text)
	doc, err := fs.ReadFile(tree, "docs/dependencies.md")
	if err != nil {
		return nil, err
	}
	documented := map[string]bool{}
	for _, m := range docLine.FindAllSubmatch(doc, -1) {
		documented[string(m[1])] = true
	}
	imported, landing := map[string]bool{}, false
	for _, s := range sources {
		for _, p := range s.imports() {
			if m := longest(p, indirect); m != "" {
				imported[m], landing = true, landing || indirect[m]
			}
		}
	}
	for m := range indirect {
		switch {
		case imported[m] && !documented[m]:
			found = append(found, "docs/dependencies.md has no line for "+m+": say its need, alternative and exit, as in: - `"+m+"` ...")
		case !landing && !indirect[m] && !imported[m]:
			found = append(found, "go.mod requires "+m+", which nothing imports: run go mod tidy")
		}
	}
	for m := range documented {
		if !landing && !imported[m] {
			found = append(found, "docs/dependencies.md has a line for "+m+", which nothing imports: remove the line")
		}
	}
	slices.Sort(found)
	return found, nil
}

// requirements returns the modules that go.mod requires, each with whether it is marked indirect, and what go.mod must not hold.
func requirements(text []byte) (indirect map[string]bool, found []string) {
	indirect = map[string]bool{}
	block := ""
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) == 0:
		case f[0] == ")":
			block = ""
		case f[len(f)-1] == "(":
			block = f[0]
		default:
			verb := block
			if verb == "" {
				verb, f = f[0], f[1:]
			}
			if verb == "require" && len(f) >= 2 {
				indirect[f[0]] = len(f) > 3 && f[3] == "indirect"
			}
			if verb == "replace" {
				found = append(found, "go.mod replaces "+f[0]+": a replace line does not hold for who imports us, and hides what is built")
			}
		}
	}
	return indirect, found
}

// TestArchitectureRules shows each rule at work: a small right tree, with one thing wrong at a time.
func TestArchitectureRules(t *testing.T) {
	t.Parallel()
	const pkg = "// Package x is.\npackage x\n"
	long := pkg + strings.Repeat("\n", fileLines)
	right := map[string]string{
		"go.mod":                  "module rollcall\n\nrequire (\n\tgolang.org/x/text v1.0.0\n\tm.example/far v1.0.0 // indirect\n)\n",
		"docs/dependencies.md":    "- `golang.org/x/text`: need\n",
		".gitignore":              "/bin/\n*.db\n",
		"bin/x":                   "",
		"rollcall.db":             "",
		"functions/users/main.go": "// Command users.\npackage main\n\nimport _ \"rollcall/shared/scimapi\"\n",
		"events/users.get.json":   "{}",
		"shared/scim/scim.go":     "// Package scim is.\npackage scim\n\nimport (\n\t_ \"golang.org/x/text/cases\"\n\t_ \"rollcall/shared/casefold\"\n\t_ \"io\"\n)\n",
		"shared/scim/x_test.go":   "package scim_test\n\nimport _ \"rollcall/shared/golden\"\n",
		"shared/scim/gen.go":      "// Code generated by x. DO NOT EDIT.\n\npackage scim\n" + strings.Repeat("\n", fileLines),
	}
	for _, c := range []struct{ name, file, text, want string }{
		{"nothing wrong", "", "", ""},
		{"a long file", "shared/scim/a_test.go", strings.Replace(long, "// Package x is.\n", "", 1), "shared/scim/a_test.go has 501 lines"},
		{"a long main", "functions/users/main.go", "// Command users.\npackage main\n" + strings.Repeat("\n", mainLines), "main.go has 42 lines"},
		{"work put off", "shared/scim/a.go", "package scim\n\n// TODO: more\n", "shared/scim/a.go:3 puts work off"},
		{"a skipped test", "shared/scim/a_test.go", "package scim\n\nfunc T() { t.Skipf(\"no\") }\n", "shared/scim/a_test.go:3 skips a test"},
		{"a forbidden package", "shared/scim/a.go", "package scim\n\nimport _ \"rollcall/shared/directory\"\n", "a.go imports shared/directory: shared/scim may"},
		{"a package below another's name", "shared/scim/a.go", "package scim\n\nimport _ \"rollcall/shared/scimapi\"\n", "a.go imports shared/scimapi:"},
		{"a forbidden module", "shared/scim/a.go", "package scim\n\nimport _ \"net.example/x\"\n", "a.go imports net.example/x"},
		{"CDK in a test", "shared/scim/a_test.go", "package scim\n\nimport _ \"github.com/aws/aws-cdk-go/awscdk/v2\"\n", "must not know how it is deployed"},
		{"the service in Entra's client", "integration/entra/a.go", "// Package entra is.\npackage entra\n\nimport _ \"rollcall/shared/scim\"\n", "imports shared/scim: integration/entra may"},
		{"a package without a row", "shared/x/a.go", pkg, "without a row"},
		{"no package comment", "integration/x/a.go", "package x\n", "integration/x has 0 package comments"},
		{"two package comments", "shared/scim/a.go", "// Package scim again.\npackage scim\n", "shared/scim has 2 package comments"},
		{"an empty name", "integration/x/helpers/a.go", "// Package y is.\npackage y\n", "says nothing"},
		{"an empty name in a clause", "integration/x/a.go", "// Package util is.\npackage util\n", "says nothing"},
		{"a top-level folder", "pkg/a.txt", "", "pkg lies at the top level"},
		{"a function without an event", "functions/bulk/main.go", "// Command bulk.\npackage main\n", "functions/bulk has no sample event"},
		{"a replaced module", "go.mod", right["go.mod"] + "replace m.example/far => ../far\n", "go.mod replaces m.example/far"},
		{"replaced modules", "go.mod", right["go.mod"] + "replace (\n\tm.example/far => ../far\n)\n", "go.mod replaces m.example/far"},
		{"an undocumented module", "docs/dependencies.md", "", "no line for golang.org/x/text"},
		{"a documented module gone", "docs/dependencies.md", right["docs/dependencies.md"] + "- `m.example/far`: need\n", "line for m.example/far, which nothing imports"},
		{"a module nothing imports", "go.mod", strings.ReplaceAll(right["go.mod"], " // indirect", ""), "go.mod requires m.example/far, which nothing imports"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree := fstest.MapFS{}
			for name, text := range right {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if c.file != "" {
				tree[c.file] = &fstest.MapFile{Data: []byte(c.text)}
			}
			found, err := violations(tree)
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(found, "\n"); c.want == "" && all != "" || !strings.Contains(all, c.want) || len(found) > 1 {
				t.Errorf("found:\n%s\nwant only: %q", all, c.want)
			}
		})
	}
}
