// Package golden compares the result of a test with a file next to it, testdata/<name>.golden, or with a part of a
// document. `go test -update` rewrites them; the difference is then reviewed as code. It is for tests only.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden and parts of documents instead of comparing")

// Check fails the test, with the difference, unless got is the content of testdata/<name>.golden.
// With -update it writes the file instead. The name may hold slashes.
func Check(t testing.TB, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", filepath.FromSlash(name)+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file) //nolint:gosec // G304: a test names its own file
	if err != nil {
		t.Fatalf("%v (write it with: go test -run '^%s$' -update)", err, t.Name())
	}
	compare(t, file, string(want), string(got))
}

// Section fails the test, with the difference, unless got is the text of a document between the lines <!-- name --> and
// <!-- /name -->. With -update it writes got there instead.
func Section(t testing.TB, file, name, got string) {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // G304: a test names its own file
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->\n"
	before, rest, begun := strings.Cut(string(text), begin)
	want, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		t.Fatalf("%s has no lines %q and %q, in this order", file, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+got+end+after), 0o600); err != nil { //nolint:gosec // G703: as above
			t.Fatal(err)
		}
		return
	}
	compare(t, file, want, got)
}

func compare(t testing.TB, file, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got); if that is right, run: go test -run '^%s$' -update\n%s", file, t.Name(), diff)
	}
}
