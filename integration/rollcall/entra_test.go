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

	"rollcall/integration/entra"
)

// emptyServer answers every query with an empty list; for pages of a crawl it claims total records.
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
		fmt.Fprintf(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":%d,"startIndex":1,"itemsPerPage":0,"Resources":[]}`, claim)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestEntraExitStatusTellsWhatHappened(t *testing.T) {
	t.Setenv("ROLLCALL_SCIM_TOKEN", "good")
	right, wrong := emptyServer(t, 0), emptyServer(t, 3)
	for name, tc := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"help":               {[]string{"-help"}, 0, "Exit status"},
		"no difference":      {[]string{"-url", right}, 0, "equal. 0 people"},
		"differences":        {[]string{"-url", wrong}, 1, "NOT EQUAL"},
		"wrong token":        {[]string{"-url", right, "-token", "bad"}, 3, "Unauthorized"},
		"nobody there":       {[]string{"-url", "http://127.0.0.1:1"}, 3, "WebExceptionProtocolError"},
		"unknown flag":       {[]string{"-frobnicate"}, 2, "-frobnicate"},
		"argument":           {[]string{"-url", right, "extra"}, 2, `unexpected argument "extra"`},
		"no URL":             {nil, 2, "no -url"},
		"not a URL":          {[]string{"-url", "ldap://x"}, 2, "-url must be"},
		"unknown dialect":    {[]string{"-url", right, "-dialect", "old"}, 2, "-dialect"},
		"negative users":     {[]string{"-url", right, "-users", "-1"}, 2, "negative"},
		"nobody at work":     {[]string{"-url", right, "-concurrency", "0"}, 2, "-concurrency"},
		"impossible prefix":  {[]string{"-url", right, "-prefix", "A B"}, 2, "-prefix"},
		"both, and cleaning": {[]string{"-url", right, "-dialect", "both", "-cleanup"}, 0, "(compliant): equal"},
	} {
		var stdout, stderr bytes.Buffer
		status := runEntra(t.Context(), append([]string{"-users", "0", "-groups", "0", "-cycles", "1"}, tc.args...), &stdout, &stderr)
		if all := stdout.String() + stderr.String(); status != tc.status || !strings.Contains(all, tc.says) {
			t.Errorf("%s: status %d, want %d and %q in:\n%s", name, status, tc.status, tc.says, all)
		}
	}
}

func TestEntraWithoutATokenSaysWhereToPutIt(t *testing.T) {
	t.Setenv("ROLLCALL_SCIM_TOKEN", "")
	var stdout, stderr bytes.Buffer
	if status := runEntra(t.Context(), nil, &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), "ROLLCALL_SCIM_TOKEN") {
		t.Errorf("status %d: %s", status, stderr.String())
	}
}

func TestEntraPrintsOneJSONObject(t *testing.T) {
	t.Setenv("ROLLCALL_SCIM_TOKEN", "good")
	var stdout, stderr bytes.Buffer
	status := runEntra(t.Context(), []string{"-url", emptyServer(t, 0), "-users", "0", "-groups", "0", "-json"}, &stdout, &stderr)
	var outcome entraOutcome
	if err := json.Unmarshal(stdout.Bytes(), &outcome); err != nil || status != 0 || !outcome.Equal || len(outcome.Stories) != 2 {
		t.Errorf("status %d, %v, stdout %s", status, err, stdout.String())
	}
}

func TestEntraTakesTheProviderFromTheToken(t *testing.T) {
	t.Parallel()
	f, err := entraFlags{token: "rc_default12345_secret", dialect: "legacy", concurrent: 1}.complete(nil)
	if err != nil || f.url != "http://127.0.0.1:8080/scim/v2/default12345" {
		t.Errorf("%q, %v", f.url, err)
	}
}

func TestEntraProgressIsPlainLinesOffTerminal(t *testing.T) {
	t.Parallel()
	var w bytes.Buffer
	b := newEntraBar(&w)
	b.show(entra.Progress{Phase: "users", Done: 1, Total: 2})
	if w.Len() != 0 {
		t.Errorf("a line within the first five seconds: %q", w.String())
	}
	b.last = b.last.Add(-6 * time.Second)
	b.show(entra.Progress{Phase: "users", Done: 2, Total: 2, Requests: 9})
	if got, want := w.String(), "users 2 of 2, 9 requests, 0 failed\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	b.terminal, b.last = true, b.last.Add(-6*time.Second)
	w.Reset()
	b.show(entra.Progress{Phase: "users", Done: 1, Total: 2})
	b.clear()
	if got := w.String(); !strings.Contains(got, "[###############...............] users 1 of 2") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("%q", got)
	}
}
