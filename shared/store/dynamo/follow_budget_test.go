package dynamo_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo/meter"
)

// ticking gives the environment a clock that begins with a minute and moves by a millisecond whenever it is read. It returns
// the milliseconds.
func (o *tenantEnv) ticking(external directory.External) *atomic.Int64 {
	var ticks atomic.Int64
	start := time.Now().Truncate(time.Minute).Add(time.Minute)
	o.svc = directorytest.New(o.svc.Ports, directory.Runtime{External: external, Now: func() time.Time {
		return start.Add(time.Duration(ticks.Add(1)) * time.Millisecond)
	}})
	return &ticks
}

// TestFollowBudgets limits what following costs by entry, without mappings, watchlists and webhooks: sequential round
// trips, and capacity units. Alone, its process has followed others, so that the rules and the chain's mark are known.
func TestFollowBudgets(t *testing.T) {
	t.Parallel()
	o := newTenantEnv(t, open(t, newTable(t)))
	// Each case has its minute: a page of counts and a chain's mark are of a minute, and a page with the marks of several
	// cases may take more than a unit.
	ticks := o.ticking(directory.External{})
	const n = 100
	var us []directory.User
	o.follow(t.Context()) // of the tenant's creation
	create := func(i int) {
		u, err := o.svc.CreateUser(t.Context(), o.caller, profile(i).ExternalID, nil,
			func(directory.Provider) (directory.Profile, []directory.Change, error) {
				p := profile(i)
				return p, []directory.Change{
					directory.NewChange(directory.AttrUserName, nil, p.UserName), directory.NewChange(directory.AttrExternalID, nil, p.ExternalID),
					{Attr: "displayName", After: p.Attributes},
				}, nil
			})
		o.must(err)
		us = append(us, u)
	}
	g := o.group(t.Context(), "Everyone")
	o.follow(t.Context())
	o.seal(ticks)
	patch := func(i int) {
		o.patchUser(t.Context(), us[i].ScimID, func(p *directory.Profile) { p.Attributes = []byte(`{"title":"Director"}`) })
	}
	disable := func(i int) {
		o.patchUser(t.Context(), us[i].ScimID, func(p *directory.Profile) { p.Active = false })
	}
	for at, c := range []struct {
		name                    string
		do                      func(i int)
		rounds                  int
		read, write             float64
		perEntryRead, perEntryW float64
	}{
		{"POST", create, 2, 3, 6, 1.2, 0.3},
		{"PATCH", patch, 1, 2, 2, 0.1, 0.3},
		{"member added", func(i int) { o.patchMember(t.Context(), g.ID, us[i].ScimID) }, 2, 2, 6, 0.1, 2.3},
		{"disable", disable, 2, 10, 2, 0.3, 0.4},
	} {
		ticks.Store(int64(at+5) * 61_000) // ms: the chain is marked anew for c.do(0)
		c.do(0)
		o.follow(t.Context()) // the minute's pages are known
		c.do(1)
		alone := o.follow(t.Context())
		t.Logf("%-14s alone:        %2d round trips, %2d calls, %5.1f read, %5.1f write", c.name, alone.Rounds(), alone.Calls(),
			alone.ReadUnits(), alone.WriteUnits())
		if alone.Rounds() > c.rounds || alone.ReadUnits() > c.read || alone.WriteUnits() > c.write {
			t.Errorf("%s alone: at most %d, %g and %g are allowed", c.name, c.rounds, c.read, c.write)
		}
		for i := 2; i < n+2; i++ {
			c.do(i)
		}
		all := o.follow(t.Context())
		t.Logf("%-14s of 100:       %5.2f round trips, %5.2f calls, %5.2f read, %5.2f write an entry", c.name, float64(all.Rounds())/n,
			float64(all.Calls())/n, all.ReadUnits()/n, all.WriteUnits()/n)
		if all.ReadUnits()/n > c.perEntryRead || all.WriteUnits()/n > c.perEntryW {
			t.Errorf("%s in a batch of 100: at most %g read and %g write units an entry are allowed", c.name, c.perEntryRead, c.perEntryW)
		}
	}
}

// seal seals what the log of the tenant's provider has: a block stores the mark of its chain where followers read it.
func (o tenantEnv) seal(ticks *atomic.Int64) {
	o.Helper()
	tenant, _ := o.caller.Provider.Tenant()
	ticks.Store(4 * 61_000)
	_, err := o.svc.Seal(o.Context(), tenant, o.caller.Provider)
	o.must(err)
	g, err := o.svc.Mappings.Ground(o.Context(), tenant, o.caller.Provider)
	if o.must(err); g.Mark == "" {
		o.Fatal("no block was appended")
	}
}

