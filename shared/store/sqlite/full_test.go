package sqlite_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

// fullStory changes the store until it fails, as refuse makes it do, and checks that nothing but writing is affected:
// reads go on, each write is Unavailable and leaves no trace, and all is well after relent.
func fullStory(f filler, s *sqlite.Store, refuse, relent func() error) error {
	last, err := f.user()
	if err != nil {
		return err
	}
	if err := refuse(); err != nil {
		return err
	}
	failed := 0
	for range 5000 {
		if _, err := f.group(last.ScimID); err != nil {
			if !directory.IsKind(err, directory.Unavailable) || !directory.IsFault(err) {
				return fmt.Errorf("a group without room: %w", err)
			}
			if failed++; failed == 20 {
				break
			}
			continue
		}
	}
	if failed == 0 {
		return fmt.Errorf("the store never failed")
	}
	before := ""
	err = nil
	for range 20 { // what is left may do for a user
		if before = dump(s); err != nil {
			break
		}
		_, err = f.user()
	}
	if !directory.IsKind(err, directory.Unavailable) || !directory.IsFault(err) {
		return fmt.Errorf("a user without room: %w", err)
	}
	if _, err := s.Ports().Users.UserByID(f.ctx, f.admin.Tenant, last.ID); err != nil {
		return fmt.Errorf("a read without room: %w", err)
	}
	if after := dump(s); after != before {
		return fmt.Errorf("a refused write has changed something: %s", after)
	}
	if err := relent(); err != nil {
		return err
	}
	if after := dump(s); after != before {
		return fmt.Errorf("once there is room, something is different: %s", after)
	}
	return f.fill()
}

func TestAFullDatabaseIsUnavailableForWritesOnly(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "rollcall.db"))
	f, err := newFiller(s)
	if err != nil {
		t.Fatal(err)
	}
	err = fullStory(f, s, func() error { return s.Pragma("max_page_count=1") }, func() error { return s.Pragma("max_page_count=1000000") })
	if err != nil {
		t.Fatal(err)
	}
}

// A file that may not grow fails where a full disk does: when a commit writes.
func TestAFullDiskIsUnavailableForWritesOnly(t *testing.T) {
	t.Parallel()
	cmd, out := startChild(t, "full", filepath.Join(t.TempDir(), "rollcall.db"))
	for out.Scan() {
		t.Log(out.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func childFills(path string) error {
	s, err := sqlite.Open(path, time.Now)
	if err != nil {
		return err
	}
	f, err := newFiller(s)
	if err != nil {
		return err
	}
	var usual syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &usual); err != nil {
		return err
	}
	limit := func(n uint64) func() error {
		return func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: usual.Max}) }
	}
	if err := fullStory(f, s, limit(600<<10), limit(usual.Cur)); err != nil {
		return err
	}
	want := dump(s)
	if err := s.Close(); err != nil {
		return err
	}
	again, err := sqlite.Open(path, time.Now)
	if err != nil {
		return err
	}
	if dump(again) != want {
		return fmt.Errorf("after a new start something is different")
	}
	return again.Close()
}
