package lifecycle_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
	"rollcall/shared/store/sqlite"
)

// mover is a live provider whose groups place people, with a guard that allows two moves in its window.
type mover struct {
	*person
	people []directory.User
	groups []directory.GroupID
	in     map[[2]int]bool
	done   []directory.LogEntry // followed
}

func newMover(ports directory.Ports, people int) *mover {
	c := &mover{person: newPerson(ports, "active"), in: map[[2]int]bool{}}
	p := c.caller.Provider
	must(c.s.As(c.admin).Providers.SetState(c.ctx, p, anyProvider, directory.ProviderLive))
	must(c.s.As(c.admin).Guards.Set(c.ctx, p, anyProvider, directory.GuardSettings{MoveMinimum: 2, MovePercent: 1}))
	must2(c.s.As(c.admin).OrgMappings.Set(c.ctx, p, anyProvider,
		directory.OrgSettings{Method: directory.OrgGroups, Org: directory.DefaultOrg}))
	must2(c.s.As(c.admin).RoleMappings.Set(c.ctx, p, anyProvider, directory.RoleSettings{Mode: directory.RolesGroups}, false))
	for i := range people {
		c.people = append(c.people, must(c.create(directory.Profile{UserName: fmt.Sprint("p", i), Active: true})))
	}
	for i := range 3 {
		g := must(c.s.CreateGroup(c.ctx, c.caller, nil,
			func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
				return directory.GroupProfile{DisplayName: fmt.Sprint("g", i)}, nil, nil, nil
			}))
		c.groups = append(c.groups, g.ID)
		org := must(c.s.As(c.admin).Organizations.Create(c.ctx, administration.NewOrganization{Name: fmt.Sprint("o", i)}))
		must2(c.s.As(c.admin).OrgMappings.Add(c.ctx, p, anyProvider, []directory.GroupID{g.ID}, org.ID))
	}
	must(c.s.As(c.admin).RoleMappings.Add(c.ctx, p, anyProvider, c.groups[:1], []directory.RoleID{"desktop-user"}, ""))
	c.followAll()
	c.advance(25 * time.Hour)
	return c
}

func must2[T, U any](v T, _ U, err error) T { return must(v, err) }

// entries returns the log entries of the provider and the tenant, oldest first.
func (c *mover) entries() []directory.LogEntry {
	var out []directory.LogEntry
	for _, p := range []directory.ProviderID{"", c.caller.Provider} {
		out = append(out, must(c.s.Log.EntriesAfter(c.ctx, c.admin.Tenant, p, "", "", 10_000))...)
	}
	slices.SortFunc(out, func(a, b directory.LogEntry) int { return a.At.Compare(b.At) })
	return out
}

// followAll follows all entries that were not followed yet, until there are no new ones.
func (c *mover) followAll() {
	for {
		n := 0
		for _, e := range c.entries() {
			if !slices.ContainsFunc(c.done, func(f directory.LogEntry) bool { return f.ID == e.ID }) {
				must(0, c.s.FollowEntry(c.ctx, c.admin.Tenant, e))
				c.done, n = append(c.done, e), n+1
			}
		}
		if n == 0 {
			return
		}
	}
}

// toggle adds a person to a group, or removes them from it.
func (c *mover) toggle(who, g int) {
	ids := []directory.ScimID{c.people[who].ScimID}
	edit := provisioning.GroupEdit{Add: ids}
	if c.in[[2]int{who, g}] {
		edit = provisioning.GroupEdit{Remove: ids}
	}
	c.in[[2]int{who, g}] = !c.in[[2]int{who, g}]
	must2(c.s.UpdateGroup(c.ctx, c.caller, c.groups[g], directory.GroupWant{Named: ids}, nil,
		func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
			edit.Profile = v.GroupProfile
			return edit, nil
		}))
}

// decide decides on the open event of moves, if there is one.
func (c *mover) decide(d directory.GuardDecision) {
	rec := must(c.s.As(c.admin).Providers.ByID(c.ctx, c.caller.Provider))
	if event := rec.Guard.Moves.Event; event != "" {
		must(c.s.As(c.admin).Guards.Decide(c.ctx, rec.ID, event, func(directory.GuardEvent) error { return nil }, d))
	}
}

// misplaced describes a user whose placement differs from the rules and who does not wait for the open event, or is "".
func (c *mover) misplaced() string {
	open := must(c.s.As(c.admin).Providers.ByID(c.ctx, c.caller.Provider)).Guard.Moves.Event
	for _, u := range c.people {
		x := must(c.s.As(c.admin).Users.Explain(c.ctx, u.ID))
		placed := x.User.Placement().Same(x.Now.Placement)
		if held := open != "" && x.User.Review == open; !placed && !held {
			return fmt.Sprintf("%s is in %s with %v; the rules say %s with %v; the open event is %q, the user waits for %q",
				u.UserName, x.User.OrgID, x.User.RoleGrants, x.Now.Org, x.Now.Grants, open, x.User.Review)
		}
	}
	return ""
}

// movesHistory plays random changes of groups, with entries followed late, concurrently and twice, and decisions in
// between. Every user is placed by the rules or waits for the open event.
func movesHistory(rt *rapid.T, ports directory.Ports, longest int) {
	c := newMover(ports, 5)
	for range rapid.IntRange(1, longest).Draw(rt, "steps") {
		switch rapid.IntRange(0, 5).Draw(rt, "what") {
		case 0:
			c.decide(directory.GuardApproval)
		case 1: // in the middle of following
			seen := len(c.done)
			entries := c.entries()
			var wg sync.WaitGroup
			wg.Go(func() { c.decide(directory.GuardApproval) })
			for _, e := range entries[min(seen, len(entries)):] {
				wg.Go(func() { follow(c, e) })
			}
			wg.Wait()
		case 2:
			c.followAll()
		case 3:
			c.advance(time.Hour)
		default:
			c.toggle(rapid.IntRange(0, len(c.people)-1).Draw(rt, "who"), rapid.IntRange(0, len(c.groups)-1).Draw(rt, "group"))
		}
	}
	c.followAll()
	if wrong := c.misplaced(); wrong != "" {
		rt.Fatal(wrong)
	}
	c.decide(directory.GuardApproval)
	c.followAll()
	if wrong := c.misplaced(); wrong != "" {
		rt.Fatalf("after the last approval: %s", wrong)
	}
	rec := must(c.s.As(c.admin).Providers.ByID(c.ctx, c.caller.Provider))
	if got, want := must(c.s.As(c.admin).Guards.Status(c.ctx, rec)).Users, len(c.people)+1; got != want {
		rt.Fatalf("%d active users are counted, want %d", got, want)
	}
}

// follow follows an entry, and repeats it when the store is unavailable.
func follow(c *mover, e directory.LogEntry) {
	for {
		err := c.s.FollowEntry(context.WithoutCancel(c.ctx), c.admin.Tenant, e)
		if !directory.IsKind(err, directory.Unavailable) {
			must(0, err)
			return
		}
	}
}

func TestHeldMovesAreNotForgotten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		store := must(sqlite.Open(sqlite.Memory, time.Now))
		defer func() { must(0, store.Close()) }()
		movesHistory(rt, store.Ports(), 40)
	})
}

func TestHeldMovesAreNotForgottenInDynamoDB(t *testing.T) {
	t.Parallel()
	proof.Check(t, proof.Size(2, 5), func(rt *rapid.T) { movesHistory(rt, stack.DynamoDB(t), 20) })
}
