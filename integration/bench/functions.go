package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const starts = 40

// functions prints, for each bundle built for this machine, its size, the time from the start of its process to the
// first request to Lambda's Runtime API, and its memory at that time.
func functions() {
	dir := filepath.Join("dist", runtime.GOARCH)
	bundles, err := filepath.Glob(filepath.Join(dir, "*", "bootstrap"))
	if err != nil || len(bundles) == 0 {
		fail(fmt.Errorf("no functions in %s: run make build", dir))
	}
	fmt.Printf("| function | bundle | ready, median of %d starts | 90th percentile | memory when ready |\n|---|---|---|---|---|\n", starts)
	for _, b := range bundles {
		info, err := os.Stat(b)
		if err != nil {
			fail(err)
		}
		times, memory := make([]time.Duration, starts), ""
		for i := range times {
			if times[i], memory, err = ready(b); err != nil {
				fail(fmt.Errorf("%s: %w", b, err))
			}
		}
		slices.Sort(times)
		fmt.Printf("| %s | %.1f MB | %.1f ms | %.1f ms | %s |\n", filepath.Base(filepath.Dir(b)), float64(info.Size())/1e6,
			milli(times[starts/2]), milli(times[starts*9/10]), memory)
	}
	fmt.Println()
}

func milli(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ready starts a bundle with a Runtime API that never returns an event, and kills it when it requests one.
func ready(bundle string) (time.Duration, string, error) {
	requested := make(chan struct{}, 1)
	release := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") {
			requested <- struct{}{}
			<-release
		}
	}))
	defer api.Close()
	defer close(release)
	cmd := exec.Command(bundle)
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"), "TABLE_NAME=t", "PUBLIC_ORIGIN=https://rollcall.example",
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=" + strings.Repeat("x", 40),
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, "", err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	select {
	case <-requested:
	case <-time.After(10 * time.Second):
		return 0, "", fmt.Errorf("not ready after 10 s")
	}
	took := time.Since(begin)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return took, "not known on this system", nil
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var n float64
			if _, err := fmt.Sscan(kb, &n); err != nil {
				return took, "", err
			}
			return took, fmt.Sprintf("%.1f MB", n*1024/1e6), nil
		}
	}
	return took, "", nil
}
