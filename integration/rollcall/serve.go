package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"rollcall/shared/adminapi"
	"rollcall/shared/app"
	"rollcall/shared/country"
	"rollcall/shared/directory"
	"rollcall/shared/scimapi"
	"rollcall/shared/workflow"
)

type serveFlags struct {
	addr, data, store, table string
	json, newCredentials     bool
	allowRemote              bool
	origin                   string
	keys                     string
	retention                time.Duration
}

func parseServeFlags(args []string, stderr io.Writer) (serveFlags, error) {
	var f serveFlags
	fs := flag.NewFlagSet("rollcall serve", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&f.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	fs.StringVar(&f.data, "data", "rollcall.db", "database `file`; :memory: keeps nothing")
	fs.StringVar(&f.store, "store", "sqlite", "sqlite or dynamodb (found by the AWS environment variables)")
	fs.StringVar(&f.table, "table", "rollcall", "DynamoDB `table`; made when the endpoint is this machine and it is missing")
	fs.StringVar(&f.origin, "origin", "", "scheme and host of the public `URL` (default http:// and the address)")
	fs.BoolVar(&f.json, "json", false, "print URLs and credentials as one JSON object")
	fs.BoolVar(&f.newCredentials, "new-credentials", false, "issue a new SCIM token and administrator key")
	fs.BoolVar(&f.allowRemote, "allow-remote", false, "listen on an address that other machines reach, without TLS")
	fs.StringVar(&f.keys, "keys", "", "`file` of the keys that sign the log and seal webhook secrets (default: the database file and .key; made when missing)")
	fs.DurationVar(&f.retention, "log-retention", directory.DefaultLogRetention, "`time` that log entries are kept")
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	if f.retention < 24*time.Hour {
		return f, errors.New("-log-retention must be at least 24h")
	}
	if fs.NArg() > 0 {
		return f, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return f, nil
}

// runServe runs the service until ctx ends: exit code 0 after a clean stop, 2 for wrong flags, 1 otherwise.
func runServe(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := parseServeFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "rollcall serve:", err)
		return 2
	}
	if err := serve(ctx, f, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "rollcall serve:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, f serveFlags, stdout, stderr io.Writer) error {
	ln, err := listen(f)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // closed by the server when all went well
	origin := f.origin
	if origin == "" {
		origin = "http://" + ln.Addr().String()
	}
	ports, closeStore, err := openStore(ctx, f)
	if err != nil {
		return err
	}
	defer closeStore()
	out, err := outside(f)
	if err != nil {
		return err
	}
	runs := workflow.NewLocalRuns()
	svc := directory.New(ports, directory.Config{Country: country.Code, Starter: runs, Outside: out})
	log := app.NewLog(stderr)
	start, err := app.Bootstrap(ctx, svc, f.newCredentials)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	srv := &http.Server{
		Handler:           handler(svc, origin, f.retention, log),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second,
		MaxHeaderBytes: 64 << 10,
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	wakeups, wake := app.LocalWakeups(svc, log)
	svc.Wakeups = wakeups
	var work sync.WaitGroup
	work.Go(func() { app.FollowLog(background, svc, log) })
	work.Go(func() { wake(background) })
	work.Go(func() { runs.Serve(background, svc, log) })
	work.Go(func() { app.WorkLedger(background, svc, f.retention, log) })
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	if err := announce(stdout, f.json, origin, start); err != nil {
		return errors.Join(err, srv.Close())
	}
	select {
	case err = <-served:
	case <-ctx.Done():
		shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		err = srv.Shutdown(shut)
		cancel()
	}
	stop()
	work.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// gcPercent lets Go's heap grow to five times its live data between collections: the database lies outside
// that heap, which is a few MB, so that the default would collect every hundred requests.
const gcPercent = 400

// listen opens the address, and only on this machine unless the user said otherwise: there is no TLS.
func listen(f serveFlags) (net.Listener, error) {
	host, _, err := net.SplitHostPort(f.addr)
	if err != nil {
		return nil, fmt.Errorf("-addr must be host:port: %w", err)
	}
	ip := net.ParseIP(host)
	if local := host == "localhost" || ip != nil && ip.IsLoopback(); !local && !f.allowRemote {
		return nil, fmt.Errorf("%s can be reached from other machines and tokens would cross the network in the clear; use -allow-remote behind a proxy with TLS", f.addr)
	}
	return net.Listen("tcp", f.addr)
}

// handler is everything on one port. It does not use http.ServeMux, which would redirect the double
// slashes that Entra sends.
func handler(svc *directory.Service, origin string, retention time.Duration, log *slog.Logger) http.Handler {
	scim := app.Middleware(scimapi.Handler(svc, scimapi.Options{Origin: origin, MaxInFlight: 512}), log, "serve", scimapi.Panicked)
	admin := app.Middleware(adminapi.Handler(svc, adminapi.Options{Origin: origin, LogRetention: retention}), log, "serve", adminapi.Panicked)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, adminapi.BasePath) {
			admin.ServeHTTP(w, r)
			return
		}
		scim.ServeHTTP(w, r)
	})
}

// announcement is the first line of `serve -json`, once the service is ready.
type announcement struct {
	SCIMURL    string `json:"scimURL"`
	SCIMToken  string `json:"scimToken"`
	AdminURL   string `json:"adminURL"`
	AdminToken string `json:"adminToken"`
	ConsoleURL string `json:"consoleURL"`
	ProviderID string `json:"providerId"`
}

func announce(w io.Writer, asJSON bool, origin string, s app.Started) error {
	a := announcement{
		SCIMURL: origin + scimapi.BasePath + string(s.Provider), SCIMToken: s.Token,
		AdminURL: origin + strings.TrimSuffix(adminapi.BasePath, "/"), AdminToken: s.AdminToken, ConsoleURL: origin + "/console",
		ProviderID: string(s.Provider),
	}
	if asJSON {
		return json.NewEncoder(w).Encode(a)
	}
	token, key := a.SCIMToken, a.AdminToken
	if token == "" {
		token, key = "as issued before (-new-credentials issues another)", "as issued before"
	}
	_, err := fmt.Fprintf(w, `Rollcall is ready.

  Paste into Entra ID (Enterprise application > Provisioning > Admin Credentials):
    Tenant URL     %s
    Secret Token   %s

  Admin API        %s
    API key        %s

Tokens are shown once. Ctrl-C stops the service.
`, a.SCIMURL, token, a.AdminURL, key)
	return err
}
