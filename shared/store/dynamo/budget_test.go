package dynamo_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/dynamo/meter"
)

// tenantEnv is a tenant with a provider, used through the service like by requests.
type tenantEnv struct {
	*testing.T
	svc      *directorytest.Env
	caller   provisioning.Caller
	followed *string // the position of the last entry that was followed
}

func newTenantEnv(t *testing.T, s *dynamo.Store, matching ...string) tenantEnv {
	t.Helper()
	svc := directorytest.New(s.Ports(), directory.Runtime{})
	admin := administration.Admin{Tenant: directory.TenantID(random.ID()[:7]),
		Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k" + random.ID()}}
	if _, err := svc.As(admin).Tenants.Create(t.Context(), "Tenant"); err != nil {
		t.Fatal(err)
	}
	p, token, err := svc.As(admin).Providers.Create(t.Context(), administration.NewProvider{DisplayName: "Provider", Profile: "entra",
		Matching: matching})
	if err != nil {
		t.Fatal(err)
	}
	return tenantEnv{t, svc,
		provisioning.Caller{Provider: p.ID, Token: token, RequestID: directory.RequestID(random.ID()),
			ClientRequestID: "3f2504e0-4f89-11d3-9a0c-0305e82c3301"}, new(string)}
}

func (o tenantEnv) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// profile is a typical user from Entra: 600 bytes of attributes, an externalId and a work e-mail that is the userName.
func profile(i int) directory.Profile {
	name := fmt.Sprintf("person.number%05d@contoso.example", i)
	return directory.Profile{
		UserName: name, ExternalID: fmt.Sprintf("8f4b5c1e-0000-4000-8000-%012d", i), Active: true,
		Attributes: []byte(`{"displayName":"` + strings.Repeat("n", 580) + `"}`),
		Lookups:    []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: name}},
	}
}

func (o tenantEnv) user(ctx context.Context, i int) directory.User {
	o.Helper()
	u, err := o.tryUser(ctx, i)
	o.must(err)
	return u
}

func (o tenantEnv) tryUser(ctx context.Context, i int) (directory.User, error) {
	return o.svc.CreateUser(ctx, o.caller, profile(i).ExternalID, nil,
		func(directory.Provider) (directory.Profile, []directory.Change, error) {
			p := profile(i)
			return p, []directory.Change{{Attr: "User", After: p.Attributes}}, nil
		})
}

func (o tenantEnv) group(ctx context.Context, name string, members ...directory.ScimID) directory.Group {
	o.Helper()
	g, err := o.svc.CreateGroup(ctx, o.caller, nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: name, ExternalID: "x-" + name}, members, nil, nil
		})
	o.must(err)
	return g.Group
}

func (o tenantEnv) patchMember(ctx context.Context, g directory.GroupID, m directory.ScimID) {
	o.Helper()
	_, changed, err := o.svc.UpdateGroup(ctx, o.caller, g, directory.GroupWant{Named: []directory.ScimID{m}}, nil,
		func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
			return provisioning.GroupEdit{Profile: v.GroupProfile, Add: []directory.ScimID{m}}, nil
		})
	o.must(err)
	if !changed {
		o.Error("nothing changed")
	}
}

func (o tenantEnv) patchUser(ctx context.Context, id directory.ScimID, edit func(*directory.Profile)) {
	o.Helper()
	_, _, err := o.svc.UpdateUser(ctx, o.caller, id, directory.UserWant{Groups: true}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			p := old.Profile
			edit(&p)
			return p, []directory.Change{{Attr: "title", Before: []byte(`"Analyst"`), After: []byte(`"Director"`)}}, nil
		})
	o.must(err)
}

