package main

import (
	"fmt"

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

	// followUnits are the write units of functions/changes for a log entry that is followed alone: its page of counts.
	followUnits = 2
)

// prices prints the cost of a million of each operation.
func prices(rows []cost.Row) {
	const fixed = priceGateway + priceFirewall + priceInvoke + priceCompute + priceLog
	fmt.Println("| a million of | gateway and firewall | functions and logs | table | total |")
	fmt.Println("|---|---|---|---|---|")
	for _, r := range rows {
		write := r.Write
		if write > 1 { // a change; one unit is a bookmark
			write += followUnits
		}
		table := r.Read*priceRead + write*priceWrite
		fmt.Printf("| %s | $%.2f | $%.2f | $%.2f | $%.2f |\n", r.Operation, priceGateway+priceFirewall, fixed-priceGateway-priceFirewall, table,
			fixed+table)
	}
	fmt.Println()
}
