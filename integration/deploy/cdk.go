package deploy

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed package.json
var manifest []byte

//go:embed package-lock.json
var lock []byte

// ensureCDK returns the CDK command line and fetches it if it is missing. It is cached by its lock file, under the user's
// cache folder. Any number of processes may call it concurrently.
func ensureCDK(ctx context.Context, progress io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w", err)
	}
	cache = filepath.Join(cache, "rollcall")
	sum := sha256.Sum256(lock)
	name := filepath.Join(cache, "cdk-"+hex.EncodeToString(sum[:8]))
	command := filepath.Join(name, "node_modules", ".bin", "cdk")
	if _, err := os.Stat(command); err == nil {
		return command, nil
	}
	_, _ = fmt.Fprintln(progress, "Fetching the CDK command line for the tests from npm, pinned by hash.")
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", fmt.Errorf("create the cache folder: %w", err)
	}
	dir, err := os.MkdirTemp(cache, "cdk.")
	if err != nil {
		return "", fmt.Errorf("create a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	err = errors.Join(os.WriteFile(filepath.Join(dir, "package.json"), manifest, 0o600),
		os.WriteFile(filepath.Join(dir, "package-lock.json"), lock, 0o600))
	if err != nil {
		return "", fmt.Errorf("write the lock file: %w", err)
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci (Node 20 or newer is needed): %w\n%s", err, out)
	}
	if err := os.Rename(dir, name); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, statErr := os.Stat(command); statErr != nil { // it exists if another process was faster
			return "", fmt.Errorf("keep the CDK command line: %w", err)
		}
	}
	return command, nil
}
