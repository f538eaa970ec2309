package entra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrQuarantine stops a cycle: the server refused the credentials, or the endpoint does not speak SCIM. Entra would put
// the whole job into quarantine.
var ErrQuarantine = errors.New("quarantine")

// Failure is a failed request for an object. Code is the error code that Entra's provisioning log would show.
type Failure struct {
	Operation Operation `json:"operation"`
	Object    string    `json:"object,omitempty"` // object id in the directory
	Code      string    `json:"code"`
	Status    int       `json:"status,omitempty"` // 0 when there was no response
	Detail    string    `json:"detail,omitempty"`

	quarantine bool
}

// Error returns the operation, the code, the status and the server's detail.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %s (status %d): %s", f.Operation, f.Code, f.Status, f.Detail)
}

// Unwrap returns ErrQuarantine for a failure that stops the cycle.
func (f *Failure) Unwrap() error {
	if f.quarantine {
		return ErrQuarantine
	}
	return nil
}

const incompatible = "SystemForCrossDomainIdentityManagementServiceIncompatible"

// retries is how often a request is repeated after a Retry-After before its object waits for the next cycle, and
// longestPause the longest time the client waits before one of these attempts.
const (
	retries      = 5
	longestPause = time.Minute
)

// client sends the requests of a job. All workers share its rate limit, its pauses and its statistics.
type client struct {
	http        *http.Client
	base, token string
	timeout     time.Duration
	recorder    recorder

	mu       sync.Mutex
	interval time.Duration // between two requests; 0 is no limit
	next     time.Time     // earliest start of the next request
}

// answer is a response whose status is one of those the caller accepts.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request and returns the answer if its status is in want, otherwise a *Failure or the context's error.
// 429 and 503 with Retry-After pause all requests of the client, then this one is repeated.
func (c *client) call(ctx context.Context, op Operation, method, path string, body any, want ...int) (answer, error) {
	payload, err := encode(body)
	if err != nil {
		return answer{}, err
	}
	for attempt := 0; ; attempt++ {
		if err := c.turn(ctx); err != nil {
			return answer{}, err
		}
		start := time.Now()
		got, err := c.send(ctx, method, path, payload)
		if err == nil {
			err = judge(got, op, want)
		} else if ctx.Err() == nil {
			err = lost(op, err)
		}
		c.recorder.attempt(op, time.Since(start), err != nil)
		if pause, again := retryAfter(got); again && attempt < retries {
			c.pause(pause)
			continue
		}
		return got, err
	}
}

// encode renders a body as the real client does: without the HTML escapes of Go's default encoder.
func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (c *client) send(ctx context.Context, method, path string, payload []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/scim+json")
	if payload != nil {
		req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read response: %w", err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: data}, nil
}

// turn waits until the rate limit and a pause allow the next request.
func (c *client) turn(ctx context.Context) error {
	c.mu.Lock()
	now := time.Now()
	start := c.next
	if start.Before(now) {
		start = now
	}
	if c.interval > 0 {
		c.next = start.Add(c.interval)
	}
	c.mu.Unlock()
	if wait := start.Sub(now); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (c *client) pause(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := time.Now().Add(d); until.After(c.next) {
		c.next = until
	}
}

func retryAfter(a answer) (time.Duration, bool) {
	if a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable {
		return 0, false
	}
	text := a.header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return min(time.Duration(seconds)*time.Second, longestPause), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), 0), longestPause), true
	}
	return 0, false
}

func lost(op Operation, err error) error {
	f := &Failure{Operation: op, Code: "WebExceptionProtocolError", Detail: err.Error()}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		f.Code = "Timeout"
	}
	return f
}

// judge returns a failure for an answer whose status is not in want, or that is not SCIM.
func judge(a answer, op Operation, want []int) error {
	f := &Failure{Operation: op, Status: a.status}
	fail := func(code, format string, args ...any) error {
		f.Code, f.Detail = code, fmt.Sprintf(format, args...)
		return f
	}
	for _, status := range want {
		if a.status != status {
			continue
		}
		if a.status == http.StatusNoContent && len(a.body) > 0 {
			return fail(incompatible, "204 with a body")
		}
		if len(a.body) == 0 || a.status == http.StatusNotFound {
			return nil
		}
		if media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); media != "application/scim+json" {
			return fail(incompatible, "Content-Type is %q", a.header.Get("Content-Type"))
		}
		return nil
	}
	code := map[int]string{
		400: incompatible, 401: "Unauthorized", 403: "InsufficientRights", 404: "InvalidAnchor", 409: "EntryConflict",
		413: "UnprocessableEntity", 422: "UnprocessableEntity", 429: "TooManyRequests", 501: "NotImplemented",
	}[a.status]
	if code == "" {
		code = "InternalServerError"
	}
	query := op == OpTest || op == OpUserMatch || op == OpGroupMatch || op == OpManagerCheck || op == OpMemberCheck || op == OpList
	switch {
	case a.status == 401 || a.status == 403:
		f.quarantine = true
	case a.status == 404 && query: // an empty result is a 200
		code, f.quarantine = incompatible, true
	}
	return fail(code, "%s", detail(a.body))
}

func detail(body []byte) string {
	var e struct {
		ScimType string `json:"scimType"`
		Detail   string `json:"detail"`
	}
	if json.Unmarshal(body, &e) == nil && e.Detail != "" {
		return strings.TrimSpace(e.ScimType + " " + e.Detail)
	}
	return fmt.Sprintf("%.200q", body)
}

// get sends a GET and decodes the object in the response.
func (c *client) get(ctx context.Context, op Operation, path string) (map[string]any, error) {
	a, err := c.call(ctx, op, http.MethodGet, path, nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	return a.decode(op)
}

func (a answer) decode(op Operation) (map[string]any, error) {
	var object map[string]any
	if err := json.Unmarshal(a.body, &object); err != nil {
		return nil, &Failure{Operation: op, Code: incompatible, Status: a.status, Detail: "the body is not a JSON object"}
	}
	return object, nil
}

// page is a ListResponse (RFC 7644 §3.4.2).
type page struct {
	total, start, items int
	resources           []map[string]any
}

// list sends a query and reads the ListResponse.
func (c *client) list(ctx context.Context, op Operation, path string) (page, error) {
	object, err := c.get(ctx, op, path)
	if err != nil {
		return page{}, err
	}
	total, ok := object["totalResults"].(float64)
	resources, isArray := object["Resources"].([]any)
	schemas, _ := object["schemas"].([]any)
	if !ok || !isArray || len(schemas) != 1 || schemas[0] != listURN {
		return page{},
			&Failure{Operation: op, Code: incompatible, Status: http.StatusOK, Detail: "not a ListResponse with totalResults and Resources"}
	}
	p := page{total: int(total), start: number(object["startIndex"], 1), items: number(object["itemsPerPage"], len(resources))}
	for _, r := range resources {
		resource, ok := r.(map[string]any)
		if !ok {
			return page{}, &Failure{Operation: op, Code: incompatible, Status: http.StatusOK, Detail: "an element of Resources is not an object"}
		}
		p.resources = append(p.resources, resource)
	}
	return p, nil
}

func number(v any, missing int) int {
	if n, ok := v.(float64); ok {
		return int(n)
	}
	return missing
}

// filter encodes a filter for a query string as the real client does: blanks as "+", quotes as %22.
func filter(format string, literals ...string) string {
	args := make([]any, len(literals))
	for i, l := range literals {
		quoted, err := encode(l)
		if err != nil {
			quoted = []byte(`""`)
		}
		args[i] = quoted
	}
	return "filter=" + url.QueryEscape(fmt.Sprintf(format, args...))
}
