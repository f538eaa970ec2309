package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/fsck"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest/sample"
)

// sampleFile returns a database file with a sample, after the statements.
func sampleFile(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s, err := sqlite.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	sample.New(t, s.Ports())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(statements) == 0 {
		return path
	}
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range statements {
		if err := sqlitex.ExecuteTransient(conn, text, nil); err != nil {
			t.Error(err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A sound file is sound, a damaged one is reported by kind and id, neither is changed; a repair corrects what it can.
func TestFsck(t *testing.T) {
	t.Parallel()
	run := func(want int, args ...string) (out, diags string) {
		t.Helper()
		code, out, diags := execute(t.Context(), os.Getenv, append([]string{"fsck"}, args...)...)
		if code != want {
			t.Errorf("fsck %v: exit %d, want %d: %s%s", args, code, want, out, diags)
		}
		return out, diags
	}
	sound := sampleFile(t)
	if out, _ := run(exitOK, "--data", sound); !strings.Contains(out, "Nothing is broken in the data of 1 tenant.") {
		t.Errorf("a sound file: %s", out)
	}
	if out, _ := run(exitOK, "--data", sound, "-o", "json"); strings.TrimSpace(out) != `{"items":[]}` {
		t.Errorf("a sound file in JSON: %s", out)
	}

	damaged := sampleFile(t, `DELETE FROM lookups`, `DELETE FROM custodians`)
	before, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	out, diags := run(exitFailed, "--data", damaged)
	if !strings.Contains(out, string(fsck.LookUp)) || !strings.Contains(out, string(fsck.LegalHold)) ||
		!strings.Contains(diags, "things are broken; --repair can correct") {
		t.Errorf("a damaged file: %s%s", out, diags)
	}
	if out, _ = run(exitFailed, "--data", damaged, "--json"); !strings.Contains(out, `"kind":"look-up"`) ||
		!strings.Contains(out, `"repairable":true`) {
		t.Errorf("a damaged file in JSON: %s", out)
	}
	if after, err := os.ReadFile(damaged); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed without --repair (%v)", err)
	}
	if out, diags = run(exitFailed, "--data", damaged, "--repair"); !strings.Contains(diags, "1 thing is broken; --repair can correct 0") {
		t.Errorf("a repair: %s%s", out, diags)
	}
	if out, _ = run(exitFailed, "--data", damaged); strings.Contains(out, string(fsck.LookUp)) {
		t.Errorf("after a repair: %s", out)
	}
	repaired := sampleFile(t, `DELETE FROM lookups`)
	run(exitOK, "--data", repaired, "--repair")
	run(exitOK, "--data", repaired)
}

// A store that cannot be read is told from one with damage, and none is created.
func TestFsckRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	older := sampleFile(t, `PRAGMA user_version = 6`)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--data " + filepath.Join(dir, "none.db"), exitUsage, "there is no file"},
		{"--data " + writeFile(t, "text"), exitNoAccess, ""},
		{"--data " + older, exitNoAccess, "an older release"},
		{"--store other", exitUsage, "--store must be sqlite or dynamodb"},
		{"-o xml", exitUsage, "--output must be"},
	} {
		code, out, diags := execute(t.Context(), os.Getenv, append([]string{"fsck"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(diags, c.says) || out != "" {
			t.Errorf("fsck %s: exit %d, %s%s", c.args, code, out, diags)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("it created %v", files)
	}
	open := sampleFile(t)
	s, err := sqlite.Open(open, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, diags := execute(t.Context(), os.Getenv, "fsck", "--data", open); code != exitNoAccess || !strings.Contains(diags,
		"another process is using it") {
		t.Errorf("beside a running server: exit %d, %s", code, diags)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestEachFindingIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range fsck.Kinds() {
		if !bytes.Contains(text, []byte("`"+string(k)+"`")) {
			t.Errorf("docs/operations.md does not explain the finding %s", k)
		}
	}
}

// The DynamoDB store is checked and repaired by its table, which is not created.
func TestFsckOfATable(t *testing.T) {
	db, _ := dynamolocal.Clients(t)
	t.Setenv("AWS_ENDPOINT_URL", dynamolocal.Endpoint(t))
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", strings.Repeat("x", 40))
	table := "fsck"
	run := func(want int, says string, args ...string) {
		t.Helper()
		code, out, diags := execute(t.Context(), os.Getenv, append([]string{"fsck", "--store", "dynamodb", "--table", table}, args...)...)
		if code != want || !strings.Contains(out+diags, says) {
			t.Errorf("fsck %v: exit %d, want %d: %s%s", args, code, want, out, diags)
		}
	}
	run(exitNoAccess, "could not be read")
	run(exitNoAccess, "could not be read") // the first did not create it
	spec := dynamo.TableSpec()
	spec.Stream = ""
	if err := spec.Create(t.Context(), db, table); err != nil {
		t.Fatal(err)
	}
	s, err := dynamo.Open(t.Context(), dynamo.Config{Now: time.Now, Client: db, Table: table})
	if err != nil {
		t.Fatal(err)
	}
	x := sample.New(t, s.Ports())
	run(exitOK, "Nothing is broken in the data of 1 tenant.")
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	member := map[string]types.AttributeValue{
		"PK": text(string(x.Tenant) + "#" + string(x.P) + "#R#" + string(x.User.ScimID)), "SK": text(string(x.Group.ID)),
	}
	if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: member}); err != nil {
		t.Fatal(err)
	}
	run(exitFailed, "1 thing is broken; --repair can correct 1")
	run(exitFailed, `"kind":"membership"`, "-o", "json")
	run(exitOK, "membership", "--repair")
	run(exitOK, "Nothing is broken")
}

// Entries that were never followed are set aside for the server, once, from the time that is asked for.
func TestFollow(t *testing.T) {
	t.Parallel()
	file := sampleFile(t)
	run := func(want int, says string, args ...string) {
		t.Helper()
		code, out, diags := execute(t.Context(), os.Getenv, append([]string{"follow", "--data", file}, args...)...)
		if code != want || !strings.Contains(out+diags, says) {
			t.Errorf("follow %v: exit %d, want %d and %q: %s%s", args, code, want, says, out, diags)
		}
	}
	run(exitUsage, "must be a duration", "--since", "yesterday")
	run(exitOK, ": 0 entries.", "--since", "0s")
	s, err := sqlite.Open(file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	tenants, err := s.Ports().Tenants.ListTenants(t.Context(), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	counted, lost := directory.LogEntry{ID: "e1", At: time.Now().Add(-time.Minute), Action: directory.UserUpdated},
		directory.LogEntry{ID: "e2", At: time.Now().Add(-time.Minute), Action: directory.UserUpdated}
	for _, e := range []directory.LogEntry{counted, lost} {
		if err := s.Ports().Log.AppendEntry(t.Context(), tenants[0].ID, e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Ports().Counts.CountEntries(t.Context(), tenants[0].ID, []directory.LogEntry{counted}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	run(exitOK, ": 1 entry.", "--since", "10m")
	if s, err = sqlite.Open(file, time.Now); err != nil {
		t.Fatal(err)
	}
	left, err := s.Ports().SetAsides.ListSetAside(t.Context(), tenants[0].ID, "", 1000)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	of := func(id directory.EntryID) bool {
		return slices.ContainsFunc(left, func(d directory.Delivery) bool { return d.Entry == id })
	}
	if !of(lost.ID) || of(counted.ID) {
		t.Errorf("set aside: the entry that was never followed %v, one that was %v", of(lost.ID), of(counted.ID))
	}
}
