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

// TestEnvironmentIsMadeOnce uses the smallest tool: what differs between the tools is their lock files alone.
func TestEnvironmentIsMadeOnce(t *testing.T) {
	t.Parallel()
	const tool = "scim-sanity"
	cache := t.TempDir()
	pythons, said := [2]string{}, [2]bytes.Buffer{}
	var wg sync.WaitGroup
	for i := range pythons {
		wg.Go(func() {
			var err error
			if pythons[i], err = ensure(t.Context(), cache, tool, &said[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	python := pythons[0]
	if python == "" || python != pythons[1] {
		t.Fatalf("two at once were given %v, want one environment", pythons)
	}
	if !strings.Contains(said[0].String()+said[1].String(), "Installing "+tool+" for the tests from PyPI") {
		t.Errorf("progress does not say what is installed and from where:\n%s", said[0].String())
	}
	entries, err := os.ReadDir(cache)
	if err != nil || len(entries) != 2 {
		t.Errorf("the cache holds %v (%v), want one environment and the link to it", entries, err)
	}

	var again bytes.Buffer
	if got, err := ensure(t.Context(), cache, tool, &again); err != nil || got != python || again.Len() > 0 {
		t.Errorf("the next call gave %s, %v and said %q; want %s without a word", got, err, again.String(), python)
	}

	dir, err := filepath.EvalSymlinks(filepath.Dir(filepath.Dir(python)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := ensure(t.Context(), cache, tool, &again); err != nil {
		t.Fatalf("after the environment was deleted: %v", err)
	}
	imports(t, python, "scim_sanity")
}

func TestEveryToolImports(t *testing.T) {
	t.Parallel()
	modules := map[string]string{
		"aws-sam-cli":  "samcli",
		"cfn-lint":     "cfnlint",
		"checkov":      "checkov",
		"ministack":    "ministack",
		"schemathesis": "schemathesis",
		"scim-sanity":  "scim_sanity",
		"scim2-tester": "scim2_tester, scim2_client.engines.httpx2",
	}
	tools := Tools()
	if len(tools) != len(modules) {
		t.Errorf("tools are %v, this test knows %d", tools, len(modules))
	}
	for _, tool := range tools {
		imports(t, Python(t, tool), modules[tool])
	}
}

func imports(t *testing.T, python, modules string) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import "+modules).CombinedOutput(); err != nil {
		t.Errorf("%s cannot import %s: %v\n%s", python, modules, err, out)
	}
}

func TestAWrongHashIsRefused(t *testing.T) {
	t.Parallel()
	base, _, err := findPython(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lock := "click==8.5.1 --hash=sha256:" + strings.Repeat("0", 64) + "\n"
	err = install(t.Context(), base, filepath.Join(t.TempDir(), "env"), []byte(lock))
	if err == nil || !strings.Contains(err.Error(), "DO NOT MATCH THE HASHES") {
		t.Errorf("error %v, want pip's complaint about the hash", err)
	}
}

func TestAnUnknownToolIsNamed(t *testing.T) {
	t.Parallel()
	_, err := Ensure(t.Context(), "nonesuch", new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "scim2-tester") {
		t.Errorf("error %v, want the list of tools", err)
	}
}
