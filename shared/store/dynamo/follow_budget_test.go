package dynamo_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/store/dynamo/meter"
)

// TestFollowBudgets limits what following costs by entry, without mappings, watchlists and webhooks: sequential round
// trips, and capacity units. Alone, its process has followed others, so that the rules and the chain's mark are known.
func TestFollowBudgets(t *testing.T) {
	t.Parallel()
	o := newTenantEnv(t, open(t, newTable(t)))
	// Each case has its minute: a page of counts and a chain's mark are of a minute, and a page with the marks of several
	// cases may take more than a unit.
	var ticks atomic.Int64
	start := time.Now().Truncate(time.Minute).Add(time.Minute)
	o.svc = directorytest.New(o.svc.Ports, directory.Runtime{Now: func() time.Time {
		return start.Add(time.Duration(ticks.Add(1)) * time.Millisecond)
	}})
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
		{"POST", create, 6, 5, 6, 2.5, 0.3},
		{"PATCH", patch, 3, 3, 2, 0.1, 0.3},
		{"member added", func(i int) { o.patchMember(t.Context(), g.ID, us[i].ScimID) }, 4, 3, 6, 0.1, 2.3},
		{"disable", disable, 5, 12, 2, 0.3, 0.4},
	} {
		ticks.Store(int64(at+1) * 61_000) // ms: the chain is marked anew for c.do(0)
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
