package dynamo

// StopBefore lets fn stop the store before any of its writes, as a crash would.
func (s *Store) StopBefore(fn func(name string) error) { s.step = fn }

// LimitOps makes transactions smaller than DynamoDB allows, so that small changes take several.
func (s *Store) LimitOps(n int) { s.maxOps = n }
