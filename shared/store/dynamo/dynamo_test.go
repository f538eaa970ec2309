package dynamo_test

import (
	"flag"
	"testing"
	"time"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest"
)

// newTable makes a table of its own for a test and returns its name. It has no stream: DynamoDB Local looks
// through the stream records of all tables made before with every write to one that has.
func newTable(t testing.TB) string {
	t.Helper()
	spec := dynamo.TableSpec()
	spec.Stream = ""
	return newTableOf(t, spec)
}

func newTableOf(t testing.TB, spec dynamo.Spec) string {
	t.Helper()
	db, _ := dynamolocal.Clients(t)
	table := "rollcall-" + random.ID()
	if err := spec.Create(t.Context(), db, table); err != nil {
		t.Fatal(err)
	}
	return table
}

// open opens a store on a table.
func open(t testing.TB, table string) *dynamo.Store {
	t.Helper()
	db, streams := dynamolocal.Clients(t)
	s, err := dynamo.Open(t.Context(), dynamo.Config{Now: time.Now, Client: db, Streams: streams, Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	table := newTable(t)
	storetest.Run(t, func(t *testing.T) directory.Ports { return open(t, table).Ports() })
}

func TestFeed(t *testing.T) {
	table := newTableOf(t, dynamo.TableSpec())
	storetest.Feed(t, func(t *testing.T) directory.Ports { return open(t, table).Ports() })
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
		s, err := sqlite.Open(sqlite.Memory, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s.Ports()
	})
}
