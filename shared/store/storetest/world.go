package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

// world is a tenant with a provider in the store under test, and helpers of the tests. Its methods end the test if a
// call fails that the test is not about.
type world struct {
	*testing.T
	directory.Ports
	ctx    context.Context
	tenant directory.TenantID
	p      directory.ProviderID // the provider most tests are about
	tick   *atomic.Int64        // milliseconds since start
	start  time.Time
}

// age is how far in the past a world starts: its clock, one millisecond per reading, must not reach the real time.
const age = time.Hour

func newWorld(t *testing.T, ports directory.Ports) *world {
	t.Helper()
	return newWorldIn(t, ports, directory.TenantID(random.ID()[:7]), age)
}

func newWorldIn(t *testing.T, ports directory.Ports, tenant directory.TenantID, age time.Duration) *world {
	t.Helper()
	w := &world{
		T: t, Ports: ports, ctx: t.Context(), tenant: tenant, tick: new(atomic.Int64),
		start: time.Now().Add(-age).UTC().Truncate(time.Millisecond),
	}
	e := w.entry(directory.TenantCreated)
	e.Target, e.Audit = string(tenant), true
	w.must(w.Tenants.CreateTenant(w.ctx, directory.Tenant{
		ID: tenant, DisplayName: "Tenant " + string(tenant), DeactivationDelay: time.Minute, Version: 1, Created: w.start, Modified: w.start,
	}, e))
	w.p = w.provider("Provider")
	return w
}

// now returns the world's time, which is a millisecond later at each reading.
func (w *world) now() time.Time {
	return w.start.Add(time.Duration(w.tick.Add(1)) * time.Millisecond)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// wantKind fails unless err is of the kind.
func (w *world) wantKind(what string, err error, k directory.Kind) {
	w.Helper()
	if !directory.IsKind(err, k) {
		w.Errorf("%s: got error %v, want one of kind %q", what, err, k)
	}
}

// wantTaken fails unless err is want.
func (w *world) wantTaken(what string, err error, want directory.TakenError) {
	w.Helper()
	var taken *directory.TakenError
	if !errors.As(err, &taken) {
		w.Errorf("%s: got error %v, want TakenError", what, err)
		return
	}
	w.equal(what, *taken, want)
}

// equal compares the result of a store with the expected one: JSON by value, and an absent list like an empty one.
func (w *world) equal(what string, got, want any) {
	w.Helper()
	if want == nil {
		want = reflect.Zero(reflect.TypeOf(got)).Interface() // an empty value of the same type
	}
	if diff := cmp.Diff(want, got, equateJSON, cmpopts.EquateEmpty()); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// equateJSON compares JSON in log entries by value: stores may format it differently.
var equateJSON = cmp.FilterValues(func(a, b json.RawMessage) bool { return json.Valid(a) && json.Valid(b) },
	cmp.Transformer("JSON", func(raw json.RawMessage) (v any) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return err
		}
		return v
	}))

