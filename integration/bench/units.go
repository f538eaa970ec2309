package main

import (
	"fmt"

	"rollcall/integration/cost"
	"rollcall/shared/directory"
)

// units prints the cost of each operation on DynamoDB with its budget, and in dollars.
func units() {
	s, _ := onDynamo(directory.External{})
	defer s.close()
	rows, err := cost.Measure(cost.Client{Handler: s.handler, Base: s.base, Token: s.token})
	if err != nil {
		fail(err)
	}
	fmt.Println("| operation on DynamoDB | round trips (budget) | read units (budget) | write units (budget) |")
	fmt.Println("|---|---|---|---|")
	for _, r := range rows {
		fmt.Printf("| %s | %d (%d) | %.0f (%.0f) | %.0f (%.0f) |\n", r.Operation, r.Rounds, r.Budget.Rounds, r.Read, r.Budget.Read, r.Write,
			r.Budget.Write)
	}
	fmt.Println()
	prices(rows)
}
