package sqlite_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"rollcall/shared/golden"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest"
)

var keep = flag.String("keep", "", "keep a file of this `release` for the tests of later ones")

// then is the time at which the files are read: before anything in them expires.
func then() time.Time { return time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC) }

// releases holds a file of each release, compressed.
const releases = "testdata/releases"

// TestFilesOfEarlierReleases opens a file of each release twice and reads all its records.
func TestFilesOfEarlierReleases(t *testing.T) {
	t.Parallel()
	if *keep != "" {
		keepFile(t, *keep)
	}
	files, err := filepath.Glob(filepath.Join(releases, "*.db.gz"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v; want one from before release 0.1.0 and one of each release", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".db.gz")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := unpack(t, file)
			for range 2 {
				s, err := sqlite.Open(path, then)
				if err != nil {
					t.Fatal(err)
				}
				golden.Check(t, "releases/"+name, []byte(storetest.DumpAll(t.Context(), s.Ports())))
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestEarlierReleasesGoOn goes on with a file of each release, in which it left a pending delivery.
func TestEarlierReleasesGoOn(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(releases, "*.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, file := range files {
		path := unpack(t, file)
		left := leaveDelivery(t, path)
		s, err := sqlite.Open(path, then)
		if err != nil {
			t.Fatal(err)
		}
		if sent := storetest.GoOn(t, s.Ports(), then); sent["e1-0"] != left {
			t.Errorf("%s: the delivery that was left was sent %d times, want %d", file, sent["e1-0"], left)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		all += left
	}
	if all == 0 {
		t.Error("no release has an active webhook")
	}
}

// leaveDelivery puts a pending delivery into a file of a release, and returns how many: one, if there is an active webhook.
func leaveDelivery(t *testing.T, path string) (n int) {
	t.Helper()
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	err = sqlitex.ExecuteTransient(conn, `INSERT INTO deliveries (tenant, id, due_at, created, record)
		SELECT tenant, 'd0mx08bjso00000000000000000000', 1795861203000, 1795861203000, CAST(json_object('ID', 'd0mx08bjso00000000000000000000',
			'Webhook', id, 'At', at, 'Entry', 'e1', 'Type', 'user.blocked', 'Body', json_object('id', 'e1-0'), 'State', 'pending',
			'CreatedAt', at, 'DueAt', at, 'DoneAt', '0001-01-01T00:00:00Z') AS BLOB)
		FROM webhooks, (SELECT '2026-11-28T10:20:03Z' AS at) WHERE json_extract(CAST(record AS TEXT), '$.State') = 'active' LIMIT 1`, nil)
	n = conn.Changes()
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}

func unpack(t *testing.T, file string) string {
	t.Helper()
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keepFile writes the file that this program creates from storetest.Example.
func keepFile(t *testing.T, release string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s, err := sqlite.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Example(t, s.Ports())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(releases, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(releases, release+".db.gz"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// edited creates a database file and runs statements on it that this program would not run.
func edited(t *testing.T, journal, statements string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, path, "PRAGMA journal_mode="+journal+";"+statements)
	return path
}

func execute(t *testing.T, path, statements string) {
	t.Helper()
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite|zombiezen.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, s := range strings.Split(statements, ";") {
		if err := sqlitex.ExecuteTransient(conn, s, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefusedFilesAreUnchanged: the error says why the file is refused, and no byte of it changes.
func TestRefusedFilesAreUnchanged(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	execute(t, other, "CREATE TABLE songs (title TEXT)")
	early := filepath.Join(t.TempDir(), "early.db")
	execute(t, early, "CREATE TABLE tenants (id TEXT); PRAGMA application_id = 1919705964; PRAGMA user_version = 1")
	for name, c := range map[string]struct{ path, want string }{
		"text":                         {text, "not a SQLite database"},
		"another program's":            {other, "another program"},
		"of a newer release":           {edited(t, "DELETE", "PRAGMA user_version = 99"), "newer release"},
		"of a newer release, with WAL": {edited(t, "WAL", "PRAGMA user_version = 99"), "newer release"},
		"early tables":                 {early, "before release 0.1.0"},
	} {
		before, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(c.path, time.Now)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %q, want one line about %q", name, err, c.want)
		}
		if after, err := os.ReadFile(c.path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
}

// TestReleasedMigrationsStay: after migration, the file of each release has the tables of a new file.
func TestReleasedMigrationsStay(t *testing.T) {
	t.Parallel()
	schema := func(path string) (out []string) {
		conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadOnly)
		if err != nil {
			t.Fatal(err)
		}
		err = sqlitex.ExecuteTransient(conn, "SELECT name, sql FROM sqlite_schema ORDER BY name", &sqlitex.ExecOptions{
			ResultFunc: func(r *zombiezen.Stmt) error {
				out = append(out, r.ColumnText(0)+": "+strings.Join(strings.Fields(r.ColumnText(1)), " "))
				return nil
			},
		})
		if err := errors.Join(err, conn.Close()); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := schema(edited(t, "DELETE", "SELECT 1"))
	files, err := filepath.Glob(filepath.Join(releases, "*.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		path := unpack(t, file)
		s, err := sqlite.Open(path, then)
		if err != nil {
			t.Fatal(err)
		}
		if s.Unreleased != strings.Contains(file, "before") {
			t.Errorf("%s: from before the first release: %v", filepath.Base(file), s.Unreleased)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, schema(path)); diff != "" {
			t.Errorf("%s ends with other tables (-new +migrated):\n%s", filepath.Base(file), diff)
		}
	}
}
