// Package pytools installs the external Python programs that tests use: SCIM conformance suites, an OpenAPI fuzzer,
// template checkers, an AWS emulator. Each has its own virtual environment, which uv creates from a lock file that pins
// every package to its version and SHA-256; pip installs uv itself from PyPI by such a file. It is for tests only.
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
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// locks holds <tool>.txt for each tool, compiled from <tool>.in by `make pylocks`.
//
//go:embed locks/*.txt
var locks embed.FS

// Python returns the Python interpreter of the tool's environment, which it creates if necessary. The tool's commands are
// in the same folder. When the environment cannot be created (no Python 3.11, no access to PyPI), the test fails and says
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

// Ensure is Python outside a test; it reports on progress what it installs. Any number of processes may call it
// concurrently. An environment is cached by its lock file, under the user's cache folder.
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
		return "", fmt.Errorf("no such tool: %w", err)
	}
	base, version, err := findPython(ctx)
	if err != nil {
		return "", err
	}
	// The interpreter is part of the name: an environment stops working when its Python is removed.
	sum := sha256.Sum256(append([]byte(base+version), lock...))
	dir := filepath.Join(cache, tool+"-"+hex.EncodeToString(sum[:8]))
	python := filepath.Join(dir, "bin", "python")
	if _, err := os.Stat(python); err == nil {
		return python, nil
	}
	uv := ""
	if tool != "uv" {
		own, err := ensure(ctx, cache, "uv", progress)
		if err != nil {
			return "", fmt.Errorf("uv: %w", err)
		}
		uv = filepath.Join(filepath.Dir(own), "uv")
	}
	_, _ = fmt.Fprintf(progress, "Installing %s for the tests from PyPI, pinned by hash, into %s.\n", tool, dir)
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", fmt.Errorf("create the cache folder: %w", err)
	}
	temporary, err := os.MkdirTemp(cache, tool+".") // renamed when it is complete
	if err != nil {
		return "", fmt.Errorf("create the environment's folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	if err := install(ctx, base, uv, temporary, lock); err != nil {
		return "", err
	}
	if err := os.Rename(temporary, dir); err != nil && !errors.Is(err, fs.ErrExist) { // it exists when another process was faster
		return "", fmt.Errorf("rename the environment: %w", err)
	}
	return python, nil
}

// install creates an environment in dir, with pip when uv is "". It installs exactly the packages of the lock, and only
// built ones, so no package's code runs during the installation.
func install(ctx context.Context, base, uv, dir string, lock []byte) error {
	file, python := filepath.Join(dir, "lock.txt"), filepath.Join(dir, "bin", "python")
	venv := []string{uv, "venv", "--relocatable", "--allow-existing", "--python", base, dir}
	install := []string{uv, "pip", "install", "--python", python}
	if uv == "" {
		venv = []string{base, "-m", "venv", dir}
		install = []string{python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"}
	}
	if out, err := command(ctx, venv...); err != nil {
		return fmt.Errorf("create a virtual environment (on Debian and Ubuntu, install python3-venv): %w\n%s", err, out)
	}
	if err := os.WriteFile(file, lock, 0o600); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	if out, err := command(ctx, append(install, "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", file)...); err != nil {
		return fmt.Errorf("install from the lock file: %w\n%s", err, out)
	}
	return nil
}

// findPython returns the interpreter for new environments, and its version.
func findPython(ctx context.Context) (python, version string, err error) {
	for _, name := range []string{"python3.11", "python3"} {
		out, err := command(ctx, name, "-c", "import sys; assert sys.version_info >= (3, 11); print(sys.executable); print(sys.version)")
		if err == nil {
			python, version, _ = strings.Cut(strings.TrimSpace(out), "\n")
			return python, version, nil
		}
	}
	return "", "", errors.New("install Python 3.11 or newer, for example with `apt-get install python3 python3-venv`")
}

func command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // G204: Python and uv, with arguments of our own
	// An outer environment, user-wide packages or settings must not leak in.
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1", "PYTHONPATH=", "PYTHONHOME=", "UV_NO_CONFIG=1", "UV_PYTHON_DOWNLOADS=never")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
