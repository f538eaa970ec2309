package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

// office is a tenant with one provider, on a store in memory, with a clock that only tests move.
type office struct {
	*testing.T
	s      *directory.Service
	ctx    context.Context
	now    time.Time
	admin  directory.Admin
	p      directory.Provider
	caller directory.Caller
}

func newOffice(t *testing.T) *office {
	t.Helper()
	t.Parallel()
	store, err := sqlite.Open(sqlite.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &office{
		T: t, ctx: t.Context(), now: time.Date(2026, 3, 1, 9, 0, 0, 123_456_789, time.FixedZone("", 3600)),
		admin: directory.Admin{Tenant: "acme1", Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "kadmin", RequestID: "radmin", Reason: "because"}},
	}
	o.s = directory.New(store.Ports(), directory.Config{Now: func() time.Time { return o.now }})
	_, err = o.s.CreateTenant(o.ctx, o.admin, "Acme")
	o.must(err)
	o.p, o.caller = o.provider("Entra")
	return o
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// refused fails unless err has the kind and attribute, and a detail that contains the text.
func (o *office) refused(what string, err error, k directory.Kind, attr, detail string) {
	o.Helper()
	var e *directory.Error
	if !errors.As(err, &e) || e.Kind != k || e.Attr != attr || !strings.Contains(e.Detail, detail) {
		o.Errorf("%s: got %v, want %v %s with %q", what, err, k, attr, detail)
	}
}

func (o *office) equal(what string, got, want any) {
	o.Helper()
	if want == nil {
		want = reflect.Zero(reflect.TypeOf(got)).Interface() // an empty list of whatever it is
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		o.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (o *office) provider(name string) (directory.Provider, directory.Caller) {
	o.Helper()
	p, token, err := o.s.CreateProvider(o.ctx, o.admin, directory.NewProvider{DisplayName: name, Profile: "entra"})
	o.must(err)
	return p, directory.Caller{Provider: p.ID, Token: token, RequestID: "r1", ClientRequestID: "c1"}
}

func (o *office) stored(id directory.ProviderID) directory.Provider {
	o.Helper()
	p, err := o.s.ProviderByID(o.ctx, o.admin, id)
	o.must(err)
	return p
}

func (o *office) tryUser(c directory.Caller, p directory.Profile) (directory.User, error) {
	return o.s.CreateUser(o.ctx, c, p.ExternalID, nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return p, []directory.Change{{Attr: "userName", After: json.RawMessage(`"x"`)}}, nil
	})
}

func (o *office) user(c directory.Caller, name string) directory.User {
	o.Helper()
	u, err := o.tryUser(c, directory.Profile{UserName: name, ExternalID: "x-" + name, Active: true})
	o.must(err)
	return u
}

func (o *office) local(name string) directory.User {
	o.Helper()
	u, err := o.s.CreateLocalUser(o.ctx, o.admin, directory.LocalProfile{UserName: name}, nil)
	o.must(err)
	return u
}

// edit changes a user's profile; the answer tells whether anything changed.
func (o *office) edit(c directory.Caller, id directory.ScimID, edit func(*directory.Profile)) (directory.UserView, bool, error) {
	return o.s.UpdateUser(o.ctx, c, id, directory.UserWant{}, nil, func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
		p := old.Profile
		edit(&p)
		return p, []directory.Change{{Attr: "some"}}, nil
	})
}

func (o *office) remove(c directory.Caller, id directory.ScimID) error {
	return o.s.DeleteUser(o.ctx, c, id, func(directory.User) error { return nil })
}

func (o *office) tryGroup(c directory.Caller, name string, members ...directory.ScimID) (directory.Group, error) {
	return o.s.CreateGroup(o.ctx, c, nil, func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
		return directory.GroupProfile{DisplayName: name}, members, nil, nil
	})
}

func (o *office) group(c directory.Caller, name string, members ...directory.ScimID) directory.Group {
	o.Helper()
	g, err := o.tryGroup(c, name, members...)
	o.must(err)
	return g
}

