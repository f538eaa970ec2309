package integration_test

import (
	"slices"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

const teamID = "7c0e5a9e-0b1f-4a57-9d1d-2f9a3c6f1a11"

// returning is a service with a group that is mapped to an organization and a role and linked to a watchlist.
type returning struct {
	*stack.Stack
	client
	t          *testing.T
	as         *administration.Session
	field      directory.OrgID
	kim, group answer
}

func newReturning(t *testing.T, ports func(testing.TB) directory.Ports) *returning {
	t.Helper()
	s := stack.New(t, stack.Options{Ports: ports})
	r := &returning{Stack: s, client: newClient(t, s, s.Local()), t: t, as: s.Service.As(s.Admin)}
	org, err := r.as.Organizations.Create(t.Context(), administration.NewOrganization{Name: "Field"})
	r.must(err)
	r.field = org.ID
	_, _, err = r.as.OrgMappings.Set(t.Context(), s.Provider.ID, administration.Unchecked,
		directory.OrgSettings{Method: directory.OrgGroups, Org: directory.DefaultOrg})
	r.must(err)
	_, _, err = r.as.RoleMappings.Set(t.Context(), s.Provider.ID, administration.Unchecked,
		directory.RoleSettings{Mode: directory.RolesGroups}, false)
	r.must(err)
	r.kim = r.send("POST", "/Users", user("kim@example.com"))
	r.push()
	id := []directory.GroupID{directory.GroupID(r.group.id())}
	_, _, err = r.as.OrgMappings.Add(t.Context(), s.Provider.ID, administration.Unchecked, id, r.field)
	r.must(err)
	_, err = r.as.RoleMappings.Add(t.Context(), s.Provider.ID, administration.Unchecked, id, []directory.RoleID{"desktop-user"}, "")
	r.must(err)
	_, err = r.as.Watchlists.Create(t.Context(), administration.NewWatchlist{Type: "custom", Title: "L", Groups: id})
	r.must(err)
	r.Follow(t)
	r.send("PATCH", "/Users/"+r.kim.id(), patch(op("replace", "active", false)))
	r.send("PATCH", "/Users/"+r.kim.id(), patch(op("replace", "active", true))) // an event that the mappings decide
	r.placed("mapped", r.field, true)
	return r
}

func (r *returning) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// push creates the group with kim in it.
func (r *returning) push(more ...object) {
	r.t.Helper()
	g := object{"displayName": "Team", "externalId": teamID, "members": []object{{"value": r.kim.id()}}}
	for _, m := range more {
		for k, v := range m {
			g[k] = v
		}
	}
	r.group = r.send("POST", "/Groups", g)
	r.group.wants(r.t, "push", 201, "")
}

func (r *returning) remove() {
	r.t.Helper()
	r.send("DELETE", "/Groups/"+r.group.id(), nil).wants(r.t, "delete", 204, "")
	r.placed("deleted", directory.DefaultOrg, false)
}

// placed checks where kim is.
func (r *returning) placed(when string, org directory.OrgID, mapped bool) {
	r.t.Helper()
	r.Follow(r.t)
	u := person(r.t, r.Stack, "kim@example.com")
	role := slices.ContainsFunc(u.RoleGrants, func(g directory.RoleGrant) bool { return g.Role == "desktop-user" })
	if u.OrgID != org || role != mapped || (len(u.Watchlists) == 1) != mapped {
		r.t.Errorf("%s: in %s with roles %v on %v, want %s and mapped: %v", when, u.OrgID, u.RoleGrants, u.Watchlists, org, mapped)
	}
}

// A group that comes back takes its old place in mappings and watchlists, unless something speaks against it (C32).
func TestGroupThatComesBackIsItself(t *testing.T) {
	t.Parallel()
	for name, ports := range stores {
		run := func(what string, test func(r *returning)) {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				test(newReturning(t, ports))
			})
		}
		run("at once, and undone", func(r *returning) {
			before, err := r.as.Providers.ByID(t.Context(), r.Provider.ID)
			r.must(err)
			old := directory.GroupID(r.group.id())
			r.remove()
			r.push()
			r.placed("back", r.field, true)
			now, err := r.as.Providers.ByID(t.Context(), r.Provider.ID)
			r.must(err)
			if now.ConfigVersion != before.ConfigVersion+1 {
				r.t.Errorf("configuration %d became %d", before.ConfigVersion, now.ConfigVersion)
			}
			_, _, err = r.as.Mappings.Unlink(t.Context(), r.Provider.ID, administration.Unchecked, directory.GroupID(r.group.id()))
			r.must(err)
			r.send("PATCH", "/Users/"+r.kim.id(), patch(op("replace", "active", false)))
			r.send("PATCH", "/Users/"+r.kim.id(), patch(op("replace", "active", true)))
			r.placed("undone", directory.DefaultOrg, false)
			st, err := r.as.Mappings.State(t.Context(), r.Provider.ID)
			r.must(err)
			if g := st.Mappings.Orgs[0].Groups[0]; g.ID != old || st.Present[g.ID].ID != "" {
				r.t.Errorf("the mapping names %+v, want the deleted group", g)
			}
			r.remove()
			r.push()
			r.placed("not a second time", directory.DefaultOrg, false)
		})
		run("members later", func(r *returning) {
			r.remove()
			r.push(object{"members": []object{}})
			r.send("PATCH", "/Groups/"+r.group.id(), patch(op("add", "members", []object{{"value": r.kim.id()}}))).wants(r.t, "add", 204, "")
			r.placed("back", r.field, true)
		})
		run("switched off", func(r *returning) {
			off := false
			_, err := r.as.Providers.Patch(t.Context(), r.Provider.ID, administration.Unchecked, administration.ProviderPatch{Relink: &off})
			r.must(err)
			r.remove()
			r.push()
			r.placed("not linked", directory.DefaultOrg, false)
		})
		run("too late", func(r *returning) {
			r.remove()
			r.Clock.Advance(31 * 24 * time.Hour)
			r.push()
			r.placed("not linked", directory.DefaultOrg, false)
		})
		run("no object id, or another one", func(r *returning) {
			r.remove()
			r.push(object{"externalId": "7C0E5A9E-0B1F-4A57-9D1D-2F9A3C6F1A12"})
			r.placed("another id", directory.DefaultOrg, false)
		})
		run("two of one externalId", func(r *returning) {
			r.remove()
			r.push(object{"displayName": "Other", "externalId": ""})
			r.send("PATCH", "/Groups/"+r.group.id(), patch(op("replace", "externalId", teamID))).wants(r.t, "externalId", 204, "")
			r.push()
			r.placed("two", directory.DefaultOrg, false)
		})
	}
}
