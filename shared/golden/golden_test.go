package golden_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"rollcall/shared/golden"
)

// spy is a testing.TB that keeps its reports, so that a test can inspect them.
type spy struct {
	testing.TB
	said string
}

func (s *spy) Helper()                   {}
func (s *spy) Name() string              { return "TestX" }
func (s *spy) Errorf(f string, a ...any) { s.said += fmt.Sprintf(f, a...) }
func (s *spy) Fatalf(f string, a ...any) { s.said += fmt.Sprintf(f, a...); panic(s) }

// reported runs a comparison and returns what it reported.
func reported(t *testing.T, compare func(testing.TB)) (said string) {
	t.Helper()
	s := &spy{TB: t}
	defer func() {
		if r := recover(); r != nil && r != any(s) {
			panic(r)
		}
		said = s.said
	}()
	compare(s)
	return s.said
}

// check runs golden.Check and returns what it reported.
func check(t *testing.T, name, got string) string {
	t.Helper()
	return reported(t, func(t testing.TB) { golden.Check(t, name, []byte(got)) })
}

// section runs golden.Section and returns what it reported.
func section(t *testing.T, file, name, got string) string {
	t.Helper()
	return reported(t, func(t testing.TB) { golden.Section(t, file, name, got) })
}

// prepare gives the test an empty folder and compares, also when it is run with -update.
func prepare(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	given := flag.Lookup("update").Value.String()
	if err := flag.Set("update", "false"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("update", given) })
}

func TestCheck(t *testing.T) {
	prepare(t)
	if said := check(t, "a/b", "one\n"); !strings.Contains(said, "-run '^TestX$' -update") {
		t.Errorf("without a file it says %q, want the command that writes it", said)
	}
	if err := flag.Set("update", "true"); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "a/b", []byte("one\n"))
	if err := flag.Set("update", "false"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("testdata/a/b.golden"); err != nil || string(got) != "one\n" {
		t.Fatalf("-update wrote %q (%v)", got, err)
	}
	if said := check(t, "a/b", "one\n"); said != "" {
		t.Errorf("equal content is reported: %s", said)
	}
	if said := check(t, "a/b", "two\n"); !strings.Contains(said, "one") || !strings.Contains(said, "two") {
		t.Errorf("a difference is reported as %q, want both sides", said)
	}
}

func TestSection(t *testing.T) {
	prepare(t)
	const page = "# Page\n<!-- a -->\nold\n<!-- /a -->\nend\n"
	if err := os.WriteFile("page.md", []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := section(t, "page.md", "a", "old\n"); said != "" {
		t.Errorf("equal content is reported: %s", said)
	}
	if said := section(t, "page.md", "a", "new\n"); !strings.Contains(said, "old") || !strings.Contains(said, "new") {
		t.Errorf("a difference is reported as %q, want both sides", said)
	}
	if said := section(t, "page.md", "b", ""); !strings.Contains(said, "<!-- b -->") {
		t.Errorf("without the lines it says %q, want the lines", said)
	}
	if err := flag.Set("update", "true"); err != nil {
		t.Fatal(err)
	}
	golden.Section(t, "page.md", "a", "new\n")
	if got, err := os.ReadFile("page.md"); err != nil || string(got) != strings.Replace(page, "old", "new", 1) {
		t.Fatalf("-update wrote %q (%v)", got, err)
	}
}