// race calls fn(0) … fn(n-1) concurrently and returns their errors.
func race(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = again(func() error { return fn(i) })
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// again repeats calls that a store refused as contended, as every caller must.
func again(fn func() error) error {
	var err error
	for range 20 {
		if err = fn(); !directory.IsKind(err, directory.Unavailable) {
			return err
		}
	}
	return err
}

func userID() directory.UserID   { return directory.UserID("u" + random.ID()) }
func groupID() directory.GroupID { return directory.GroupID("g" + random.ID()) }
func entryID() directory.EntryID { return directory.EntryID("e" + random.ID()) }

// entry returns a log entry of the world's provider.
func (w *world) entry(a directory.Action) directory.LogEntry {
	return directory.LogEntry{
		ID: entryID(), At: w.now(), Provider: w.p, Action: a,
		Actor: directory.Actor{Kind: directory.ActorProvider, ID: "k1", RequestID: "r1", ClientRequestID: "c1"},
	}
}

func (w *world) userEntry(a directory.Action, u directory.User) directory.LogEntry {
	e := w.entry(a).OfUser(u.ID)
	e.Name, e.Version, e.Provider = u.UserName, u.Version, u.Provider
	return e
}

func (w *world) groupEntry(a directory.Action, g directory.Group) directory.LogEntry {
	e := w.entry(a).OfGroup(g.ID)
	e.Name, e.Provider = g.DisplayName, g.Provider
	return e
}

// provider creates another provider of the tenant.
func (w *world) provider(name string) directory.ProviderID {
	w.Helper()
	p := w.newProvider(name)
	e := w.entry(directory.ProviderCreated)
	e.Provider, e.Target, e.Audit = "", string(p.ID), true
	w.must(w.Providers.CreateProvider(w.ctx, w.tenant, p, e))
	return p.ID
}

// newProvider returns a provider with a value in every field, not stored yet.
func (w *world) newProvider(name string) directory.Provider {
	now := w.now()
	return directory.Provider{
		ID: directory.ProviderID(string(w.tenant) + random.ID()[:5]), Tenant: w.tenant, DisplayName: name,
		Profile: "entra", AuthType: directory.AuthClientCredentials, State: directory.ProviderPaused, Resume: directory.ProviderLive,
		Credentials: []directory.Credential{
			{
				ID: directory.CredentialID("k" + random.ID()), Hash: directory.HashToken("one" + name), LastFour: "ab12", CreatedAt: now,
				CreatedBy: "someone",
				ExpiresAt: now.Add(time.Hour), RetiresAt: now.Add(time.Minute), State: directory.CredentialRetiring, Warned: 7,
			},
			{ID: directory.CredentialID("k" + random.ID()), Hash: directory.HashToken("two" + name), LastFour: "cd34", CreatedAt: now,
				CreatedBy: "someone", State: directory.CredentialActive},
		},
		SigningKey: []byte{0, 1, 2, 0xff}, DeactivationDelay: 90 * time.Minute,
		Extensions: []directory.Extension{{
			URN: "urn:example:badge", Name: "Badge",
			Attributes: []directory.ExtensionAttribute{{Name: "number", Type: "string", CaseExact: true}},
		}},
		Matching:    []directory.MatchingAttribute{{Path: badge, CaseExact: true, Since: now, Ready: true}},
		MatchingRun: "e1", ConfigVersion: 3, AppliedVersion: 2,
		Deletion: &directory.ProviderDeletion{Users: directory.FateMove, MoveTo: "elsewhere01", CancelPending: true, RequestedAt: now,
			RequestedBy: "someone"},
		Version: 1, Created: w.start, Modified: now, CreatedBy: "someone", CredentialsVersion: 4,
	}
}

// newUser returns a user of p with the usual fields and a work e-mail, not stored yet.
func (w *world) newUser(p directory.ProviderID, name string) directory.User {
	id, now := userID(), w.now()
	return directory.User{
		ID: id, ScimID: directory.ScimID(id), Provider: p,
		Profile: directory.Profile{
			UserName: name, ExternalID: "x-" + name, Active: true, Attributes: []byte(`{"displayName":"` + name + `"}`),
			Lookups: []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: name + "@example.com"}},
		},
		Version: 1, Created: now, Modified: now,
	}
}

// create stores a user with an entry.
func (w *world) create(u directory.User) error {
	_, err := w.Users.CreateUser(w.ctx, w.tenant, u.Provider, nil, func(directory.Provider) (directory.User, directory.LogEntry, error) {
		return u, w.userEntry(directory.UserCreated, u), nil
	})
	return err
}

// user creates a user of p.
func (w *world) user(p directory.ProviderID, name string, edits ...func(*directory.User)) directory.User {
	w.Helper()
	u := w.newUser(p, name)
	for _, edit := range edits {
		edit(&u)
	}
	w.must(w.create(u))
	return u
}

// users creates n users of p.
func (w *world) users(p directory.ProviderID, n int, prefix string) []directory.User {
	w.Helper()
	out := make([]directory.User, n)
	for i := range out {
		out[i] = w.user(p, fmt.Sprint(prefix, i))
	}
	return out
}

// local creates a local user.
func (w *world) local(name string) directory.User {
	w.Helper()
	return w.user("", name, func(u *directory.User) { u.ScimID = "" })
}

// tryUpdate changes a user; the version grows by one.
func (w *world) tryUpdate(old directory.User, a directory.Action, edit func(*directory.User)) (directory.User, error) {
	return w.Users.UpdateUser(w.ctx, w.tenant, old, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		u := old
		edit(&u)
		u.Version = old.Version + 1
		u.Modified = w.now()
		e := w.userEntry(a, u)
		e.Provider = old.Provider
		return u, &e, nil
	})
}

func (w *world) update(old directory.User, edit func(*directory.User)) directory.User {
	w.Helper()
	u, err := w.tryUpdate(old, directory.UserUpdated, edit)
	w.must(err)
	return u
}

// remove removes a user, as the directory does.
func (w *world) remove(old directory.User) directory.User {
	w.Helper()
	u, err := w.tryUpdate(old, directory.UserDeleted, func(u *directory.User) { u.RemovedAt = w.now() })
	w.must(err)
	return u
}

// readUser reads a user of the provider.
func (w *world) readUser(p directory.ProviderID, id directory.ScimID) (directory.UserView, error) {
	return w.Users.ReadUser(w.ctx, w.tenant, p, id, directory.UserWant{Groups: true, ManagerName: true}, nil)
}

