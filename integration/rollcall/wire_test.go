package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer holds what a server logs, which a test may read meanwhile.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// dial opens a connection to the server, which ends with the test.
func (s *server) dial() *net.TCPConn {
	s.t.Helper()
	u, err := url.Parse(s.AdminURL)
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(waitFor)); err != nil {
		s.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// exchange sends bytes on a connection of its own and returns the response and its body.
func (s *server) exchange(raw string, halfClose bool) (*http.Response, string) {
	s.t.Helper()
	c := s.dial()
	if _, err := io.WriteString(c, raw); err != nil {
		s.t.Fatal(err)
	}
	if halfClose {
		if err := c.CloseWrite(); err != nil {
			s.t.Fatal(err)
		}
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.t.Fatalf("%.80q: %v", raw, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(body)
}

// pathOf returns the path of a URL.
func pathOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// A body that ends before its announced length is the client's error.
func TestServeRefusesBodiesThatAreCutOff(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	id := s.person("kim.akers@contoso.example")
	group := s.group("Staff", id)
	scim, admin := pathOf(t, s.SCIMURL), pathOf(t, s.AdminURL)
	for _, tt := range []struct{ method, path, token, media, says string }{
		{"POST", scim + "/Users", s.SCIMToken, "application/scim+json", `"scimType":"invalidSyntax"`},
		{"PUT", scim + "/Users/" + id, s.SCIMToken, "application/scim+json", `"scimType":"invalidSyntax"`},
		{"PATCH", scim + "/Groups/" + group, s.SCIMToken, "application/scim+json", `"scimType":"invalidSyntax"`},
		{"POST", scim + "/Users/.search", s.SCIMToken, "application/scim+json", `"scimType":"invalidSyntax"`},
		{"POST", scim + "/Bulk", s.SCIMToken, "application/scim+json", `"scimType":"invalidSyntax"`},
		{"POST", admin + "/users", s.key, "application/json", "urn:rollcall:problem:invalid"},
		{"POST", scim + "/Users", s.SCIMToken[:len(s.SCIMToken)-1], "application/scim+json", `"status":"401"`},
	} {
		for _, framing := range []string{"Content-Length: 1000\r\n\r\n{\"userName\":", "Transfer-Encoding: chunked\r\n\r\n40\r\n{\"userName\":"} {
			for range 10 { // the server notices the end of the connection at any moment
				status := 400
				if strings.Contains(tt.says, "401") {
					status = 401
				}
				res, body := s.exchange(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n%s",
					tt.method, tt.path, tt.token, tt.media, framing), true)
				if res.StatusCode != status || !strings.Contains(body, tt.says) {
					t.Errorf("%s %s, %.14s: %d %s", tt.method, tt.path, framing, res.StatusCode, body)
					break
				}
			}
		}
	}
	if log := s.log.String(); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("it logged an error:\n%s", log)
	}
}

// listenWith serves h on a port of its own until the test ends, and returns the address.
func listenWith(t *testing.T, h http.HandlerFunc, stall time.Duration) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := newServer(h, stall)
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return ln.Addr().String()
}

// connectSlowly opens a connection with a small buffer and sends a request.
func connectSlowly(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

// A client that reads nothing is disconnected, so that it holds neither memory nor a place.
func TestServeLetsGoOfClientsThatReadNothing(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	address := listenWith(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				ended <- err
				return
			}
		}
	}, 50*time.Millisecond)
	connectSlowly(t, address)
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(waitFor):
		t.Error("the client still has its connection")
	}
}

// A long response reaches a client that is slow but reads, whether it is written in one piece or in many, and however
// long the handler needed before.
func TestServeCompletesLongResponses(t *testing.T) {
	t.Parallel()
	const size, stall = 24 << 20, time.Second
	for name, h := range map[string]http.HandlerFunc{
		"in one piece": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) },
		"as a stream": func(w http.ResponseWriter, _ *http.Request) {
			for range size >> 10 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		},
		"after a while": func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(stall * 3 / 2)
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write(make([]byte, size))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := http.ReadResponse(bufio.NewReader(connectSlowly(t, listenWith(t, h, stall))), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got := int64(0)
			for got < size { // 24 pauses, longer than stall together
				n, err := io.CopyN(io.Discard, res.Body, 1<<20)
				if got += n; err != nil {
					t.Fatalf("after %d bytes: %v", got, err)
				}
				time.Sleep(stall / 16)
			}
		})
	}
}

