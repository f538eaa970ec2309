package dynamo_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest"
)

var credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
})

func clients(t testing.TB) (*dynamodb.Client, *dynamodbstreams.Client) {
	t.Helper()
	endpoint := dynamolocal.Endpoint(t)
	db := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "eu-west-1", Credentials: credentials, DisableValidateResponseChecksum: true,
	})
	return db, dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: &endpoint, Region: "eu-west-1", Credentials: credentials})
}

// newTable makes a table of its own for a test and returns its name.
func newTable(t testing.TB) string {
	t.Helper()
	db, _ := clients(t)
	table := "rollcall-" + directory.RandomID()
	if err := dynamo.CreateTable(t.Context(), db, table); err != nil {
		t.Fatal(err)
	}
	return table
}

// open opens a store on a table.
func open(t testing.TB, table string) *dynamo.Store {
	t.Helper()
	db, streams := clients(t)
	s, err := dynamo.Open(t.Context(), dynamo.Config{Client: db, Streams: streams, Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	table := newTable(t)
	storetest.Run(t, func(t *testing.T) directory.Ports { return open(t, table).Ports() })
}

func TestHistoriesEndAlikeInSQLite(t *testing.T) {
	table := newTable(t)
	storetest.Histories(t, func(t *testing.T) directory.Ports { return open(t, table).Ports() }, func(t *testing.T) directory.Ports {
		s, err := sqlite.Open(sqlite.Memory)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s.Ports()
	})
}
