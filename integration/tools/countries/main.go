// Command countries makes shared/country/table.tsv, the keys by which countries are found, of names.txt and of the names
// of the CLDR in testdata/cldr.tsv. With -fetch it first makes the latter of the pinned package of the npm registry.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", "shared/country", "the folder of package country")
	fetch := flag.Bool("fetch", false, "make testdata/cldr.tsv anew")
	flag.Parse()
	if err := run(*dir, *fetch); err != nil {
		fmt.Fprintln(os.Stderr, "countries:", err)
		os.Exit(1)
	}
}

func run(dir string, fetch bool) error {
	extract := filepath.Join(dir, "testdata", "cldr.tsv")
	if fetch {
		text, err := download()
		if err != nil {
			return err
		}
		if err := os.WriteFile(extract, text, 0o600); err != nil {
			return err
		}
	}
	cldr, err := os.ReadFile(extract) //nolint:gosec // G304: the developer names the folder
	if err != nil {
		return err
	}
	table, err := generate(string(cldr))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "table.tsv"), []byte(table), 0o600)
}
