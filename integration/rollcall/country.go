package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/shared/country"
)

// countryCommand prints the expression to paste into Entra, or the code of the country that the arguments name.
func countryCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "country NAME...", GroupID: groupOther, Short: "Print the code of a country, or Entra's expression for country codes",
		Long: "Prints the ISO 3166-1 alpha-2 code of a country, and XK for Kosovo. It may be named in 33 languages.\n\n" +
			"rollcall country expression prints the mapping expression that makes Entra ID send codes for the attribute country.",
		Example: "  rollcall country \"Côte d'Ivoire\"\n  rollcall country expression", Args: usage(cobra.MinimumNArgs(1)),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			name := strings.Join(args, " ")
			if name == "expression" {
				fmt.Fprintln(p.stdout, country.Expression("country"))
				return nil
			}
			code := country.Code(name)
			if code == "" {
				return failf(exitNotFound, "no country is known as %q", name)
			}
			fmt.Fprintln(p.stdout, code)
			return nil
		},
	}
}
