package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"rollcall/shared/country"
)

// runCountry prints the expression to paste into Entra, or the code of the country that the arguments name.
func runCountry(_ context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		fmt.Fprintln(stderr, "usage: rollcall country expression | NAME\nexpression prints the mapping expression for the attribute country; a name prints its ISO 3166-1 alpha-2 code.")
		return exitUsage
	}
	if args[0] == "expression" {
		fmt.Fprintln(stdout, country.Expression("country"))
		return exitOK
	}
	code := country.Code(strings.Join(args, " "))
	if code == "" {
		fmt.Fprintln(stderr, "rollcall country: no country of this name is known")
		return exitNotFound
	}
	fmt.Fprintln(stdout, code)
	return exitOK
}
