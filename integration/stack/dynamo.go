package stack

import (
	"context"
	"testing"
	"time"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
)

// DynamoDB returns the ports of a new table on the test binary's DynamoDB Local.
func DynamoDB(t testing.TB) directory.Ports {
	t.Helper()
	return table(t, dynamo.TableSpec()).Ports()
}

// Table returns a store on a new table without a stream, which would slow down every write to DynamoDB Local:
// for tests that follow the log themselves.
func Table(t testing.TB) *dynamo.Store {
	t.Helper()
	spec := dynamo.TableSpec()
	spec.Stream = ""
	return table(t, spec)
}

func table(t testing.TB, spec dynamo.Spec) *dynamo.Store {
	t.Helper()
	client, streams := dynamolocal.Clients(t)
	name := "rollcall-" + random.ID()
	if err := spec.Create(context.Background(), client, name); err != nil {
		t.Fatal(err)
	}
	s, err := dynamo.Open(context.Background(), dynamo.Config{Now: time.Now, Client: client, Streams: streams, Table: name})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