// What a proxy may read as another request than we do is refused, and the connection closed: two lengths, folded headers.
// Everything else is served as before, in whatever pieces it comes.
func TestServeRefusesAmbiguousRequests(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	scim := pathOf(t, s.SCIMURL)
	auth := "Host: x\r\nAuthorization: Bearer " + s.SCIMToken + "\r\nContent-Type: application/scim+json\r\n"
	post, get := "POST "+scim+"/Users/.search HTTP/1.1\r\n"+auth, "GET "+scim+"/Users?count=0 HTTP/1.1\r\n"+auth
	search := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":0}`
	long := fmt.Sprintf("Content-Length: %d\r\n", len(search))
	bad := "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nX: a\r\n b\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(search), search)
	for _, tt := range []struct {
		name, raw string
		statuses  []int // of the responses; after the last one the connection is closed if it is 400
	}{
		{"a length", post + long + "\r\n" + search, []int{200}},
		{"chunks", post + "Transfer-Encoding: chunked\r\n\r\n" + chunked, []int{200}},
		{"both", post + long + "Transfer-Encoding: chunked\r\n\r\n" + chunked, []int{400}},
		{"both, in the other order and another case", post + "transfer-ENCODING: chunked\r\nCONTENT-length: 0\r\n\r\n" + chunked, []int{400}},
		{"both, with bare line feeds", strings.ReplaceAll(post+long+"Transfer-Encoding: chunked\r\n\r\n", "\r", "") + chunked, []int{400}},
		{"chunks in HTTP/1.0", strings.Replace(post, "HTTP/1.1", "HTTP/1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n" + chunked, []int{400}},
		{"the same length twice", post + long + long + "\r\n" + search, []int{200}},
		{"two lengths", post + long + "Content-Length: 2\r\n\r\n" + search, []int{400}},
		{"a length with a sign", post + strings.Replace(long, ": ", ": +", 1) + "\r\n" + search, []int{400}},
		{"a folded header", get + "X-Note: a\r\n b\r\n\r\n", []int{400}},
		{"a folded header with a tab", get + "X-Note: a\r\n\tb\r\n\r\n", []int{400}},
		{"a folded length", post + "Content-Length:\r\n 5\r\n\r\n" + search, []int{400}},
		{"a blank before the colon", post + "Content-Length : 5\r\n\r\n" + search, []int{400}},
		{"several requests at once", get + "\r\n" + post + long + "\r\n" + search + "\r\n" + get + "\r\n", []int{200, 200, 200}},
		{"a good request, then both", get + "\r\n" + post + long + "Transfer-Encoding: chunked\r\n\r\n" + chunked, []int{200, 400}},
		{"a body, then a folded header", post + long + "\r\n" + search + get + "X-Note: a\r\n b\r\n\r\n", []int{200, 400}},
		{"a body like a bad request", post + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(bad), bad) + get + "\r\n", []int{400, 200}},
		{"a refused path with a body", "PUT /nothing HTTP/1.1\r\n" + auth + "Content-Length: 4\r\n\r\n\r\n x" + get + "\r\n", []int{401, 200}},
	} {
		for _, piece := range []int{1 << 20, 1, 7} {
			c := s.dial()
			go func() {
				for raw := tt.raw; raw != ""; {
					n := min(piece, len(raw))
					if _, err := io.WriteString(c, raw[:n]); err != nil {
						return
					}
					raw = raw[n:]
				}
			}()
			in := bufio.NewReader(c)
			var got []int
			for range tt.statuses {
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Errorf("%s, %d bytes at once: %v", tt.name, piece, err)
					break
				}
				got = append(got, res.StatusCode)
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					t.Error(err)
				}
				checkSafe(t, tt.name, res)
			}
			if !slices.Equal(got, tt.statuses) {
				t.Errorf("%s, %d bytes at once: statuses %v, want %v", tt.name, piece, got, tt.statuses)
			}
			if tt.statuses[len(tt.statuses)-1] == 400 {
				if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
					t.Errorf("%s, %d bytes at once: the connection stays open: %v", tt.name, piece, err)
				}
			}
			_ = c.Close()
		}
	}
}

// checkSafe checks the headers that every response must have.
func checkSafe(t *testing.T, what string, res *http.Response) {
	t.Helper()
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: status %d has headers %v", what, res.StatusCode, res.Header)
	}
}

// Responses that the server makes before any handler sees the request have the headers of all others.
func TestServeAnswersSafelyByItself(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, tt := range []struct {
		name, raw string
		status    int
	}{
		{"no HTTP", "hello\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"a header without a name", "GET / HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n", 400},
		{"an unknown encoding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		{"a huge header", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", 431},
		{"another version", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505},
		{"another expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417},
		{"options of the server", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 401},
		{"an unknown path", "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 401},
		{"an unknown path of the admin API", "GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.key + "\r\n\r\n", 404},
		{"a method", "PUT /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.key + "\r\n\r\n", 405},
		{"health", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		{"the document", "GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 200},
	} {
		res, _ := s.exchange(tt.raw, false)
		if res.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, res.StatusCode, tt.status)
		}
		checkSafe(t, tt.name, res)
	}
}
