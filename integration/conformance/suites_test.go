//go:build conformance

package conformance_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/integration/tools/pytools"
)

// started is the first line of `rollcall serve --json`.
type started struct {
	SCIMURL    string `json:"scimURL"`
	SCIMToken  string `json:"scimToken"`
	AdminURL   string `json:"adminURL"`
	AdminToken string `json:"adminToken"`
	ProviderID string `json:"providerId"`
}

// serve builds the command and runs it on an empty store until the test ends, which it must do cleanly.
func serve(t *testing.T) started {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "rollcall")
	if out, err := exec.Command("go", "build", "-o", binary, "rollcall/integration/rollcall").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "serve", "--json", "--addr", "127.0.0.1:0", "--data", ":memory:")
	var logged bytes.Buffer
	cmd.Stderr = &logged
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve ended with %v", err)
		}
		// The suites send invalid requests on purpose, which must not cause errors of the server.
		if strings.Contains(logged.String(), `"level":"ERROR"`) {
			t.Errorf("serve logged an error:\n%s", logged.String())
		}
	})
	lines := bufio.NewReader(stdout)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("serve printed no first line: %v\n%s", err, logged.String())
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	var s started
	if err := json.Unmarshal(first, &s); err != nil {
		t.Fatalf("%v: %s", err, first)
	}
	return s
}

// newProvider creates a provider through the admin API and returns its SCIM base URL and token.
func (s started) newProvider(t *testing.T, profile string) (baseURL, token string) {
	t.Helper()
	body := fmt.Sprintf(`{"displayName":"Suite %s","profile":%q}`, profile, profile)
	r, err := http.NewRequest(http.MethodPost, s.AdminURL+"/providers", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.AdminToken)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var created struct {
		BaseURL string `json:"baseUrl"`
		Token   string `json:"token"`
	}
	data, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(data, &created)
	}
	if err != nil || res.StatusCode != http.StatusCreated || created.BaseURL == "" || created.Token == "" {
		t.Fatalf("no provider: status %d, %v", res.StatusCode, err)
	}
	return created.BaseURL, created.Token
}

// run runs a tool and returns its standard output and standard error.
func run(t *testing.T, env []string, name string, args ...string) (stdout, stderr []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	var outBuf, errBuf bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), append([]string{"NO_PROXY=*", "PYTHONNOUSERSITE=1"}, env...)...)
	cmd.Stdout, cmd.Stderr = &outBuf, &errBuf
	err = cmd.Run()
	return outBuf.Bytes(), errBuf.Bytes(), err
}

// check is one check of a suite: its name, whether it passed, and its message.
type check struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Good    bool   `json:"good"`
	Message string `json:"message"`
}

// deviation is a check that fails on purpose; docs/divergences.md has the reason.
type deviation struct{ name, message string }

// judge fails for every failed check except the deviations, each of which must occur.
func judge(t *testing.T, checks []check, atLeast int, deviations ...deviation) {
	t.Helper()
	met := map[deviation]bool{}
	for _, c := range checks {
		o := deviation{c.Name, c.Message}
		switch {
		case c.Good:
		case slices.Contains(deviations, o):
			met[o] = true
		default:
			t.Errorf("%s: %s: %s", c.Status, c.Name, c.Message)
		}
	}
	for _, o := range deviations {
		if !met[o] {
			t.Errorf("%s no longer fails (%q): remove it here and from docs/divergences.md", o.name, o.message)
		}
	}
	if len(checks) < atLeast {
		t.Errorf("only %d checks ran, want at least %d", len(checks), atLeast)
	}
	t.Logf("%d checks, %d deviations", len(checks), len(met))
}

// scim2-tester passes for each profile.
func TestSCIM2Tester(t *testing.T) {
	python := pytools.Python(t, "scim2-tester")
	s := serve(t)
	for _, profile := range []string{"generic", "okta", "entra", "entra-gov"} {
		t.Run(profile, func(t *testing.T) {
			base, token := s.newProvider(t, profile)
			out, stderr, err := run(t, []string{"SCIM_TOKEN=" + token}, python, "scim2_tester_run.py", base)
			if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1 || len(stderr) > 0) {
				t.Fatalf("%v\n%s%s", err, out, stderr)
			}
			var checks []check
			for line := range bytes.Lines(out) {
				var c check
				if err := json.Unmarshal(line, &c); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				checks = append(checks, c)
			}
			judge(t, checks, 140)
		})
	}
}

// scim-sanity passes in strict mode, except that it adds a member that does not exist (C10) and expects resource types
// that we do not have.
func TestSCIMSanity(t *testing.T) {
	sanity := filepath.Join(filepath.Dir(pytools.Python(t, "scim-sanity")), "scim-sanity")
	s := serve(t)
	for _, profile := range []string{"generic", "okta"} {
		t.Run(profile, func(t *testing.T) {
			base, token := s.newProvider(t, profile)
			out, stderr, err := run(t, nil, sanity, "probe", base, "--token", token, "--strict", "--json-output", "--i-accept-side-effects")
			var report struct {
				Mode    string  `json:"mode"`
				Results []check `json:"results"`
			}
			if jsonErr := json.Unmarshal(out, &report); jsonErr != nil {
				t.Fatalf("%v, %v: %s%s", err, jsonErr, out, stderr)
			}
			if report.Mode != "strict" {
				t.Errorf("mode %q", report.Mode)
			}
			for i, c := range report.Results {
				report.Results[i].Good = c.Status == "pass"
			}
			judge(t, report.Results, 31,
				deviation{"PATCH /Groups/{id} add member", "Expected 200, got 400"},
				deviation{"Agent CRUD Lifecycle", "Agent not supported by server"},
				deviation{"AgenticApplication CRUD Lifecycle", "AgenticApplication not supported by server"},
				deviation{"Agent Rapid Lifecycle", "Agent not supported or not in scope"})
		})
	}
}
