package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"rollcall/shared/adminapi"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/reqlog"
	"rollcall/shared/scimapi"
)

type serveFlags struct {
	addr, data, store, table string
	json, newCredentials     bool
	allowRemote              bool
	origin                   string
	keys                     string
	retention                time.Duration
}

// serveCommand runs the service until it is interrupted.
func serveCommand(p *program) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use: "serve", GroupID: groupRun, Short: "Run the whole service on this machine", Args: usage(cobra.NoArgs), DisableFlagsInUseLine: true,
		Long: "Runs the whole service on this machine until it is interrupted. In an empty database it creates a tenant, a provider\n" +
			"named Demo and an administrator's key, and prints the values to paste into Entra ID.\n\n" +
			"/healthz returns 200 while the process runs, /readyz while the database responds; neither needs a key.",
		Example: "  rollcall serve\n  rollcall serve --data :memory: --addr 127.0.0.1:9090",
		RunE: func(c *cobra.Command, _ []string) error {
			if f.retention < 24*time.Hour {
				return usagef("--log-retention must be at least 24h")
			}
			return p.serve(c.Context(), f)
		},
	}
	set := c.Flags()
	set.StringVar(&f.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	set.StringVar(&f.data, "data", "rollcall.db", "database `file`; with :memory: all data is lost at the end")
	set.StringVar(&f.store, "store", "sqlite", "`store`: sqlite, or dynamodb, configured by the AWS environment variables")
	set.StringVar(&f.table, "table", "rollcall", "DynamoDB `table`; created if it is missing and AWS_ENDPOINT_URL is this machine")
	set.StringVar(&f.origin, "origin", "", "scheme and host of the public `URL` (default http:// and the address)")
	set.BoolVar(&f.json, "json", false, "print only one JSON object, with URLs and credentials")
	set.BoolVar(&f.newCredentials, "new-credentials", false, "issue a new SCIM token and administrator key")
	set.BoolVar(&f.allowRemote, "allow-remote", false,
		"allow an address that other machines can reach, without TLS; ends webhooks to this machine")
	set.StringVar(&f.keys, "keys", "", "`file` of the keys that sign the log and encrypt webhook secrets; created if missing "+
		"(default: the database file with .key appended)")
	set.DurationVar(&f.retention, "log-retention", directory.DefaultLogRetention, "`time` for which log entries are kept")
	complete(c, "store", p, func(context.Context, *call, string) []string { return []string{"sqlite", "dynamodb"} })
	return c
}

func (p *program) serve(ctx context.Context, f serveFlags) error {
	ln, err := listen(f)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // closed by the server when all went well
	origin := f.origin
	if origin == "" {
		origin = "http://" + ln.Addr().String()
	}
	ports, closeStore, err := p.openStore(ctx, f)
	if err != nil {
		return err
	}
	defer closeStore()
	out, err := outside(f)
	if err != nil {
		return err
	}
	lines := reqlog.NewBuffer(p.stderr)
	defer func() { _ = lines.Flush() }() // nobody is left to tell
	local := app.NewLocal(ports, f.retention, out, app.NewLog(lines))
	app.LogStart(ctx, local.Log, "serve")
	start, err := app.Bootstrap(ctx, local.Administration, f.newCredentials)
	if err != nil {
		return err
	}
	if p.getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	var work sync.WaitGroup
	work.Go(func() { local.Work(background) })
	err = answer(ctx, ln, withHealth(handler(local, origin), local.Ready), func() error { return p.announce(f, origin, start) })
	stop()
	work.Wait()
	return err
}

// answer serves requests until ctx ends, then completes those in progress. It calls ready after it has started.
func answer(ctx context.Context, ln net.Listener, h http.Handler, ready func() error) error {
	srv := newServer(h, stallTimeout)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(strictListener{ln}) }()
	err := ready()
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	select {
	case err = <-served:
	case <-ctx.Done():
		shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		err = srv.Shutdown(shut)
		cancel()
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// newServer returns the server. A client that takes no byte of a response for the time stall is disconnected.
func newServer(h http.Handler, stall time.Duration) *http.Server {
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(r.TransferEncoding) > 0 {
				w.Header().Set("Connection", "close") // strictConn does not know where the next request begins
			}
			h.ServeHTTP(&patientWriter{w, http.NewResponseController(w), stall}, r)
		}),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: stall, IdleTimeout: 120 * time.Second,
		MaxHeaderBytes: 64 << 10, DisableGeneralOptionsHandler: true,
	}
}

