// Package sqlite stores Rollcall's data in one SQLite database: a file for `rollcall serve`, memory for tests. It needs
// no server and no cgo, and, being relational, it is an independent oracle for the DynamoDB adapter: the same histories
// must end in the same state on both (store/storetest).
//
// One process owns the file (locking_mode=EXCLUSIVE) and uses one connection, with one transaction at a time: so the
// newest provider records can be kept in memory, and records cannot change between the reads and writes of a
// transaction. Deployments of more than one process use DynamoDB.
package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"rollcall/shared/directory"
)

// Store is an open database. Safe for concurrent use. It implements every port of package directory.
type Store struct {
	// Unreleased reports that Open found a file from before release 0.1.0 and brought its tables up to date.
	Unreleased bool

	mu     sync.Mutex
	conn   *sqlite.Conn
	now    func() time.Time
	memory bool      // no journal: a transaction that wrote cannot be rolled back
	wrote  bool      // the running transaction has written
	batch  bool      // all writes belong to the transaction of Batch
	unit   *unit     // of the running call of Together
	erased time.Time // when something was last erased whose bytes may still be in the file; see scrub

	stale  bool  // a transaction failed to end: the copies in memory may differ from the file
	broken error // set when the database can no longer be trusted; every later call returns it

	step      func(name string) error                     // called before every commit; its error stops it (crash tests)
	trace     func(query string)                          // called with every statement (tests of plans)
	providers map[directory.ProviderID]directory.Provider // write-through copy of the providers table
	rules     map[directory.TenantID]int64                // LogEntry.ChangesRules since the file was opened, by this process alone
	bookmarks bookmarks
	totals    totals
	cache     userCache
	recent    recent
}

// Memory is the path of a database in memory, which ends with the process.
const Memory = ":memory:"

// ownerTimeout is how long Open waits for another process to close the file: one that is being replaced needs a moment.
const ownerTimeout = 2 * time.Second

