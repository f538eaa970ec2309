package lifecycle_test

import (
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

// memory returns a SQLite store in memory.
func memory(t testing.TB) *sqlite.Store {
	t.Helper()
	s := must(sqlite.Open(sqlite.Memory, time.Now))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// stores holds both stores by name.
var stores = map[string]func(testing.TB) directory.Ports{
	"SQLite":   func(t testing.TB) directory.Ports { return memory(t).Ports() },
	"DynamoDB": stack.DynamoDB,
}
