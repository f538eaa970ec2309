package integration_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

func packageRules(sources []source) []string {
	docs := map[string][]string{}
	var found []string
	for _, s := range sources {
		if name := strings.TrimSuffix(s.ast.Name.Name, "_test"); slices.Contains(bannedNames, name) ||
			slices.Contains(bannedNames, path.Base(s.dir())) {
			found = append(found, s.name+" belongs to a package whose name means nothing: name it after its purpose")
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
			found = append(found, fmt.Sprintf("%s has %d package comments %v, want one with its purpose and its limits", dir, len(files), files))
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
			found = append(found, e.Name()+" is at the top level, which is fixed: move it into one of the folders")
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

// moduleRules compares the imported modules with go.mod and with docs/dependencies.md. While go.mod marks an imported
// module as indirect, a change is in progress and the document may be ahead; after `go mod tidy` all three agree.
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
			found = append(found, "docs/dependencies.md has no line for "+m+": give its need, alternative and exit, as in: - `"+m+"` ...")
		case !landing && !indirect[m] && !imported[m]:
			found = append(found, "go.mod requires "+m+", which is not imported: run go mod tidy")
		}
	}
	for m := range documented {
		if !landing && !imported[m] {
			found = append(found, "docs/dependencies.md has a line for "+m+", which is not imported: remove the line")
		}
	}
	slices.Sort(found)
	return found, nil
}

// requirements returns the modules that go.mod requires, each with whether it is marked indirect, and the violations.
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
				found = append(found, "go.mod replaces "+f[0]+": a replace line has no effect on importers of this module, and hides what is built")
			}
		}
	}
	return indirect, found
}
