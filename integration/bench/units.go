package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"rollcall/integration/cost"
	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/store/dynamo"
)

// units prints the cost of each operation on DynamoDB with its budget, and in dollars.
func units() {
	ctx := context.Background()
	local, err := dynamolocal.Start(ctx, "")
	if err != nil {
		fail(err)
	}
	defer func() { _ = local.Close() }()
	client, _ := local.Clients()
	if err := dynamo.CreateTable(ctx, client, "bench"); err != nil {
		fail(err)
	}
	store, err := dynamo.Open(ctx, dynamo.Config{Now: time.Now, Client: client, Table: "bench"})
	if err != nil {
		fail(err)
	}
	s := newServer("DynamoDB", directorytest.New(store.Ports(), directory.Runtime{}), slog.New(slog.NewJSONHandler(io.Discard, nil)))
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
