package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/store/sqlite"
)

// The test binary runs itself as another process: envChild chooses one of children, envFile is the path of its file.
const (
	envChild = "ROLLCALL_TEST_CHILD"
	envFile  = "ROLLCALL_TEST_FILE"
)

var children = map[string]func(path string) error{"open": childOpens, "write": childWrites, "full": childFills}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(envChild)]; ok {
		if err := child(os.Getenv(envFile)); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func startChild(t *testing.T, name, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+name, envFile+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func childOpens(path string) error {
	s, err := sqlite.Open(path, time.Now)
	if err != nil {
		fmt.Println("refused")
		return nil
	}
	fmt.Println("opened")
	return s.Close()
}

func TestOneProcessOwnsTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	try := func() string {
		cmd, out := startChild(t, "open", path)
		out.Scan()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("the other process: %v, %s", err, out.Text())
		}
		return out.Text()
	}
	for _, state := range []string{"new", "reopened"} {
		s := open(t, path)
		if got := try(); got != "refused" {
			t.Errorf("%s: another process has %s the file", state, got)
		}
		filled(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := try(); got != "opened" {
		t.Errorf("once it is closed another process has %s the file", got)
	}
}

// childWrites changes records as fast as it can and prints each acknowledged change, until it is killed.
func childWrites(path string) error {
	s, err := sqlite.Open(path, time.Now)
	if err != nil {
		return err
	}
	f, err := newFiller(s)
	if err != nil {
		return err
	}
	p := f.caller.Provider
	g, err := f.group()
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		u, err := f.user()
		if err != nil {
			return err
		}
		fmt.Println("user", p, u.ScimID, u.Version)
		v, _, err := f.s.UpdateGroup(f.ctx, f.caller, g.ID, directory.GroupWant{Named: []directory.ScimID{u.ScimID}}, nil,
			func(_ directory.Provider, old directory.GroupView) (provisioning.GroupEdit, error) {
				return provisioning.GroupEdit{Profile: old.GroupProfile, Add: []directory.ScimID{u.ScimID}}, nil
			})
		if err != nil {
			return err
		}
		fmt.Println("group", p, g.ID, v.Version)
		if n%3 != 0 {
			continue
		}
		d, err := f.disable(u.ScimID)
		if err != nil {
			return err
		}
		fmt.Println("user", p, u.ScimID, d.Version)
		if n%2 == 0 {
			if err := f.remove(u.ScimID); err != nil {
				return err
			}
			fmt.Println("removed", p, u.ScimID, d.Version+1)
		}
	}
}

// ack is one acknowledged change.
type ack struct {
	kind     string
	provider directory.ProviderID
	id       string
	version  int64
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	var acks []ack
	for round := range 6 {
		cmd, out := startChild(t, "write", path)
		n := 0
		for out.Scan() {
			var a ack
			if _, err := fmt.Sscan(out.Text(), &a.kind, &a.provider, &a.id, &a.version); err != nil {
				if !strings.HasPrefix(out.Text(), "failed") {
					break // cut off in the middle of a line
				}
				t.Fatalf("the other process: %s", out.Text())
			}
			acks = append(acks, a)
			if n++; n == 60+round*37 {
				if err := cmd.Process.Kill(); err != nil { // SIGKILL; what it wrote to the pipe is still read
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || n < 60 {
			t.Fatalf("the other process ended by itself after %d changes: %v", n, err)
		}
		verify(t, path, acks)
	}
}

// verify checks that all acknowledged changes are stored, and that the lists are consistent.
func verify(t *testing.T, path string, acks []ack) {
	t.Helper()
	s, err := sqlite.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { // before the next process opens the file
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, tenant := t.Context(), directory.DefaultTenant
	for _, a := range acks {
		var got int64
		removed := false
		q := directory.LogQuery{User: directory.UserID(a.id), Count: 10_000}
		if a.kind == "group" {
			v, err := s.Ports().Groups.ReadGroup(ctx, tenant, a.provider, directory.GroupID(a.id), directory.GroupWant{}, nil)
			if err != nil {
				t.Fatalf("%+v: %v", a, err)
			}
			got, q = v.Version, directory.LogQuery{Group: v.ID, Count: 10_000}
		} else {
			v, err := s.Ports().Users.UserByID(ctx, tenant, directory.UserID(a.id))
			if err != nil {
				t.Fatalf("%+v: %v", a, err)
			}
			got, removed = v.Version, v.Removed()
		}
		if got < a.version || a.kind == "removed" && !removed {
			t.Errorf("acknowledged %+v, but the file has version %d, removed %v", a, got, removed)
		}
		if es, err := s.Ports().Log.Entries(ctx, tenant, q); err != nil || len(es) == 0 || es[0].Version > got {
			t.Errorf("%+v: the log has %d entries, %v", a, len(es), err)
		}
	}
	checkLists(t, s)
}

// checkLists checks the invariants of every transaction: totals, counts, and no memberships of removed users.
func checkLists(t *testing.T, s *sqlite.Store) {
	t.Helper()
	ctx, tenant := t.Context(), directory.DefaultTenant
	ps, err := s.Ports().Providers.ListProviders(ctx, tenant)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		us, err := s.Ports().Users.ListUsers(ctx, tenant, p.ID, directory.Page{Start: 1, Count: 10_000}, directory.UserWant{}, nil)
		if err != nil || us.Total != len(us.Users) {
			t.Errorf("total %d of %d users, %v", us.Total, len(us.Users), err)
		}
		present := map[directory.ScimID]bool{}
		for _, u := range us.Users {
			present[u.ScimID] = true
		}
		gs, err := s.Ports().Groups.ListGroups(ctx, tenant, p.ID, directory.Page{Start: 1, Count: 10_000}, directory.GroupWant{AllMembers: true},
			nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range gs.Groups {
			if g.MemberCount != len(g.Members) {
				t.Errorf("group counts %d members, has %d", g.MemberCount, len(g.Members))
			}
			for _, m := range g.Members {
				if !present[m] {
					t.Errorf("member %s was removed", m)
				}
			}
		}
	}
}