// A client must take writePiece bytes in stallTimeout: 1 KB a second.
const (
	stallTimeout = 60 * time.Second
	writePiece   = 64 << 10
)

// patientWriter moves the deadline of the connection with every piece that the client takes, so that a long response
// reaches a slow client.
type patientWriter struct {
	http.ResponseWriter
	connection *http.ResponseController
	stall      time.Duration
}

func (w *patientWriter) extend() { _ = w.connection.SetWriteDeadline(time.Now().Add(w.stall)) } // net/http supports it

func (w *patientWriter) WriteHeader(status int) {
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *patientWriter) Write(b []byte) (n int, err error) {
	for {
		w.extend()
		m, err := w.ResponseWriter.Write(b[n:min(len(b), n+writePiece)])
		n += m
		if err != nil || n == len(b) {
			return n, err
		}
	}
}

// Unwrap lets http.ResponseController reach the writer beneath.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// strictListener accepts connections as strictConn.
type strictListener struct{ net.Listener }

func (l strictListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &strictConn{TCPConn: tcp}, err
	}
	return c, err
}

// strictConn refuses what net/http takes although a proxy in front may read it otherwise, and so see another request than
// we do: two lengths of one body, and folded header lines (RFC 9112 §6.1, §5.2). It spoils such a header, so that net/http
// answers 400 and closes the connection. It also adds our headers to the responses that net/http makes itself.
type strictConn struct {
	*net.TCPConn
	head    requestHead
	refused bool
	pending string      // after a refusal: what net/http still has to read
	last    atomic.Bool // net/http has answered by itself, and will close
}

// Read is called by one goroutine at a time.
func (c *strictConn) Read(p []byte) (int, error) {
	if c.refused {
		n := copy(p, c.pending)
		if c.pending = c.pending[n:]; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n, err := c.TCPConn.Read(p)
	if at := c.head.watch(p[:n]); at >= 0 {
		p[at] = 0 // a line without a colon
		c.refused, c.pending = true, "\n\n"
		return at + 1, nil
	}
	return n, err
}

const (
	ownResponse = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" // after net/http's status line
	ourHeaders  = "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff"
)

func (c *strictConn) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("HTTP/1.1 4")) || bytes.HasPrefix(b, []byte("HTTP/1.1 5")) {
		end := max(bytes.Index(b, []byte("\r\n")), 0)
		if bytes.HasPrefix(b[end:], []byte(ownResponse)) || end > 0 && bytes.HasPrefix(b, []byte("HTTP/1.1 417 ")) {
			c.last.Store(true)
			if _, err := c.TCPConn.Write(slices.Concat(b[:end], []byte(ourHeaders), b[end:])); err != nil {
				return 0, err
			}
			return len(b), nil
		}
	}
	return c.TCPConn.Write(b)
}

// Close lets the client of a refused request read why: closing with unread bytes would reset the connection.
func (c *strictConn) Close() error {
	if c.last.Load() && c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(500*time.Millisecond)) == nil {
		_, _ = io.CopyN(io.Discard, c.TCPConn, 1<<20)
	}
	return c.TCPConn.Close()
}

// requestHead follows the requests of a connection, as far as it takes to find the lines of their headers.
type requestHead struct {
	line           []byte // the beginning of the line that is being read
	lines          int    // complete ones
	old            bool   // HTTP/1.0
	sized, encoded bool   // it has Content-Length, Transfer-Encoding
	length         int    // Content-Length
	body           int    // bytes of the body to come
	last           bool   // the body is chunked: no other request follows
}

// watch returns the index of the byte with which a request is to be refused, or -1.
func (h *requestHead) watch(p []byte) int {
	for i := 0; i < len(p) && !h.last; i++ {
		switch b := p[i]; {
		case h.body > 0:
			skip := min(h.body, len(p)-i)
			h.body -= skip
			i += skip - 1
		case b == '\n':
			if !h.endLine() {
				return i
			}
		case len(h.line) == 0 && h.lines > 0 && (b == ' ' || b == '\t'):
			return i
		default:
			h.line = append(h.line, b) // net/http stops reading at MaxHeaderBytes
		}
	}
	return -1
}

