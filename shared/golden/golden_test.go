package golden_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"rollcall/shared/golden"
)

// spy is a testing.TB that keeps what is reported, so that a failure can be looked at.
type spy struct {
	testing.TB
	said string
}

func (s *spy) Helper()                   {}
func (s *spy) Name() string              { return "TestX" }
func (s *spy) Errorf(f string, a ...any) { s.said += fmt.Sprintf(f, a...) }
func (s *spy) Fatalf(f string, a ...any) { s.said += fmt.Sprintf(f, a...); panic(s) }

// check runs golden.Check and returns what it reported.
func check(t *testing.T, name, got string) (said string) {
	t.Helper()
	s := &spy{TB: t}
	defer func() {
		if r := recover(); r != nil && r != any(s) {
			panic(r)
		}
		said = s.said
	}()
	golden.Check(s, name, []byte(got))
	return s.said
}

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	given := flag.Lookup("update").Value.String() // this test, too, may be run with -update
	if err := flag.Set("update", "false"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("update", given) })
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
