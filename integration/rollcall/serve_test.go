package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rollcall/shared/app"
	"rollcall/shared/directory"
	following "rollcall/shared/follow"
	"rollcall/shared/store/sqlite"
)

// TestMain lets the test binary run as the program itself, so that it can be killed.
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
	cmd := exec.Command(os.Args[0], append([]string{"serve", "--json", "--addr", "127.0.0.1:0"}, args...)...)
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

// All acknowledged users exist after kill -9, under the same URL and token.
func TestServeSurvivesKill(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "rollcall.db")
	first := startServe(t, "--data", data)
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
	second := startServe(t, "--data", data)
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
	s := startServe(t, "--data", ":memory:")
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
	first := startServe(t, "--data", data)
	_ = first.cmd.Process.Signal(syscall.SIGTERM)
	_ = first.cmd.Wait()
	second := startServe(t, "--data", data, "--new-credentials")
	if second.SCIMToken == "" || second.SCIMToken == first.SCIMToken || second.AdminToken == "" {
		t.Fatal("no new credentials")
	}
	for name, token := range map[string]string{"old": first.SCIMToken, "new": second.SCIMToken} {
		if status, _ := second.send(t, token, "GET", "/Users", ""); status != 200 {
			t.Errorf("%s token: status %d", name, status)
		}
	}
}

// Webhooks reach this machine only where nobody else reaches the service: what they answer would describe its ports.
func TestWebhooksOfThisMachine(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{false, true} {
		s := startServer(t, fmt.Sprintf("--allow-remote=%v", remote))
		code := 0
		if remote {
			code = 1
		}
		for i, address := range []string{"http://127.0.0.1:9/", "https://localhost/", "https://[::1]/"} {
			s.want(code, fmt.Sprintf("webhook create Hook%d --to %s", i, address))
		}
		s.want(0, "webhook create Public --to https://hooks.contoso.example/")
		s.want(1, "webhook create Inside --to https://10.0.0.1/", "public address")
		s.want(1, "webhook create Port --to https://hooks.contoso.example:99999/", "port from 1 to 65535")
	}
}

func TestServeRefusals(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"an address of the network": {[]string{"--addr", "0.0.0.0:0", "--data", ":memory:"}, 2, "--allow-remote"},
		"no port":                   {[]string{"--addr", "127.0.0.1"}, 2, "--addr must be host:port"},
		"unknown store":             {[]string{"--addr", "127.0.0.1:0", "--store", "paper"}, 2, "--store must be sqlite or dynamodb"},
		"unknown flag":              {[]string{"--wings"}, 2, "no flag --wings"},
		"a mistyped flag":           {[]string{"--adr", "127.0.0.1:0"}, 2, "did you mean --addr?"},
		"a flag of other commands":  {[]string{"--columns", "name"}, 2, "no flag --columns"},
		"an argument":               {[]string{"now"}, 2, "now"},
		"a short log":               {[]string{"--log-retention", "1h"}, 2, "at least 24h"},
		"no such folder":            {[]string{"--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "no", "such.db")}, 1, "open"},
	} {
		var stderr strings.Builder
		p := &program{called: "rollcall", stdin: bufio.NewReader(strings.NewReader("")), stdout: io.Discard, stderr: &stderr, now: time.Now,
			getenv: noEnv}
		if code := p.execute(ctx, append([]string{"serve"}, tt.args...)); code != tt.code || !strings.Contains(stderr.String(), tt.says) {
			t.Errorf("%s: exit code %d, want %d saying %q: %s", name, code, tt.code, tt.says, &stderr)
		}
	}
}

// The health paths need no key, return no data, and report whether the store responds.
func TestServeAnswersHealth(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	origin := strings.TrimSuffix(s.AdminURL, "/api/v1")
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := s.scimAt(origin, "", "GET", path, ""); status != 200 || body != "ok\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if status, _ := s.scimAt(origin, "", "GET", "/healthzz", ""); status == 200 {
		t.Error("another path is served without a key")
	}
	store, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	local := app.NewLocal(store.Ports(), 0, directory.External{}, app.NewLog(io.Discard))
	h := withHealth(http.NotFoundHandler(), local.Ready)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, http.NoBody))
		if w.Code != want {
			t.Errorf("%s with a closed store: %d, want %d", path, w.Code, want)
		}
	}
}

