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

// DynamoDB returns the ports of a new table on the test binary's DynamoDB Local. The table has no stream, because a
// stream would slow down every write to tables created later. Tests follow the log themselves; TestFeed of
// shared/store/dynamo tests the stream.
func DynamoDB(t testing.TB) directory.Ports {
	t.Helper()
	client, _ := dynamolocal.Clients(t)
	name, spec := "rollcall-"+random.ID(), dynamo.TableSpec()
	spec.Stream = ""
	if err := spec.Create(context.Background(), client, name); err != nil {
		t.Fatal(err)
	}
	s, err := dynamo.Open(context.Background(), dynamo.Config{Now: time.Now, Client: client, Table: name})
	if err != nil {
		t.Fatal(err)
	}
	return s.Ports()
}
