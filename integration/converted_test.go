package integration_test

import (
	"slices"
	"testing"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// watched is a service with a watchlist that a group is linked to, and everybody in that group.
type watched struct {
	*stack.Stack
	client
	t    *testing.T
	as   *administration.Session
	team answer
	list directory.WatchlistID
}

func newWatched(t *testing.T, ports func(testing.TB) directory.Ports, names ...string) *watched {
	t.Helper()
	s := stack.New(t, stack.Options{Ports: ports})
	w := &watched{Stack: s, client: newClient(t, s, s.Local()), t: t, as: s.Service.As(s.Admin)}
	var ids []string
	for _, name := range names {
		ids = append(ids, w.send("POST", "/Users", user(name)).id())
	}
	w.team = w.send("POST", "/Groups", group("Team", ids...))
	l, err := w.as.Watchlists.Create(t.Context(), administration.NewWatchlist{Type: "custom", Title: "Watched",
		Groups: []directory.GroupID{directory.GroupID(w.team.id())}})
	if err != nil {
		t.Fatal(err)
	}
	w.list = l.ID
	s.Follow(t)
	for _, name := range names {
		w.watches(name, true)
	}
	return w
}

// watches checks whether a person is on the watchlist.
func (w *watched) watches(name string, want bool) {
	w.t.Helper()
	u := person(w.t, w.Stack, name)
	if on := slices.ContainsFunc(u.Watchlists, func(l directory.OnWatchlist) bool { return l.List == w.list }); on != want {
		w.t.Errorf("%s is on the watchlist: %v, want %v", name, on, want)
	}
}

// Somebody who changes home leaves the watchlists that a group of the old home put them on, and stays on those by hand.
func TestChangeOfHomeIsFollowed(t *testing.T) {
	t.Parallel()
	for name, ports := range stores {
		t.Run(name+" to local", func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, ports, "ann@example.com", "bob@example.com", "cat@example.com")
			bob := person(t, w.Stack, "bob@example.com").ID
			_, err := w.as.Watchlists.Patch(t.Context(), w.list, administration.Unchecked,
				administration.WatchlistPatch{Included: &[]directory.UserID{bob}})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"ann@example.com", "bob@example.com"} {
				_, err := w.as.Users.Decide(t.Context(), person(t, w.Stack, name).ID, administration.Unchecked, directory.DecideLocal)
				if err != nil {
					t.Fatal(err)
				}
			}
			w.Follow(t)
			w.watches("ann@example.com", false)
			w.watches("bob@example.com", true)
			w.watches("cat@example.com", true)
		})
		for _, fate := range []directory.UserFate{directory.FateLocal, directory.FateMove, directory.FateDeactivate} {
			t.Run(name+" provider deleted, "+string(fate), func(t *testing.T) {
				t.Parallel()
				w := newWatched(t, ports, "ann@example.com", "bob@example.com")
				d := directory.ProviderDeletion{Users: fate}
				if fate == directory.FateMove {
					to, _, err := w.as.Providers.Create(t.Context(), administration.NewProvider{DisplayName: "New", Profile: "entra"})
					if err != nil {
						t.Fatal(err)
					}
					d.MoveTo = to.ID
				}
				if _, err := w.as.Providers.Delete(t.Context(), w.Provider.ID, administration.Unchecked, d); err != nil {
					t.Fatal(err)
				}
				w.Follow(t)
				w.watches("ann@example.com", false)
				w.watches("bob@example.com", false)
			})
		}
	}
}

// A local person without an organization who becomes the provider's is placed as anybody it creates; one with an
// organization stays there. Managers and their people find each other.
func TestConvertedPeopleArePlaced(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s *stack.Stack, c client) {
		as := s.Service.As(s.Admin)
		field, err := as.Organizations.Create(t.Context(), administration.NewOrganization{
			Name: "Field", DefaultRoles: []directory.RoleID{"desktop-user"}})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = as.OrgMappings.Set(t.Context(), s.Provider.ID, administration.Unchecked,
			directory.OrgSettings{Method: directory.OrgSingle, Org: field.ID})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"new@example.com", "placed@example.com"} {
			if _, err := as.Users.CreateLocal(t.Context(), administration.LocalProfile{UserName: name}, nil); err != nil {
				t.Fatal(err)
			}
		}
		_, err = as.Users.Move(t.Context(), person(t, s, "placed@example.com").ID, administration.Unchecked, directory.DefaultOrg, false)
		if err != nil {
			t.Fatal(err)
		}
		c.send("POST", "/Users", user("kim@example.com", manager("NEW@example.com"))).wants(t, "kim", 201, "")
		s.Follow(t)
		for _, name := range []string{"new@example.com", "placed@example.com"} {
			_, err := as.Users.Convert(t.Context(), person(t, s, name).ID, administration.Unchecked, s.Provider.ID, "")
			if err != nil {
				t.Fatal(err)
			}
		}
		s.Follow(t)
		placed := person(t, s, "new@example.com")
		if placed.OrgID != field.ID || placed.OrgPinned || len(placed.RoleGrants) != 1 || placed.RoleGrants[0].Role != "desktop-user" {
			t.Errorf("the new one: organization %q, pinned %v, roles %v", placed.OrgID, placed.OrgPinned, placed.RoleGrants)
		}
		if u := person(t, s, "placed@example.com"); u.OrgID != directory.DefaultOrg || !u.OrgPinned || len(u.RoleGrants) > 0 {
			t.Errorf("the placed one: organization %q, pinned %v, roles %v", u.OrgID, u.OrgPinned, u.RoleGrants)
		}
		if u := person(t, s, "kim@example.com"); u.Manager != string(placed.ScimID) {
			t.Errorf("kim's manager is %q, want %q", u.Manager, placed.ScimID)
		}
		if _, err := as.Users.Decide(t.Context(), placed.ID, administration.Unchecked, directory.DecideLocal); err != nil {
			t.Fatal(err)
		}
		s.Follow(t)
		if u := person(t, s, "kim@example.com"); u.Manager != "" {
			t.Errorf("kim's manager is %q, who is local now", u.Manager)
		}
	})
}
