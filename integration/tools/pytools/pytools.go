// Package pytools gives tests the outside programs that are written in Python: SCIM conformance suites, an OpenAPI
// fuzzer, checkers of templates, an emulator of AWS. Each lives in a virtual environment of its own, made from a lock
// file in which every package is pinned to its version and SHA-256. It is for tests only.
package pytools

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// locks holds <tool>.txt for each tool, compiled from <tool>.in by `make pylocks`.
//
//go:embed locks/*.txt
var locks embed.FS

// Tools returns the names of the tools there are, in order.
func Tools() []string {
	names, err := fs.Glob(locks, "locks/*.txt")
	if err != nil {
		panic(err) // only for a malformed pattern
	}
	for i, n := range names {
		names[i] = strings.TrimSuffix(path.Base(n), ".txt")
	}
	slices.Sort(names)
	return names
}

// Python returns the Python interpreter of the tool's environment, making that first if it is not there. The tool's
// commands lie in the same folder. When it cannot be made (no Python 3.11, no way to PyPI), the test fails and says
// what to do; it never skips.
func Python(t testing.TB, tool string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	python, err := Ensure(ctx, tool, os.Stderr)
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return python
}

// Ensure is Python outside a test: progress tells in plain words what is fetched. Any number of processes may call it
// at once. An environment is cached by its lock file, under the user's cache folder.
func Ensure(ctx context.Context, tool string, progress io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w", err)
	}
	return ensure(ctx, filepath.Join(cache, "rollcall", "python"), tool, progress)
}

func ensure(ctx context.Context, cache, tool string, progress io.Writer) (string, error) {
	lock, err := locks.ReadFile("locks/" + tool + ".txt")
	if err != nil {
		return "", fmt.Errorf("no such tool, there are %s", strings.Join(Tools(), ", "))
	}
	base, version, err := findPython(ctx)
	if err != nil {
		return "", err
	}
	// The interpreter is part of the name: an environment dies with the Python it was made from.
	sum := sha256.Sum256(append([]byte(base+version), lock...))
	name := filepath.Join(cache, tool+"-"+hex.EncodeToString(sum[:8]))
	python := filepath.Join(name, "bin", "python")
	if _, err := os.Stat(python); err == nil {
		return python, nil
	}
	_, _ = fmt.Fprintf(progress, "Installing %s for the tests from PyPI, %d packages pinned by hash, into %s.\n",
		tool, strings.Count(string(lock), "=="), name)
	start := time.Now()
	// An environment cannot be renamed, because its commands hold its path. So it is made under a name of its own, and
	// a link to it, which appears at once or not at all, is what tells that it is whole.
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	dir, err := os.MkdirTemp(cache, filepath.Base(name)+".")
	if err != nil {
		return "", fmt.Errorf("make the environment's folder: %w", err)
	}
	err = install(ctx, base, dir, lock)
	if err == nil {
		_ = removeDangling(name)
		err = os.Symlink(filepath.Base(dir), name)
	}
	if err != nil {
		err = errors.Join(err, os.RemoveAll(dir))
		if errors.Is(err, fs.ErrExist) {
			return python, nil // another process was faster
		}
		return "", err
	}
	_, _ = fmt.Fprintf(progress, "Installed %s in %.1f s.\n", tool, time.Since(start).Seconds())
	return python, nil
}

// removeDangling removes a link whose environment somebody deleted.
func removeDangling(name string) error {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return os.Remove(name)
	}
	return nil
}

// install makes an environment in dir. Only built packages are taken, so no package's code runs while it is installed.
func install(ctx context.Context, base, dir string, lock []byte) error {
	if out, err := command(ctx, base, "-m", "venv", dir); err != nil {
		return fmt.Errorf("make a virtual environment (on Debian and Ubuntu, install python3-venv): %w\n%s", err, out)
	}
	name := filepath.Join(dir, "lock.txt")
	if err := os.WriteFile(name, lock, 0o600); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	// The lock is everything there is to install: resolving it again would only trip over extras.
	out, err := command(ctx, filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet",
		"--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", name)
	if err != nil {
		return fmt.Errorf("install from the lock file: %w\n%s", err, out)
	}
	return nil
}

// findPython returns the interpreter to make environments from, and its version.
func findPython(ctx context.Context) (python, version string, err error) {
	for _, name := range []string{"python3.11", "python3"} {
		out, err := command(ctx, name, "-c", "import sys; assert sys.version_info >= (3, 11); print(sys.executable); print(sys.version)")
		if err != nil {
			continue
		}
		python, version, _ = strings.Cut(strings.TrimSpace(out), "\n")
		return python, version, nil
	}
	return "", "", errors.New("this check needs Python 3.11 or newer: install it, for example with `apt-get install python3 python3-venv`")
}

func command(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // G204: Python, on words of our own
	// An outer environment or user-wide packages must not leak in.
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1", "PYTHONPATH=", "PYTHONHOME=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
