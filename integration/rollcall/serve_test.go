package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the program itself, so that it can be killed.
func TestMain(m *testing.M) {
	if os.Getenv("ROLLCALL_TEST_RUN") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// started is a `rollcall serve` process.
type started struct {
	announcement
	cmd *exec.Cmd
}

func startServe(t *testing.T, args ...string) started {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve", "-json", "-addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "ROLLCALL_TEST_RUN=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	s := started{cmd: cmd}
	if err := json.Unmarshal(line, &s.announcement); err != nil {
		t.Fatalf("first line %q: %v", line, err)
	}
	return s
}

func (s started) send(t *testing.T, token, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, s.SCIMURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(data)
}

// What was acknowledged is there after kill -9, under the same URL and token.
func TestServeSurvivesKill(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "rollcall.db")
	first := startServe(t, "-data", data)
	var names []string
	for i := range 50 {
		name := "user" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		if status, body := first.send(t, first.SCIMToken, "POST", "/Users", `{"userName":"`+name+`"}`); status != 201 {
			t.Fatalf("status %d: %s", status, body)
		}
		names = append(names, name)
	}
	if err := first.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.cmd.Wait()
	second := startServe(t, "-data", data)
	if second.SCIMToken != "" || second.AdminToken != "" {
		t.Error("credentials were shown again")
	}
	if second.ProviderID != first.ProviderID {
		t.Errorf("provider %s became %s", first.ProviderID, second.ProviderID)
	}
	status, body := second.send(t, first.SCIMToken, "GET", "/Users?count=200", "")
	if status != 200 || !strings.Contains(body, `"totalResults":50,`) {
		t.Fatalf("status %d: %.200s", status, body)
	}
	for _, name := range names {
		if !strings.Contains(body, `"userName":"`+name+`"`) {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
}

func TestServeStopsCleanly(t *testing.T) {
	t.Parallel()
	s := startServe(t, "-data", ":memory:")
	if status, _ := s.send(t, s.SCIMToken, "GET", "/Users", ""); status != 200 {
		t.Fatalf("status %d", status)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

func TestServeIssuesNewCredentials(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "rollcall.db")
	first := startServe(t, "-data", data)
	_ = first.cmd.Process.Signal(syscall.SIGTERM)
	_ = first.cmd.Wait()
	second := startServe(t, "-data", data, "-new-credentials")
	if second.SCIMToken == "" || second.SCIMToken == first.SCIMToken || second.AdminToken == "" {
		t.Fatal("no new credentials")
	}
	for name, token := range map[string]string{"old": first.SCIMToken, "new": second.SCIMToken} {
		if status, _ := second.send(t, token, "GET", "/Users", ""); status != 200 {
			t.Errorf("%s token: status %d", name, status)
		}
	}
}

func TestServeRefusals(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"an address of the network": {[]string{"-addr", "0.0.0.0:0", "-data", ":memory:"}, 1},
		"no port":                   {[]string{"-addr", "127.0.0.1"}, 1},
		"unknown store":             {[]string{"-addr", "127.0.0.1:0", "-store", "paper"}, 1},
		"unknown flag":              {[]string{"-wings"}, 2},
		"an argument":               {[]string{"now"}, 2},
		"no such folder":            {[]string{"-addr", "127.0.0.1:0", "-data", filepath.Join(t.TempDir(), "no", "such.db")}, 1},
	} {
		var stderr strings.Builder
		if code := runServe(ctx, tt.args, io.Discard, &stderr); code != tt.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, tt.code, &stderr)
		}
		if stderr.Len() == 0 {
			t.Errorf("%s: nothing was said", name)
		}
	}
}

// The program finds every command, and says what there is.
func TestCommands(t *testing.T) {
	t.Parallel()
	var usage strings.Builder
	if code := run(t.Context(), nil, io.Discard, &usage); code != 2 {
		t.Errorf("without a command: exit code %d, want 2", code)
	}
	s := startServe(t, "-data", ":memory:")
	for _, c := range commands() {
		if !strings.Contains(usage.String(), c.name) {
			t.Errorf("%s is not listed", c.name)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "provider", "list", "-url", strings.TrimSuffix(s.AdminURL, "/api/v1"))
	cmd.Env = append(os.Environ(), "ROLLCALL_TEST_RUN=1", "ROLLCALL_ADMIN_TOKEN="+s.AdminToken)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Demo") {
		t.Errorf("provider list: %v\n%s", err, out)
	}
}
