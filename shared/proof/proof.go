// Package proof sets the size of long proofs: a few histories, crash points or users in `make test`, all of them in
// `make check`, which sets ROLLCALL_LONG, and fewer still under the race detector. A test calls Size directly, so that a
// rule can compare the long proofs with the list in docs/testing.md. It is for tests only.
package proof

import (
	"flag"
	"math"
	"os"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// All is a size that nothing exceeds.
const All = math.MaxInt

// Size returns long in `make check` and short otherwise; under the race detector a tenth of short, but at least 1.
func Size(short, long int) int {
	switch {
	case UnderRace:
		return max(1, short/10)
	case os.Getenv("ROLLCALL_LONG") != "":
		return long
	}
	return short
}

// Spread returns n of all elements, from the first to the last at equal distances, or all when there are no more.
func Spread[T any](n int, all []T) []T {
	if n = min(n, len(all)); n < 2 {
		return all[:n]
	}
	some := make([]T, n)
	for i := range some {
		some[i] = all[i*(len(all)-1)/(n-1)]
	}
	return some
}

var checking sync.Mutex

// Check is rapid.Check with n histories, whatever RAPID_CHECKS says, unless -rapid.checks sets another number: for long
// histories, and for tests that need as many to reach the cases they are about. It checks one property at a time,
// because rapid takes the number only from a flag.
func Check(t *testing.T, n int, property func(*rapid.T)) {
	t.Helper()
	checking.Lock()
	defer checking.Unlock()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		defer func() { _ = checks.Value.Set(checks.DefValue) }() // as before
		if err := checks.Value.Set(strconv.Itoa(n)); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, property)
}
