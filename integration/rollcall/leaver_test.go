package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// command runs a subcommand of the program against the server.
func (s started) command(t *testing.T, key string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, "--url", strings.TrimSuffix(s.AdminURL, "/api/v1"), "--json")...)
	cmd.Env = append(os.Environ(), "ROLLCALL_TEST_RUN=1", "ROLLCALL_ADMIN_TOKEN="+key)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// eventually waits until holds returns true, and returns the time.
func eventually(t *testing.T, what string, longest time.Duration, holds func() bool) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not after %v", what, longest)
		case <-tick.C:
		}
	}
	return time.Now()
}

// With a delay of five seconds, a disabled user is blocked immediately and deactivated five seconds later, also when the
// process is killed in between.
func TestServeDeactivatesAfterTheDelay(t *testing.T) {
	t.Parallel()
	const delay = 5 * time.Second
	for name, kill := range map[string]bool{"undisturbed": false, "killed in between": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "rollcall.db")
			s := startServe(t, "--data", data)
			key, token := s.AdminToken, s.SCIMToken
			s.command(t, key, "guard", "set-delay", s.ProviderID, "5s")
			status, body := s.send(t, token, http.MethodPost, "/Users", `{"userName":"anna"}`)
			if status != http.StatusCreated {
				t.Fatalf("status %d: %s", status, body)
			}
			id := between(body, `"id":"`, `"`)
			asked := time.Now()
			status, body = s.send(t, token, http.MethodPatch, "/Users/"+id,
				`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`)
			if status != http.StatusOK || !strings.Contains(body, `"active":false`) {
				t.Fatalf("status %d: %s", status, body)
			}
			show := func() string { return s.command(t, key, "user", "show", id) }
			if got := show(); !strings.Contains(got, `"maySignIn":false`) || !strings.Contains(got, `"lifecycle":"active"`) || !strings.Contains(got,
				`"dueAt"`) {
				t.Errorf("immediately: %s", got)
			}
			if kill {
				if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				_ = s.cmd.Wait()
				s = startServe(t, "--data", data)
				if got := show(); !strings.Contains(got, `"maySignIn":false`) {
					t.Errorf("after the kill: %s", got)
				}
			}
			at := eventually(t, "deactivated", 30*time.Second, func() bool { return strings.Contains(show(), `"lifecycle":"deactivated"`) })
			if after := at.Sub(asked); after < delay {
				t.Errorf("deactivated %v after the request, before the delay of %v", after, delay)
			} else {
				t.Logf("deactivated %.2f s after the request", after.Seconds())
			}
			timeline := s.command(t, key, "user", "timeline", id)
			for _, want := range []string{`"user.deactivated"`, `"cause":"wake-up"`, `"deactivation-scheduled"`} {
				if strings.Count(timeline, want) != 1 {
					t.Errorf("the timeline has %s %d times: %s", want, strings.Count(timeline, want), timeline)
				}
			}
		})
	}
}

func between(s, before, after string) string {
	_, rest, _ := strings.Cut(s, before)
	text, _, _ := strings.Cut(rest, after)
	return text
}

// People are placed on hold from a file, and custodians and pending deactivations are written to files.
func TestTablesOfPeople(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--data", filepath.Join(t.TempDir(), "rollcall.db"))
	key := between(s.command(t, s.AdminToken, "apikey", "create", "Holds", "--role", "legal-hold-administrator"), `"token":"`, `"`)
	if status, body := s.send(t, s.SCIMToken, http.MethodPost, "/Users", `{"userName":"anna"}`); status != http.StatusCreated {
		t.Fatalf("status %d: %s", status, body)
	}
	file, out := filepath.Join(t.TempDir(), "people.csv"), filepath.Join(t.TempDir(), "out.csv")
	if err := os.WriteFile(file, []byte("userName\nanna\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.command(t, key, "hold", "create", "Case")
	if got := s.command(t, key, "hold", "import", "Case", "--file", file, "--dry-run"); !strings.Contains(got, "nothing was changed") {
		t.Errorf("the dry run printed %s", got)
	}
	for _, want := range []string{"0", "1"} {
		s.command(t, key, "hold", "export", "Case", "--out", out)
		text, err := os.ReadFile(out)
		if err != nil || strings.Contains(string(text), `"anna"`) != (want == "1") {
			t.Errorf("want %s custodians: %s, %v", want, text, err)
		}
		if got := s.command(t, key, "hold", "import", "Case", "--file", file); !strings.Contains(got, `"done"`) {
			t.Errorf("the import printed %s", got)
		}
	}
	if got := s.command(t, key, "pending", "export"); !strings.HasPrefix(got, `"due","userName"`) {
		t.Errorf("the export printed %s", got)
	}
	if got := s.command(t, s.AdminToken, "token", "expiring", "--days", "60"); !strings.Contains(got, "[]") {
		t.Errorf("tokens that end: %s", got)
	}
}

// A provider that was deleted by mistake comes back by the command that the deletion names.
func TestProviderIsRestored(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.group("Staff", s.person("kim.akers@contoso.example"))
	id := text(s.object("provider show Demo"), "id")
	_, _, says := s.run("provider delete Demo --confirm Demo --yes")
	if !strings.Contains(says, "rollcall provider restore "+id) {
		t.Errorf("the deletion does not say how to undo it: %s", says)
	}
	s.until("provider list --deleted", "Demo")
	s.want(0, "provider restore Demo --as Again", "paused")
	s.until("provider show Again -o json", "doneAt")
	s.want(0, "provider resume Again")
	s.want(0, "user show kim.akers@contoso.example", "Again")
	s.want(0, "group show Again Staff", "1")
}
