package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// client sends requests to an admin API.
type client struct {
	base, key string
	http      *http.Client
	pause     time.Duration // before a request is repeated
	memory    memory
}

// newClient checks the address: a key may cross a network only encrypted.
func newClient(address, key string) (*client, error) {
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/api/v1"))
	if err == nil && u.User != nil {
		return nil, usagef("the server's address must not contain a user name or a password")
	}
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, usagef("the server's address must be a URL such as https://rollcall.example, not %q", address)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usagef("the server's address must begin with https: the key would cross the network unencrypted")
	}
	return &client{
		base: u.String() + "/api/v1", key: key, pause: 500 * time.Millisecond,
		http: &http.Client{
			Timeout:       60 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the key is only for this server
		},
	}, nil
}

// exchange is a request and, later, parts of its response.
type exchange struct {
	op      operation
	ids     []string // path parameters
	query   url.Values
	body    any
	media   string // of a body that is a text, not JSON
	ifMatch string

	etag, next string // of the response
}

// path returns the operation's path with the ids and the query.
func (x *exchange) path() string {
	path := x.op.path
	for i, id := range x.ids {
		path = strings.Replace(path, "{"+x.op.params[i]+"}", url.PathEscape(id), 1)
	}
	if len(x.query) > 0 {
		path += "?" + x.query.Encode()
	}
	return path
}

// get reads one record, or the first page of a list.
func (c *client) get(ctx context.Context, operationID string, ids ...string) (object, error) {
	return c.send(ctx, &exchange{op: operations()[operationID], ids: ids})
}

// send sends a request and returns the JSON object in the response. A change has an Idempotency-Key, so that it can be
// repeated when the connection breaks or the server is busy.
func (c *client) send(ctx context.Context, x *exchange) (object, error) {
	var text []byte
	if x.media != "" {
		text, _ = x.body.([]byte)
	} else if x.body != nil {
		var err error
		if text, err = json.Marshal(x.body); err != nil {
			return nil, err
		}
	}
	key := rand.Text()
	const attempts = 3
	for try := 1; ; try++ {
		answer, again, err := c.once(ctx, x, key, text)
		if err == nil || !again || ctx.Err() != nil || try == attempts {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(c.pause):
		}
	}
}

// once sends the request once, and reports whether it may be repeated after an error.
func (c *client) once(ctx context.Context, x *exchange, key string, body []byte) (out object, again bool, err error) {
	r, err := c.request(ctx, x, body)
	if err != nil {
		return nil, false, err
	}
	if x.op.method != http.MethodGet {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		var dial *net.OpError
		return nil, !errors.As(err, &dial) || dial.Op != "dial", c.unreached(err)
	}
	defer answer.Body.Close()
	out, err = readObject(answer.Body)
	x.etag = answer.Header.Get("ETag")
	switch {
	case answer.StatusCode >= 300:
		again = answer.StatusCode == http.StatusServiceUnavailable || answer.StatusCode == http.StatusTooManyRequests
		return nil, again, &refusal{answer.StatusCode, out, x.op, c.base}
	case err != nil:
		return nil, true, failf(exitNoAccess, "%s is not an admin API: %v", c.base, err)
	}
	return out, false, nil
}

func (c *client) request(ctx context.Context, x *exchange, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, x.op.method, c.base+x.path(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	if len(body) > 0 {
		r.Header.Set("Content-Type", cmp.Or(x.media, "application/json"))
	}
	if x.ifMatch != "" {
		r.Header.Set("If-Match", x.ifMatch)
	}
	return r, nil
}

// unreached returns the error of a request without a response.
func (c *client) unreached(err error) error {
	var wrapped *url.Error // its text repeats the whole URL, search words included
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return failf(exitNoAccess, "could not reach %s: %v", c.base, err)
}

// download copies a response that is not a JSON object.
func (c *client) download(ctx context.Context, x *exchange, to io.Writer) error {
	r, err := c.request(ctx, x, nil)
	if err != nil {
		return err
	}
	endless := *c.http
	endless.Timeout = 0
	answer, err := endless.Do(r)
	if err != nil {
		return c.unreached(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		problem, err := readObject(answer.Body)
		if err != nil {
			problem = nil // the error has only the status
		}
		return &refusal{answer.StatusCode, problem, x.op, c.base}
	}
	x.next = answer.Header.Get("Next-Cursor")
	if _, err := io.Copy(to, answer.Body); err != nil {
		return fmt.Errorf("the response was truncated: %w", err)
	}
	return nil
}

// readObject reads the JSON object in a response.
func readObject(body io.Reader) (out object, err error) {
	text, err := io.ReadAll(io.LimitReader(body, 16<<20))
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("the response is not a JSON object: %w", err)
	}
	return out, nil
}

// pageSize is the largest page of the API.
const pageSize = 200

// list reads pages until it has limit items. more reports that others follow.
func (c *client) list(ctx context.Context, x exchange, limit int) (items []any, more bool, err error) {
	query := maps.Clone(x.query)
	if query == nil {
		query = url.Values{}
	}
	x.query, items = query, []any{}
	if _, ok := x.op.query["limit"]; ok {
		query.Set("limit", strconv.Itoa(min(pageSize, limit+1)))
	}
	for {
		answer, err := c.send(ctx, &x)
		if err != nil {
			return nil, false, err
		}
		items = append(items, list(answer, "items")...)
		next := text(answer, "nextCursor")
		if next == "" || len(items) > limit {
			return items[:min(limit, len(items))], next != "" || len(items) > limit, nil
		}
		query.Set("cursor", next)
	}
}

// memory caches responses, so that a table reads each record that it names only once. It is safe for concurrent use.
type memory struct {
	mu    sync.Mutex
	reads map[string]func() (object, error)
}

// once calls read at the first call with the key, and returns its result at all calls.
func (m *memory) once(key string, read func() (object, error)) (object, error) {
	m.mu.Lock()
	f, ok := m.reads[key]
	if !ok {
		f = sync.OnceValues(read)
		if m.reads == nil {
			m.reads = map[string]func() (object, error){}
		}
		m.reads[key] = f
	}
	m.mu.Unlock()
	return f()
}

// known is like get, but caches the response while the command runs.
func (c *client) known(ctx context.Context, operationID string, ids ...string) (object, error) {
	return c.memory.once(operationID+" "+strings.Join(ids, " "), func() (object, error) { return c.get(ctx, operationID, ids...) })
}
