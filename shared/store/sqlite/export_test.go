package sqlite

// StopBefore lets fn stop the store before any of its transactions is committed, as a crash would.
func (s *Store) StopBefore(fn func(name string) error) { s.step = fn }

// Pragma sets a pragma of the connection.
func (s *Store) Pragma(text string) error { return s.exec("PRAGMA "+text, nil) }
