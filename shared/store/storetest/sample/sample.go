// Package sample makes a sound tenant with records of each kind that fsck compares, for tests that damage a store. It is
// not a test of the services that make it.
package sample

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/fsck"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

// Sample is a tenant with records of each kind that fsck compares, made through the services, with its log followed and
// sealed. Stores damage it, and prove that each damage is found.
type Sample struct {
	*testing.T
	Ports  directory.Ports
	Tenant directory.TenantID
	P      directory.ProviderID

	User, Boss, Leaver, Held, Removed, Restored, Local directory.User  // User has a manager, a title that is matched, and is in Group
	Group, Outer                                       directory.Group // Outer contains Group
	Org                                                directory.Organization
	Key                                                directory.APIKey
	Matter                                             directory.Matter // Held is its custodian
	Delivery                                           directory.Delivery
	Entry                                              directory.LogEntry // of User, sealed

	s     *directorytest.Env
	now   time.Time
	admin administration.Admin
}

// New makes a sample in a store.
func New(t *testing.T, ports directory.Ports) *Sample {
	t.Helper()
	x := &Sample{T: t, Ports: ports, Tenant: directory.TenantID(random.ID()[:7]),
		now: time.Now().UTC().Truncate(time.Minute).Add(-6 * time.Hour)}
	x.s = directorytest.New(ports, directory.Runtime{Now: func() time.Time { return x.now }})
	x.admin = administration.Admin{Tenant: x.Tenant, Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}}
	ctx, as := context.Background(), x.s.As(x.admin)
	_, err := as.Tenants.Create(ctx, "T")
	x.must(err)
	p, token, err := as.Providers.Create(ctx, administration.NewProvider{DisplayName: "P", Profile: "entra"})
	x.must(err)
	x.P = p.ID
	_, err = x.Ports.Providers.UpdateProvider(ctx, x.Tenant, p.ID,
		func(p directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			p.Matching = []directory.MatchingAttribute{{Path: "title", Since: x.now, Ready: true}}
			return p, x.entry(directory.ProviderUpdated, string(p.ID)), nil
		})
	x.must(err)
	x.people(provisioning.Caller{Provider: p.ID, Token: token})
	x.Org, err = as.Organizations.Create(ctx, administration.NewOrganization{Name: "Unit"})
	x.must(err)
	x.Org, err = x.Ports.Organizations.UpdateOrganization(ctx, x.Tenant, x.Org.ID,
		func(o directory.Organization) (directory.Organization, *directory.LogEntry, error) {
			o = o.Renamed("Org") // and Unit becomes an alias
			return o, x.entry(directory.OrganizationUpdated, string(o.ID)), nil
		})
	x.must(err)
	x.Key, _, err = as.APIKeys.Create(ctx, administration.NewAPIKey{DisplayName: "Key", Role: directory.RoleAuditor})
	x.must(err)
	x.Matter, err = as.LegalHolds.Create(ctx, "Matter", "")
	x.must(err)
	_, _, err = as.LegalHolds.Place(ctx, x.Matter.ID, x.Held.ID)
	x.must(err)
	x.Follow()
	es, err := x.Ports.Log.Entries(ctx, x.Tenant, directory.LogQuery{User: x.User.ID, Count: 1})
	x.must(err)
	x.Entry = es[0]
	x.must(x.Ports.Webhooks.CreateWebhook(ctx, x.Tenant, directory.Webhook{ID: "w1", DisplayName: "App", State: directory.WebhookActive,
		Version: 1, Created: x.now, Modified: x.now}, nil, *x.entry(directory.WebhookCreated, "w1")))
	x.Delivery = directory.NewDelivery(x.Entry, "w1", "sample", x.now)
	x.must(x.Ports.Deliveries.AddDeliveries(ctx, x.Tenant, []directory.Delivery{x.Delivery}))
	aside := directory.NewDelivery(x.Entry, "", "sample", x.now)
	_, err = x.Ports.SetAsides.UpdateSetAside(ctx, x.Tenant, aside.ID,
		func(directory.Delivery) (directory.Delivery, error) { return aside, nil })
	x.must(err)
	x.seal()
	for _, u := range []*directory.User{&x.User, &x.Boss, &x.Leaver, &x.Held, &x.Removed, &x.Restored, &x.Local} {
		v, err := x.Ports.Users.UserByID(ctx, x.Tenant, u.ID)
		x.must(err)
		*u = v.User
	}
	return x
}

// In returns the sample for a subtest.
func (x *Sample) In(t *testing.T) *Sample {
	y := *x
	y.T = t
	return &y
}

func (x *Sample) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

func (x *Sample) entry(a directory.Action, target string) *directory.LogEntry {
	return &directory.LogEntry{ID: directory.EntryID("e" + random.ID()), At: x.now, Action: a, Target: target}
}

