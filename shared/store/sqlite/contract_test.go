package sqlite_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest"
)

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func inMemory(t *testing.T) directory.Ports {
	t.Helper()
	return open(t, sqlite.Memory).Ports()
}

func inFile(t *testing.T) directory.Ports {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "rollcall.db")).Ports()
}

func TestContractInMemory(t *testing.T) { storetest.Run(t, directory.MaxMemberChange, inMemory) }

func TestFeedInMemory(t *testing.T) { storetest.Feed(t, synctest.Test, inMemory) }

func TestContractInFile(t *testing.T) { storetest.Run(t, directory.MaxMemberChange, inFile) }

func TestFeedInFile(t *testing.T) { storetest.Feed(t, synctest.Test, inFile) }

func TestHistoriesEndAlikeInMemoryAndFile(t *testing.T) {
	t.Parallel()
	storetest.Histories(t, proof.Size(30, 100), inMemory, inFile)
}

func TestCrawlsMissNobody(t *testing.T) {
	t.Parallel()
	storetest.Crawls(t, proof.Size(10, 40), func(t *testing.T, now func() time.Time) directory.Ports {
		s, err := sqlite.Open(sqlite.Memory, now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s.Ports()
	})
}
