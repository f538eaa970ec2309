package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Exit codes of the sub-commands that speak the admin API.
const (
	exitOK       = 0
	exitFailed   = 1 // the server refused, or failed
	exitUsage    = 2
	exitNoAccess = 3 // the server was not reached, or did not accept the key
	exitNotFound = 4
)

// adminError is a failure with the exit code that tells it.
type adminError struct {
	code int
	text string
}

func (e *adminError) Error() string { return e.text }

func adminErrorf(code int, format string, a ...any) error {
	return &adminError{code, fmt.Sprintf(format, a...)}
}

// adminClient sends requests to an admin API.
type adminClient struct {
	base, key string
	http      *http.Client
	pause     time.Duration // before a request is repeated
}

// newAdminClient checks where the API is and finds the key: in a file, or in the environment, never on the
// command line, which other users of the machine can read.
func newAdminClient(address, tokenFile string) (*adminClient, error) {
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/api/v1"))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, adminErrorf(exitUsage, "-url must be a URL such as https://rollcall.example")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, adminErrorf(exitUsage, "-url must be https: the key would cross the network in the clear")
	}
	key := os.Getenv("ROLLCALL_ADMIN_TOKEN")
	if tokenFile != "" {
		b, err := os.ReadFile(tokenFile) //nolint:gosec // G304: the user names the file
		if err != nil {
			return nil, adminErrorf(exitNoAccess, "read the key: %v", err)
		}
		key = string(b)
	}
	if key = strings.TrimSpace(key); key == "" {
		return nil, adminErrorf(exitNoAccess, "no API key: set ROLLCALL_ADMIN_TOKEN, or name a file with -token-file")
	}
	return &adminClient{
		base: u.String() + "/api/v1", key: key, pause: 500 * time.Millisecond,
		http: &http.Client{
			Timeout:       60 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the key is for this server only
		},
	}, nil
}

// send makes a request and returns the JSON object of the answer. A change carries an Idempotency-Key, so
// that it can be repeated when the connection broke or the server was busy.
func (c *adminClient) send(ctx context.Context, method, path string, query url.Values, body any) (map[string]any, error) {
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	key := rand.Text()
	const attempts = 3
	for try := 1; ; try++ {
		status, answer, err := c.once(ctx, method, address, key, text)
		again := status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
		if err != nil {
			var dial *net.OpError
			again = ctx.Err() == nil && !(errors.As(err, &dial) && dial.Op == "dial")
			err = adminErrorf(exitNoAccess, "could not reach %s: %v", c.base, err)
		} else if status >= 300 {
			err = refusal(status, answer)
		}
		if err == nil || !again || try == attempts {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(c.pause):
		}
	}
}

func (c *adminClient) once(ctx context.Context, method, address, key string, body []byte) (int, map[string]any, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	if method != http.MethodGet {
		r.Header.Set("Idempotency-Key", key)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		var wrapped *url.Error // its text repeats the whole URL, search words included
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return 0, nil, err
	}
	defer answer.Body.Close()
	out, err := readObject(answer.Body)
	if answer.StatusCode >= 300 {
		err = nil // the status says it all
	}
	return answer.StatusCode, out, err
}

// readObject reads the JSON object of an answer.
func readObject(body io.Reader) (out map[string]any, err error) {
	text, err := io.ReadAll(io.LimitReader(body, 16<<20))
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("the answer is not the admin API's: %w", err)
	}
	return out, nil
}

// refusal turns a problem (RFC 9457) into an error.
func refusal(status int, problem map[string]any) error {
	code := exitFailed
	switch status {
	case http.StatusUnauthorized:
		code = exitNoAccess
	case http.StatusNotFound:
		code = exitNotFound
	}
	text := member(problem, "detail")
	if text == "" {
		text = http.StatusText(status)
	}
	fields, _ := problem["errors"].([]any)
	for _, f := range fields {
		if m, ok := f.(map[string]any); ok && member(m, "detail") != member(problem, "detail") {
			text += "\n  " + member(m, "field") + ": " + member(m, "detail")
		}
	}
	if id := member(problem, "instance"); status >= http.StatusInternalServerError && id != "" {
		text += "\n  request " + id
	}
	return &adminError{code, text}
}

// list reads pages until there are limit items. more tells that others follow.
func (c *adminClient) list(ctx context.Context, path string, query url.Values, limit int) (items []any, more bool, err error) {
	items = []any{}
	for {
		answer, err := c.send(ctx, http.MethodGet, path, query, nil)
		if err != nil {
			return nil, false, err
		}
		page, _ := answer["items"].([]any)
		items = append(items, page...)
		next := member(answer, "nextCursor")
		if next == "" || len(items) >= limit {
			more = next != "" || len(items) > limit
			return items[:min(limit, len(items))], more, nil
		}
		query.Set("cursor", next)
	}
}