// follow follows the entries of the tenant's provider that were not followed yet as one batch, and returns what it cost.
func (o tenantEnv) follow(ctx context.Context) *meter.Meter {
	o.Helper()
	tenant, _ := o.caller.Provider.Tenant()
	es, err := o.svc.Ports.Log.EntriesAfter(ctx, tenant, o.caller.Provider, *o.followed, "", 1000)
	o.must(err)
	var batch []directory.TenantEntry
	for _, e := range es {
		*o.followed = e.Position()
		batch = append(batch, directory.TenantEntry{Tenant: tenant, Entry: e})
	}
	metered, m := meter.With(ctx)
	for _, f := range o.svc.FollowBatch(metered, slices.Clip(batch)) {
		o.Errorf("%s: %v", f.Step, f.Err)
	}
	return m
}

// sending is a DeliveryStarter that starts nothing.
type sending struct{}

func (sending) StartDelivering(context.Context) error { return nil }

// TestFollowBudgetsWithRules is TestFollowBudgets with a mapped group, a watchlist of a department and a webhook for all
// events. What follows places people, which has an entry of its own.
func TestFollowBudgetsWithRules(t *testing.T) {
	t.Parallel()
	o := newTenantEnv(t, open(t, newTable(t)))
	ticks := o.ticking(directory.External{Delivering: sending{}})
	const n, enterprise = 100, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	ctx := t.Context()
	tenant, _ := o.caller.Provider.Tenant()
	as := o.svc.As(administration.Admin{Tenant: tenant, Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}})
	g := o.group(ctx, "Sales")
	field, err := as.Organizations.Create(ctx, administration.NewOrganization{Name: "Field"})
	o.must(err)
	unchecked := func(directory.Provider) error { return nil }
	_, _, err = as.OrgMappings.Set(ctx, o.caller.Provider, unchecked,
		directory.OrgSettings{Method: directory.OrgGroups, Org: directory.DefaultOrg})
	o.must(err)
	_, _, err = as.OrgMappings.Add(ctx, o.caller.Provider, unchecked, []directory.GroupID{g.ID}, field.ID)
	o.must(err)
	_, err = as.Watchlists.Create(ctx, administration.NewWatchlist{Type: "custom", Title: "Board", Departments: []string{"Board"}})
	o.must(err)
	o.must(o.svc.Webhooks.CreateWebhook(ctx, tenant, directory.Webhook{
		ID: "w" + directory.WebhookID(random.ID()), URL: "https://x", State: directory.WebhookActive, Version: 1,
	}, nil, directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: o.svc.Now(), Action: directory.WebhookCreated, Audit: true}))
	o.follow(ctx)
	o.seal(ticks)
	var us []directory.User
	create := func(i int) {
		u, err := o.svc.CreateUser(ctx, o.caller, profile(i).ExternalID, nil,
			func(directory.Provider) (directory.Profile, []directory.Change, error) {
				p := profile(i)
				p.Attributes = []byte(`{"displayName":"` + strings.Repeat("n", 200) + `","` + enterprise + `":{"department":"Board"}}`)
				return p, []directory.Change{
					directory.NewChange(directory.AttrUserName, nil, p.UserName), directory.NewChange(directory.AttrExternalID, nil, p.ExternalID),
					directory.NewChange(directory.AttrDepartment, nil, "Board"),
				}, nil
			})
		o.must(err)
		us = append(us, u)
	}
	type budget struct {
		rounds      int // sequential, counted for an entry alone
		read, write float64
	}
	for at, c := range []struct {
		name                                     string
		do                                       func(i int)
		alone, consequence, ofMany, consequences budget
	}{
		{"POST", create, budget{7, 7, 14}, budget{4, 2, 7}, budget{0, 5.6, 7.8}, budget{0, 0.1, 2.4}},
		{"member added", func(i int) { o.patchMember(ctx, g.ID, us[i].ScimID) },
			budget{8, 6, 14}, budget{4, 2, 9}, budget{0, 4.8, 10.8}, budget{0, 0.1, 2.4}},
	} {
		check := func(what string, m *meter.Meter, entries float64, b budget) {
			t.Helper()
			t.Logf("%-14s %-22s %6.2f round trips, %6.2f calls, %6.2f read, %6.2f write an entry", c.name, what,
				float64(m.Rounds())/entries, float64(m.Calls())/entries, m.ReadUnits()/entries, m.WriteUnits()/entries)
			if m.ReadUnits()/entries > b.read || m.WriteUnits()/entries > b.write || b.rounds > 0 && m.Rounds() > b.rounds {
				t.Errorf("%s %s: at most %+v are allowed", c.name, what, b)
			}
		}
		ticks.Store(int64(at+5) * 61_000)
		c.do(0)
		o.follow(ctx)
		o.follow(ctx)
		c.do(1)
		check("alone", o.follow(ctx), 1, c.alone)
		check("its consequence", o.follow(ctx), 1, c.consequence)
		for i := 2; i < n+2; i++ {
			c.do(i)
		}
		check("of 100", o.follow(ctx), n, c.ofMany)
		check("consequences of 100", o.follow(ctx), n, c.consequences)
		for _, u := range us {
			v, err := o.svc.Users.UserByID(ctx, tenant, u.ID)
			o.must(err)
			if len(v.Watchlists) != 1 || at == 1 && v.OrgID != field.ID {
				t.Fatalf("%s was not placed: %+v", u.ID, v.Account)
			}
		}
	}
}
