package sqlite

// StopBefore lets fn stop the store before any of its transactions is committed, as a crash would.
func (s *Store) StopBefore(fn func(name string) error) { s.step = fn }