func (w *world) mustReadUser(u directory.User) directory.UserView {
	w.Helper()
	v, err := w.readUser(u.Provider, u.ScimID)
	w.must(err)
	return v
}

// find returns the ids of the users of p that have the key.
func (w *world) find(p directory.ProviderID, attr, value string) []directory.UserID {
	w.Helper()
	vs, err := w.Users.FindUsers(w.ctx, w.tenant, p, directory.Lookup{Attr: attr, Value: value}, 100, directory.UserWant{}, nil)
	w.must(err)
	ids := make([]directory.UserID, len(vs))
	for i, v := range vs {
		ids[i] = v.ID
	}
	if attr == directory.AttrExternalID || attr == directory.AttrManager {
		hints, err := w.Users.UserIDs(w.ctx, w.tenant, p, directory.Lookup{Attr: attr, Value: value}, 100)
		w.must(err)
		w.equal("ids of "+attr, append([]directory.UserID{}, hints...), ids)
	}
	return ids
}

// newGroup returns a group of p with a value in every field, not stored yet.
func (w *world) newGroup(p directory.ProviderID, name string) directory.Group {
	now := w.now()
	return directory.Group{
		ID: groupID(), Provider: p,
		GroupProfile: directory.GroupProfile{DisplayName: name, ExternalID: "x-" + name, Attributes: []byte(`{"note":"` + name + `"}`)},
		Version:      1, Created: now, Modified: now,
	}
}

func (w *world) tryGroup(g directory.Group, members ...directory.ScimID) (directory.Group, error) {
	return w.Groups.CreateGroup(w.ctx, w.tenant, g.Provider, nil,
		func(directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error) {
			g.MemberCount = len(members)
			e := w.groupEntry(directory.GroupCreated, g)
			e.Added, e.Version = members, g.Version
			return g, members, e, nil
		})
}

// group creates a group of p.
func (w *world) group(p directory.ProviderID, name string, members ...directory.ScimID) directory.Group {
	w.Helper()
	g, err := w.tryGroup(w.newGroup(p, name), members...)
	w.must(err)
	return g
}

// readGroup reads a group of p with all its members.
func (w *world) readGroup(p directory.ProviderID, id directory.GroupID) directory.GroupView {
	w.Helper()
	v, err := w.Groups.ReadGroup(w.ctx, w.tenant, p, id, directory.GroupWant{AllMembers: true}, nil)
	w.must(err)
	return v
}

// tryMembers adds and removes members as a caller must: it does not add present members or remove absent ones, and
// writes nothing if no change remains.
func (w *world) tryMembers(g directory.Group, add, remove []directory.ScimID) (directory.Group, error) {
	want := directory.GroupWant{Named: append(append([]directory.ScimID{}, add...), remove...)}
	old, err := w.Groups.ReadGroup(w.ctx, w.tenant, g.Provider, g.ID, want, nil)
	if err != nil {
		return g, err
	}
	return w.known(w.Groups.UpdateGroup(w.ctx, w.tenant, old, want, func(old directory.GroupView) (directory.GroupChange, error) {
		ch := directory.GroupChange{GroupProfile: old.GroupProfile}
		for _, m := range add {
			if !old.Present[m] {
				ch.Add = append(ch.Add, m)
			}
		}
		for _, m := range remove {
			if old.Present[m] {
				ch.Remove = append(ch.Remove, m)
			}
		}
		if len(ch.Add)+len(ch.Remove) > 0 {
			e := w.groupEntry(directory.MembersChanged, old.Group)
			e.Added, e.Removed = ch.Add, ch.Remove
			ch.Entry = &e
		}
		return ch, nil
	}))
}

func (w *world) members(g directory.Group, add, remove []directory.ScimID) directory.Group {
	w.Helper()
	g, err := w.tryMembers(g, add, remove)
	w.must(err)
	return g
}

// log reads up to a thousand entries, newest first.
func (w *world) log(q directory.LogQuery) []directory.LogEntry {
	w.Helper()
	if q.Count == 0 {
		q.Count = 1000
	}
	es, err := w.Ports.Log.Entries(w.ctx, w.tenant, q)
	w.must(err)
	return es
}

func scimIDs(us []directory.User) []directory.ScimID {
	ids := make([]directory.ScimID, len(us))
	for i, u := range us {
		ids[i] = u.ScimID
	}
	return ids
}

func (w *world) adminEntry(a directory.Action, target string) directory.LogEntry {
	e := w.entry(a)
	e.Provider, e.Target, e.Audit = "", target, true
	return e
}
