package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// repository serves two small files after the given number of failures.
func repository(t *testing.T, failures int32) (f fetcher, requests *atomic.Int32) {
	t.Helper()
	content := map[string]string{"/a/one.jar": "one", "/b/two.jar": "two"}
	requests = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) <= failures {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(content[r.URL.Path]))
	}))
	t.Cleanup(srv.Close)
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	return fetcher{
		base: srv.URL + "/", dir: t.TempDir(), pause: time.Millisecond, progress: new(safeBuffer),
		files: []file{{sum("one"), "a/one.jar"}, {sum("two"), "b/two.jar"}},
	}, requests
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestFetchGetsOnceAndShowsTheLicence(t *testing.T) {
	t.Parallel()
	f, requests := repository(t, 0)
	var progress safeBuffer
	f.progress = &progress
	for range 2 {
		if err := f.fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, f.dir); got != "one.jar two.jar" {
		t.Errorf("the folder holds %q, want the two files and no partial file", got)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests for two files fetched twice, want 2", n)
	}
	for _, want := range []string{"2 of 2 files", f.base, "Amazon DynamoDB Local License", "one.jar"} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("progress does not say %q:\n%s", want, progress.String())
		}
	}
}

func TestFetchReplacesADamagedFile(t *testing.T) {
	t.Parallel()
	f, _ := repository(t, 0)
	name := filepath.Join(f.dir, "one.jar")
	if err := os.WriteFile(name, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "one" {
		t.Errorf("one.jar holds %q (%v), want it fetched again", got, err)
	}
}

func TestFetchRefusesAWrongSum(t *testing.T) {
	t.Parallel()
	f, requests := repository(t, 0)
	f.files = f.files[:1]
	f.files[0].sum = strings.Repeat("0", 64)
	err := f.fetch(t.Context())
	if err == nil || !strings.Contains(err.Error(), "SHA-256") || !strings.Contains(err.Error(), "one.jar") {
		t.Errorf("error %v, want one that names the file and its SHA-256", err)
	}
	if got := names(t, f.dir); got != "" {
		t.Errorf("the folder holds %q, want nothing", got)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1: a retry would return the same bytes", n)
	}
}

func TestFetchRetriesAndGivesUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		failures int32
		ok       bool
	}{{2, true}, {3, false}} {
		f, requests := repository(t, c.failures)
		f.files = f.files[:1]
		err := f.fetch(t.Context())
		if (err == nil) != c.ok {
			t.Errorf("after %d failures: %v", c.failures, err)
		}
		if n := requests.Load(); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	}
}

func TestFetchConcurrently(t *testing.T) {
	t.Parallel()
	f, _ := repository(t, 0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := f.fetch(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := names(t, f.dir); got != "one.jar two.jar" {
		t.Errorf("the folder holds %q", got)
	}
}

// safeBuffer is a bytes.Buffer for several writers.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
