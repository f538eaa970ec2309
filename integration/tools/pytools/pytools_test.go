//go:build conformance

package pytools

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestEnvironmentIsCreatedOnce uses the smallest tool: the tools differ only in their lock files.
func TestEnvironmentIsCreatedOnce(t *testing.T) {
	t.Parallel()
	const tool = "scim-sanity"
	cache := t.TempDir()
	pythons, progress := [2]string{}, [2]bytes.Buffer{}
	var wg sync.WaitGroup
	for i := range pythons {
		wg.Go(func() {
			var err error
			if pythons[i], err = ensure(t.Context(), cache, tool, &progress[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	python := pythons[0]
	if python == "" || python != pythons[1] {
		t.Fatalf("two concurrent calls returned %v, want one environment", pythons)
	}
	if !strings.Contains(progress[0].String()+progress[1].String(), "Installing "+tool+" for the tests from PyPI") {
		t.Errorf("progress does not say what is installed and from where:\n%s", progress[0].String())
	}
	entries, err := os.ReadDir(cache)
	if err != nil || len(entries) != 2 {
		t.Errorf("the cache holds %v (%v), want the environments of uv and of %s", entries, err, tool)
	}

	var again bytes.Buffer
	if got, err := ensure(t.Context(), cache, tool, &again); err != nil || got != python || again.Len() > 0 {
		t.Errorf("the next call returned %s, %v and reported %q; want %s and no report", got, err, again.String(), python)
	}
	if out, err := exec.Command(python, "-c", "import scim_sanity").CombinedOutput(); err != nil {
		t.Errorf("the tool is not installed: %v\n%s", err, out)
	}
	if out, err := exec.Command(filepath.Join(filepath.Dir(python), tool), "--help").CombinedOutput(); err != nil {
		t.Errorf("its command does not run: %v\n%s", err, out)
	}
}

func TestWrongHashIsRefused(t *testing.T) {
	t.Parallel()
	base, _, err := findPython(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	uv := filepath.Join(filepath.Dir(Python(t, "uv")), "uv")
	lock := []byte("click==8.5.1 --hash=sha256:" + strings.Repeat("0", 64) + "\n")
	for by, complaint := range map[string]string{"": "DO NOT MATCH THE HASHES", uv: "Hash mismatch"} {
		err = install(t.Context(), base, by, t.TempDir(), lock)
		if err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("error %v, want a complaint about the hash", err)
		}
	}
}

func TestUnknownToolIsNamed(t *testing.T) {
	t.Parallel()
	if _, err := Ensure(t.Context(), "nonesuch", new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "nonesuch") {
		t.Errorf("error %v, want the name of the tool", err)
	}
}
