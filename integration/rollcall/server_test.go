package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// server is a whole service in the test's process, and the settings of the command that uses it.
type server struct {
	t *testing.T
	announcement
	key      string // API key
	typed    string // the answers to questions; "": there is no terminal
	terminal bool   // the output is a terminal
	env      map[string]string
	log      *lockedBuffer // what the server wrote to standard error
}

// startServer runs `rollcall serve` until the test ends.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	log := &lockedBuffer{}
	p := &program{called: "rollcall", stdin: bufio.NewReader(strings.NewReader("")), stdout: w, stderr: log, now: time.Now,
		getenv: noEnv}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.execute(ctx, append([]string{"serve", "--json", "--addr", "127.0.0.1:0", "--data", ":memory:"}, args...))
		_ = w.Close()
	}()
	t.Cleanup(func() { stop(); <-done })
	s := &server{t: t, env: map[string]string{"XDG_CONFIG_HOME": t.TempDir()}, log: log}
	if err := json.NewDecoder(r).Decode(&s.announcement); err != nil {
		t.Fatal(err)
	}
	s.key = s.AdminToken
	return s
}

func noEnv(string) string { return "" }

// execute runs the command without a terminal.
func execute(ctx context.Context, getenv func(string) string, args ...string) (code int, stdout, stderr string) {
	var out, diags bytes.Buffer
	p := &program{called: "rollcall", stdin: bufio.NewReader(strings.NewReader("")), stdout: &out, stderr: &diags, now: time.Now,
		getenv: getenv}
	code = p.execute(ctx, args)
	return code, out.String(), diags.String()
}

// words splits a line as a shell does: at blanks outside quotes.
func words(line string) []string {
	var out []string
	var word strings.Builder
	quote, begun := rune(0), false
	for _, r := range line {
		switch {
		case r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && r == ' ':
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		out = append(out, word.String())
	}
	return out
}

// run runs the command and returns its exit code and output.
func (s *server) run(line string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, diags bytes.Buffer
	env := map[string]string{"ROLLCALL_ADMIN_URL": s.AdminURL, "ROLLCALL_ADMIN_TOKEN": s.key, "ROLLCALL_SCIM_TOKEN": s.SCIMToken}
	for k, v := range s.env {
		env[k] = v
	}
	p := &program{
		called: "rollcall", stdin: bufio.NewReader(strings.NewReader(s.typed)), stdout: &out, stderr: &diags, now: time.Now,
		getenv: func(k string) string { return env[k] }, asks: s.typed != "", terminal: s.terminal,
		secret: func() (string, error) { return strings.TrimSpace(s.typed), nil },
	}
	code = p.execute(s.t.Context(), words(line))
	return code, out.String(), diags.String()
}

// want runs the command, which must return the exit code and print the texts, and returns its output.
func (s *server) want(code int, line string, parts ...string) string {
	s.t.Helper()
	got, out, diags := s.run(line)
	if got != code {
		s.t.Fatalf("rollcall %s = %d, want %d\n%s%s", line, got, code, out, diags)
	}
	for _, p := range parts {
		if !strings.Contains(out+diags, p) {
			s.t.Errorf("rollcall %s: no %q in\n%s%s", line, p, out, diags)
		}
	}
	return out
}

// fails runs the command, which must return the exit code, and returns what it says on standard error.
func (s *server) fails(code int, line string) string {
	s.t.Helper()
	got, out, diags := s.run(line)
	if got != code || out != "" {
		s.t.Fatalf("rollcall %s = %d, want %d\n%s%s", line, got, code, out, diags)
	}
	return diags
}

// answering returns the server with a terminal on which the lines are typed.
func (s *server) answering(lines ...string) *server {
	at := *s
	at.typed = strings.Join(lines, "\n") + "\n"
	return &at
}

// as returns the server with a new key of the role.
func (s *server) as(role string) *server {
	s.t.Helper()
	at := *s
	at.key = s.object("apikey create Key-" + role + " --role " + role)["token"].(string)
	return &at
}

// object runs the command with -o json and returns the printed object.
func (s *server) object(line string) object {
	s.t.Helper()
	var o object
	out := s.want(0, line+" -o json")
	if err := json.Unmarshal([]byte(out), &o); err != nil {
		s.t.Fatalf("%s: %v in %s", line, err, out)
	}
	return o
}

// scim sends a request as a directory does, and returns the id in the response.
func (s *server) scim(method, path, body string) string {
	s.t.Helper()
	status, answer := s.scimAt(s.SCIMURL, s.SCIMToken, method, path, body)
	if status >= 300 {
		s.t.Fatalf("%s %s: status %d: %s", method, path, status, answer)
	}
	return between(answer, `"id":"`, `"`)
}

func (s *server) scimAt(base, token, method, path, body string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// person provisions a person and returns the id.
func (s *server) person(userName string) string {
	s.t.Helper()
	return s.scim("POST", "/Users", `{"userName":"`+userName+`"}`)
}

// group provisions a group with members.
func (s *server) group(name string, members ...string) string {
	s.t.Helper()
	body := `{"displayName":"` + name + `","members":[`
	for i, m := range members {
		if i > 0 {
			body += ","
		}
		body += `{"value":"` + m + `"}`
	}
	return s.scim("POST", "/Groups", body+"]}")
}

// disable disables a user as the directory does.
func (s *server) disable(id string) {
	s.t.Helper()
	s.scim("PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],`+
		`"Operations":[{"op":"replace","path":"active","value":false}]}`)
}

// until runs the command until it prints a text.
func (s *server) until(line, part string) {
	s.t.Helper()
	eventually(s.t, line+": "+part, 20*time.Second, func() bool {
		_, out, _ := s.run(line)
		return strings.Contains(out, part)
	})
}

// settled waits until all entries so far have been followed: a watchlist created now gets its member after that.
func (s *server) settled() {
	s.t.Helper()
	id := s.object("user create settled@contoso.example")["id"].(string)
	s.want(0, "watchlist create Settled --type custom --include "+id)
	s.until("watchlist members Settled -o name", "settled")
	s.want(0, "watchlist delete Settled --yes")
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const waitFor = 20 * time.Second

func noClock() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

func httpClient() *http.Client { return &http.Client{Timeout: 10 * time.Second} }
