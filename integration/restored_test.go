package integration_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
)

// undone is a provider with people in every state, nested groups, a mapping and a watchlist, which is deleted and
// restored.
type undone struct {
	*watched
	to    directory.ProviderID // another provider
	scim  map[string]string    // the ids in SCIM by userName
	outer string
	named []string
}

const (
	annName, bossName, stayName = "ann@example.com", "boss@example.com", "stay@example.com"
	outName, blockedName        = "out@example.com", "blocked@example.com"
	heldName, goneName          = "held@example.com", "gone@example.com"
)

func newUndone(t *testing.T, ports func(testing.TB) directory.Ports) *undone {
	t.Helper()
	u := &undone{scim: map[string]string{}, named: []string{annName, bossName, stayName, outName, blockedName, heldName, goneName}}
	u.watched = newWatched(t, ports, u.named...)
	ctx := t.Context()
	for _, name := range u.named {
		u.scim[name] = string(person(t, u.Stack, name).ScimID)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	u.send("PATCH", "/Users/"+u.scim[annName], patch(op("add", "title", "Engineer"), op("add", "externalId", "x-ann"),
		op("add", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", u.scim[bossName]))).wants(t, "ann", 200, "")
	u.send("PATCH", "/Users/"+u.scim[outName], patch(op("replace", "active", false))).wants(t, "disable", 200, "")
	_, err := u.as.Users.Decide(ctx, person(t, u.Stack, blockedName).ID, administration.Unchecked, directory.DecideBlock)
	must(err)
	m, err := u.as.LegalHolds.Create(ctx, "Matter", "")
	must(err)
	_, _, err = u.as.LegalHolds.Place(ctx, m.ID, person(t, u.Stack, heldName).ID)
	must(err)
	u.outer = u.send("POST", "/Groups", group("Outer", u.team.id(), u.scim[annName])).id()
	_, _, err = u.as.RoleMappings.Set(ctx, u.Provider.ID, administration.Unchecked, directory.RoleSettings{Mode: directory.RolesGroups}, false)
	must(err)
	_, err = u.as.RoleMappings.Add(ctx, u.Provider.ID, administration.Unchecked, []directory.GroupID{directory.GroupID(u.team.id())},
		[]directory.RoleID{"agent-user"}, "")
	must(err)
	for _, verb := range []string{"remove", "add"} { // so that the mapping reaches them
		var members []object
		for _, id := range u.scim {
			members = append(members, object{"value": id})
		}
		u.send("PATCH", "/Groups/"+u.team.id(), patch(op(verb, "members", members))).wants(t, verb, 204, "")
		u.Follow(t)
	}
	to, _, err := u.as.Providers.Create(ctx, administration.NewProvider{DisplayName: "New", Profile: "entra"})
	must(err)
	u.to = to.ID
	u.Follow(t)
	u.send("DELETE", "/Users/"+u.scim[goneName], nil).wants(t, "delete", 204, "")
	u.Pass(t, 0)
	for _, name := range []string{annName, stayName} {
		_, err = u.as.Users.Move(ctx, person(t, u.Stack, name).ID, administration.Unchecked, directory.DefaultOrg, true)
		must(err)
	}
	u.Follow(t)
	return u
}

// seen returns what SCIM and administrators see of everybody and of the groups, without versions and times.
func (u *undone) seen() map[string]string {
	u.t.Helper()
	out := map[string]string{}
	show := func(a answer) string {
		delete(a.json, "meta")
		b, err := json.Marshal(a.json)
		if err != nil {
			u.t.Fatal(err)
		}
		return fmt.Sprint(a.status, " ", string(b))
	}
	for _, g := range []string{u.team.id(), u.outer} {
		out[g] = show(u.send("GET", "/Groups/"+g, nil))
	}
	for _, name := range u.named {
		out[name+" over SCIM"] = show(u.send("GET", "/Users/"+u.scim[name], nil))
		p := person(u.t, u.Stack, name)
		p.Version, p.Modified, p.OrgConfig, p.OverriddenAt, p.DeactivatedAt = 0, time.Time{}, 0, time.Time{}, time.Time{}
		p.RoleGrants, p.Watchlists = slices.Clone(p.RoleGrants), slices.Clone(p.Watchlists)
		for i := range p.RoleGrants {
			p.RoleGrants[i].At, p.RoleGrants[i].Config = time.Time{}, 0
		}
		if p.Pending != nil {
			pending := *p.Pending
			pending.Generation = 0
			p.Pending = &pending
		}
		b, err := json.Marshal(p)
		if err != nil {
			u.t.Fatal(err)
		}
		out[name] = fmt.Sprint(p.MaySignIn(), " ", string(b))
	}
	return out
}

func (u *undone) delete(d directory.ProviderDeletion) {
	u.t.Helper()
	if _, err := u.as.Providers.Delete(u.t.Context(), u.Provider.ID, administration.Unchecked, d); err != nil {
		u.t.Fatal(err)
	}
	u.Follow(u.t)
}

// restore restores the provider and resumes it, and returns it as it was before that.
func (u *undone) restore() directory.Provider {
	u.t.Helper()
	ctx := u.t.Context()
	p, err := u.as.Providers.Restore(ctx, u.Provider.ID, administration.Unchecked, "")
	if err != nil {
		u.t.Fatal(err)
	}
	_, err = u.as.Providers.SetState(ctx, p.ID, administration.Unchecked, directory.ProviderSetup)
	if p.State != directory.ProviderPaused || !directory.IsKind(err, directory.Conflict) {
		u.t.Errorf("before its people are back: %s; resuming it: %v", p.State, err)
	}
	u.send("GET", "/Users", nil).wants(u.t, "before its people are back", 503, "")
	u.Follow(u.t)
	if p, err = u.as.Providers.ByID(ctx, p.ID); err != nil {
		u.t.Fatal(err)
	}
	if _, err = u.as.Providers.SetState(ctx, p.ID, administration.Unchecked, directory.ProviderSetup); err != nil {
		u.t.Fatal(err)
	}
	u.Follow(u.t)
	return p
}

func (u *undone) compare(before map[string]string, except ...string) {
	u.t.Helper()
	after := u.seen()
	for what, want := range before {
		if slices.ContainsFunc(except, func(x string) bool { return strings.HasPrefix(what, x) }) {
			continue
		}
		if after[what] != want {
			u.t.Errorf("%s\n after %s\nbefore %s", what, after[what], want)
		}
	}
}

// A deleted provider comes back with its people and groups as they were, whatever the deletion did with the people: with
// ids, managers, groups, roles, watchlists, countdowns, blocks and holds.
func TestDeletedProviderIsRestored(t *testing.T) {
	t.Parallel()
	for name, ports := range stores {
		fates := []directory.UserFate{directory.FateMove, directory.FateLocal, directory.FateDeactivate}
		if name == "dynamodb" {
			fates = proof.Spread(proof.Size(1, proof.All), fates)
		}
		for _, fate := range fates {
			t.Run(name+" "+string(fate), func(t *testing.T) {
				t.Parallel()
				u := newUndone(t, ports)
				before := u.seen()
				d := directory.ProviderDeletion{Users: fate}
				if fate == directory.FateMove {
					d.MoveTo = u.to
				}
				u.delete(d)
				gone, err := u.as.Providers.Deleted(t.Context())
				if err != nil || len(gone) != 1 || gone[0].Deletion.UserCount != 6 || gone[0].Deletion.GroupCount != 2 {
					t.Fatalf("deleted providers: %+v, %v", gone, err)
				}
				u.Pass(t, time.Minute)
				r := u.restore().Restoration
				if r == nil || r.Users != 6 || r.Groups != 2 || r.Exceptions != 0 {
					t.Errorf("result: %+v", r)
				}
				u.compare(before)
				if gone, err := u.as.Providers.Deleted(t.Context()); err != nil || len(gone) > 0 {
					t.Errorf("deleted providers afterwards: %v, %v", gone, err)
				}
				u.send("PATCH", "/Users/"+u.scim[annName], patch(op("replace", "title", "Boss"))).wants(t, "its token", 200, "")
				u.delete(d) // and once more
				u.Pass(t, time.Minute)
				u.restore()
				u.Pass(t, time.Hour)
			})
		}
	}
}

// People come back only to a home that nobody has changed since, and nobody may sign in by it whom an administrator or a
// hold keeps out: what the deletion ended is undone, what an administrator ended is not.
func TestRestoredProviderHasExceptions(t *testing.T) {
	t.Parallel()
	for name, ports := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUndone(t, ports)
			ctx := t.Context()
			before := u.seen()
			u.delete(directory.ProviderDeletion{Users: directory.FateDeactivate})
			decide := func(name string, ds ...directory.Decision) {
				t.Helper()
				for _, d := range ds {
					if _, err := u.as.Users.Decide(ctx, person(t, u.Stack, name).ID, administration.Unchecked, d); err != nil {
						t.Fatalf("%s: %s: %v", name, d, err)
					}
				}
			}
			_, err := u.as.Users.Convert(ctx, person(t, u.Stack, bossName).ID, administration.Unchecked, u.to, "")
			if err != nil {
				t.Fatal(err)
			}
			decide(stayName, directory.DecideDeactivate)
			u.Pass(t, time.Hour) // the deactivations are due, but for the one on hold
			decide(blockedName, directory.DecideReactivate, directory.DecideDeactivateBlock)
			if ann := person(t, u.Stack, annName); ann.LifecycleIsActive() {
				t.Fatal("ann was not deactivated")
			}
			r := u.restore().Restoration
			if r.Users != 5 || r.Groups != 2 || r.Exceptions != 3 {
				t.Errorf("result: %+v", r)
			}
			u.compare(before, bossName, stayName, blockedName, outName, annName, goneName, u.team.id())
			ann := person(t, u.Stack, annName)
			if !ann.MaySignIn() || ann.Provider != u.Provider.ID || ann.Manager != "" {
				t.Errorf("ann, whom the deletion deactivated, and whose manager is elsewhere: %+v", ann)
			}
			for _, name := range []string{stayName, blockedName, outName} {
				if p := person(t, u.Stack, name); p.MaySignIn() || p.LifecycleIsActive() || p.Provider != u.Provider.ID {
					t.Errorf("%s: %+v", name, p)
				}
			}
			if boss := person(t, u.Stack, bossName); boss.Provider != u.to {
				t.Errorf("boss belongs to %q, want %q", boss.Provider, u.to)
			}
			es := u.Entries(t)
			i := slices.IndexFunc(es, func(e directory.LogEntry) bool {
				return slices.ContainsFunc(e.Changes, func(c directory.Change) bool { return c.Attr == "exceptions" })
			})
			if i < 0 || strings.Count(string(es[i].Changes[1].After), `"reason"`) != 3 || !es[i].Audit {
				t.Errorf("the log does not list the exceptions: %v", i)
			}
		})
	}
}

// Leavers whose deactivation the deletion cancelled are listed: they are back, and may sign in.
func TestRestoredLeaversAreListed(t *testing.T) {
	t.Parallel()
	for name, ports := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUndone(t, ports)
			leavers := 0
			for _, name := range u.named {
				if p := person(t, u.Stack, name); p.Pending != nil && !p.Removed() { // others are of no directory any more
					leavers++
				}
			}
			u.delete(directory.ProviderDeletion{Users: directory.FateLocal, CancelPending: true})
			if r := u.restore().Restoration; leavers == 0 || r.Users != 6 || r.Exceptions != leavers {
				t.Errorf("result: %+v, want %d exceptions", r, leavers)
			}
		})
	}
}

