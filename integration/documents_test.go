package integration_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
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

// TestDocuments checks the documents against each other and against the tree.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, rule := range documentRules {
		found, err := rule(os.DirFS(".."))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Errorf("%s: %s", name, f)
		}
	}
}

// documentRules return violations, a line each.
var documentRules = map[string]func(fs.FS) ([]string, error){
	"decisions": decisionRules, "citations of decisions": decisionCitations, "links": linkRules, "pages": pageRules, "actions": actionRules,
	"tools": toolRules, "tests": namedTestRules,
}

var (
	decisionTitle = regexp.MustCompile(`(?m)^# (\d+\. .+)$`)
	decisionLine  = regexp.MustCompile(`(?m)^(\d+\.) \[(.+)\]\((\d{4}-[a-z-]+\.md)\)$`)
	chapter       = regexp.MustCompile(`(?m)^## (.+)$`)
	chapters      = []string{"Context", "Decision", "Alternatives", "Consequences"}
)

// decisionRules checks that docs/adr/README.md lists the decisions in order and by their titles, and that each has its
// four chapters.
func decisionRules(tree fs.FS) ([]string, error) {
	files, err := fs.Glob(tree, "docs/adr/0*.md")
	if err != nil {
		return nil, err
	}
	index, err := fs.ReadFile(tree, "docs/adr/README.md")
	if err != nil {
		return nil, err
	}
	var found, want, got []string
	for i, file := range files {
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			return nil, err
		}
		title := decisionTitle.FindSubmatch(text)
		named := strings.HasPrefix(path.Base(file), fmt.Sprintf("%04d-", i+1))
		if title == nil || !named || !strings.HasPrefix(string(title[1]), fmt.Sprintf("%d. ", i+1)) {
			found = append(found, fmt.Sprintf("%s must be decision %d in its name and its title", file, i+1))
			continue
		}
		want = append(want, string(title[1])+" "+path.Base(file))
		var has []string
		for _, c := range chapter.FindAllSubmatch(text, -1) {
			has = append(has, string(c[1]))
		}
		if !slices.Equal(has, chapters) {
			found = append(found, fmt.Sprintf("%s has the chapters %v, want %v", file, has, chapters))
		}
	}
	for _, l := range decisionLine.FindAllSubmatch(index, -1) {
		got = append(got, fmt.Sprintf("%s %s %s", l[1], l[2], l[3]))
	}
	if !slices.Equal(got, want) {
		found = append(found, "docs/adr/README.md lists:\n"+strings.Join(got, "\n")+"\nwant:\n"+strings.Join(want, "\n"))
	}
	return found, nil
}

var decisionCited = regexp.MustCompile(`\bADRs? (\d+)\b`)

// decisionCitations checks that a decision that is cited by its number exists.
func decisionCitations(tree fs.FS) ([]string, error) {
	var found []string
	err := eachText(tree, func(name string, text []byte) error {
		for _, m := range decisionCited.FindAllSubmatch(text, -1) {
			n, err := strconv.Atoi(string(m[1]))
			if err != nil {
				return err
			}
			if hits, err := fs.Glob(tree, fmt.Sprintf("docs/adr/%04d-*.md", n)); err != nil || len(hits) != 1 {
				found = append(found, fmt.Sprintf("%s cites %s, which is not in docs/adr", name, m[0]))
			}
		}
		return nil
	})
	return found, err
}

// unread lists folders of generated and fetched files, and of test data.
var unread = []string{"testdata", "node_modules", "cdk.out", "bin", "dist"}

// eachText calls fn with every Go file, document and workflow.
func eachText(tree fs.FS, fn func(name string, text []byte) error) error {
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != "." && (base[0] == '.' && base != ".github" || slices.Contains(unread, base)) {
			return fs.SkipDir
		}
		if d.IsDir() || !slices.Contains([]string{".go", ".md", ".yml"}, path.Ext(name)) || name == "integration/documents_test.go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return fn(name, text)
	})
}

var link = regexp.MustCompile(`\]\(([^)#: ]+)(#[^)]*)?\)`)

