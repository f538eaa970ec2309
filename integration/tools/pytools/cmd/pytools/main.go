// Command pytools makes the environments of the Python checkers named, or of all, so that no test has to wait for it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"rollcall/integration/tools/pytools"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	tools := os.Args[1:]
	if len(tools) == 0 {
		tools = pytools.Tools()
	}
	for _, tool := range tools {
		if _, err := pytools.Ensure(ctx, tool, os.Stderr); err != nil {
			fmt.Fprintf(os.Stderr, "pytools: %s: %v\n", tool, err)
			os.Exit(1)
		}
	}
}
