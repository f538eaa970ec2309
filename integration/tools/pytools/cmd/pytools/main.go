// Command pytools creates the environment of a Python tool if necessary, and prints the folder of its commands.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"rollcall/integration/tools/pytools"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pytools tool")
		os.Exit(2)
	}
	python, err := pytools.Ensure(context.Background(), os.Args[1], os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "pytools: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	fmt.Println(filepath.Dir(python))
}
