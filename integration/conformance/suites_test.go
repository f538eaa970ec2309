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

// started is what `rollcall serve -json` prints first.
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
		// The suites send nonsense on purpose: whatever it is, the server must not be the one at fault.
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

// newProvider makes a provider through the admin API and returns its SCIM base URL and token.
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
	var made struct {
		BaseURL string `json:"baseUrl"`
		Token   string `json:"token"`
	}
	data, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(data, &made)
	}
	if err != nil || res.StatusCode != http.StatusCreated || made.BaseURL == "" || made.Token == "" {
		t.Fatalf("no provider: status %d, %v", res.StatusCode, err)
	}
	return made.BaseURL, made.Token
}

// run runs a tool and returns what it printed, and what it complained about.
func run(t *testing.T, env []string, name string, args ...string) (stdout, stderr []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), append([]string{"NO_PROXY=*", "PYTHONNOUSERSITE=1"}, env...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err = cmd.Run()
	return out.Bytes(), complaints.Bytes(), err
}

// check is one check of a suite: what it is called, whether the suite is content, and what it says.
type check struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Good    bool   `json:"good"`
	Message string `json:"message"`
}

// objection is a check that demands what this service does not do on purpose; docs/divergences.md says why.
type objection struct{ name, message string }

// judge fails for every check that is not good, but for the objections, each of which must occur.
func judge(t *testing.T, checks []check, atLeast int, objections ...objection) {
	t.Helper()
	met := map[objection]bool{}
	for _, c := range checks {
		o := objection{c.Name, c.Message}
		switch {
		case c.Good:
		case slices.Contains(objections, o):
			met[o] = true
		default:
			t.Errorf("%s: %s: %s", c.Status, c.Name, c.Message)
		}
	}
	for _, o := range objections {
		if !met[o] {
			t.Errorf("%s no longer objects (%q): strike it out here and in docs/divergences.md", o.name, o.message)
		}
	}
	if len(checks) < atLeast {
		t.Errorf("only %d checks were made, want at least %d", len(checks), atLeast)
	}
	t.Logf("%d checks, %d objections that are on purpose", len(checks), len(met))
}

// scim2-tester is content on each profile.
func TestSCIM2Tester(t *testing.T) {
	python := pytools.Python(t, "scim2-tester")
	s := serve(t)
	for _, profile := range []string{"generic", "okta", "entra", "entra-gov"} {
		t.Run(profile, func(t *testing.T) {
			base, token := s.newProvider(t, profile)
			out, complaints, err := run(t, []string{"SCIM_TOKEN=" + token}, python, "scim2_tester_run.py", base)
			if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1 || len(complaints) > 0) {
				t.Fatalf("%v\n%s%s", err, out, complaints)
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

// scim-sanity is content in strict mode, except that it adds a member that does not exist (C10), and leaves
// out the resource types we do not have.
func TestSCIMSanity(t *testing.T) {
	sanity := filepath.Join(filepath.Dir(pytools.Python(t, "scim-sanity")), "scim-sanity")
	s := serve(t)
	for _, profile := range []string{"generic", "okta"} {
		t.Run(profile, func(t *testing.T) {
			base, token := s.newProvider(t, profile)
			out, complaints, err := run(t, nil, sanity, "probe", base, "--token", token, "--strict", "--json-output", "--i-accept-side-effects")
			var report struct {
				Mode    string  `json:"mode"`
				Results []check `json:"results"`
			}
			if jsonErr := json.Unmarshal(out, &report); jsonErr != nil {
				t.Fatalf("%v, %v: %s%s", err, jsonErr, out, complaints)
			}
			if report.Mode != "strict" {
				t.Errorf("mode %q", report.Mode)
			}
			for i, c := range report.Results {
				report.Results[i].Good = c.Status == "pass"
			}
			judge(t, report.Results, 31,
				objection{"PATCH /Groups/{id} add member", "Expected 200, got 400"},
				objection{"Agent CRUD Lifecycle", "Agent not supported by server"},
				objection{"AgenticApplication CRUD Lifecycle", "AgenticApplication not supported by server"},
				objection{"Agent Rapid Lifecycle", "Agent not supported or not in scope"})
		})
	}
}
