package sqlite

import "errors"

// ReadLog is the statement by which the feed reads the table, and MaxRecent how many entries it has in memory.
const (
	ReadLog   = readLog
	MaxRecent = maxRecent
)

// StopBefore lets fn stop the store before any of its transactions is committed, as a crash would.
func (s *Store) StopBefore(fn func(name string) error) { s.step = fn }

// Trace calls fn with every statement; nil ends it.
func (s *Store) Trace(fn func(query string)) { s.trace = fn }

// Plan returns the lines of a statement's query plan.
func (s *Store) Plan(query string) (lines []string, err error) {
	stmt, _, err := s.conn.PrepareTransient("EXPLAIN QUERY PLAN " + query)
	if err != nil {
		return nil, err
	}
	for more, err := stmt.Step(); more || err != nil; more, err = stmt.Step() {
		if err != nil {
			return nil, errors.Join(err, stmt.Finalize())
		}
		lines = append(lines, stmt.ColumnText(3))
	}
	return lines, stmt.Finalize()
}

// Pragma sets a pragma of the connection.
func (s *Store) Pragma(text string) error { return s.exec("PRAGMA "+text, nil) }

// Exec runs a statement behind the store's back.
func (s *Store) Exec(query string, args ...any) error {
	if err := s.exec(query, nil, args...); err != nil {
		return err
	}
	s.cache.forgetAll()
	s.recent.forget()
	return s.loadProviders()
}

// Forget makes the totals in memory wrong.
func (s *Store) Forget(home string) { s.totals.n[listName{home, "users"}]++ }
