package integration_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var (
	packagesLine = regexp.MustCompile(`(?m)^PKG *:= (.*)$`)
	checksLine   = regexp.MustCompile(`(?m)^CHECKS *:= (.*)$`)
	listedTests  = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+?) \\|")
	buildTag     = regexp.MustCompile(`(?m)^//go:build (conformance|templates|deploy)$`)
)

// TestEveryTestIsListed checks that docs/testing.md lists the long proofs, and the tests that run only in make check.
func TestEveryTestIsListed(t *testing.T) {
	t.Parallel()
	found, err := testingRules(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// testingRules returns the differences between docs/testing.md, the Makefile and the tests, a line each.
func testingRules(tree fs.FS) ([]string, error) {
	sources, err := goFiles(tree)
	if err != nil {
		return nil, err
	}
	makefile, err := fs.ReadFile(tree, "Makefile")
	if err != nil {
		return nil, err
	}
	doc, err := fs.ReadFile(tree, "docs/testing.md")
	if err != nil {
		return nil, err
	}
	packages, checks := packagesLine.FindSubmatch(makefile), checksLine.FindSubmatch(makefile)
	if packages == nil || checks == nil {
		return []string{"the Makefile has no line PKG := or CHECKS :="}, nil
	}
	long, late, found := testsOf(sources, strings.Fields(string(packages[1])))
	before, after, _ := bytes.Cut(doc, []byte("\n## Only in `make check`\n"))
	_, before, _ = bytes.Cut(before, []byte("\n## Long proofs\n"))
	found = append(found, compareTests("Long proofs", listed(before), long)...)
	found = append(found, compareTests("Only in `make check`", listed(after), late)...)
	for _, c := range strings.Fields(string(checks[1])) {
		if !bytes.Contains(doc, []byte("| `make "+c+"` |")) {
			found = append(found, "docs/testing.md does not say what make "+c+" does")
		}
	}
	return found, nil
}

// testsOf returns the tests that have a long form, the tests outside of packages, which make test runs, and the calls of
// proof.Size outside a test.
func testsOf(sources []source, packages []string) (long, late map[string]bool, found []string) {
	long, late = map[string]bool{}, map[string]bool{}
	for _, s := range sources {
		if !s.test() {
			continue
		}
		inTest := !buildTag.Match(s.text) && slices.ContainsFunc(packages, func(p string) bool {
			dir, below := strings.CutSuffix(strings.TrimPrefix(p, "./"), "/...")
			return s.dir() == dir || below && within(s.dir(), dir)
		})
		for _, d := range s.ast.Decls {
			f, isFunc := d.(*ast.FuncDecl)
			isTest := isFunc && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain"
			if isTest && !inTest {
				late[s.dir()+" "+f.Name.Name] = true
			}
			ast.Inspect(d, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok || sel.Sel.Name != "Size" || fmt.Sprint(sel.X) != "proof" || s.dir() == "shared/proof" {
					return true
				}
				if !isTest {
					found = append(found, s.line(n.Pos())+" calls proof.Size outside a test: call it in the test, and pass the size on")
					return true
				}
				long[s.dir()+" "+f.Name.Name] = true
				return true
			})
		}
	}
	return long, late, found
}

// listed returns the tests of a table whose rows begin with a package and its tests, or all for all tests of the package.
func listed(text []byte) map[string]bool {
	tests := map[string]bool{}
	for _, row := range listedTests.FindAllSubmatch(text, -1) {
		for name := range strings.SplitSeq(string(row[2]), ", ") {
			tests[string(row[1])+" "+strings.Trim(name, "`")] = true
		}
	}
	return tests
}

func compareTests(section string, listed, there map[string]bool) (found []string) {
	for test := range there {
		if all := path.Dir(strings.ReplaceAll(test, " ", "/")) + " all"; !listed[test] && !listed[all] {
			found = append(found, fmt.Sprintf("docs/testing.md, %s: has no row for %s", section, test))
		}
	}
	for row := range listed {
		dir, isAll := strings.CutSuffix(row, " all")
		ofPackage := func(test string) bool { return strings.HasPrefix(test, dir+" ") }
		if !there[row] && !(isAll && slices.ContainsFunc(slices.Collect(maps.Keys(there)), ofPackage)) {
			found = append(found, fmt.Sprintf("docs/testing.md, %s: has a row for %s, which does not exist", section, row))
		}
	}
	slices.Sort(found)
	return found
}

// TestTestingRules tests each rule on a small correct tree with one violation at a time.
func TestTestingRules(t *testing.T) {
	t.Parallel()
	const size = "package scim\n\nfunc TestLong(t *testing.T) { f(proof.Size(1, 2)) }\n"
	right := map[string]string{
		"Makefile": "PKG         := ./shared/... ./integration\nCHECKS      := long\n",
		"docs/testing.md": "| `make long` | x |\n\n## Long proofs\n\n| `shared/scim` | `TestLong` | 1 | 2 |\n" +
			"\n## Only in `make check`\n\n| `infra` | all | CDK |\n| `shared/scim` | `TestA`, `TestB` | Python |\n",
		"shared/scim/x_test.go": size,
		"shared/scim/y_test.go": "//go:build conformance\n\npackage scim\n\nfunc TestA(t *testing.T) {}\nfunc TestB(t *testing.T) {}\n",
		"infra/x_test.go":       "package infra\n\nfunc TestMain(m *testing.M) {}\nfunc TestC(t *testing.T) {}\n",
	}
	for _, c := range []struct{ name, file, text, want string }{
		{"no violation", "", "", ""},
		{"a long proof that is not listed", "shared/scim/z_test.go", strings.ReplaceAll(size, "Long", "More"),
			"has no row for shared/scim TestMore"},
		{"a missing long proof", "shared/scim/x_test.go", "package scim\n", "has a row for shared/scim TestLong, which does not exist"},
		{"a size outside a test", "shared/scim/z_test.go", "package scim\n\nvar n = proof.Size(1, 2)\n", "z_test.go:3 calls proof.Size"},
		{"a test with a tag", "shared/z_test.go", "//go:build deploy\n\npackage x\n\nfunc TestD(t *testing.T) {}\n",
			"has no row for shared TestD"},
		{"a test below a package", "integration/x/z_test.go", "package x\n\nfunc TestD(t *testing.T) {}\n", "has no row for integration/x TestD"},
		{"a missing package", "infra/x_test.go", "package infra\n", "has a row for infra all, which does not exist"},
		{"a check that is not described", "Makefile", strings.ReplaceAll(right["Makefile"], "long", "long race"),
			"does not say what make race does"},
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
			found, err := testingRules(tree)
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(found, "\n"); c.want == "" && all != "" || !strings.Contains(all, c.want) || len(found) > 1 {
				t.Errorf("found:\n%s\nwant only: %q", all, c.want)
			}
		})
	}
}