// Background jobs also run at the start, for what an earlier process left: processes that never live for a minute would
// otherwise never seal their log.
func TestServeWorksFromTheStart(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	const tenant = "default"
	rt := app.NewRuntime(directory.DefaultLogRetention, directory.External{})
	rt.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	earlier := directory.LogEntry{ID: "eearlier", At: rt.Now(), Action: directory.APIKeyCreated, Audit: true}
	if err := store.Ports().Log.AppendEntry(t.Context(), tenant, earlier); err != nil {
		t.Fatal(err)
	}
	failed := func(fs []following.Failure) {
		for _, f := range fs {
			t.Error(f.Step, f.Err)
		}
	}
	if _, err := following.New(store.Ports(), rt).FollowNew(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	local := app.NewLocal(store.Ports(), directory.DefaultLogRetention, directory.External{}, app.NewLog(io.Discard))
	if _, err := app.Bootstrap(t.Context(), local.Administration, false); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { local.Work(ctx) })
	t.Cleanup(func() { stop(); work.Wait(); _ = store.Close() })
	eventually(t, "a sealed entry", waitFor, func() bool {
		head, err := store.Ports().Chains.ChainHead(t.Context(), tenant, "")
		return err == nil && head.Seq > 0
	})
}

// A start prints lines to paste, and a later start still names the first provider.
func TestServePrintsTheFirstProvider(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "rollcall.db")
	first := startServe(t, "--data", data)
	first.command(t, first.AdminToken, "provider", "create", "Aardvark")
	first.command(t, first.AdminToken, "provider", "rename", "Demo", "Zoo")
	_ = first.cmd.Process.Signal(syscall.SIGTERM)
	_ = first.cmd.Wait()
	second := startServe(t, "--data", data)
	if second.ProviderID != first.ProviderID || !strings.HasSuffix(second.SCIMURL, first.ProviderID) {
		t.Errorf("the provider %s became %s", first.ProviderID, second.ProviderID)
	}
	var out bytes.Buffer
	p := &program{called: "bin/rollcall", stdout: &out}
	zoo := directory.Provider{ID: "defaultabcde", DisplayName: "Zoo"}
	shown := app.Started{Provider: zoo, Token: "rc_x", AdminToken: "rk_x"}
	if err := p.announce(serveFlags{}, "http://127.0.0.1:8080", shown); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"\nexport ROLLCALL_ADMIN_URL=http://127.0.0.1:8080 ROLLCALL_ADMIN_TOKEN=rk_x\n",
		"\ncurl -s http://127.0.0.1:8080/scim/v2/defaultabcde/Users -H 'Authorization: Bearer rc_x'",
		"\nbin/rollcall user list\n", "the provider Zoo",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
	if strings.Contains(out.String(), "console") {
		t.Errorf("it announces a console, which does not exist:\n%s", out.String())
	}
	out.Reset()
	if err := p.announce(serveFlags{}, "http://127.0.0.1:8080", app.Started{Provider: zoo}); err != nil ||
		!strings.Contains(out.String(), "--new-credentials") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// Only a table of this machine is ours to create.
func TestTablesOfThisMachine(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]bool{
		"http://localhost:8000": true, "http://127.0.0.1:8000": true, "http://[::1]:8000": true, "http://127.9.9.9": true,
		"https://dynamodb.eu-central-1.amazonaws.com": false, "http://10.0.0.5:8000": false, "http://localhost.example:8000": false, "::": false,
	} {
		if got := ofThisMachine(&endpoint); got != want {
			t.Errorf("%s: %v, want %v", endpoint, got, want)
		}
	}
	if ofThisMachine(nil) {
		t.Error("AWS itself is taken for this machine")
	}
}
