package dynamo_test

import (
	"testing"
	"time"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest"
)

// newTable creates a table for a test and returns its name. It has no stream: with one, DynamoDB Local searches the
// stream records of all earlier tables on every write.
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

// A local server goes on with the table of its last run, also with one that was not completed.
func TestCreateTableGoesOn(t *testing.T) {
	t.Parallel()
	db, _ := dynamolocal.Clients(t)
	table := newTable(t)
	for range 2 {
		if err := dynamo.CreateTable(t.Context(), db, table); err != nil {
			t.Fatal(err)
		}
	}
}

// open opens a store on a table.
func open(t testing.TB, table string) *dynamo.Store {
	t.Helper()
	db, _ := dynamolocal.Clients(t)
	s, err := dynamo.Open(t.Context(), dynamo.Config{Now: time.Now, Client: db, Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	storetest.Run(t, proof.Size(300, directory.MaxMemberChange), func(t *testing.T) directory.Ports { return open(t, table).Ports() })
}

func TestCrawlsMissNobody(t *testing.T) {
	t.Parallel()
	db, _ := dynamolocal.Clients(t)
	storetest.Crawls(t, proof.Size(1, 5), func(t *testing.T, now func() time.Time) directory.Ports {
		s, err := dynamo.Open(t.Context(), dynamo.Config{Now: now, Client: db, Table: newTable(t)})
		if err != nil {
			t.Fatal(err)
		}
		return s.Ports()
	})
}

// The store's clock runs a hundred times as fast, so that failed entries are soon due again.
func TestFeed(t *testing.T) {
	t.Parallel()
	db, streams := dynamolocal.Clients(t)
	table, began := newTableOf(t, dynamo.TableSpec()), time.Now()
	fast := func() time.Time { return began.Add(100 * time.Since(began)) }
	run := func(t *testing.T, test func(*testing.T)) { test(t) }
	storetest.Feed(t, run, func(t *testing.T) directory.Ports {
		s, err := dynamo.Open(t.Context(), dynamo.Config{Client: db, Streams: streams, Table: table, Now: fast})
		if err != nil {
			t.Fatal(err)
		}
		return s.Ports()
	})
}

func TestHistoriesEndAlikeInSQLite(t *testing.T) {
	t.Parallel()
	here := func(t *testing.T) directory.Ports { return open(t, newTable(t)).Ports() }
	storetest.Histories(t, proof.Size(3, 15), here, func(t *testing.T) directory.Ports {
		s, err := sqlite.Open(sqlite.Memory, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s.Ports()
	})
}
