package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"rollcall/integration/stack"
	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/sqlite"
)

// canary is part of every personal value of the person who is erased.
const canary = "zeisig"

// bytesOf returns the ports of a new store, and a function that reads all its bytes as they are stored.
var bytesOf = map[string]func(t *testing.T) (directory.Ports, func() []byte){
	"SQLite": func(t *testing.T) (directory.Ports, func() []byte) {
		path := filepath.Join(t.TempDir(), "rollcall.db")
		s, err := sqlite.Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s.Ports(), func() (all []byte) {
			if err := s.Scrub(context.Background()); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(path + "*")
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, b...)
			}
			return all
		}
	},
	"DynamoDB": func(t *testing.T) (directory.Ports, func() []byte) {
		db, _ := dynamolocal.Clients(t)
		table, spec := "rollcall-"+random.ID(), dynamo.TableSpec()
		spec.Stream = ""
		if err := spec.Create(t.Context(), db, table); err != nil {
			t.Fatal(err)
		}
		s, err := dynamo.Open(t.Context(), dynamo.Config{Now: time.Now, Client: db, Table: table})
		if err != nil {
			t.Fatal(err)
		}
		return s.Ports(), func() (all []byte) {
			pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &table, ConsistentRead: awssdk.Bool(true)})
			for pages.HasMorePages() {
				page, err := pages.NextPage(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				for _, it := range page.Items {
					text, err := json.Marshal(it)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, text...)
					for _, v := range it {
						all = fmt.Appendf(all, " %s", v) // bytes in clear
					}
				}
			}
			return all
		}
	},
}

// eraseEnv is a person of whom every record of the service has a trace.
type eraseEnv struct {
	*testing.T
	*stack.Stack
	run directory.RunID
	u   directory.User
}

func (e *eraseEnv) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *eraseEnv) as() *administration.Session { return e.Service.As(e.Admin) }

// live lets the person be created, renamed, planned for and moved, and leave.
func (e *eraseEnv) live() {
	e.Helper()
	ctx := e.Context()
	caller := provisioning.Caller{Provider: e.Provider.ID, Token: e.Token}
	profile := directory.Profile{UserName: canary + "1@t.example", ExternalID: canary, Active: true,
		Attributes: []byte(`{"title":"` + canary + `","addresses":[{"type":"work","country":"` + canary + `land"}]}`),
		Lookups:    []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: canary + "@t.example"}}}
	var err error
	e.u, err = e.Service.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return profile, nil, nil
	})
	e.must(err)
	e.Follow(e.T)
	profile.UserName = canary + "2@t.example"
	_, _, err = e.Service.UpdateUser(ctx, caller, e.u.ScimID, directory.UserWant{}, nil,
		func(directory.Provider, directory.UserView) (directory.Profile, []directory.Change, error) {
			return profile, nil, nil
		})
	e.must(err)
	e.Follow(e.T)
	e.plan()
	e.must(e.Service.DeleteUser(ctx, caller, e.u.ScimID, func(directory.User) error { return nil }))
	e.Pass(e.T, 8*24*time.Hour)
}

// plan moves the person by an apply run, and undoes it.
func (e *eraseEnv) plan() {
	e.Helper()
	ctx := e.Context()
	o, err := e.as().Organizations.Create(ctx, administration.NewOrganization{Name: "Elsewhere"})
	e.must(err)
	_, _, err = e.as().OrgMappings.Set(ctx, e.Provider.ID, administration.Unchecked,
		directory.OrgSettings{Method: directory.OrgSingle, Org: o.ID})
	e.must(err)
	all := func(directory.ApplyRun) error { return nil }
	r, err := e.as().ApplyRuns.Create(ctx, e.Provider.ID, true)
	e.must(err)
	e.Follow(e.T)
	_, err = e.as().ApplyRuns.Start(ctx, e.Provider.ID, r.ID, all)
	e.must(err)
	e.Follow(e.T)
	undo, err := e.as().ApplyRuns.Undo(ctx, e.Provider.ID, r.ID, all)
	e.must(err)
	e.Follow(e.T)
	e.run = undo.ID
	rows, _, err := e.as().ApplyRuns.Diff(ctx, e.Provider.ID, r.ID, "", 10, nil)
	e.must(err)
	if len(rows) != 1 || rows[0].Name != canary+"2@t.example" {
		e.Fatalf("the run shows %+v", rows)
	}
}

// Nothing of an erased person is left in the bytes of a store, whether an administrator or the retention erased them.
func TestNothingOfAnErasedPersonIsLeft(t *testing.T) {
	t.Parallel()
	for store, open := range bytesOf {
		for _, how := range []string{"erase", "purge"} {
			t.Run(store+"/"+how, func(t *testing.T) {
				t.Parallel()
				ports, dump := open(t)
				e := &eraseEnv{T: t, Stack: stack.New(t, stack.Options{Ports: func(testing.TB) directory.Ports { return ports }})}
				e.live()
				if !bytes.Contains(dump(), []byte(canary)) {
					t.Fatal("nothing to erase")
				}
				ctx := t.Context()
				if how == "erase" {
					e.must(e.Service.SealAll(ctx, func() bool { return false }))
					_, err := e.as().Users.Erase(ctx, e.u.ID, administration.Unchecked, string(e.u.ID))
					e.must(err)
				} else {
					e.Pass(t, 91*24*time.Hour)
					e.must(e.Service.PurgeAll(ctx, func() bool { return false }))
				}
				e.Pass(t, time.Hour)
				e.must(e.Service.SealAll(ctx, func() bool { return false }))
				e.must(e.Service.EraseFromLog(ctx, e.Admin.Tenant, e.u.ID))
				for _, at := range found(dump(), canary) {
					t.Errorf("a trace is left: %q", at)
				}
				rows, _, err := e.as().ApplyRuns.Diff(ctx, e.Provider.ID, e.run, "", 10, nil)
				e.must(err)
				if len(rows) != 1 || rows[0].Name != string(e.u.ID) {
					t.Errorf("the run shows %+v, want the id", rows)
				}
			})
		}
	}
}

// found returns what surrounds each occurrence of word.
func found(b []byte, word string) (out []string) {
	lower := bytes.ToLower(b)
	for from := 0; ; {
		i := bytes.Index(lower[from:], []byte(word))
		if i < 0 {
			slices.Sort(out)
			return slices.Compact(out)
		}
		from += i
		out = append(out, strings.ToValidUTF8(string(b[max(0, from-150):min(len(b), from+100)]), "."))
		from += len(word)
	}
}
