package main

import (
	"fmt"
	"testing"

	gateway "github.com/marcelom97/scimgateway/scim"
	filter "github.com/scim2/filter-parser/v2"

	"rollcall/shared/scim"
)

// maxParse is how much longer than the fastest known parser ours may take for the commonest filter, though it also checks
// the attributes by the schema.
const maxParse = 1.5

// filters are what directories ask for: by a key, and five terms.
var filters = []string{
	`userName eq "x"`,
	`userName eq "x" and title eq "y" and active eq true and displayName co "z" and nickName pr`,
}

// parsers parse a filter; in each row they take turns, and the fastest round counts.
func parsers() []func(text string) error {
	rt := scim.NewResourceType("User", "/Users", "User Account", scim.UserSchema(), scim.EnterpriseUserSchema())
	return []func(text string) error{
		func(text string) error { _, err := rt.ParseFilter(text, scim.Tolerance{}); return err },
		func(text string) error { _, err := gateway.NewFilterParser(text).Parse(); return err },
		func(text string) error { _, err := filter.ParseFilter([]byte(text)); return err },
	}
}

// parsing prints the cost of single parts of the protocol, and compares filters with the parsers of two peers.
func parsing() {
	rt := scim.NewResourceType("User", "/Users", "User Account", scim.UserSchema(), scim.EnterpriseUserSchema())
	fmt.Println("| part | Rollcall | scimgateway, without a schema | scim2/filter-parser | time against scimgateway (budget) |")
	fmt.Println("|---|---|---|---|---|")
	var over error
	for i, text := range filters {
		all := parsers()
		best := make([]testing.BenchmarkResult, len(all))
		for range rounds {
			for j, parse := range all {
				r := measure(func(int) {
					if err := parse(text); err != nil {
						fail(err)
					}
				})
				if best[j].N == 0 || perOp(r) < perOp(best[j]) {
					best[j] = r
				}
			}
		}
		ratio, budget := perOp(best[0])/perOp(best[1]), ""
		if i == 0 {
			budget = fmt.Sprintf(" (%.1f)", maxParse)
			if ratio > maxParse {
				over = fmt.Errorf("parsing %s takes %.2f times as long as the peer, more than %.1f", text, ratio, maxParse)
			}
		}
		fmt.Printf("| parse `%s` | %s | %s | %s | %.1f%s |\n", text, parseCell(best[0]), parseCell(best[1]), parseCell(best[2]), ratio, budget)
	}
	attrs, err := scim.Parse([]byte(userBody(1)))
	if err != nil {
		fail(err)
	}
	if attrs, err = rt.Decode(attrs, scim.Tolerance{}); err != nil {
		fail(err)
	}
	body := []byte(patchBody("replace", "active", "false"))
	patched := measure(func(int) {
		v, err := scim.Parse(body)
		if err != nil {
			fail(err)
		}
		p, err := scim.ParsePatch(v)
		if err != nil {
			fail(err)
		}
		if _, err := rt.Apply(attrs, scim.ObjectValue(), p, scim.Tolerance{}); err != nil {
			fail(err)
		}
	})
	fmt.Printf("| parse and apply a PATCH of active | %s | | | |\n\n", parseCell(patched))
	if over != nil {
		fail(over)
	}
}

func parseCell(r testing.BenchmarkResult) string {
	return fmt.Sprintf("%.0f ns, %d allocs, %d bytes", perOp(r), r.AllocsPerOp(), r.AllocedBytesPerOp())
}