// After 30 days nothing is left of a deleted provider, and what is not deleted is not restored.
func TestDeletedProviderExpires(t *testing.T) {
	t.Parallel()
	for name, ports := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUndone(t, ports)
			ctx := t.Context()
			refused := func(what string, id directory.ProviderID, want directory.Kind) {
				t.Helper()
				if _, err := u.as.Providers.Restore(ctx, id, administration.Unchecked, ""); !directory.IsKind(err, want) {
					t.Errorf("restoring %s: %v, want %s", what, err, want)
				}
			}
			refused("a provider that is not deleted", u.Provider.ID, directory.Conflict)
			refused("an unknown one", directory.ProviderID(string(u.Admin.Tenant)+"zzzzz"), directory.NotFound)
			refused("another tenant's", "zzzzzzzzzzz", directory.NotFound)
			_, err := u.as.Providers.Delete(ctx, u.Provider.ID, administration.Unchecked, directory.ProviderDeletion{Users: directory.FateLocal})
			if err != nil {
				t.Fatal(err)
			}
			refused("one that is still being deleted", u.Provider.ID, directory.Conflict)
			u.Follow(t)
			_, _, err = u.as.Providers.Create(ctx, administration.NewProvider{DisplayName: u.Provider.DisplayName, Profile: "entra"})
			if err != nil {
				t.Fatal(err)
			}
			refused("one whose name is taken", u.Provider.ID, directory.Conflict)
			if _, err := u.as.Providers.Restore(ctx, u.Provider.ID, administration.Unchecked, "Again"); err != nil {
				t.Fatal(err)
			}
			_, err = u.as.Providers.Delete(ctx, u.Provider.ID, administration.Unchecked, directory.ProviderDeletion{Users: directory.FateLocal})
			if !directory.IsKind(err, directory.Conflict) {
				t.Errorf("deleting it before its people are back: %v", err)
			}
			if _, err := u.as.ApplyRuns.Create(ctx, u.Provider.ID, false); !directory.IsKind(err, directory.Conflict) {
				t.Errorf("an apply run before its people are back: %v", err)
			}
			u.Follow(t)
			u.delete(directory.ProviderDeletion{Users: directory.FateLocal})
			u.Clock.Advance(directory.UndoWindow)
			refused("one after 30 days", u.Provider.ID, directory.NotFound)
			if gone, err := u.as.Providers.Deleted(ctx); err != nil || len(gone) > 0 {
				t.Errorf("deleted providers after 30 days: %v, %v", gone, err)
			}
			if err := u.Service.PurgeAll(ctx, func() bool { return false }); err != nil {
				t.Fatal(err)
			}
			pages, err := u.Service.Providers.ArchivePages(ctx, u.Admin.Tenant, u.Provider.ID, "", 1)
			left, err2 := u.Service.Providers.ArchivedProviders(ctx, u.Admin.Tenant)
			if err != nil || err2 != nil || len(pages)+len(left) > 0 {
				t.Errorf("left after the purge: %v, %v; %v, %v", pages, left, err, err2)
			}
		})
	}
}
