package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest"
)

// filler writes records through the services, as a directory and an administrator would.
type filler struct {
	s      *directorytest.Env
	ctx    context.Context
	caller provisioning.Caller
	admin  administration.Admin
}

// newFiller creates a provider, and the tenant if there is none.
func newFiller(s *sqlite.Store) (filler, error) {
	f := filler{
		s: directorytest.New(s.Ports(), directory.Runtime{}), ctx: context.Background(),
		admin: administration.Admin{Tenant: directory.DefaultTenant, Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}},
	}
	if _, err := f.s.As(f.admin).Tenants.Create(f.ctx, "Tenant"); err != nil && !directory.IsKind(err, directory.Conflict) {
		return f, err
	}
	p, token, err := f.s.As(f.admin).Providers.Create(f.ctx,
		administration.NewProvider{DisplayName: "Provider " + random.ID(), Profile: "entra"})
	f.caller = provisioning.Caller{Provider: p.ID, Token: token}
	return f, err
}

func (f filler) user() (directory.User, error) {
	return f.s.CreateUser(f.ctx, f.caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		name := random.ID()
		return directory.Profile{
			UserName: name, ExternalID: "x" + name, Active: true, Attributes: []byte(`{"title":"t"}`),
			Lookups: []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: name + "@example.com"}},
		}, nil, nil
	})
}

func (f filler) disable(id directory.ScimID) (directory.UserView, error) {
	v, _, err := f.s.UpdateUser(f.ctx, f.caller, id, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			n := old.Profile
			n.Active = false
			return n, nil, nil
		})
	return v, err
}

func (f filler) remove(id directory.ScimID) error {
	return f.s.DeleteUser(f.ctx, f.caller, id, func(directory.User) error { return nil })
}

func (f filler) group(members ...directory.ScimID) (directory.Group, error) {
	g, err := f.s.CreateGroup(f.ctx, f.caller, nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: random.ID(), ExternalID: "x"}, members, nil, nil
		})
	return g.Group, err
}

// fill creates a few records of most kinds.
func (f filler) fill() error {
	var all []directory.ScimID
	for range 20 {
		u, err := f.user()
		if err != nil {
			return err
		}
		all = append(all, u.ScimID)
	}
	g, err := f.group(all...)
	if err != nil {
		return err
	}
	_, err = f.group(directory.ScimID(g.ID), all[0])
	_, disableErr := f.disable(all[1])
	_, localErr := f.s.As(f.admin).Users.CreateLocal(f.ctx, administration.LocalProfile{UserName: random.ID()}, nil)
	_, _, keyErr := f.s.As(f.admin).APIKeys.Create(f.ctx, administration.NewAPIKey{DisplayName: "key", Role: directory.RoleAuditor})
	return errors.Join(err, disableErr, localErr, keyErr, f.remove(all[2]))
}

