package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"
)

// scrubAfter is how long nothing must have been erased before the file is scrubbed: a job that erases many people ends
// in one scrub. After a scrub that failed, as it does on a full disk, the next one is tried after scrubRetry.
const (
	scrubAfter = 2 * time.Second
	scrubRetry = 10 * time.Minute
)

// noteErased records, in the transaction that erases personal data, that the file has to be scrubbed. The row survives
// the end of the process.
func (s *Store) noteErased() error {
	s.erased = s.now()
	return s.exec(`INSERT OR IGNORE INTO erasures (one) VALUES (1)`, nil)
}

// loadErased reads whether an earlier process has left something to scrub.
func (s *Store) loadErased() error {
	return s.exec(`SELECT 1 FROM erasures`, func(*sqlite.Stmt) error {
		s.erased = s.now()
		return nil
	})
}

// Scrub removes from the bytes of the file what was erased: SQLite marks deleted content as free, copies rows when pages
// split, and keeps old pages in the write-ahead log. It rewrites the whole file, which blocks other calls.
func (s *Store) Scrub(ctx context.Context) error { return s.read(ctx, s.scrub) }

// scrubIdle scrubs the file when nothing was erased for a while; nothing else is to be done then.
func (s *Store) scrubIdle(ctx context.Context) error {
	return s.read(ctx, func() error {
		if s.erased.IsZero() || s.now().Sub(s.erased) < scrubAfter {
			return nil
		}
		err := s.scrub()
		if err != nil {
			s.erased = s.now().Add(scrubRetry)
		}
		return err
	})
}

func (s *Store) scrub() error {
	if s.memory || s.broken != nil || s.erased.IsZero() {
		return nil
	}
	for _, q := range []string{`VACUUM`, `DELETE FROM erasures`} {
		if err := s.exec(q, nil); err != nil {
			return err
		}
	}
	// Read to the end, or the log is not truncated.
	if err := s.exec(`PRAGMA wal_checkpoint(TRUNCATE)`, func(*sqlite.Stmt) error { return nil }); err != nil {
		return err
	}
	s.erased = time.Time{}
	return nil
}
