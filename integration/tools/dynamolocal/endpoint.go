package dynamolocal

import (
	"context"
	"sync"
	"testing"
	"time"
)

var shared = sync.OnceValues(func() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a cold cache on a slow line
	defer cancel()
	return Start(ctx, "")
})

// Endpoint returns the base URL of the test binary's one server, starting it at the first call. All tests share it and
// it keeps nothing: make a table of a random name per test. It ends with the test binary, however that ends.
// When it cannot be had (no Java 17, no way to Maven Central), the test fails and says what to do; it never skips.
func Endpoint(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("DynamoDB Local: %v", err)
	}
	return s.Endpoint
}
