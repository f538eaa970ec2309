package integration_test

import (
	"fmt"
	"go/ast"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	columns         = 140
	functionLines   = 60
	packageFiles    = 45
	packageLines    = 8500
	directoryLines  = 6000
	exportedMethods = 40
)

// testSupport lists packages without _test in their name that only tests import: they may read the machine's clock.
var testSupport = []string{"shared/directorytest", "shared/store/storetest", "shared/workflow/workflowtest", "shared/proof"}

// codeRules checks the code of one file.
func codeRules(s source) []string {
	var found []string
	for i, l := range strings.Split(string(s.text), "\n") {
		if n := utf8.RuneCountInString(l); n > columns && !generated.Match(s.text) {
			found = append(found, fmt.Sprintf("%s:%d has %d columns, more than %d: two files do not fit side by side", s.name, i+1, n, columns))
		}
	}
	if s.test() {
		return found
	}
	for _, d := range s.ast.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > functionLines {
			found = append(found,
				fmt.Sprintf("%s: %s has %d lines, more than %d: split it into named parts", s.line(f.Pos()), f.Name.Name, n, functionLines))
		}
	}
	reads := func(dir string) bool { return within(s.dir(), dir) }
	clock := s.ast.Name.Name == "main" || !reads("shared") && !reads("infra") || reads("shared/app") || slices.ContainsFunc(testSupport, reads)
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && !clock && selects(sel, "time", "Now", "Since", "Until") {
			found = append(found, s.line(n.Pos())+" reads the machine's clock: time comes from shared/app, so that tests can set it")
		}
		if sel, ok := n.(*ast.SelectorExpr); ok && selects(sel, "csv", "NewWriter") {
			found = append(found, s.line(n.Pos())+" writes CSV: use shared/spreadsheet, in whose cells nothing is run as a formula")
		}
		if _, ok := n.(*ast.GoStmt); ok && s.dir() == "shared/directory" {
			found = append(found, s.line(n.Pos())+" starts a goroutine: shared/directory is pure, its callers decide about concurrency")
		}
		return true
	})
	if s.dir() == "shared/directory" {
		for _, p := range s.imports() {
			if slices.Contains([]string{"net/http", "os", "crypto/rand", "math/rand", "math/rand/v2", "log/slog", "sync"}, p) {
				found = append(found, fmt.Sprintf("%s imports %s: shared/directory has no I/O, no randomness and no concurrency", s.name, p))
			}
		}
	}
	return found
}

// selects reports whether an expression selects one of the names of a package.
func selects(sel *ast.SelectorExpr, pkg string, names ...string) bool {
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg && slices.Contains(names, sel.Sel.Name)
}

// sizeRules limits the size of packages and types.
func sizeRules(sources []source) []string {
	files, lines, methods := map[string]int{}, map[string]int{}, map[string]int{}
	for _, s := range sources {
		if s.test() || generated.Match(s.text) {
			continue
		}
		files[s.dir()]++
		lines[s.dir()] += s.lines()
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.IsExported() {
				methods[s.dir()+"."+receiverOf(f)]++
			}
		}
	}
	var found []string
	for dir, n := range files {
		if n > packageFiles {
			found = append(found, fmt.Sprintf("%s has %d files, more than %d: split it", dir, n, packageFiles))
		}
	}
	for dir, n := range lines {
		limit := packageLines
		if dir == "shared/directory" {
			limit = directoryLines
		}
		if n > limit && !slices.Contains(testSupport, dir) {
			found = append(found, fmt.Sprintf("%s has %d lines, more than %d: split it", dir, n, limit))
		}
	}
	for name, n := range methods {
		if n > exportedMethods {
			found = append(found, fmt.Sprintf("%s has %d exported methods, more than %d: split it into several types", name, n, exportedMethods))
		}
	}
	slices.Sort(found)
	return found
}

// receiverOf returns the name of a method's type.
func receiverOf(f *ast.FuncDecl) string {
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	name, _ := t.(*ast.Ident)
	return name.Name
}

var (
	// citation matches references to documents outside the repository.
	citation = regexp.MustCompile(`(?i)\bdesign decision|\bproduct (page|section)|` +
		`\b(design|style|product)\.md\b|\b(spec|review)/[a-z]+\.(md|txt)`)
	document = regexp.MustCompile(`\bdocs/[A-Za-z0-9_./-]+\.(?:md|json)\b`)
)

// citationRules checks that cited documents are in the repository.
func citationRules(tree fs.FS, _ []source) ([]string, error) {
	var found []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != "." && (base[0] == '.' && base != ".github" ||
			slices.Contains([]string{"testdata", "node_modules", "cdk.out", "bin", "dist"}, base)) {
			return fs.SkipDir
		}
		if d.IsDir() || !slices.Contains([]string{".go", ".md", ".yml", ".yaml"}, path.Ext(name)) && base != "Makefile" ||
			name == "integration/arch_code_test.go" || name == "integration/arch_test.go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		for i, l := range strings.Split(string(text), "\n") {
			at := name + ":" + strconv.Itoa(i+1)
			if c := citation.FindString(l); c != "" {
				found = append(found, at+" cites "+strconv.Quote(c)+", which is not in the repository: give the reason instead")
			}
			for _, doc := range document.FindAllString(l, -1) {
				if _, err := fs.Stat(tree, doc); err != nil {
					found = append(found, at+" cites "+doc+", which does not exist")
				}
			}
		}
		return nil
	})
	return found, err
}

// portFiles are the file names of ports that are not the port's name in the singular.
var portFiles = map[string]string{
	"Aliases": "alias", "Countries": "country", "Deliveries": "delivery",
}

// portRules checks that the methods of a port are in the store's file that is named after the port.
func portRules(tree fs.FS, sources []source) ([]string, error) {
	ports := map[string]string{} // method → file
	for _, s := range sources {
		if !strings.HasPrefix(s.name, "shared/directory/ports") {
			continue
		}
		for name, methods := range interfaces(s) {
			file := portFiles[name]
			if file == "" {
				file = strings.ToLower(strings.TrimSuffix(name, "s"))
			}
			for _, m := range methods {
				ports[m] = file
			}
		}
	}
	var found []string
	for _, s := range sources {
		if s.test() || s.dir() != "shared/store/dynamo" && s.dir() != "shared/store/sqlite" {
			continue
		}
		base := strings.TrimSuffix(path.Base(s.name), ".go")
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !strings.HasSuffix(receiverOf(f), "Store") {
				continue
			}
			if want := ports[f.Name.Name]; want != "" && base != want && !strings.HasPrefix(base, want+"_") {
				found = append(found, fmt.Sprintf("%s: %s belongs in %s.go: in every store, a port's methods are in the file of its name",
					s.line(f.Pos()), f.Name.Name, want))
			}
		}
	}
	return found, nil
}

// interfaces returns the methods of a file's interfaces by the interface's name.
func interfaces(s source) map[string][]string {
	all := map[string][]string{}
	for _, d := range s.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range g.Specs {
			t, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			i, ok := t.Type.(*ast.InterfaceType)
			if !ok {
				continue
			}
			for _, m := range i.Methods.List {
				all[t.Name.Name] = append(all[t.Name.Name], m.Names[0].Name)
			}
		}
	}
	return all
}
