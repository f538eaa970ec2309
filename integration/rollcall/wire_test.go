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
