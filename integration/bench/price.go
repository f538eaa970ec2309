package main

import (
	"fmt"
	"strings"

	"rollcall/integration/cost"
)

// List prices of us-east-1 in dollars, for a million of each. Those of GovCloud are higher.
const (
	priceGateway  = 3.50                   // requests to a REST API
	priceFirewall = 0.60                   // requests through a web ACL
	priceInvoke   = 0.20                   // invocations
	priceCompute  = 13.3334 * 0.256 * 0.02 // invocations of 20 ms with 256 MB on arm64, at $13.3334 a million GB-seconds
	priceLog      = 0.50                   // requests with 1 KB of log lines each, at $0.50 a GB
	priceRead     = 0.125                  // read units
	priceWrite    = 0.625                  // write units
)

// follows are the units of following the entry of a change, of an operation whose name begins so: alone, and in a batch of
// 100, without rules. TestFollowBudgets and docs/benchmarks.md have them.
var follows = []struct {
	operation                              string
	read, write, batchedRead, batchedWrite float64
}{
	{"POST user", 3, 6, 1.02, 0.20},
	{"PATCH that disables", 10, 2, 0.16, 0.22},
	{"PATCH group", 2, 6, 0.02, 2.06},
	{"PATCH", 2, 2, 0.02, 0.16},
}

// prices prints the cost of a million of each operation.
func prices(rows []cost.Row) {
	const fixed = priceGateway + priceFirewall + priceInvoke + priceCompute + priceLog
	fmt.Println("| a million of | gateway and firewall | functions and logs | table | following, in batches or alone | total |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, r := range rows {
		table := r.Read*priceRead + r.Write*priceWrite
		followed, total := "–", fmt.Sprintf("$%.2f", fixed+table)
		for _, f := range follows {
			if r.Write > 1 && strings.HasPrefix(r.Operation, f.operation) { // a change; one unit is a bookmark
				batched, alone := f.batchedRead*priceRead+f.batchedWrite*priceWrite, f.read*priceRead+f.write*priceWrite
				followed = fmt.Sprintf("$%.2f to $%.2f", batched, alone)
				total = fmt.Sprintf("$%.2f to $%.2f", fixed+table+batched, fixed+table+alone)
				break
			}
		}
		fmt.Printf("| %s | $%.2f | $%.2f | $%.2f | %s | %s |\n", r.Operation, priceGateway+priceFirewall, fixed-priceGateway-priceFirewall,
			table, followed, total)
	}
	fmt.Println()
}
