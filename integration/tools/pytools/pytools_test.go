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

func TestToolsAreInstalledFromAnEmptyCache(t *testing.T) {
	t.Parallel()
	modules := map[string]string{
		"schemathesis": "import schemathesis",
		"scim-sanity":  "import scim_sanity",
		"scim2-tester": "import scim2_tester, scim2_client.engines.httpx2",
	}
	tools := Tools()
	if len(tools) != len(modules) {
		t.Fatalf("tools are %v, this test knows %d", tools, len(modules))
	}
	cache := t.TempDir()
	for _, tool := range tools {
		var first, second bytes.Buffer
		python, err := ensure(t.Context(), cache, tool, &first)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(first.String(), "Installing "+tool) || !strings.Contains(first.String(), "from PyPI") {
			t.Errorf("progress does not say what is installed and from where:\n%s", first.String())
		}
		if out, err := exec.Command(python, "-c", modules[tool]).CombinedOutput(); err != nil {
			t.Errorf("%s: %s: %v\n%s", tool, modules[tool], err, out)
		}
		if again, err := ensure(t.Context(), cache, tool, &second); err != nil || again != python || second.Len() > 0 {
			t.Errorf("second call gave %s, %v and said %q; want %s without a word", again, err, second.String(), python)
		}
	}
}

func TestManyAtOnceShareOneEnvironment(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := ensure(t.Context(), cache, "scim-sanity", new(bytes.Buffer)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	entries, err := os.ReadDir(cache)
	if err != nil || len(entries) != 2 {
		t.Errorf("the cache holds %v (%v), want one environment and the link to it", entries, err)
	}
}

func TestADeletedEnvironmentIsMadeAgain(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	python, err := ensure(t.Context(), cache, "scim-sanity", new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(filepath.Dir(python)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	again, err := ensure(t.Context(), cache, "scim-sanity", new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(again, "-c", "import scim_sanity").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
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