// linkRules checks that the files that documents link to exist.
func linkRules(tree fs.FS) ([]string, error) {
	var found []string
	err := eachText(tree, func(name string, text []byte) error {
		if path.Ext(name) != ".md" {
			return nil
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			if _, err := fs.Stat(tree, path.Join(path.Dir(name), string(m[1]))); err != nil {
				found = append(found, fmt.Sprintf("%s links to %s, which does not exist", name, m[1]))
			}
		}
		return nil
	})
	return found, err
}

var namedTest = regexp.MustCompile("`(Test\\w+)(?:/[^`]*)?`")

// namedTestRules checks that the tests that documents name exist.
func namedTestRules(tree fs.FS) ([]string, error) {
	sources, err := goFiles(tree)
	if err != nil {
		return nil, err
	}
	tests := map[string]bool{}
	for _, s := range sources {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test() {
				tests[f.Name.Name] = true
			}
		}
	}
	var found []string
	err = eachText(tree, func(name string, text []byte) error {
		for _, m := range namedTest.FindAllSubmatch(text, -1) {
			if path.Ext(name) == ".md" && !tests[string(m[1])] {
				found = append(found, fmt.Sprintf("%s names %s, which is not a test", name, m[1]))
			}
		}
		return nil
	})
	return found, err
}

// pageRules checks that the README links to every page of docs.
func pageRules(tree fs.FS) ([]string, error) {
	pages, err := fs.Glob(tree, "docs/*.md")
	if err != nil {
		return nil, err
	}
	readme, err := fs.ReadFile(tree, "README.md")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, p := range pages {
		if !strings.Contains(string(readme), "]("+p+")") {
			found = append(found, "README.md does not link to "+p)
		}
	}
	return found, nil
}

var (
	uses   = regexp.MustCompile(`(?m)^\s*(?:- )?uses: *(.*)$`)
	pinned = regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

// actionRules checks that a workflow names its actions by commit, since a tag can be moved to other code.
func actionRules(tree fs.FS) ([]string, error) {
	files, err := fs.Glob(tree, ".github/workflows/*.yml")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, file := range files {
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			return nil, err
		}
		for _, m := range uses.FindAllSubmatch(text, -1) {
			if !pinned.Match(m[1]) {
				found = append(found, fmt.Sprintf("%s uses %s: pin it by the 40 digits of its commit, followed by its version: @... # v4.4.0",
					file, m[1]))
			}
		}
	}
	if len(files) == 0 {
		found = append(found, "there is no workflow in .github/workflows")
	}
	return found, nil
}

var (
	toolLine    = regexp.MustCompile(`(?m)^- \*\*([a-z0-9-]+)\*\*`)
	goInstalled = regexp.MustCompile(`go install \S*/([a-z0-9-]+)@`)
)

// toolRules checks that docs/dependencies.md has a line for each tool that is not in go.mod, and for no other.
func toolRules(tree fs.FS) ([]string, error) {
	texts := map[string][]byte{}
	for _, name := range []string{"Makefile", "integration/deploy/package.json", "docs/dependencies.md"} {
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		texts[name] = text
	}
	locks, err := fs.Glob(tree, "integration/tools/pytools/locks/*.in")
	if err != nil {
		return nil, err
	}
	var npm struct{ Dependencies map[string]string }
	if err := json.Unmarshal(texts["integration/deploy/package.json"], &npm); err != nil {
		return nil, err
	}
	used := []string{"dynamodb-local", "cldr-localenames-full"}
	for _, m := range goInstalled.FindAllSubmatch(texts["Makefile"], -1) {
		used = append(used, string(m[1]))
	}
	for _, l := range locks {
		used = append(used, strings.TrimSuffix(path.Base(l), ".in"))
	}
	for name := range npm.Dependencies {
		used = append(used, name)
	}
	var found, listed []string
	for _, m := range toolLine.FindAllSubmatch(texts["docs/dependencies.md"], -1) {
		listed = append(listed, string(m[1]))
	}
	for _, u := range used {
		if !slices.Contains(listed, u) {
			found = append(found, "docs/dependencies.md has no line for the tool "+u+": give its need, alternative and exit")
		}
	}
	for _, l := range listed {
		if !slices.Contains(used, l) {
			found = append(found, "docs/dependencies.md has a line for the tool "+l+", which is not used")
		}
	}
	return found, nil
}

