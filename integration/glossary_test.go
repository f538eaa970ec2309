package integration_test

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// glossaryWords is the number of words that a newcomer has to learn: a new word must replace another.
const glossaryWords = 20

// TestGlossary checks docs/glossary.md against the code.
func TestGlossary(t *testing.T) {
	t.Parallel()
	found, err := glossaryFaults(os.DirFS(".."), glossaryWords)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

var (
	glossaryItem = regexp.MustCompile(`(?s)^\*\*([a-z ]+)\*\* \((.+?)\):\s(.+)$`)
	carrier      = regexp.MustCompile("`([^`]+)`")
)

// glossaryFaults returns the violations of the glossary's rules: its words are in order, each has one sentence and its
// declarations in shared/ or its files, and each is part of a name that the code declares, or of a file name.
func glossaryFaults(tree fs.FS, words int) ([]string, error) {
	text, err := fs.ReadFile(tree, "docs/glossary.md")
	if err != nil {
		return nil, err
	}
	sources, err := goFiles(tree)
	if err != nil {
		return nil, err
	}
	declared := map[string]bool{}
	for _, s := range sources {
		if within(s.name, "shared") && !s.test() {
			declarations(s, declared)
		}
	}
	names := "\n"
	for d := range declared {
		names += strings.ToLower(d) + "\n"
	}
	items := strings.Split(string(text), "\n- ")[1:]
	var found, order []string
	for _, item := range items {
		m := glossaryItem.FindStringSubmatch(strings.TrimSpace(item))
		if m == nil {
			found = append(found, "want **word** (`carrier`): sentence., not: "+item)
			continue
		}
		order = append(order, m[1])
		if !strings.Contains(names, strings.ReplaceAll(m[1], " ", "")) {
			found = append(found, m[1]+" is not part of any name in shared/")
		}
		if !strings.HasSuffix(m[3], ".") || strings.Contains(m[3], ". ") || strings.Contains(m[3], ".\n") {
			found = append(found, m[1]+" has more or less than one sentence")
		}
		for _, c := range carrier.FindAllStringSubmatch(m[2], -1) {
			if _, err := fs.Stat(tree, c[1]); err != nil && !declared[c[1]] {
				found = append(found, fmt.Sprintf("%s: %s is neither declared in shared/ nor a file", m[1], c[1]))
			}
		}
	}
	if len(order) != words {
		found = append(found, fmt.Sprintf("there are %d words, want %d", len(order), words))
	}
	if !slices.IsSorted(order) || len(slices.Compact(slices.Clone(order))) != len(order) {
		found = append(found, "the words are not in order, each once: "+strings.Join(order, ", "))
	}
	return found, nil
}

// declarations adds a file's declarations, as package.Name and package.Type.Member, and the file's own name.
func declarations(s source, to map[string]bool) {
	add := func(names ...string) { to[s.ast.Name.Name+"."+strings.Join(names, ".")] = true }
	to[strings.TrimSuffix(path.Base(s.name), ".go")] = true
	for _, d := range s.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil {
				add(receiverOf(d), d.Name.Name)
			} else {
				add(d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, n := range spec.Names {
						add(n.Name)
					}
				case *ast.TypeSpec:
					add(spec.Name.Name)
					for _, member := range members(spec.Type) {
						add(spec.Name.Name, member)
					}
				}
			}
		}
	}
}

// members returns the fields of a struct or the methods of an interface.
func members(t ast.Expr) (names []string) {
	var list *ast.FieldList
	switch t := t.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
	}
	return names
}

// TestGlossaryFaults tests each rule of the glossary.
func TestGlossaryFaults(t *testing.T) {
	t.Parallel()
	const right = "# Glossary\n\nWords.\n\n- **apply run** (`directory.ApplyRun`): one\n  plan.\n" +
		"- **seal** (`directory.Seal.Hash`, `shared/directory/chain.go`): a hash.\n"
	for _, c := range []struct{ name, page, want string }{
		{"no violation", right, ""},
		{"a word too many", right + "- **zeal** (`directory.Seal`): a hash.\n", "there are 3 words, want 2"},
		{"an unused word", strings.Replace(right, "**seal**", "**sealing wax**", 1),
			"sealing wax is not part of any name in shared/"},
		{"a word in a comment only", strings.Replace(right, "**seal**", "**zebra**", 1), "zebra is not part of any name in shared/"},
		{"a carrier that was renamed", strings.Replace(right, "Seal.Hash", "Seal.Sum", 1), "directory.Seal.Sum is neither declared"},
		{"a file that was renamed", strings.Replace(right, "chain.go", "seal.go", 1), "shared/directory/seal.go is neither declared"},
		{"two sentences", strings.Replace(right, "a hash.", "a hash. Of an entry.", 1), "seal has more or less than one sentence"},
		{"no carrier", strings.Replace(right, " (`directory.ApplyRun`)", "", 1), "want **word**"},
		{"out of order", strings.Replace(right, "**seal**", "**apply**", 1), "not in order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found, err := glossaryFaults(fstest.MapFS{
				"docs/glossary.md": {Data: []byte(c.page)},
				"shared/directory/chain.go": {Data: []byte("// Package directory is.\npackage directory\n\n// A zebra.\n" +
					"type (\n\tApplyRun struct{}\n\tSeal struct{ Hash string }\n)\n")},
			}, 2)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(found, "\n"); c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("found:\n%s\nwant %q", got, c.want)
			}
		})
	}
}
