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
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pytools:", err)
		os.Exit(1)
	}
}

func run(tools []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(tools) == 0 {
		tools = pytools.Tools()
	}
	for _, tool := range tools {
		if _, err := pytools.Ensure(ctx, tool, os.Stderr); err != nil {
			return fmt.Errorf("%s: %w", tool, err)
		}
	}
	return nil
}