// Open opens the database file at path, creates it if there is none, and brings its tables up to date. now decides only
// expiry and pauses: the times in records come from callers.
// Errors: the file cannot be opened, belongs to another process or program, or was written by a newer release; a
// refused file is not changed.
func Open(path string, now func() time.Time) (*Store, error) {
	s := &Store{memory: path == Memory, now: now, cache: newUserCache(), rules: map[directory.TenantID]int64{}}
	err := s.open(path)
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultBusy {
		err = errors.New("another process is using it")
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return s, nil
}

// Inspect opens an existing database file for CheckTenant alone. It creates nothing, brings no tables up to date, and,
// unless it is to be repaired, refuses every write.
// Errors: as Open; the file does not exist, or was written by an older release.
func Inspect(path string, now func() time.Time, repair bool) (*Store, error) {
	s := &Store{now: now, cache: newUserCache(), rules: map[directory.TenantID]int64{}}
	if err := s.inspect(path, repair); err != nil {
		if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultBusy {
			err = errors.New("another process is using it")
		}
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) inspect(path string, repair bool) error {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return errors.Join(err, errors.New("there is no database"))
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	s.conn = conn
	s.conn.SetBusyTimeout(ownerTimeout)
	err = sqlitex.ExecuteTransient(s.conn, "PRAGMA locking_mode=EXCLUSIVE", nil)
	var h header
	if err == nil {
		h, err = connectionHeader(conn)
	}
	if err == nil {
		err = h.check()
	}
	if err == nil && h.migrated < len(migrations) {
		err = errors.New("it was written by an older release: start rollcall serve of this release with it first")
	}
	if err == nil && !repair {
		err = sqlitex.ExecuteTransient(s.conn, "PRAGMA query_only=ON", nil)
	}
	if err == nil {
		err = errors.Join(s.loadTotals(), s.loadProviders())
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	return nil
}

func (s *Store) open(path string) error {
	if !s.memory {
		h, err := readHeader(path)
		if err == nil {
			err = h.check()
		}
		if err != nil {
			return err
		}
	}
	if err := private(path); err != nil {
		return err
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return err
	}
	s.conn = conn
	s.conn.SetBusyTimeout(ownerTimeout)
	if err := s.prepare(); err != nil {
		return errors.Join(err, conn.Close())
	}
	return nil
}

// private makes the file, which is created if it is missing, and those beside it readable for the user alone: SQLite
// gives the write-ahead log the mode of the database.
func private(path string) error {
	if path == Memory {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // G304: the file is the caller's choice
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for _, name := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		if err := os.Chmod(name, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// prepare sets up the connection. Pages are 32 KB in memory: splitting pages is the most expensive part of an insert,
// and with 8 KB pages a POST took half as long again (docs/benchmarks.md). synchronous=NORMAL in WAL mode keeps every
// committed transaction when the process is killed; a power failure may lose the last ones, never the file. The file is
// read as mapped memory, up to the 2 GB that SQLite allows, which the system can reclaim: planning an apply run for
// 100,000 users took a fifth longer without.
func (s *Store) prepare() error {
	pragmas := []string{"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA mmap_size=2147418112",
		"PRAGMA secure_delete=FAST"}
	if s.memory {
		pragmas = []string{"PRAGMA page_size=32768", "PRAGMA journal_mode=OFF", "PRAGMA temp_store=MEMORY"}
	}
	err := sqlitex.ExecuteTransient(s.conn, "PRAGMA locking_mode=EXCLUSIVE", nil)
	if err == nil {
		s.Unreleased, err = examine(s.conn)
	}
	for _, p := range pragmas {
		if err == nil {
			err = sqlitex.ExecuteTransient(s.conn, p, nil)
		}
	}
	if err != nil {
		return err
	}
	if err := migrate(s.conn, migrations); err != nil {
		return fmt.Errorf("bring its tables up to date: %w", err)
	}
	// Whoever leased queues and tasks is gone: one process has the file.
	if err := s.exec(`UPDATE queues SET holder = '', until = 0 WHERE holder <> ''`, nil); err != nil {
		return fmt.Errorf("end leases: %w", err)
	}
	if err := s.exec(`UPDATE tasks SET due_at = 1, record = CAST(json_remove(json_set(CAST(record AS TEXT), '$.DueAt',
		'1970-01-01T00:00:00.001Z'), '$.Holder') AS BLOB) WHERE json_extract(CAST(record AS TEXT), '$.Holder') <> ''`, nil); err != nil {
		return fmt.Errorf("end leases of tasks: %w", err)
	}
	if err := s.loadErased(); err != nil {
		return err
	}
	if err := s.loadTotals(); err != nil {
		return err
	}
	return s.loadProviders()
}

// Close closes the database. Calls after it fail.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.broken, errClosed) {
		return nil
	}
	scrubErr := s.scrub()
	s.broken = errClosed
	return errors.Join(scrubErr, s.conn.Close())
}

var errClosed = errors.New("the database is closed")

// Ports returns the store as the ports of package directory.
func (s *Store) Ports() directory.Ports {
	return directory.Ports{
		Users:         userStore{s},
		Groups:        groupStore{s},
		Providers:     providerStore{s},
		Tenants:       tenantStore{s},
		Log:           logStore{s},
		Conflicts:     conflictStore{s},
		APIKeys:       apiKeyStore{s},
		Replays:       replayStore{s},
		Completion:    completionStore{s},
		Counts:        countStore{s},
		Feed:          feedStore{s},
		Leavers:       leaverStore{s},
		LegalHolds:    legalHoldStore{s},
		Guards:        guardStore{s},
		Webhooks:      webhookStore{s},
		Deliveries:    deliveryStore{s},
		SetAsides:     setAsideStore{s},
		Chains:        chainStore{s},
		Organizations: organizationStore{s},
		Roles:         roleStore{s},
		Proposals:     proposalStore{s},
		Mappings:      mappingStore{s},
		Watchlists:    watchlistStore{s},
		ApplyRuns:     applyRunStore{s},
		Tasks:         taskStore{s},
		Aliases:       aliasStore{s},
		Countries:     countryStore{s},
		Usages:        usageStore{s},
	}
}

// read runs fn as the only user of the connection: under the lock, or in the transaction of Together that ctx belongs to.
func (s *Store) read(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return &directory.Error{Kind: directory.Unavailable, Detail: "the request was cancelled", Err: err}
	}
	if u := s.unitOf(ctx); u != nil {
		if open, err := u.do(fn); open {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return fmt.Errorf("database: %w", s.broken)
	}
	if s.stale {
		if err := s.settle(); err != nil {
			return err
		}
	}
	return fn()
}

// write runs fn as one transaction, or as a part of one that can fail by itself. fn reads and decides first and writes
// last; after an error or panic before its first write, nothing has changed. In memory there is no journal (it would cost
// four times as much as everything else), so an error after a write makes the store refuse all further calls.
func (s *Store) write(ctx context.Context, fn func() error) error {
	return s.read(ctx, func() error {
		switch {
		case s.batch:
			return fn()
		case s.unit != nil:
			return s.part(s.unit, fn)
		}
		return s.transaction(fn)
	})
}

func (s *Store) transaction(fn func() error) (err error) {
	if err := s.exec("BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	s.wrote = false
	err = errPanicked
	defer func() { err = s.end(err) }()
	if err = fn(); err == nil && s.wrote && s.step != nil {
		err = s.step("commit")
	}
	return err
}

// Batch carries out all writes of load in one transaction, to create many records quickly. Only load may use the store
// until Batch returns; after an error the store cannot be used.
func (s *Store) Batch(load func() error) error {
	if err := s.exec("BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	s.batch = true
	s.recent.forget()
	err := load()
	s.batch = false
	if err != nil {
		s.broken = err
	}
	return s.end(err)
}

var errPanicked = errors.New("the transaction panicked")

// end commits the transaction, or rolls it back if its function returned err. A file whose commit failed (the disk is
// full) is as it was before the transaction, and so the store goes on.
func (s *Store) end(err error) error {
	if err == nil || s.memory && !s.wrote {
		commitErr := s.exec("COMMIT", nil)
		if commitErr == nil {
			s.finish(err == nil)
			return err
		}
		err = errors.Join(err, commitErr)
		s.stale = true
	}
	s.finish(false)
	if s.memory {
		s.broken = err
		return err
	}
	if settleErr := s.settle(); settleErr != nil {
		s.stale = true // the next call tries again
	}
	return err
}

// finish ends the transaction for the copies in memory.
func (s *Store) finish(committed bool) {
	s.totals.finish(committed)
	s.cache.finish(committed)
	s.recent.finish(committed)
}

// settle ends a transaction that was not committed, and reads the copies in memory again if they may differ from the
// file. SQLite has ended it by itself after some errors.
func (s *Store) settle() error {
	if !s.conn.AutocommitEnabled() {
		if err := s.exec("ROLLBACK", nil); err != nil {
			return err
		}
	}
	if s.stale {
		if err := s.forgetRows(); err != nil {
			return err
		}
		s.stale = false
	}
	return nil
}

// exec runs one cached statement and passes the rows of a query to row, which is nil for a statement that writes.
// Limits are written ?+0: SQLite plans a bare LIMIT ? for its value, and so prepares it again every time.
func (s *Store) exec(query string, row func(*sqlite.Stmt) error, args ...any) error {
	s.wrote = s.wrote || row == nil
	if s.trace != nil {
		s.trace(query)
	}
	if err := sqlitex.Execute(s.conn, query, &sqlitex.ExecOptions{Args: args, ResultFunc: row}); err != nil {
		return outage(err)
	}
	return nil
}

// outage returns the error of a statement: Unavailable when the machine refused, for want of room or by a fault of its
// disk, because nothing has changed and the call can be repeated.
func outage(err error) error {
	code := sqlite.ErrCode(err).ToPrimary()
	switch code {
	case sqlite.ResultFull, sqlite.ResultIOErr, sqlite.ResultBusy, sqlite.ResultLocked, sqlite.ResultCantOpen, sqlite.ResultReadOnly,
		sqlite.ResultNoMem:
		return &directory.Error{Kind: directory.Unavailable, Detail: "the database file cannot be read or written at the moment", Err: err,
			Fault: code != sqlite.ResultBusy && code != sqlite.ResultLocked}
	}
	return fmt.Errorf("database: %w", err)
}

// home returns the list that a user belongs to: the present users of a provider, the removed ones, or the tenant's
// local users. It begins with the tenant, so that no query can reach another tenant.
func home(t directory.TenantID, p directory.ProviderID, removed bool) string {
	if removed {
		return string(t) + "/" + string(p) + "/removed"
	}
	return string(t) + "/" + string(p)
}

// homeOf returns the list that u belongs to. Removed users of a removed provider are in a list of the tenant.
func (s *Store) homeOf(t directory.TenantID, u directory.User) string {
	if u.Removed() && s.providers[u.Provider].Tenant != t {
		return home(t, "", true)
	}
	return home(t, u.Provider, u.Removed())
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

func columnBytes(r *sqlite.Stmt, col int) []byte {
	n := r.ColumnLen(col)
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	r.ColumnBytes(col, b)
	return b
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return b, nil
}

func decode(b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode record: %w", err)
	}
	return nil
}

func notFound(noun string) error { return directory.Errorf(directory.NotFound, "no such %s", noun) }