// TestDocumentRules tests each rule on correct documents with one violation at a time.
func TestDocumentRules(t *testing.T) {
	t.Parallel()
	const docs = "docs/" // separate, or TestArchitecture would look for these documents
	const decision = "# 1. One\n\n## Context\n## Decision\n## Alternatives\n## Consequences\n"
	const action = "    steps:\n      - uses: actions/x@0123456789012345678901234567890123456789 # v1.2.3\n"
	right := map[string]string{
		docs + "adr/0001-one.md":          decision,
		docs + "adr/README.md":            "1. [One](0001-one.md)\n",
		docs + "page.md":                  "[a decision](adr/0001-one.md#context), [elsewhere](https://a.example), ADR 1, `TestOne/part`\n",
		".github/workflows/check.yml":     action,
		"README.md":                       "[page](" + docs + "page.md), [dependencies](" + docs + "dependencies.md)\n",
		"Makefile":                        "\tGOBIN=$(@D) go install a.example/b/lint@$(V)\n",
		"integration/deploy/package.json": `{"dependencies": {"aws-cdk": "2.0.0"}}`,
		docs + "dependencies.md":          "- **aws-cdk**: a.\n- **lint**: b.\n- **dynamodb-local**: c.\n- **cldr-localenames-full**: d.\n",
		"shared/scim/scim.go":             "// Package scim is (ADR 1).\npackage scim\n",
		"shared/scim/scim_test.go":        "package scim_test\n\nfunc TestOne() {}\n",
		"shared/scim/testdata/ghost.md":   "[no](where.md), ADR 7\n",
	}
	for _, c := range []struct{ name, file, text, want string }{
		{"no violation", "", "", ""},
		{"a decision that is not listed", docs + "adr/0002-two.md", strings.Replace(decision, "1. One", "2. Two", 1), "2. Two 0002-two.md"},
		{"a decision that was removed", docs + "adr/README.md", right[docs+"adr/README.md"] + "2. [Two](0002-two.md)\n", "2. Two 0002-two.md"},
		{"another title", docs + "adr/README.md", "1. [Ones](0001-one.md)\n", "1. Ones 0001-one.md"},
		{"a missing number", docs + "adr/0003-three.md", strings.Replace(decision, "1. One", "3. Three", 1), "must be decision 2"},
		{"no alternatives", docs + "adr/0001-one.md", strings.Replace(decision, "## Alternatives\n", "", 1),
			"has the chapters [Context Decision Consequences]"},
		{"a missing decision", "shared/scim/scim.go", "// Package scim is (ADR 12).\npackage scim\n", "scim.go cites ADR 12"},
		{"a broken link", docs + "page.md", "[x](adr/0001.md)\n", docs + "page.md links to adr/0001.md"},
		{"a page without a link", docs + "lost.md", "# Lost\n", "README.md does not link to " + docs + "lost.md"},
		{"a test that was renamed", "shared/scim/scim_test.go", "package scim_test\n", docs + "page.md names TestOne"},
		{"a tool without a line", "integration/tools/pytools/locks/check.in", "check==1.0.0\n", "no line for the tool check:"},
		{"a tool that is no longer used", "Makefile", "", "a line for the tool lint, which is not used"},
		{"an action by its tag", ".github/workflows/check.yml", "      - uses: actions/x@v4\n", "check.yml uses actions/x@v4"},
		{"an action without its version", ".github/workflows/check.yml", strings.Replace(action, " # v1.2.3", "", 1),
			"check.yml uses actions/x@"},
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
			var all []string
			for _, rule := range documentRules {
				found, err := rule(tree)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, found...)
			}
			if got := strings.Join(all, "\n"); c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("found:\n%s\nwant %q", got, c.want)
			}
		})
	}
}