// TestBudgets limits the cost of the most frequent operations: sequential round trips and capacity units, on a record
// of nearly 1 KB. Raising a budget must be a decision, not an accident.
func TestBudgets(t *testing.T) {
	t.Parallel()
	o := newTenantEnv(t, open(t, newTable(t)))
	ctx := t.Context()
	const n = 230
	var us []directory.User
	for i := range n {
		us = append(us, o.user(ctx, i))
	}
	u, g := us[0], o.group(ctx, "Everyone")
	o.patchMember(ctx, g.ID, us[1].ScimID)
	o.patchMember(ctx, g.ID, u.ScimID)
	list := func(ctx context.Context, start int) {
		_, err := o.svc.ListUsers(ctx, o.caller, directory.Page{Start: start, Count: 100}, directory.UserWant{}, nil)
		o.must(err)
	}
	find := func(attr, value string) func(context.Context) {
		return func(ctx context.Context) {
			vs, err := o.svc.FindUsers(ctx, o.caller, directory.Lookup{Attr: attr, Value: value}, 2, directory.UserWant{}, nil)
			o.must(err)
			if len(vs) != 1 || vs[0].ID != u.ID {
				t.Errorf("find by %s: got %d users", attr, len(vs))
			}
		}
	}
	for _, c := range []struct {
		name        string
		rounds      int
		read, write float64
		do          func(context.Context)
	}{
		{"GET user by id", 1, 3, 0, func(ctx context.Context) {
			v, err := o.svc.User(ctx, o.caller, u.ScimID, directory.UserWant{Groups: true}, nil)
			o.must(err)
			if len(v.Groups) != 1 {
				t.Errorf("groups: got %v", v.Groups)
			}
		}},
		{"filter on userName", 2, 3, 0, find(directory.AttrUserName, u.UserName)},
		{"filter on externalId", 2, 3, 0, find(directory.AttrExternalID, u.ExternalID)},
		{"filter on work e-mail", 2, 4, 0, find(directory.AttrWorkEmail, u.Lookups[0].Value)},
		{"POST user", 2, 2, 14, func(ctx context.Context) { o.user(ctx, n) }},
		{"PATCH user", 2, 3, 6, func(ctx context.Context) {
			o.patchUser(ctx, u.ScimID, func(p *directory.Profile) { p.Active = !p.Active })
		}},
		{"PATCH user's externalId", 2, 3, 10, func(ctx context.Context) {
			o.patchUser(ctx, us[2].ScimID, func(p *directory.Profile) { p.ExternalID = "another" })
		}},
		{"PATCH that changes nothing", 1, 3, 0, func(ctx context.Context) {
			o.patchUser(ctx, u.ScimID, func(*directory.Profile) {})
		}},
		{"PATCH group, one member", 2, 3, 12, func(ctx context.Context) { o.patchMember(ctx, g.ID, us[3].ScimID) }},
		{"first page of 100", 3, 30, 1, func(ctx context.Context) { list(ctx, 1) }},
		{"second page of 100", 3, 30, 1, func(ctx context.Context) { list(ctx, 101) }},
		{"last page", 3, 30, 1, func(ctx context.Context) { list(ctx, 201) }},
	} {
		metered, m := meter.With(ctx)
		c.do(metered)
		t.Logf("%-28s %d round trips, %2d calls, %4.1f read, %4.1f write", c.name, m.Rounds(), m.Calls(), m.ReadUnits(), m.WriteUnits())
		if m.Rounds() > c.rounds || m.ReadUnits() > c.read || m.WriteUnits() > c.write {
			t.Errorf("%s: %d round trips, %g read and %g write units; at most %d, %g and %g are allowed", c.name,
				m.Rounds(), m.ReadUnits(), m.WriteUnits(), c.rounds, c.read, c.write)
		}
	}
}

