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

// processes returns what starts a process on the data of the previous one, in a file that is closed at the end.
func processes(t *testing.T) func(*testing.T, func(string) error) directory.Ports {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	end := func() error { return nil }
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return func(t *testing.T, stop func(string) error) directory.Ports {
		t.Helper()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		end = s.Close
		s.StopBefore(stop)
		return s.Ports()
	}
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	storetest.Crashes(t, proof.Size(20, proof.All), processes(t))
}

func TestCrashedBatches(t *testing.T) {
	t.Parallel()
	storetest.CrashedBatches(t, proof.Size(4, 1), processes(t))
}