func filled(t *testing.T, s *sqlite.Store) filler {
	t.Helper()
	f, err := newFiller(s)
	if err == nil {
		err = f.fill()
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func dump(s *sqlite.Store) string {
	return storetest.Dump(context.Background(), s.Ports(), directory.DefaultTenant)
}

func TestReopenKeepsEverything(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path)
	f := filled(t, s)
	before := dump(s)
	taken := 0
	if _, err := s.Ports().Feed.Deliver(t.Context(),
		func(_ context.Context, batch []directory.TenantEntry) error { taken += len(batch); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.user(); err == nil {
		t.Error("a closed store created a user")
	}
	again := open(t, path)
	if diff := cmp.Diff(before, dump(again)); diff != "" {
		t.Errorf("after reopening (-before +after):\n%s", diff)
	}
	n, err := again.Ports().Feed.Deliver(t.Context(), func(context.Context, []directory.TenantEntry) error { return nil })
	if err != nil || n != 0 || taken == 0 {
		t.Errorf("after reopening %d entries were delivered again, %v; %d before", n, err, taken)
	}
	f.s = directorytest.New(again.Ports(), directory.Runtime{})
	if _, err := f.user(); err != nil {
		t.Errorf("with the token from before: %v", err)
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing", "rollcall.db"), dir} {
		if s, err := sqlite.Open(path, time.Now); err == nil {
			_ = s.Close()
			t.Errorf("%s was opened", filepath.Base(path))
		}
	}
}

// broken makes the store fail after a write: it passes a member twice, which the port forbids.
func broken(t *testing.T, f filler, s *sqlite.Store) {
	t.Helper()
	u, err := f.user()
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Ports().Groups.CreateGroup(f.ctx, directory.DefaultTenant, f.caller.Provider, nil,
		func(p directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error) {
			g := directory.Group{ID: "g" + directory.GroupID(random.ID()), Provider: p.ID,
				GroupProfile: directory.GroupProfile{DisplayName: "half"}, Version: 1}
			return g, []directory.ScimID{u.ScimID, u.ScimID}, directory.LogEntry{ID: "e1", Action: directory.GroupCreated}, nil
		})
	if directory.KindOf(err) != directory.Internal || err == nil {
		t.Fatalf("a member twice: got %v, want an internal error", err)
	}
}

// A store without a journal cannot roll back a transaction that has written, so it must not show the writes.
func TestMemoryStoreStopsAfterAFailure(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Memory)
	f := filled(t, s)
	broken(t, f, s)
	_, readErr := s.Ports().Providers.ListProviders(f.ctx, directory.DefaultTenant)
	_, writeErr := f.user()
	_, listErr := s.Ports().Groups.ListGroups(f.ctx, directory.DefaultTenant, f.caller.Provider, directory.Page{Start: 1, Count: 100},
		directory.GroupWant{},
		nil)
	for i, err := range []error{readErr, writeErr, listErr} {
		if err == nil {
			t.Errorf("call %d after the failure succeeded", i)
		}
	}
}

// The leases of a process that was killed do not delay the deliveries of the next one.
func TestLeasesEndWithTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path)
	f, err := newFiller(s)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Millisecond)
	e := directory.LogEntry{ID: "e1", At: now}
	deliveries := func() directory.Deliveries { return s.Ports().Deliveries }
	if err := deliveries().AddDeliveries(f.ctx, f.admin.Tenant, []directory.Delivery{directory.NewDelivery(e, "w1", "x", now)}); err != nil {
		t.Fatal(err)
	}
	lease := func(holder string) {
		t.Helper()
		q, err := deliveries().LeaseQueue(f.ctx, f.admin.Tenant, "w1", holder, now, now.Add(time.Minute))
		if err != nil || q.Holder != holder {
			t.Fatalf("leased by %q: %+v, %v", holder, q, err)
		}
	}
	lease("killed")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	lease("next")
}

func TestFileStoreRollsBackAFailure(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "rollcall.db"))
	f := filled(t, s)
	groups := func() int {
		page, err := s.Ports().Groups.ListGroups(f.ctx, directory.DefaultTenant, f.caller.Provider, directory.Page{Start: 1},
			directory.GroupWant{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return page.Total
	}
	before := groups()
	broken(t, f, s)
	if after := dump(s); strings.Contains(after, "half") || groups() != before {
		t.Errorf("%d groups became %d after the failure:\n%s", before, groups(), after)
	}
	if err := f.fill(); err != nil {
		t.Errorf("the store does not continue: %v", err)
	}
}

func TestCancelledRequestsAreUnavailable(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Memory)
	f := filled(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.ctx = ctx
	_, err := f.user()
	if !directory.IsKind(err, directory.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Unavailable because of %v", err, context.Canceled)
	}
	if fmt.Sprint(err) == "" {
		t.Error("an error without a text")
	}
}

// A batch is one transaction: it stores everything, or, if it fails, nothing, and the store refuses further calls.
func TestBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	open := func() *sqlite.Store {
		s, err := sqlite.Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	store := open()
	f, err := newFiller(store)
	if err != nil {
		t.Fatal(err)
	}
	two := func() error {
		_, err := f.user()
		_, again := f.user()
		return errors.Join(err, again)
	}
	if err := store.Batch(two); err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	if err := store.Batch(func() error { return errors.Join(two(), mine) }); !errors.Is(err, mine) {
		t.Errorf("a failed batch returned %v", err)
	}
	if _, err := f.user(); !errors.Is(err, mine) {
		t.Errorf("a user after a failed batch: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	page, err := open().Ports().Users.ListUsers(f.ctx, f.admin.Tenant, f.caller.Provider, directory.Page{Start: 1}, directory.UserWant{}, nil)
	if err != nil || page.Total != 2 {
		t.Errorf("%d users, %v; want the 2 of the successful batch", page.Total, err)
	}
}

// A provider record from before mappings existed is read as a provider without mappings.
func TestProvidersFromBeforeMappings(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path)
	f, err := newFiller(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	err = sqlitex.ExecuteTransient(conn,
		`UPDATE providers SET record = CAST(json_remove(CAST(record AS TEXT), '$.OrgMapping', '$.RoleMapping') AS BLOB)`, nil)
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	p, err := open(t, path).Ports().Providers.Provider(f.ctx, f.admin.Tenant, f.caller.Provider)
	want := directory.BeforeMappings()
	if err != nil || p.OrgMapping != want.OrgMapping || p.RoleMapping != want.RoleMapping || p.OrgMapping.Org == "" {
		t.Errorf("read as %+v, %+v, %v", p.OrgMapping, p.RoleMapping, err)
	}
}