// people creates the users and groups.
func (x *Sample) people(c provisioning.Caller) {
	ctx := context.Background()
	n := 0
	create := func(name, title string) directory.User {
		n++
		x.now = x.now.Add(time.Second)
		external := fmt.Sprintf("8f4b5c1e-0000-4000-8000-%012d", n)
		u, err := x.s.CreateUser(ctx, c, external, nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
			p := directory.Profile{UserName: name, ExternalID: external, Active: true}
			if title != "" {
				p.Attributes = fmt.Appendf(nil, `{"title":%q}`, title)
			}
			return p, nil, nil
		})
		x.must(err)
		return u
	}
	edit := func(u directory.User, change func(*directory.Profile)) {
		_, _, err := x.s.UpdateUser(ctx, c, u.ScimID, directory.UserWant{}, nil,
			func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
				p := old.Profile
				change(&p)
				return p, []directory.Change{directory.NewChange(directory.AttrUserName, old.UserName, p.UserName)}, nil
			})
		x.must(err)
	}
	leave := func(u directory.User) {
		x.must(x.s.DeleteUser(ctx, c, u.ScimID, func(directory.User) error { return nil }))
	}
	x.Boss, x.User = create("boss", ""), create("user", "Clerk")
	edit(x.User, func(p *directory.Profile) { p.Manager, p.UserName = string(x.Boss.ScimID), "renamed" })
	x.Leaver, x.Held, x.Removed = create("leaver", ""), create("held", ""), create("removed", "")
	edit(x.Leaver, func(p *directory.Profile) { p.Active, p.Manager = false, "somebody" })
	leave(x.Removed)
	x.Restored = create("restored", "")
	leave(x.Restored)
	n--
	x.Restored = create("restored", "")
	var err error
	x.Local, err = x.s.As(x.admin).Users.CreateLocal(ctx, administration.LocalProfile{UserName: "local"}, nil)
	x.must(err)
	group := func(name string, members ...directory.ScimID) directory.Group {
		g, err := x.s.CreateGroup(ctx, c, nil,
			func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
				return directory.GroupProfile{DisplayName: name, ExternalID: name}, members, nil, nil
			})
		x.must(err)
		return g.Group
	}
	x.Group = group("group", x.User.ScimID, x.Boss.ScimID, x.Restored.ScimID)
	x.Outer = group("outer", directory.ScimID(x.Group.ID), x.User.ScimID)
}

// Follow follows the log.
func (x *Sample) Follow() {
	x.Helper()
	followed := map[directory.EntryID]bool{}
	for left := true; left; {
		left = false
		var all []directory.LogEntry
		for _, p := range []directory.ProviderID{"", x.P} {
			es, err := x.Ports.Log.Entries(context.Background(), x.Tenant, directory.LogQuery{Provider: p, Count: 1000})
			x.must(err)
			all = append(all, es...)
		}
		for _, e := range all {
			if !followed[e.ID] {
				followed[e.ID], left = true, true
				x.must(x.s.FollowEntry(context.Background(), x.Tenant, e))
			}
		}
	}
}

func (x *Sample) seal() {
	x.Helper()
	x.now = x.now.Add(10 * time.Minute)
	for _, p := range []directory.ProviderID{"", x.P} {
		more, err := x.s.Seal(context.Background(), x.Tenant, p)
		for ; more && err == nil; more, err = x.s.Seal(context.Background(), x.Tenant, p) {
		}
		x.must(err)
	}
}

// Check checks the sample's tenant, and what belongs to no tenant.
func (x *Sample) Check(repair bool) (out []fsck.Finding) {
	x.Helper()
	report := func(f fsck.Finding) { out = append(out, f) }
	s, ok := fsck.StoreOf(x.Ports)
	if !ok {
		x.Fatal("the store cannot check itself")
	}
	x.must(s.CheckTenant(context.Background(), "", repair, report))
	x.must(fsck.CheckTenant(context.Background(), x.Ports, fsck.Options{Now: x.now, Repair: repair}, x.Tenant, report))
	slices.SortFunc(out, fsck.Finding.Compare)
	return out
}

// Expect proves that the planted damage is found, as the first kind and perhaps as the others, and repaired if it is
// derived.
func (x *Sample) Expect(repairable bool, kind fsck.Kind, also ...fsck.Kind) {
	x.Helper()
	found := x.Check(false)
	hit := false
	for _, f := range found {
		hit = hit || f.Kind == kind && f.Repairable == repairable
		if f.Kind != kind && !slices.Contains(also, f.Kind) {
			x.Errorf("also found: %s", f)
		}
	}
	if !hit {
		x.Errorf("not found as %s, repairable %v; found %v", kind, repairable, found)
	}
	if again := x.Check(false); !slices.Equal(again, found) {
		x.Errorf("a check changed what is found, from %v to %v", found, again)
	}
	for _, f := range x.Check(true) {
		if f.Repaired != f.Repairable {
			x.Errorf("repairing: %+v", f)
		}
	}
	for _, f := range x.Check(false) {
		if repairable || f.Repairable {
			x.Errorf("after the repair: %s", f)
		}
	}
}
