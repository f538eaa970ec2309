package conformance_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	testName = regexp.MustCompile("`(Test\\w*)(?:/([^`]+))?`")
)

// docs/divergences.md names tests and cases that exist, in every row, and has a row for each contract rule.
func TestDivergencesAreProved(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/divergences.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, cases := testFunctions(t), map[string]bool{}
	for _, c := range entraCases() {
		cases[c.name] = true
	}
	for _, fault := range unproved(string(page), tests, cases) {
		t.Error(fault)
	}
}

// unproved returns the faults of the page.
func unproved(page string, tests, cases map[string]bool) []string {
	var faults []string
	ruled := map[string]bool{}
	for line := range strings.Lines(page) {
		cell := strings.Split(strings.TrimSpace(line), "|")
		if len(cell) < 3 || strings.HasPrefix(line, "|---") || strings.HasPrefix(strings.TrimSpace(cell[len(cell)-2]), "proved by") {
			continue
		}
		ruled[strings.TrimSpace(cell[1])] = true
		named := testName.FindAllStringSubmatch(cell[len(cell)-2], -1)
		if len(named) == 0 {
			faults = append(faults, "no test for: "+strings.TrimSpace(line))
		}
		for _, n := range named {
			if !tests[n[1]] {
				faults = append(faults, "there is no test "+n[1])
			}
			if n[2] != "" && !cases[n[2]] {
				faults = append(faults, fmt.Sprintf("there is no case %q", n[2]))
			}
		}
	}
	for i := 1; i <= 42; i++ {
		if rule := fmt.Sprint("C", i); !ruled[rule] {
			faults = append(faults, "there is no row for rule "+rule)
		}
	}
	return faults
}

// testFunctions returns the names of all tests of the repository.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	found, tree := map[string]bool{}, os.DirFS("../..")
	for _, root := range []string{"shared", "integration", "functions", "infra"} {
		err := fs.WalkDir(tree, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := fs.ReadFile(tree, name)
			for _, m := range testFunc.FindAllSubmatch(text, -1) {
				found[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// Each kind of fault in the page is found.
func TestDivergencesFaultsAreFound(t *testing.T) {
	t.Parallel()
	tests, cases := map[string]bool{"TestA": true}, map[string]bool{"C1 x": true}
	var right strings.Builder
	right.WriteString("| rule | what | proved by |\n|---|---|---|\n")
	for i := 1; i <= 42; i++ {
		fmt.Fprintf(&right, "| C%d | y | `TestA/C1 x`, `TestA` |\n", i)
	}
	for _, tt := range []struct{ name, old, with, fault string }{
		{"no fault", "", "", ""},
		{"an unknown test", "| C5 | y | `TestA/", "| C5 | y | `TestB/", "there is no test TestB"},
		{"an unknown case", "| C5 | y | `TestA/C1 x", "| C5 | y | `TestA/C1 z", `there is no case "C1 z"`},
		{"no test", "| C5 | y | `TestA/C1 x`, `TestA` |", "| C5 | y | none |", "no test for: | C5 | y | none |"},
		{"a missing rule", "| C5 |", "| D5 |", "there is no row for rule C5"},
	} {
		got := strings.Join(unproved(strings.Replace(right.String(), tt.old, tt.with, 1), tests, cases), "\n")
		if got != tt.fault {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.fault)
		}
	}
}