// TestBlockBudget: the entries of a block are read from the shards of the log with little that is read in vain.
func TestBlockBudget(t *testing.T) {
	t.Parallel()
	ports := open(t, newTable(t)).Ports()
	tenant, p := directory.TenantID(random.ID()[:7]), directory.ProviderID("p0123456789")
	const stored, allowed = 1100, 200
	start := time.Date(2026, 5, 4, 11, 0, 0, 0, time.UTC)
	var g errgroup.Group
	g.SetLimit(8)
	for i := range stored {
		e := directory.LogEntry{ID: directory.EntryID("e" + random.ID()), At: start.Add(time.Duration(i) * time.Millisecond), Provider: p,
			Action: directory.UserUpdated, Changes: []directory.Change{{Attr: "User", After: profile(i).Attributes}}}
		g.Go(func() error { return ports.Log.AppendEntry(t.Context(), tenant, e) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	ctx, m := meter.With(t.Context())
	es, err := ports.Log.EntriesAfter(ctx, tenant, p, "", "", directory.MaxSeals)
	if err != nil || len(es) != directory.MaxSeals || !es[len(es)-1].At.Equal(start.Add((directory.MaxSeals-1)*time.Millisecond)) {
		t.Fatalf("%d entries, %v", len(es), err)
	}
	t.Logf("%d of %d entries: %d round trips, %d calls, %.1f read", len(es), stored, m.Rounds(), m.Calls(), m.ReadUnits())
	if m.ReadUnits() > allowed {
		t.Errorf("%g read units, at most %d are allowed", m.ReadUnits(), allowed)
	}
}

// TestSealingBudget: sealing asks for the chains that grew, and reads nothing of others.
func TestSealingBudget(t *testing.T) {
	t.Parallel()
	s := open(t, newTable(t))
	var clock atomic.Int64
	clock.Store(time.Now().UnixMilli())
	svc := directorytest.New(s.Ports(), directory.Runtime{Now: func() time.Time { return time.UnixMilli(clock.Load()) }})
	seal := func(what string, grown, calls int, read float64) {
		t.Helper()
		for i := range 6 {
			tenant := directory.TenantID(fmt.Sprint("tenant", i))
			e := directory.LogEntry{ID: directory.EntryID("e" + random.ID()), At: svc.Now(), Action: directory.TenantUpdated, Audit: true}
			_, err := s.Ports().Tenants.Tenant(t.Context(), tenant)
			switch {
			case directory.IsKind(err, directory.NotFound):
				err = s.Ports().Tenants.CreateTenant(t.Context(), directory.Tenant{ID: tenant, Version: 1}, e)
			case i < grown:
				err = s.Ports().Log.AppendEntry(t.Context(), tenant, e)
			}
			if i < grown && err == nil {
				err = svc.FollowEntry(t.Context(), tenant, e)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		clock.Add((5 * time.Minute).Milliseconds())
		ctx, m := meter.With(t.Context())
		if err := svc.SealAll(ctx, func() bool { return false }); err != nil {
			t.Fatal(err)
		}
		t.Logf("%-26s %d round trips, %d calls, %.1f read, %.1f write", what, m.Rounds(), m.Calls(), m.ReadUnits(), m.WriteUnits())
		if m.Calls() > calls || m.ReadUnits() > read {
			t.Errorf("%s: %d calls, %g read units; at most %d and %g are allowed", what, m.Calls(), m.ReadUnits(), calls, read)
		}
	}
	seal("six chains grew", 6, 300, 300)
	seal("one chain grew", 1, 70, 60)
	seal("none grew", 0, 8, 4)
}

// TestMatchingBudgets: a matching attribute that has a value adds 2 write units to a POST, and 2 for the old and 2 for
// the new one to a change of it; finding by it costs what finding by userName does.
func TestMatchingBudgets(t *testing.T) {
	t.Parallel()
	const urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	o := newTenantEnv(t, open(t, newTable(t)), "employeeNumber", "title")
	attributes := func(number, title string) []byte {
		return fmt.Appendf(nil, `{"displayName":"%s","title":%q,%q:{"employeeNumber":%q}}`, strings.Repeat("n", 240), title, urn, number)
	}
	create := func(ctx context.Context, i int) directory.User {
		u, err := o.svc.CreateUser(ctx, o.caller, profile(i).ExternalID, nil,
			func(directory.Provider) (directory.Profile, []directory.Change, error) {
				p := profile(i)
				p.Attributes = attributes(fmt.Sprint("E", i), "Analyst")
				return p, []directory.Change{{Attr: "User", After: p.Attributes}}, nil
			})
		o.must(err)
		return u
	}
	u := create(t.Context(), 0)
	edit := func(ctx context.Context, number, title string) {
		o.patchUser(ctx, u.ScimID, func(p *directory.Profile) { p.Attributes = attributes(number, title) })
	}
	for _, c := range []struct {
		name        string
		rounds      int
		read, write float64
		do          func(context.Context)
	}{
		{"POST with both", 2, 2, 14 + 2*2, func(ctx context.Context) { create(ctx, 1) }},
		{"PATCH of one", 2, 3, 6 + 4, func(ctx context.Context) { edit(ctx, "E77", "Analyst") }},
		{"PATCH of both", 2, 3, 6 + 2*4, func(ctx context.Context) { edit(ctx, "E78", "Director") }},
		{"PATCH that clears one", 2, 3, 6 + 2, func(ctx context.Context) { edit(ctx, "", "Director") }},
		{"PATCH of something else", 2, 3, 6, func(ctx context.Context) {
			o.patchUser(ctx, u.ScimID, func(p *directory.Profile) { p.Active = false })
		}},
		{"filter", 2, 3, 0, func(ctx context.Context) {
			key := directory.MatchingAttribute{Path: urn + ":employeeNumber"}.Key("E1")
			vs, err := o.svc.FindUsers(ctx, o.caller, key, 2, directory.UserWant{}, nil)
			o.must(err)
			if len(vs) != 1 {
				t.Errorf("found %d users", len(vs))
			}
		}},
	} {
		metered, m := meter.With(t.Context())
		c.do(metered)
		t.Logf("%-28s %d round trips, %4.1f read, %4.1f write", c.name, m.Rounds(), m.ReadUnits(), m.WriteUnits())
		if m.Rounds() > c.rounds || m.ReadUnits() > c.read || m.WriteUnits() > c.write {
			t.Errorf("%s: %d round trips, %g read and %g write units; at most %d, %g and %g are allowed", c.name,
				m.Rounds(), m.ReadUnits(), m.WriteUnits(), c.rounds, c.read, c.write)
		}
	}
}

// TestMeterCountsAbsentItems: reading an absent item costs a unit, too, and units grow with the size.
func TestMeterCountsAbsentItems(t *testing.T) {
	t.Parallel()
	s := open(t, newTable(t))
	ctx, m := meter.With(t.Context())
	if _, err := s.Ports().Tenants.Tenant(ctx, "nobody1"); !directory.IsKind(err, directory.NotFound) {
		t.Errorf("got %v, want NotFound", err)
	}
	if m.Calls() != 1 || m.Rounds() != 1 || m.ReadUnits() != 1 || m.WriteUnits() != 0 {
		t.Errorf("absent item: %d calls, %d rounds, %g read, %g write", m.Calls(), m.Rounds(), m.ReadUnits(), m.WriteUnits())
	}
	r := directory.Replay{Key: "k", Request: "r", Answer: make([]byte, 4500), Expires: time.Now().Add(time.Hour)}
	if _, _, err := s.Ports().Replays.BeginReplay(ctx, "nobody1", r, time.Now()); err != nil {
		t.Fatal(err)
	}
	if m.WriteUnits() != 5 {
		t.Errorf("an item of 4.5 KB: %g write units, want 5", m.WriteUnits())
	}
}
