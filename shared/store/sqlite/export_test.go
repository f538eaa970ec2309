package sqlite

// StopBefore lets fn stop the store before any of its transactions is committed, as a crash would.
func (s *Store) StopBefore(fn func(name string) error) { s.step = fn }

// Pragma sets a pragma of the connection.
func (s *Store) Pragma(text string) error { return s.exec("PRAGMA "+text, nil) }

// Exec runs a statement behind the store's back.
func (s *Store) Exec(query string, args ...any) error {
	if err := s.exec(query, nil, args...); err != nil {
		return err
	}
	s.cache.forgetAll()
	return s.loadProviders()
}

// Forget makes the totals in memory wrong.
func (s *Store) Forget(home string) { s.totals.n[listName{home, "users"}]++ }
