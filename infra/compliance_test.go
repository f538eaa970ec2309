package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// claim is a control that is met, and its proof: a type of resource or the name of a test.
type claim struct{ control, text, kind, proof string }

// TestCompliance holds docs/compliance.md and docs/oscal-component.json to each other, and every claim to its proof.
func TestCompliance(t *testing.T) {
	written, machine := writtenClaims(t), machineClaims(t)
	if len(written) == 0 || len(written) != len(machine) {
		t.Fatalf("docs/compliance.md has %d claims, docs/oscal-component.json %d", len(written), len(machine))
	}
	tests := testNames(t)
	for i, c := range written {
		if c != machine[i] {
			t.Errorf("the documents differ:\n%v\n%v", c, machine[i])
		}
		switch c.kind {
		case "test":
			if !tests[c.proof] {
				t.Errorf("%s: there is no test %s", c.control, c.proof)
			}
		case "resource":
			for _, p := range partitions() {
				if len(made.stack[p.Name+"Data"].of(c.proof))+len(made.stack[p.Name].of(c.proof))+len(made.stack[p.Name+"Firewall"].of(c.proof)) == 0 {
					t.Errorf("%s: %s has no %s", c.control, p.Name, c.proof)
				}
			}
		}
	}
}

func writtenClaims(t *testing.T) []claim {
	t.Helper()
	text, err := os.ReadFile("../docs/compliance.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []claim
	for _, m := range regexp.MustCompile("(?m)^\\| ([A-Z]{2}-[0-9]+(?:\\([0-9]+\\))?) \\| (.*) \\| (test|resource) `(.*)` "+
		"\\|$").FindAllStringSubmatch(string(text), -1) {
		id := strings.NewReplacer("(", ".", ")", "").Replace(strings.ToLower(m[1]))
		all = append(all, claim{id, m[2], m[3], m[4]})
	}
	return all
}

func machineClaims(t *testing.T) []claim {
	t.Helper()
	text, err := os.ReadFile("../docs/oscal-component.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Definition struct {
			Components []struct {
				Implementations []struct {
					Requirements []struct {
						UUID        string
						Control     string `json:"control-id"`
						Description string
						Props       []struct{ Name, Value string }
					} `json:"implemented-requirements"`
				} `json:"control-implementations"`
			}
		} `json:"component-definition"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var all []claim
	seen := map[string]bool{}
	for _, c := range document.Definition.Components {
		for _, i := range c.Implementations {
			for _, r := range i.Requirements {
				if len(r.Props) != 1 || seen[r.UUID] {
					t.Errorf("%s has %d proofs, or the UUID of another", r.Control, len(r.Props))
					continue
				}
				seen[r.UUID] = true
				all = append(all, claim{r.Control, r.Description, r.Props[0].Name, r.Props[0].Value})
			}
		}
	}
	return all
}

// testNames returns the names of all tests of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, part := range []string{"../shared", "../integration", "."} {
		err := filepath.WalkDir(part, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
					names[fn.Name.Name] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}
