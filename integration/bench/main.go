// Command bench measures Rollcall's request handlers on one core, compares them with those of elimity-com/scim and its
// in-memory sample, and prints tables for docs/benchmarks.md. It calls the handlers directly, to measure the service and
// not the loopback network.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func main() {
	testing.Init()
	members := flag.String("members", "10,10000,1000000", "group sizes for adding one member")
	users := flag.Int("users", 250_000, "users for deep listing")
	people := flag.String("people", "10000,100000,1000000", "people for apply runs on SQLite")
	dynamoPeople := flag.Int("dynamodb-people", 10_000, "people for an apply run on DynamoDB Local")
	entries := flag.Int("entries", 1_000_000, "log entries in the file of an idle server")
	pending := flag.String("pending", "25000,50000,100000", "deactivations due in one minute")
	only := flag.String("only", "",
		"run one part: functions, requests, served (with -builds), following, changes, units, idle, members, listing, apply, apply-units, "+
			"pending")
	peer := flag.Bool("peer", false, "serve the peer over HTTP, for the part following")
	builds := flag.String("builds", "", "rollcall commands to compare over HTTP, separated by commas")
	duration := flag.Duration("time", time.Second, "how long each operation runs")
	flag.Parse()
	if err := flag.Set("test.benchtime", duration.String()); err != nil {
		fail(err)
	}
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400) // as in rollcall serve; here for the peer too
	if *peer {
		servePeer()
	}
	fmt.Printf("%s %s/%s, 1 core\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, part := range []struct {
		name string
		run  func()
	}{
		{"functions", functions},
		{"requests", func() { parsing(); compare() }},
		{"served", func() { served(*builds) }},
		{"following", func() { followTimes(); withFollower(*duration) }},
		{"changes", changes},
		{"units", units},
		{"idle", func() { idle(*entries) }},
		{"members", func() { groupGrowth(*members) }},
		{"listing", func() { deepListing(*users) }},
		{"apply", func() { applyGrowth(*people) }},
		{"apply-units", func() { applyUnits(*dynamoPeople) }},
		{"pending", func() { deactivations(*pending) }},
	} {
		if *only == "" || *only == part.name {
			part.run()
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// server is a measured service.
type server struct {
	name    string
	handler http.Handler
	base    string
	token   string
	cpu     func() time.Duration // the processor time it has taken
	close   func()

	users  func() int64  // the active users that the followed entries say there are; nil: nothing follows
	posted *atomic.Int64 // users that were created
}

func (s server) send(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, s.base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// must sends a request that has to succeed and returns the id in the response.
func (s server) must(method, path, body string) string {
	w := s.send(method, path, body)
	if w.Code >= 300 {
		fail(fmt.Errorf("%s: %s %s returned %d: %s", s.name, method, path, w.Code, w.Body))
	}
	if s.posted != nil && method == http.MethodPost && path == "/Users" {
		s.posted.Add(1)
	}
	return idIn(w.Body.String())
}

func idIn(body string) string {
	_, rest, _ := strings.Cut(body, `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// wall is what a result calls the nanoseconds from a request to its answer.
const wall = "wall"

// measure runs do for the time of one benchmark and returns the processor time it took as the result's time.
func measure(do func(i int)) testing.BenchmarkResult { return server{cpu: cpuTime}.measure(do) }

func (s server) measure(do func(i int)) testing.BenchmarkResult {
	n := 0
	var took time.Duration
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		began := s.cpu()
		for b.Loop() {
			n++
			do(n)
		}
		took = s.cpu() - began
	})
	r.Extra = map[string]float64{wall: float64(r.T.Nanoseconds()) / float64(r.N)}
	r.T = took
	return r
}

func row(r testing.BenchmarkResult) string {
	return fmt.Sprintf("%s µs, %d allocs", micro(r), r.AllocsPerOp())
}

func micro(r testing.BenchmarkResult) string {
	return fmt.Sprintf("%.1f", float64(r.T.Nanoseconds())/float64(r.N)/1000)
}

func scratch() string {
	dir, err := os.MkdirTemp("", "rollcall-bench")
	if err != nil {
		fail(err)
	}
	return filepath.Join(dir, "rollcall.db")
}
