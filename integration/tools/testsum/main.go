// Command testsum reads the output of `go test -json` and tells what a person wants to know: a line per package, the
// output of what failed, the name of each skipped test, and at the end
//
//	N tests, F failed, S skipped, in T
//
// Subtests count as tests; a package that fails by itself (it does not build, it ends in the middle) counts as one
// failed test. It exits with 1 when something failed, when no test ran, or when the input breaks off.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	ok, err := summarize(os.Stdin, os.Stdout, time.Now)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}
