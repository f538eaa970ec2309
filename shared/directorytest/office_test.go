package directorytest_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/provisioning"
	"rollcall/shared/store/sqlite"
)

// office is a tenant with one provider, on a store in memory, with a clock that only tests move.
type office struct {
	*testing.T
	s      *directorytest.Env
	ctx    context.Context
	now    time.Time
	admin  administration.Admin
	p      directory.Provider
	caller provisioning.Caller
}

func newOffice(t *testing.T) *office {
	t.Helper()
	t.Parallel()
	store, err := sqlite.Open(sqlite.Memory, time.Now)
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
		admin: administration.Admin{Tenant: "acme1",
			Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "kadmin", RequestID: "radmin", Reason: "because"}},
	}
	o.s = directorytest.New(store.Ports(), directory.Runtime{Now: func() time.Time { return o.now }})
	_, err = o.s.As(o.admin).Tenants.Create(o.ctx, "Acme")
	o.must(err)
	o.p, o.caller = o.provider("Entra")
	return o
}

// use puts the services on other ports.
func (o *office) use(change func(*directory.Ports)) {
	ports := o.s.Ports
	change(&ports)
	o.s = directorytest.New(ports, o.s.Runtime)
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

func (o *office) provider(name string) (directory.Provider, provisioning.Caller) {
	o.Helper()
	p, token, err := o.s.As(o.admin).Providers.Create(o.ctx, administration.NewProvider{DisplayName: name, Profile: "entra"})
	o.must(err)
	return p, provisioning.Caller{Provider: p.ID, Token: token, RequestID: "r1", ClientRequestID: "c1"}
}

func (o *office) stored(id directory.ProviderID) directory.Provider {
	o.Helper()
	p, err := o.s.As(o.admin).Providers.ByID(o.ctx, id)
	o.must(err)
	return p
}

func (o *office) tryUser(c provisioning.Caller, p directory.Profile) (directory.User, error) {
	return o.s.CreateUser(o.ctx, c, p.ExternalID, nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return p, logged(directory.Profile{}, p), nil
	})
}

// logged returns the changes of a user as SCIM logs them, of the attributes that these tests use.
func logged(was, is directory.Profile) []directory.Change {
	var out []directory.Change
	value := func(v string) any {
		if v == "" {
			return nil
		}
		return v
	}
	note := func(attr, before, after string) {
		if before != after {
			out = append(out, directory.NewChange(attr, value(before), value(after)))
		}
	}
	note(directory.AttrUserName, was.UserName, is.UserName)
	note(directory.AttrExternalID, was.ExternalID, is.ExternalID)
	note("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", was.Manager, is.Manager)
	for _, path := range []string{"title", directory.AttrDepartment, directory.OrgSettings{Method: directory.OrgNamed}.Path()} {
		note(path, directory.AttributeValue(was.Attributes, path), directory.AttributeValue(is.Attributes, path))
	}
	return out
}

func (o *office) user(c provisioning.Caller, name string) directory.User {
	o.Helper()
	u, err := o.tryUser(c, directory.Profile{UserName: name, ExternalID: "x-" + name, Active: true})
	o.must(err)
	return u
}

func (o *office) local(name string) directory.User {
	o.Helper()
	u, err := o.s.As(o.admin).Users.CreateLocal(o.ctx, administration.LocalProfile{UserName: name}, nil)
	o.must(err)
	return u
}

// edit changes a user's profile, and reports whether anything changed.
func (o *office) edit(c provisioning.Caller, id directory.ScimID, edit func(*directory.Profile)) (directory.UserView, bool, error) {
	return o.s.UpdateUser(o.ctx, c, id, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			p := old.Profile
			edit(&p)
			return p, logged(old.Profile, p), nil
		})
}

func (o *office) remove(c provisioning.Caller, id directory.ScimID) error {
	return o.s.DeleteUser(o.ctx, c, id, func(directory.User) error { return nil })
}

func (o *office) tryGroup(c provisioning.Caller, name string, members ...directory.ScimID) (directory.Group, error) {
	g, err := o.s.CreateGroup(o.ctx, c, nil, func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
		return directory.GroupProfile{DisplayName: name}, members, nil, nil
	})
	return g.Group, err
}

func (o *office) group(c provisioning.Caller, name string, members ...directory.ScimID) directory.Group {
	o.Helper()
	g, err := o.tryGroup(c, name, members...)
	o.must(err)
	return g
}

// log returns entries newest first, by provider or, without one, those of the tenant itself. Those of one moment are in
// the order of their random ids: tests move the clock before the change that they look for.
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
	// Entries of one moment are in the order of their random ids: the newest has the highest version.
	newest := es[0]
	for _, e := range es {
		if e.At.Equal(newest.At) && e.Version > newest.Version {
			newest = e
		}
	}
	newest.ID = ""
	return newest
}

// later moves the clock and returns the service's time.
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
