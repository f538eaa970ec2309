package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// withFollower compares `rollcall serve` in memory, which follows its log meanwhile, with the peer, both over HTTP and on
// one core each. A figure counts only if the log is followed within a second after the load.
func withFollower(length time.Duration) {
	build := buildCommand(filepath.Dir(scratch()))
	fmt.Print("| operation over HTTP, 4 connections | elimity-com/scim, map | Rollcall, SQLite in memory, followed ",
		"| rate against peer | lag |\n")
	fmt.Println("|---|---|---|---|---|")
	for _, op := range []struct {
		name string
		do   func(s server, seed []string, group string, i int)
	}{
		{"POST user", func(s server, _ []string, _ string, i int) { s.must("POST", "/Users", userBody(1_000_000+i)) }},
		{"PATCH active", func(s server, seed []string, _ string, i int) {
			s.must("PATCH", "/Users/"+seed[i%len(seed)], patchBody("replace", "active", strconv.FormatBool(i/len(seed)%2 == 1)))
		}},
		{"PATCH group, add a member (204)", func(s server, seed []string, group string, i int) {
			s.must("PATCH", "/Groups/"+group, patchBody("add", "members", `[{"value":"`+seed[i%len(seed)]+`"}]`))
		}},
		{"filter userName eq", func(s server, seed []string, _ string, i int) {
			s.must("GET", "/Users?filter="+url.QueryEscape(`userName eq "user`+strconv.Itoa(i%len(seed))+`@contoso.example"`), "")
		}},
		{"GET user by id", func(s server, seed []string, _ string, i int) { s.must("GET", "/Users/"+seed[i%len(seed)], "") }},
	} {
		var of [2]loaded
		for range 3 {
			for at, start := range []func() server{peerProcess, func() server { return serve(build, "--data", ":memory:") }} {
				s := start()
				seed := make1000(s)
				group := s.must("POST", "/Groups", groupBody("Everyone"))
				s.followed()
				r := load(s, length, func(i int) { op.do(s, seed, group, i) })
				if of[at].n == 0 || r.rate() > of[at].rate() {
					of[at] = r
				}
				s.close()
			}
		}
		fmt.Printf("| %s | %s | %s | %.2f | %d ms |\n", op.name, of[0], of[1], of[1].rate()/of[0].rate(), of[1].lag.Milliseconds())
	}
	fmt.Println()
}

// loaded is the outcome of a load.
type loaded struct {
	n              int
	took, cpu, lag time.Duration
	times          []time.Duration
}

func (l loaded) rate() float64 { return float64(l.n) / l.took.Seconds() }

func (l loaded) String() string {
	return fmt.Sprintf("%.0f/s, p99 %.1f ms, %.0f µs of processor time", l.rate(),
		float64(l.times[len(l.times)*99/100].Microseconds())/1000, float64(l.cpu.Microseconds())/float64(l.n))
}

// load sends requests on four connections for a time, and then waits until what follows is done.
func load(s server, length time.Duration, do func(i int)) (out loaded) {
	var next atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	cpu, began := s.cpu(), time.Now()
	for range 4 {
		all.Go(func() {
			var times []time.Duration
			for time.Since(began) < length {
				at := time.Now()
				do(int(next.Add(1)))
				times = append(times, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			out.times = append(out.times, times...)
		})
	}
	all.Wait()
	out.n, out.took = len(out.times), time.Since(began)
	ended := time.Now()
	s.followed()
	out.lag, out.cpu = time.Since(ended), s.cpu()-cpu
	slices.Sort(out.times)
	return out
}

// followed waits until the log is followed up to now: until a new user is among those counted.
func (s server) followed() {
	if s.users == nil {
		return
	}
	s.must("POST", "/Users", `{"userName":"last`+strconv.FormatInt(time.Now().UnixNano(), 36)+`"}`)
	want := s.posted.Load()
	for s.users() < want {
		time.Sleep(5 * time.Millisecond)
	}
}

// activeUsers reads how many active users of a provider the followed entries say there are.
func activeUsers(adminURL, token, provider string) int64 {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, adminURL+"/providers/"+provider+"/guard", nil)
	if err != nil {
		fail(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fail(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	var got struct{ UserCount int64 }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != http.StatusOK {
		fail(fmt.Errorf("read the guard: %d, %w", resp.StatusCode, err))
	}
	return got.UserCount
}

// peerProcess starts this command as a server of the peer.
func peerProcess() server {
	self, err := os.Executable()
	if err != nil {
		fail(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, self, "-peer") //nolint:gosec // G204: it is this program
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	var addr string
	if err == nil {
		_, err = fmt.Fscan(out, &addr)
	}
	if err != nil {
		fail(fmt.Errorf("start the peer: %w", err))
	}
	return server{name: "peer", handler: remote(addr), cpu: func() time.Duration { return processTime(cmd.Process.Pid) },
		close: func() {
			stop()
			_ = cmd.Wait() // it was killed
		}}
}

// servePeer serves the peer until the process is killed.
func servePeer() {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Println(l.Addr())
	fail((&http.Server{Handler: newPeer(), ReadHeaderTimeout: time.Minute}).Serve(l))
}
