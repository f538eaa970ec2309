package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// served compares builds of the rollcall command as their users meet them: each serves a database file over HTTP, on one
// connection, and its processor time counts all that follows a request. The builds take turns.
func served(builds string) {
	if builds == "" {
		return
	}
	files := strings.Split(builds, ",")
	fmt.Printf("| operation over HTTP | %s |\n|---%s|\n", strings.Join(files, " | "), strings.Repeat("|---", len(files)))
	for _, op := range operations {
		best := make([]testing.BenchmarkResult, len(files))
		for range rounds {
			for i, file := range files {
				s := serve(file)
				seed := make1000(s)
				group := s.must("POST", "/Groups", groupBody("Everyone"))
				if r := op.run(s, seed, group); best[i].N == 0 || perOp(r) < perOp(best[i]) {
					best[i] = r
				}
				s.close()
			}
		}
		fmt.Printf("| %s ", op.name)
		for _, r := range best {
			fmt.Printf("| %s µs of processor time, %.1f µs until the answer ", micro(r), r.Extra[wall]/1000)
		}
		fmt.Println("|")
	}
}

// serve starts a build on a new database file, or as more arguments say, on one core.
func serve(file string, more ...string) server {
	dir := filepath.Dir(scratch())
	ctx, stop := context.WithCancel(context.Background())
	//nolint:gosec // G204: -builds names it
	cmd := exec.CommandContext(ctx, file,
		append([]string{"serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "rollcall.db"), "--json"}, more...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	var said struct{ SCIMURL, SCIMToken, AdminURL, AdminToken, ProviderID string }
	if err == nil {
		err = json.NewDecoder(out).Decode(&said)
	}
	if err != nil {
		fail(fmt.Errorf("start %s: %w", file, err))
	}
	base, err := url.Parse(said.SCIMURL)
	if err != nil {
		fail(err)
	}
	return server{
		name: file, handler: remote(base.Host), base: base.Path, token: said.SCIMToken, posted: new(atomic.Int64),
		users: func() int64 { return activeUsers(said.AdminURL, said.AdminToken, said.ProviderID) },
		cpu:   func() time.Duration { return processTime(cmd.Process.Pid) },
		close: func() {
			stop()
			_ = cmd.Wait() // it was interrupted
			_ = os.RemoveAll(dir)
		},
	}
}

// remote hands requests on to a server.
func remote(host string) http.Handler {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			fail(err)
		}
		//nolint:gosec // G704: the host is a server that was started here
		req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+host+r.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			fail(err)
		}
		req.Header = r.Header
		resp, err := client.Do(req) //nolint:gosec // G704: as above
		if err != nil {
			fail(err)
		}
		defer func() { _ = resp.Body.Close() }() // only read
		w.WriteHeader(resp.StatusCode)
		if _, err := io.Copy(w, resp.Body); err != nil {
			fail(err)
		}
	})
}

// processTime is the processor time that a process has taken; Linux counts it in hundredths of a second.
func processTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		fail(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before may hold spaces
	f := strings.Fields(rest)
	user, err := strconv.Atoi(f[11])
	if err != nil {
		fail(err)
	}
	system, err := strconv.Atoi(f[12])
	if err != nil {
		fail(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
