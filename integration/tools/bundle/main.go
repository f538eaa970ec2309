// Command bundle builds the functions as Lambda needs them, dist/<architecture>/<name>/bootstrap: small, with Go's FIPS
// 140-3 module on, and with the same bytes from the same tree, wherever the tree is. With -again it builds each function
// a second time, from a copy of the tree, and fails when the bytes differ.
package main

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// maxBytes is the maximum size of a bundle, 12 MB, for every function and architecture. A larger one fails the build.
const maxBytes = 12 << 20

func main() {
	out := flag.String("out", "dist", "`folder` of the bundles")
	again := flag.Bool("again", false, "build a second time elsewhere and compare")
	flag.Parse()
	if err := run(*out, *again, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(out string, again bool, archs []string) error {
	mains, err := filepath.Glob("functions/*/main.go")
	if err != nil {
		return err
	}
	if len(mains) == 0 {
		return errors.New("no functions found: run this in the root of the repository")
	}
	elsewhere := ""
	if again {
		if elsewhere, err = os.MkdirTemp("", "rollcall-bundle"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(elsewhere) }() // a temporary folder
		for _, part := range []string{"functions", "shared", "go.mod", "go.sum"} {
			if err := copyTo(part, filepath.Join(elsewhere, part)); err != nil {
				return err
			}
		}
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	for _, arch := range archs {
		for _, m := range mains {
			name := filepath.Base(filepath.Dir(m))
			file := filepath.Join(out, arch, name, "bootstrap")
			if err := build(".", name, arch, file); err != nil {
				return err
			}
			size, err := check(file)
			if err != nil {
				return err
			}
			fmt.Printf("dist/%s/%s/bootstrap  %.1f MB\n", arch, name, float64(size)/1e6)
			if again {
				if err := compare(elsewhere, name, arch, file); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func copyTo(from, to string) error {
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return os.CopyFS(to, os.DirFS(from))
	}
	text, err := os.ReadFile(from) //nolint:gosec // G304: go.mod and go.sum
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600) //nolint:gosec // G703: a temporary folder
}

func build(dir, name, arch, file string) error {
	args := []string{"build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-o", file,
		"-ldflags=-s -w -buildid= -X rollcall/shared/release.version=" + tag()}
	for _, packages := range notInlined(name) {
		args = append(args, "-gcflags="+packages+"=-l")
	}
	cmd := exec.Command("go", append(args, "./functions/"+name)...) //nolint:gosec // G204: names of our own folders
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFIPS140=v1.0.0", "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s for %s: %w\n%s", name, arch, err, text)
	}
	return nil
}

// notInlined returns the packages of a function whose code is compiled without inlining, to keep the largest bundles below
// the limit: those of others, and the steps, in changes, which waits for the table more than it computes, and all in admin,
// which serves administrators.
func notInlined(name string) []string {
	others := strings.Fields("github.com/... golang.org/x/... net/... encoding/... text/... regexp/... crypto/... mime/... math/... " +
		"vendor/... compress/... log/... reflect fmt bufio slices time")
	switch name {
	case "admin":
		return append(others, "rollcall/shared/...")
	case "changes":
		return append(others, "rollcall/shared/follow", "rollcall/shared/app", "rollcall/shared/workflow")
	}
	return nil
}

// tag returns the release of the bundles, or the release and the commit since; "" outside a clone. The toolchain's own
// stamp is not used, because it contains the time.
func tag() string {
	text, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// check returns the size of a bundle in bytes. It fails when the bundle is too large or not built for FIPS 140-3.
func check(file string) (int64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	if info.Size() > maxBytes {
		return 0, fmt.Errorf("%s has %d bytes, more than %d: check its imports", file, info.Size(), maxBytes)
	}
	buildInfo, err := buildinfo.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("read how %s was built: %w", file, err)
	}
	set := map[string]string{}
	for _, s := range buildInfo.Settings {
		set[s.Key] = s.Value
	}
	if !strings.HasPrefix(set["GOFIPS140"], "v1.0.0") || !strings.Contains(set["DefaultGODEBUG"], "fips140=on") {
		return 0,
			fmt.Errorf("%s was built with GOFIPS140=%q and DefaultGODEBUG=%q, not with the certified module on", file, set["GOFIPS140"],
				set["DefaultGODEBUG"])
	}
	return info.Size(), nil
}

func compare(dir, name, arch, file string) error {
	second := filepath.Join(dir, "bootstrap")
	if err := build(dir, name, arch, second); err != nil {
		return err
	}
	a, err := os.ReadFile(file) //nolint:gosec // G304: built just now
	if err != nil {
		return err
	}
	b, err := os.ReadFile(second) //nolint:gosec // G304: built just now
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("%s for %s differs when it is built in another folder", name, arch)
	}
	return nil
}