// endLine ends a line, and returns false if the request is to be refused.
func (h *requestHead) endLine() bool {
	line := bytes.TrimSuffix(h.line, []byte("\r"))
	h.line = h.line[:0]
	switch {
	case len(line) == 0 && h.lines == 0:
		return true // before a request, where net/http skips some
	case len(line) == 0:
		ok := !h.encoded || !h.sized && !h.old
		*h = requestHead{body: h.length, last: h.encoded}
		return ok
	case h.lines == 0:
		h.old = bytes.HasSuffix(line, []byte(" HTTP/1.0"))
	}
	h.lines++
	name, value, _ := bytes.Cut(line, []byte(":"))
	if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
		h.encoded = true
	}
	if !bytes.EqualFold(name, []byte("Content-Length")) {
		return true
	}
	n, err := strconv.Atoi(string(bytes.Trim(value, " \t"))) // net/http refuses a sign
	same := !h.sized || n == h.length
	h.sized, h.length = true, n
	return err == nil && n >= 0 && same
}

// gcPercent lets Go's heap grow to five times its live data between collections. The heap is only a few MB, because the
// database is outside it; with the default, a collection would run every hundred requests.
const gcPercent = 400

// listen opens the address, which must be of this machine unless --allow-remote is given, because there is no TLS.
func listen(f serveFlags) (net.Listener, error) {
	host, _, err := net.SplitHostPort(f.addr)
	if err != nil {
		return nil, usagef("--addr must be host:port: %v", err)
	}
	ip := net.ParseIP(host)
	if local := host == "localhost" || ip != nil && ip.IsLoopback(); !local && !f.allowRemote {
		return nil, usagef("other machines can reach %s, and tokens would cross the network unencrypted; "+
			"use --allow-remote behind a proxy with TLS", f.addr)
	}
	return net.Listen("tcp", f.addr)
}

// handler returns the handler of all APIs on one port. It does not use http.ServeMux, which would redirect the double
// slashes that Entra sends.
func handler(local *app.Local, origin string) http.Handler {
	scim := scimapi.Handler(local.Provisioning, scimapi.Options{Origin: origin, MaxInFlight: 512})
	admin := adminapi.Handler(local.Administration, adminapi.Options{Origin: origin, NewID: random.ID})
	scim = app.Middleware(scim, local.Log, "serve", scimapi.Panicked)
	admin = app.Middleware(admin, local.Log, "serve", adminapi.Panicked)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, adminapi.BasePath) {
			admin.ServeHTTP(w, r)
			return
		}
		scim.ServeHTTP(w, r)
	})
}

// withHealth serves the health paths, which need no key and return no data.
func withHealth(h http.Handler, ready func(context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.URL.Path == "/readyz" {
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if err := ready(ctx); err != nil {
				http.Error(w, "the store does not respond", http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "ok")
	})
}

// announcement is the first line of `serve --json`, once the service is ready.
type announcement struct {
	SCIMURL    string `json:"scimURL"`
	SCIMToken  string `json:"scimToken"`
	AdminURL   string `json:"adminURL"`
	AdminToken string `json:"adminToken"`
	ConsoleURL string `json:"consoleURL"`
	ProviderID string `json:"providerId"`
}

func (p *program) announce(f serveFlags, origin string, s app.Started) error {
	a := announcement{
		SCIMURL: origin + scimapi.BasePath + string(s.Provider.ID), SCIMToken: s.Token,
		AdminURL: origin + strings.TrimSuffix(adminapi.BasePath, "/"), AdminToken: s.AdminToken, ConsoleURL: origin + "/console",
		ProviderID: string(s.Provider.ID),
	}
	if f.json {
		return json.NewEncoder(p.stdout).Encode(a)
	}
	token, key := a.SCIMToken, a.AdminToken
	again := ""
	if token == "" {
		again = "\n  Credentials were issued earlier; run " + p.called + " serve --new-credentials for new ones.\n"
		token, key = "TOKEN", "KEY"
	}
	_, err := fmt.Fprintf(p.stdout, `Rollcall is ready, with the provider %s.

  Paste into Entra ID (Enterprise application > Provisioning > Admin Credentials):
    Tenant URL     %s
    Secret Token   %s
%s
  Next, in another terminal: set the admin API's address and key, create a user as a directory does, and list the users.

export ROLLCALL_ADMIN_URL=%s ROLLCALL_ADMIN_TOKEN=%s
curl -s %s/Users -H 'Authorization: Bearer %s' -H 'Content-Type: application/scim+json' -d '{"userName":"kim.akers@contoso.example"}'
%s user list

Tokens and keys are shown only once. Press Ctrl-C to stop the service.
`, printable(s.Provider.DisplayName), a.SCIMURL, token, again, origin, key, a.SCIMURL, token, p.called)
	return err
}
