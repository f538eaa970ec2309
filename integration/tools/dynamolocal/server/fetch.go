package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// central is Maven Central, where the files are published.
const central = "https://repo1.maven.org/maven2/"

// attempts is the number of requests for one file: a dropped connection must not fail a build.
const attempts = 3

// Fetch returns the folder that holds DynamoDB Local, and fetches missing files from Maven Central. It reports the files
// and their licence on progress, which must be safe for concurrent use. Every file is checked against its pinned SHA-256
// on every call, and gets its final name only when it is complete and correct, so any number of processes may call Fetch
// concurrently. Errors name the file.
func Fetch(ctx context.Context, progress io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w", err)
	}
	f := fetcher{
		base:     central,
		files:    files,
		dir:      filepath.Join(cache, "rollcall", "dynamodb-local-"+version),
		pause:    time.Second,
		progress: progress,
	}
	return f.dir, f.fetch(ctx)
}

type fetcher struct {
	base, dir string
	files     []file
	pause     time.Duration
	progress  io.Writer
}

func (f fetcher) fetch(ctx context.Context) error {
	if err := os.MkdirAll(f.dir, 0o750); err != nil {
		return fmt.Errorf("create the cache folder: %w", err)
	}
	var missing []file
	for _, one := range f.files {
		if sum, err := sumOf(f.local(one)); err != nil || sum != one.sum {
			missing = append(missing, one)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, _ = fmt.Fprintf(f.progress, "Fetching DynamoDB Local %s for the tests: %d of %d files from %s into %s.\n"+
		"It is proprietary: by using it you accept the Amazon DynamoDB Local License Agreement, which allows installing and\n"+
		"using it but not redistributing it. It is not part of Rollcall and never shipped with it.\n",
		version, len(missing), len(f.files), f.base, f.dir)
	start := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, one := range missing {
		g.Go(func() error { return f.get(ctx, one) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("fetch DynamoDB Local: %w", err)
	}
	_, _ = fmt.Fprintf(f.progress, "Fetched and checked %d files in %.1f s.\n", len(missing), time.Since(start).Seconds())
	return nil
}

func (f fetcher) local(one file) string { return filepath.Join(f.dir, path.Base(one.path)) }

// errFinal marks a failure that a retry cannot fix.
var errFinal = errors.New("final")

func (f fetcher) get(ctx context.Context, one file) error {
	var err error
	for i := range attempts {
		if i > 0 {
			select {
			case <-time.After(f.pause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err = f.getOnce(ctx, one); err == nil || errors.Is(err, errFinal) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.base+one.path, err)
	}
	_, _ = fmt.Fprintf(f.progress, "  %s\n", path.Base(one.path))
	return nil
}

func (f fetcher) getOnce(ctx context.Context, one file) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+one.path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the response is %s", res.Status)
	}
	tmp, err := os.CreateTemp(f.dir, ".part-*")
	if err != nil {
		return err
	}
	// After the rename no file has this name, and the error that Remove returns then can be ignored.
	defer func() { _ = os.Remove(tmp.Name()) }()
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(tmp, h), res.Body)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != one.sum {
		return fmt.Errorf("%w: its SHA-256 is %s, pinned is %s", errFinal, sum, one.sum)
	}
	return os.Rename(tmp.Name(), f.local(one))
}

func sumOf(name string) (string, error) {
	in, err := os.Open(name) //nolint:gosec // G304: the names are the pinned list's, in our own cache folder
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
