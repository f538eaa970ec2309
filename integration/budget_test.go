package integration_test

import (
	"testing"

	"rollcall/integration/cost"
	"rollcall/integration/stack"
	"rollcall/shared/scimapi"
)

// No operation costs more round trips or capacity units on DynamoDB than its budget.
func TestBudgets(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Ports: stack.DynamoDB})
	rows, err := cost.Measure(cost.Client{Handler: s.Handler(), Base: scimapi.BasePath + string(s.Provider.ID), Token: s.Token})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Logf("%-38s %d round trips, %.1f read, %.1f write", r.Operation, r.Rounds, r.Read, r.Write)
		if r.Over() {
			t.Errorf("%s: %d round trips, %.1f read and %.1f write units; the budget is %d, %.0f and %.0f",
				r.Operation, r.Rounds, r.Read, r.Write, r.Budget.Rounds, r.Budget.Read, r.Budget.Write)
		}
	}
}
