package sqlite_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

// The files of a database are the user's alone, also when they were there before.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	for _, state := range []string{"new", "made readable"} {
		s, err := sqlite.Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		filled(t, s)
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) < 2 {
			t.Fatalf("files %v, %v; want the database and its log", files, err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s is %v, %v", state, filepath.Base(f), info.Mode().Perm(), err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What was erased is no longer in the bytes of the file once nothing is left to do, and also when the process ends
// before that.
func TestErasedBytesAreGone(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, s *sqlite.Store){
		"idle": func(t *testing.T, s *sqlite.Store) {
			nothing := func(context.Context, []directory.TenantEntry) error { return nil }
			for range 3 {
				if _, err := s.Ports().Feed.Deliver(t.Context(), nothing); err != nil {
					t.Fatal(err)
				}
			}
		},
		"closed": func(t *testing.T, s *sqlite.Store) {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, late := filepath.Join(t.TempDir(), "rollcall.db"), time.Duration(0)
			s, err := sqlite.Open(path, func() time.Time { return time.Now().Add(late) })
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			filled(t, s)
			tenants := s.Ports().Tenants
			for after := ""; ; {
				next, _, err := tenants.EraseTenant(t.Context(), directory.DefaultTenant, after)
				if err != nil {
					t.Fatal(err)
				}
				if after = next; next == "" {
					break
				}
			}
			late = time.Minute
			end(t, s)
			files, err := filepath.Glob(path + "*")
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(b, []byte("@example.com")) || bytes.Contains(b, []byte(`"title"`)) {
					t.Errorf("%s still has what was erased", filepath.Base(f))
				}
			}
		})
	}
}
