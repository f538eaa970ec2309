package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest"
)

func TestCrashes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	var last *sqlite.Store
	storetest.Crashes(t, proof.Size(20, proof.All), func(t *testing.T, stop func(string) error) directory.Ports {
		if last != nil {
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s, err := sqlite.Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		last = s
		s.StopBefore(stop)
		return s.Ports()
	})
	if err := last.Close(); err != nil {
		t.Error(err)
	}
}

func TestCrashedBatches(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	var last *sqlite.Store
	storetest.CrashedBatches(t, proof.Size(4, 1), func(t *testing.T, stop func(string) error) directory.Ports {
		if last != nil {
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s, err := sqlite.Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		last = s
		s.StopBefore(stop)
		return s.Ports()
	})
	if err := last.Close(); err != nil {
		t.Error(err)
	}
}