// log returns entries newest first, by provider or, without one, those of the tenant itself. Those of one
// moment come in the order of their random ids: tests move the clock before what they look for.
func (o *office) log(q directory.LogQuery) []directory.LogEntry {
	o.Helper()
	q.Count = 1000
	es, err := o.s.Log.Entries(o.ctx, o.admin.Tenant, q)
	o.must(err)
	return es
}

// last is the newest entry of the query, without its id.
func (o *office) last(q directory.LogQuery) directory.LogEntry {
	o.Helper()
	es := o.log(q)
	if len(es) == 0 {
		o.Fatal("the log is empty")
	}
	// Entries of one moment come in the order of their random ids: the version tells the newest.
	newest := es[0]
	for _, e := range es {
		if e.At.Equal(newest.At) && e.Version > newest.Version {
			newest = e
		}
	}
	newest.ID = ""
	return newest
}

// later moves the clock and returns what the service reads from it.
func (o *office) later(d time.Duration) time.Time {
	o.now = o.now.Add(d)
	return o.s.Now()
}

func TestTheClockIsUTCInMilliseconds(t *testing.T) {
	o := newOffice(t)
	if got := o.s.Now(); got.Location() != time.UTC || !got.Equal(time.Date(2026, 3, 1, 8, 0, 0, 123_000_000, time.UTC)) {
		t.Errorf("got %v", got)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := directory.RandomID()
		if !directory.ScimID("u"+id).IsUser() || !directory.ScimID("g"+id).IsGroup() || seen[id] {
			t.Fatalf("%q is no good id", id)
		}
		seen[id] = true
	}
	id := directory.RandomID()
	for _, bad := range []string{"", "u", "g" + id, "u" + id + "0", "u" + id[1:], "u" + id[1:] + "w", "u" + id[1:] + "A", "U" + id} {
		if directory.ScimID(bad).IsUser() {
			t.Errorf("%q passes for a user's id", bad)
		}
	}
	for p, want := range map[directory.ProviderID]directory.TenantID{
		"acme1abcde": "acme1", "defaultabcde": "default", "acmeabcde": "", "default1abcde": "", "abcde": "", "": "", "acme1ABCDE": "", "acme1/bcde": "",
	} {
		if got, ok := p.Tenant(); ok != (want != "") || ok && got != want {
			t.Errorf("tenant of %q: got %q, %v", p, got, ok)
		}
	}
	for tn, want := range map[directory.TenantID]bool{"acme1": true, "default": true, "abcd": false, "abcdefgh": false, "Acme1": false, "acm e": false, "": false} {
		if tn.Valid() != want {
			t.Errorf("tenant id %q: valid is %v", tn, tn.Valid())
		}
	}
}

func TestErrorsAreInternalUnlessTheySayOtherwise(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	e := &directory.Error{Kind: directory.Conflict, Attr: "userName", Detail: "taken", Err: cause}
	if !errors.Is(e, cause) || e.Error() != "conflict userName: taken: cause" {
		t.Errorf("got %q", e.Error())
	}
	for err, want := range map[error]directory.Kind{cause: directory.Internal, e: directory.Conflict, &directory.Error{}: directory.Internal, &directory.TakenError{}: directory.Internal} {
		if directory.KindOf(err) != want || !directory.IsKind(err, want) {
			t.Errorf("%v: kind %v, want %v", err, directory.KindOf(err), want)
		}
	}
	if directory.IsKind(nil, directory.Internal) {
		t.Error("no error is an internal one")
	}
	kinds := map[string]bool{}
	for k := directory.Internal; k <= directory.Unavailable; k++ {
		kinds[k.String()] = true
	}
	if len(kinds) != 10 || slices.Contains([]bool{kinds["internal"], kinds["unavailable"]}, false) {
		t.Errorf("kinds are called %v", kinds)
	}
}
