package stack

import (
	"context"
	"testing"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo"
)

// DynamoDB returns the ports of a new table on the test binary's DynamoDB Local.
func DynamoDB(t testing.TB) directory.Ports {
	t.Helper()
	client, streams := dynamolocal.Clients(t)
	table := "rollcall-" + directory.RandomID()
	if err := dynamo.CreateTable(context.Background(), client, table); err != nil {
		t.Fatal(err)
	}
	s, err := dynamo.Open(context.Background(), dynamo.Config{Client: client, Streams: streams, Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return s.Ports()
}
