package dynamo_test

import (
	"context"
	"flag"
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
	storetest.Run(t, func(t *testing.T) directory.Ports {
		ports := open(t, table).Ports()
		if readsFirst[t.Name()] {
			ports.Users, ports.Groups = firstUsers{ports.Users}, firstGroups{ports.Groups}
		}
		return ports
	})
}

// readsFirst are the tests that want update to see nothing but what is stored. This store runs it on the copy
// it is given and lets the transaction find out whether that is stale, foreign or unknown: nothing is written
// then, and update runs again on what was read anew. Looking first would cost every change a round trip.
var readsFirst = map[string]bool{
	"TestContract/users/a_stale_copy_is_read_again":                         true,
	"TestContract/users/unknown_ones_are_NotFound":                          true,
	"TestContract/isolation/another_tenant_reaches_nothing_by_any_method":   true,
	"TestContract/isolation/another_provider_reaches_nothing_by_any_method": true,
}

// firstUsers and firstGroups read a record before its update, as callers of these ports do.
type firstUsers struct{ directory.Users }

func (f firstUsers) UpdateUser(ctx context.Context, t directory.TenantID, old directory.User, update func(directory.User) (directory.User, *directory.LogEntry, error)) (directory.User, error) {
	v, err := f.UserByID(ctx, t, old.ID)
	if err != nil {
		return directory.User{}, err
	}
	return f.Users.UpdateUser(ctx, t, v.User, update)
}

type firstGroups struct{ directory.Groups }

func (f firstGroups) UpdateGroup(ctx context.Context, t directory.TenantID, old directory.GroupView, want directory.GroupWant, update func(directory.GroupView) (directory.GroupChange, error)) (directory.Group, error) {
	v, err := f.ReadGroup(ctx, t, old.Provider, old.ID, want, nil)
	if err != nil {
		return directory.Group{}, err
	}
	return f.Groups.UpdateGroup(ctx, t, v, want, update)
}

// checks is how many random histories both stores live through unless -rapid.checks says otherwise: one takes
// a second here, a millisecond in SQLite.
const checks = "15"

func TestHistoriesEndAlikeInSQLite(t *testing.T) {
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", checks); err != nil {
			t.Fatal(err)
		}
	}
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
