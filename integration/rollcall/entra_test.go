package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// emptyServer returns an empty list for every query; for pages of a crawl it claims to have total records.
func emptyServer(t *testing.T, total int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		claim := 0
		if r.URL.Query().Get("count") == "200" {
			claim = total
		}
		fmt.Fprintf(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":%d,"startIndex":1,`+
			`"itemsPerPage":0,"Resources":[]}`, claim)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// goodToken is the environment of a simulated Entra that has a token.
func goodToken(name string) string {
	if name == "ROLLCALL_SCIM_TOKEN" {
		return "good"
	}
	return ""
}

func TestEntraExitCodes(t *testing.T) {
	t.Parallel()
	right, wrong, bad := emptyServer(t, 0), emptyServer(t, 3), writeFile(t, "bad\n")
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":               {[]string{"-help"}, 0, "Exit codes"},
		"no difference":      {[]string{"-url", right}, 0, "equal. 0 people"},
		"differences":        {[]string{"--url", wrong}, 1, "NOT EQUAL"},
		"wrong token":        {[]string{"--url", right, "--token-file", bad}, 3, "aborted, not compared. 0 people, 0 groups"},
		"nobody there":       {[]string{"--url", "http://127.0.0.1:1"}, 3, "http://127.0.0.1:1: could not continue"},
		"unknown flag":       {[]string{"--frobnicate"}, 2, "--frobnicate"},
		"a token as a flag":  {[]string{"--token", "rc_x"}, 2, "did you mean --token-file?"},
		"argument":           {[]string{"--url", right, "extra"}, 2, `"extra"`},
		"no URL":             {nil, 2, "--url is missing"},
		"not a URL":          {[]string{"--url", "ldap://x"}, 2, "--url must be"},
		"mixed forms":        {[]string{"--url", right, "--dialect", "mixed", "--writes", "30"}, 1, "does not hold what it accepted"},
		"unknown profile":    {[]string{"--url", right, "--profile", "ldap"}, 2, "--profile must be"},
		"unknown dialect":    {[]string{"--url", right, "--dialect", "old"}, 2, "--dialect"},
		"negative users":     {[]string{"--url", right, "--users", "-1"}, 2, "negative"},
		"nobody at work":     {[]string{"--url", right, "--concurrency", "0"}, 2, "--concurrency"},
		"impossible prefix":  {[]string{"--url", right, "--prefix", "A B"}, 2, "--prefix"},
		"both, and cleaning": {[]string{"--url", right, "--dialect", "both", "--cleanup"}, 0, "(compliant): equal"},
	} {
		code, out, diags := execute(t.Context(), goodToken,
			append([]string{"entra", "-users", "0", "-groups", "0", "-cycles", "1"}, tc.args...)...)
		if all := out + diags; code != tc.code || !strings.Contains(all, tc.says) {
			t.Errorf("%s: exit code %d, want %d and %q in:\n%s", name, code, tc.code, tc.says, all)
		}
	}
	if code, _, diags := execute(t.Context(), noEnv, "entra"); code != 2 || !strings.Contains(diags, "ROLLCALL_SCIM_TOKEN") {
		t.Errorf("without a token: %d %s", code, diags)
	}
}

// A simulated Entra whose token is refused has provisioned and compared nothing.
func TestEntraGivesNoVerdictWithoutAComparison(t *testing.T) {
	t.Parallel()
	code, out, diags := execute(t.Context(), goodToken, "entra", "--url", emptyServer(t, 0), "--token-file", writeFile(t, "bad"), "--users",
		"10", "--groups", "5")
	if code != 3 || strings.Contains(out, "): equal") || !strings.Contains(out,
		"not compared. 0 people, 0 groups, 0 memberships; 1 requests") {
		t.Errorf("%d\n%s%s", code, out, diags)
	}
	_, out, _ = execute(t.Context(), goodToken, "entra", "--json", "--url", emptyServer(t, 0), "--token-file", writeFile(t, "bad"), "--users",
		"10")
	var outcome entraOutcome
	if err := json.Unmarshal([]byte(out), &outcome); err != nil || outcome.Equal || outcome.Error == "" || outcome.Stories[0].People != 0 {
		t.Errorf("%v %s", err, out)
	}
}

func TestEntraPrintsOneJSONObject(t *testing.T) {
	t.Parallel()
	code, out, _ := execute(t.Context(), goodToken, "entra", "--url", emptyServer(t, 0), "--users", "0", "--groups", "0", "-json")
	var outcome entraOutcome
	if err := json.Unmarshal([]byte(out), &outcome); err != nil || code != 0 || !outcome.Equal || len(outcome.Stories) != 2 {
		t.Errorf("%d, %v, stdout %s", code, err, out)
	}
}

func TestEntraTakesTheProviderFromTheToken(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"": "http://127.0.0.1:8080", "https://rollcall.example/api/v1": "https://rollcall.example"} {
		env := map[string]string{"ROLLCALL_SCIM_TOKEN": "rc_default12345_secret", "ROLLCALL_ADMIN_URL": address}
		p := &program{getenv: func(name string) string { return env[name] }}
		f, err := entraFlags{dialect: "legacy", concurrent: 1}.complete(p)
		if err != nil || f.url != want+"/scim/v2/default12345" {
			t.Errorf("%q, %v", f.url, err)
		}
	}
}

func TestProgressIsPlainLinesOffTerminal(t *testing.T) {
	t.Parallel()
	var w bytes.Buffer
	b := (&program{stderr: &w, now: time.Now}).newBar()
	b.show(1, 2, "users 1 of 2")
	if w.Len() != 0 {
		t.Errorf("a line within the first five seconds: %q", w.String())
	}
	b.last = b.last.Add(-6 * time.Second)
	b.show(2, 2, "users 2 of 2")
	if got, want := w.String(), "users 2 of 2\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	b.terminal, b.last = true, b.last.Add(-6*time.Second)
	w.Reset()
	b.show(1, 2, "users 1 of 2")
	b.clear()
	if got := w.String(); !strings.Contains(got, "[###############...............] users 1 of 2") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("%q", got)
	}
}
