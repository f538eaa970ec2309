// Package server starts DynamoDB Local, the reference that the DynamoDB store is tested against. It fetches the
// pinned release from Maven Central once and runs it with the machine's Java. It is for tests, benchmarks and
// `make dynamodb`; outside tests, nothing under functions/ or shared/ may use it.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// startTimeout is how long the server may take to answer; it takes about 1.5 s on an idle machine.
const startTimeout = 90 * time.Second

// watchdog runs the server and kills it when standard input ends. Standard input is a pipe from this process, which the
// kernel closes however this process ends, kill -9 included. Signals to the terminal's process group are ignored, or
// Ctrl-C would end the watchdog before it has killed the server. The shell closes its copy of the output pipe, so the
// pipe ends exactly when the server has ended. It does not reap the server before killing it, so the process id cannot
// belong to another process.
const watchdog = `trap '' INT TERM HUP; "$@" </dev/null & server=$!; exec >/dev/null 2>&1; cat; kill -9 $server; wait $server`

// Server is a running DynamoDB Local. Its methods may be called concurrently.
type Server struct {
	// Endpoint is the base URL, `http://127.0.0.1:<port>`. It accepts any region, and any credentials of letters and
	// digits. Set DisableValidateResponseChecksum on clients, or they reject the checksum of every error response.
	Endpoint string

	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when the server has ended
	out   *tail
	once  sync.Once
}

// Start runs one server and fetches it first if necessary (progress on standard error). With an empty dir it keeps its
// tables in memory, otherwise in files under dir. ctx bounds the fetching and the start, not the server's life: it runs
// until Close, or until this process ends in any way. Without Java 17 the error says what to install.
//
// DynamoDB Local cannot be restricted to the loopback address: it listens on all addresses of the machine.
func Start(ctx context.Context, dir string) (*Server, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("the pinned native library of DynamoDB Local is for linux/amd64, this is %s/%s: "+
			"use linux/amd64, or the default SQLite store", runtime.GOOS, runtime.GOARCH)
	}
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	lib, err := Fetch(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		s, err := start(ctx, java, lib, dir)
		// Between choosing the port and using it, another process may have taken it.
		if err != nil && errors.Is(err, errPortTaken) && ctx.Err() == nil {
			continue
		}
		return s, err
	}
}

var errPortTaken = errors.New("another process took the chosen port")

func start(ctx context.Context, java, lib, dir string) (*Server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	// The JVM runs for a minute or two: the second compiler and more garbage collector threads would not pay off.
	args := []string{"-c", watchdog, "dynamodb-local",
		java, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", filepath.Join(lib, "*"), mainClass, "-port", port, "-sharedDb",
		"-disableTelemetry"}
	if dir == "" {
		args = append(args, "-inMemory")
	} else {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fmt.Errorf("create the data folder: %w", err)
		}
		args = append(args, "-dbPath", dir)
	}
	// Not CommandContext: the server outlives ctx, and the watchdog's standard input ends it.
	cmd := exec.Command("sh", args...) //nolint:gosec // G204: the arguments above, a port and folders of our own
	s := &Server{
		Endpoint: "http://127.0.0.1:" + port, cmd: cmd, ended: make(chan struct{}), out: &tail{},
	}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	_ = write.Close() // the server has its own copy
	if err != nil {
		_ = read.Close()
		return nil, fmt.Errorf("start the shell that runs DynamoDB Local: %w", err)
	}
	go func() {
		defer close(s.ended)
		defer func() { _ = read.Close() }()
		_, _ = io.Copy(s.out, read) // ends when the server has ended; the tail never refuses a write
	}()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// ready waits until the server answers.
func (s *Server) ready(ctx context.Context) error {
	for {
		select {
		case <-s.ended:
			if bytes.Contains(s.out.bytes(), []byte("already in use")) {
				return errPortTaken
			}
			return fmt.Errorf("DynamoDB Local ended while starting; its output:\n%s", s.out.bytes())
		case <-ctx.Done():
			return fmt.Errorf("DynamoDB Local did not answer in time: %w; its output:\n%s", ctx.Err(), s.out.bytes())
		case <-time.After(20 * time.Millisecond):
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			return res.Body.Close() // any response will do: it is a 400, because the request is not signed
		}
	}
}

// Done is closed when the server has ended, by Close or by itself.
func (s *Server) Done() <-chan struct{} { return s.ended }

// Close kills the server and waits until it has ended. Tables in memory are lost. A second call does nothing.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		err = s.stdin.Close()
		<-s.ended
		// The status is that of the shell, not of the server.
		_ = s.cmd.Wait()
	})
	return err
}

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// findJava returns the java command of JAVA_HOME or, without JAVA_HOME, of PATH, if it is 17 or newer.
func findJava(ctx context.Context) (string, error) {
	const install = "DynamoDB Local needs Java 17 or newer (a JRE is enough): install it, for example with " +
		"`apt-get install openjdk-17-jre-headless` or `brew install openjdk@17`, and put it on PATH or set JAVA_HOME"
	name := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		name = filepath.Join(home, "bin", "java")
	}
	java, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", install, err)
	}
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput() //nolint:gosec // G204: the user's own Java
	if err != nil {
		return "", fmt.Errorf("%s: %s does not run: %w", install, java, err)
	}
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s: %s does not report its version", install, java)
	}
	if v, err := strconv.Atoi(string(m[1])); err != nil || v < 17 {
		return "", fmt.Errorf("%s: %s is version %s", install, java, m[1])
	}
	return java, nil
}

// tail keeps the last part of the server's output for error messages.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const keep = 8 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - keep; over > 0 {
		t.buf = append([]byte(nil), t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.buf)
}
