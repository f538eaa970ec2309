package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
)

// smallOps makes a change of twenty members a large one; a transaction still has room for the shards, the record, its
// keys and the entry.
const smallOps = 24

// storyUsers counts the users of stories.
var storyUsers atomic.Int64

var errCrash = errors.New("the process died")

// crashes is a tenant whose processes die between two writes.
type crashes struct {
	tenantEnv
	table string
	pool  []directory.User // members that no test deletes
}

func newCrashes(t *testing.T) *crashes {
	t.Helper()
	c := &crashes{tenantEnv: tenantEnv{T: t}, table: newTable(t)}
	c.tenantEnv = newTenantEnv(t, c.open(nil))
	for i := range 30 {
		c.pool = append(c.pool, c.user(t.Context(), i))
	}
	return c
}

// open opens the table as a new process, which dies when die has counted its writes down to zero.
func (c *crashes) open(die *int) *dynamo.Store {
	db, streams := dynamolocal.Clients(c.T)
	s, err := dynamo.Open(context.Background(), dynamo.Config{Now: time.Now, Client: db, Streams: streams, Table: c.table})
	if err != nil {
		c.Fatal(err)
	}
	s.LimitOps(smallOps)
	if die != nil {
		var mu sync.Mutex // a large change is rolled forward in parallel
		s.StopBefore(func(string) error {
			mu.Lock()
			defer mu.Unlock()
			if *die--; *die < 0 {
				return errCrash // and so does every later write
			}
			return nil
		})
	}
	return s
}

// process returns the tenant as a new process sees it.
func (c *crashes) process(t *testing.T, die *int) *crashes {
	t.Helper()
	p := *c
	p.T = t
	p.svc = directorytest.New(p.open(die).Ports(), directory.Runtime{})
	return &p
}

func (c *crashes) poolIDs(from, to int) []directory.ScimID {
	var ids []directory.ScimID
	for _, u := range c.pool[from:to] {
		ids = append(ids, u.ScimID)
	}
	return ids
}

// groupState describes a group in a text that is the same for each run of a test; inside is the part from reads of the
// group alone, which is correct at any time.
func (c *crashes) groupState(id directory.GroupID) (inside, all string) {
	c.Helper()
	ctx := c.Context()
	v, err := c.svc.Group(ctx, c.caller, id, directory.GroupWant{AllMembers: true}, nil)
	if err != nil && !directory.IsKind(err, directory.NotFound) {
		c.Fatal(err)
	}
	page, listErr := c.svc.ListUsers(ctx, c.caller, directory.Page{ByCursor: true, Count: 500}, directory.UserWant{Groups: true}, nil)
	c.must(listErr)
	shown := map[directory.ScimID]bool{}
	for _, u := range page.Users {
		shown[u.ScimID] = slices.Contains(u.Groups, id)
	}
	var names, held []string
	for i, u := range c.pool {
		if slices.Contains(v.Members, u.ScimID) {
			names = append(names, fmt.Sprint(i))
		}
		if shown[u.ScimID] {
			held = append(held, fmt.Sprint(i))
		}
	}
	log, err := c.svc.Log.Entries(ctx, tenantOf(c.caller), directory.LogQuery{Group: id, Count: 100})
	c.must(err)
	inside = fmt.Sprintf("exists %v, new profile %v, counts %d of %d, %d entries, members %v", v.ID != "",
		strings.HasPrefix(v.ExternalID, "new"),
		v.MemberCount, len(v.Members), len(log), names)
	return inside, fmt.Sprintf("%s, shown with %v", inside, held)
}

func tenantOf(c provisioning.Caller) directory.TenantID {
	t, _ := c.Provider.Tenant()
	return t
}

// follow completes every entry of the provider, twice.
func (c *crashes) follow() {
	c.Helper()
	entries, err := c.svc.Log.Entries(c.Context(), tenantOf(c.caller), directory.LogQuery{Provider: c.caller.Provider, Count: 60})
	c.must(err)
	for range 2 {
		for _, e := range entries {
			_, err := c.svc.Completion.CompleteEntry(c.Context(), tenantOf(c.caller), e, 1_000_000)
			c.must(err)
		}
	}
}

// story is a change to be interrupted: prepare creates its records and returns the change and a function that describes
// the state.
type story struct {
	name    string
	prepare func(c *crashes) (change func(*crashes) error, state func(*crashes) (inside, all string))
}

func (c *crashes) edit(id directory.GroupID, want directory.GroupWant, edit func(directory.GroupView) provisioning.GroupEdit) error {
	_, _, err := c.svc.UpdateGroup(c.Context(), c.caller, id, want, nil,
		func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
			return edit(v), nil
		})
	return err
}

func groupStory(name string, members int, change func(c *crashes, id directory.GroupID) error) story {
	return story{name, func(c *crashes) (func(*crashes) error, func(*crashes) (string, string)) {
		g := c.group(c.Context(), "g"+random.ID(), c.poolIDs(0, members)...)
		c.group(c.Context(), "parent"+random.ID(), directory.ScimID(g.ID))
		return func(c *crashes) error { return change(c, g.ID) }, func(c *crashes) (string, string) {
			inside, all := c.groupState(g.ID)
			parents, err := c.svc.FindGroups(c.Context(), c.caller, directory.Lookup{Attr: directory.AttrMember, Value: string(g.ID)}, 10,
				directory.GroupWant{}, nil)
			c.must(err)
			return inside, fmt.Sprintf("%s, in %d groups", all, len(parents))
		}
	}}
}

var stories = []story{
	{"create a user", createStory},
	{"create a group with members", createGroupStory},
	groupStory("add one member", 3, func(c *crashes, id directory.GroupID) error {
		return c.edit(id, directory.GroupWant{Named: c.poolIDs(9, 10)}, func(v directory.GroupView) provisioning.GroupEdit {
			return provisioning.GroupEdit{Profile: v.GroupProfile, Add: c.poolIDs(9, 10)}
		})
	}),
	groupStory("add many members and change the profile", 3, func(c *crashes, id directory.GroupID) error {
		return c.edit(id, directory.GroupWant{Named: c.poolIDs(3, 30)}, func(v directory.GroupView) provisioning.GroupEdit {
			v.GroupProfile.ExternalID = "new" + string(id)
			return provisioning.GroupEdit{Profile: v.GroupProfile, Add: c.poolIDs(3, 30)}
		})
	}),
	groupStory("remove many members", 30, func(c *crashes, id directory.GroupID) error {
		return c.edit(id, directory.GroupWant{Named: c.poolIDs(2, 30)}, func(v directory.GroupView) provisioning.GroupEdit {
			return provisioning.GroupEdit{Profile: v.GroupProfile, Remove: c.poolIDs(2, 30)}
		})
	}),
	groupStory("replace all members", 15, func(c *crashes, id directory.GroupID) error {
		return c.edit(id, directory.GroupWant{AllMembers: true}, func(v directory.GroupView) provisioning.GroupEdit {
			return provisioning.GroupEdit{Profile: v.GroupProfile, Add: c.poolIDs(14, 30), Remove: c.poolIDs(0, 14)}
		})
	}),
	groupStory("delete a group with members", 20, func(c *crashes, id directory.GroupID) error {
		return c.svc.DeleteGroup(c.Context(), c.caller, id, func(directory.Group) error { return nil })
	}),
	{"rename a user", userStory(0, 0, func(c *crashes, u directory.User) error {
		_, _, err := c.svc.UpdateUser(c.Context(), c.caller, u.ScimID, directory.UserWant{}, nil,
			func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
				p := old.Profile
				p.UserName, p.ExternalID = "renamed"+p.UserName, "renamed"+p.ExternalID
				return p, nil, nil
			})
		return err
	})},
	{"delete a user with a group", userStory(1, 0, deleteUser)},
	{"delete a user with groups and reports", userStory(4, 4, deleteUser)},
}

func deleteUser(c *crashes, u directory.User) error {
	return c.svc.DeleteUser(c.Context(), c.caller, u.ScimID, func(directory.User) error { return nil })
}

func createGroupStory(c *crashes) (func(*crashes) error, func(*crashes) (string, string)) {
	name := "created" + random.ID()
	create := func(c *crashes) error {
		_, err := c.svc.CreateGroup(c.Context(), c.caller, nil,
			func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
				return directory.GroupProfile{DisplayName: name}, c.poolIDs(0, 25), nil, nil
			})
		return err
	}
	return create, func(c *crashes) (string, string) {
		gs, err := c.svc.FindGroups(c.Context(), c.caller, directory.Lookup{Attr: directory.AttrDisplayName, Value: name}, 2,
			directory.GroupWant{}, nil)
		c.must(err)
		if len(gs) == 0 {
			return "none", "none"
		}
		return c.groupState(gs[0].ID)
	}
}

func (c *crashes) find(attr, value string) int {
	c.Helper()
	vs, err := c.svc.FindUsers(c.Context(), c.caller, directory.Lookup{Attr: attr, Value: value}, 10, directory.UserWant{}, nil)
	c.must(err)
	return len(vs)
}

func (c *crashes) userTotal() int {
	c.Helper()
	page, err := c.svc.ListUsers(c.Context(), c.caller, directory.Page{ByCursor: true, Count: 500}, directory.UserWant{}, nil)
	c.must(err)
	if len(page.Users) != page.Total {
		c.Errorf("the total is %d users, the list has %d", page.Total, len(page.Users))
	}
	return page.Total
}

func createStory(c *crashes) (func(*crashes) error, func(*crashes) (string, string)) {
	p := profile(0)
	p.UserName = "new" + random.ID()
	p.ExternalID, p.Lookups = p.UserName, []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: p.UserName}}
	before := c.userTotal()
	create := func(c *crashes) error {
		_, err := c.svc.CreateUser(c.Context(), c.caller, "", nil,
			func(directory.Provider) (directory.Profile, []directory.Change, error) { return p, nil, nil })
		return err
	}
	return create, func(c *crashes) (string, string) {
		s := fmt.Sprintf("by name %d, by externalId %d, by e-mail %d, %d more users", c.find(directory.AttrUserName, p.UserName),
			c.find(directory.AttrExternalID, p.UserName),
			c.find(directory.AttrWorkEmail, p.UserName), c.userTotal()-before)
		return s, s
	}
}

// userStory creates a user with reports who is in groups with another member each.
func userStory(
	groups, reports int, change func(*crashes, directory.User) error,
) func(c *crashes) (func(*crashes) error, func(*crashes) (string, string)) {
	return func(c *crashes) (func(*crashes) error, func(*crashes) (string, string)) {
		ctx := c.Context()
		u := c.user(ctx, 1_000+int(storyUsers.Add(1))) // a new user: a deleted one would be restored
		var gs []directory.GroupID
		for i := range groups {
			gs = append(gs, c.group(ctx, fmt.Sprint(i, random.ID()), u.ScimID, c.pool[i].ScimID).ID)
		}
		for _, r := range c.pool[:reports] {
			c.patchUser(ctx, r.ScimID, func(p *directory.Profile) { p.Manager = string(u.ScimID) })
		}
		before := c.userTotal()
		return func(c *crashes) error { return change(c, u) }, func(c *crashes) (string, string) {
			_, err := c.svc.User(ctx, c.caller, u.ScimID, directory.UserWant{}, nil)
			log, logErr := c.svc.Log.Entries(ctx, tenantOf(c.caller), directory.LogQuery{User: u.ID, Count: 10})
			c.must(logErr)
			inside := fmt.Sprintf("%v, by name %d, by externalId %d, %d users, %d entries", err, c.find(directory.AttrUserName, u.UserName),
				c.find(directory.AttrExternalID, u.ExternalID), c.userTotal()-before, len(log))
			all := inside + fmt.Sprintf(", %d report", c.find(directory.AttrManager, string(u.ScimID)))
			for _, g := range gs {
				v, err := c.svc.Group(ctx, c.caller, g, directory.GroupWant{AllMembers: true}, nil)
				c.must(err)
				all += fmt.Sprintf(", a group counts %d of %d", v.MemberCount, len(v.Members))
			}
			for _, r := range c.pool[:reports] {
				v, err := c.svc.User(ctx, c.caller, r.ScimID, directory.UserWant{}, nil)
				c.must(err)
				all += fmt.Sprintf(", manager %v", v.User.Manager == string(u.ScimID))
			}
			return inside, all
		}
	}
}

// TestCrash stops each change before its first write, its second, and so on. Reads then show the state before or the
// state after, also when the entries are followed; after a successful answer they show the state after.
func TestCrash(t *testing.T) {
	t.Parallel()
	all := newCrashes(t)
	for _, st := range proof.Spread(proof.Size(3, proof.All), stories) {
		t.Run(st.name, func(t *testing.T) {
			c := all.process(t, nil)
			change, state := st.prepare(c)
			before, allBefore := state(c)
			c.must(change(c))
			after, allAfter := state(c)
			if before == after {
				t.Fatalf("the change shows nothing: %s", after)
			}
			for k := 0; ; k++ {
				change, state := st.prepare(c)
				left := k
				err := change(c.process(t, &left))
				fresh := c.process(t, nil)
				first, _ := state(fresh)
				if first != before && first != after || err == nil && first != after {
					t.Errorf("died before write %d, answered %v:\n got %s\nwant %s\n  or %s", k, err, first, before, after)
				}
				fresh.follow()
				want := allBefore
				if first == after {
					want = allAfter
				}
				if _, all := state(fresh); all != want {
					t.Errorf("died before write %d, then followed:\n got %s\nwant %s", k, all, want)
				}
				if left >= 0 {
					t.Logf("%d writes", k-left)
					break
				}
			}
		})
	}
}

// TestLargeChangeMeetsOthers interrupts a large change after its commit; then one of its new members is deleted and a
// small change adds another one, before the entry is followed.
func TestLargeChangeMeetsOthers(t *testing.T) {
	t.Parallel()
	c := newCrashes(t).process(t, nil)
	ctx := t.Context()
	for k := 2; k < 5; k++ { // the first write marks the day, the second commits
		g := c.group(ctx, "g"+random.ID())
		leaver, late := c.user(ctx, 5_000+k), c.user(ctx, 6_000+k)
		add := append(c.poolIDs(0, 25), leaver.ScimID)
		left := k
		c.must(c.process(t, &left).edit(g.ID, directory.GroupWant{Named: add}, func(v directory.GroupView) provisioning.GroupEdit {
			return provisioning.GroupEdit{Profile: v.GroupProfile, Add: add}
		}))
		fresh := c.process(t, nil)
		read := func(want int) directory.GroupView {
			t.Helper()
			v, err := fresh.svc.Group(ctx, c.caller, g.ID, directory.GroupWant{AllMembers: true}, nil)
			c.must(err)
			if v.MemberCount != want || len(v.Members) != want {
				t.Errorf("after %d writes: count %d, %d members, want %d", k, v.MemberCount, len(v.Members), want)
			}
			return v
		}
		v := read(26)
		page, err := fresh.svc.Groups.Members(ctx, tenantOf(c.caller), c.caller.Provider, g.ID, v.Members[4], 10)
		c.must(err)
		if !slices.Equal(page, v.Members[5:15]) {
			t.Errorf("after %d writes: a page of members differs from all members", k)
		}
		c.must(deleteUser(fresh, leaver))
		fresh.patchMember(ctx, g.ID, late.ScimID)
		v = read(26)
		if v.Present[leaver.ScimID] || !v.Present[late.ScimID] {
			t.Errorf("after %d writes: deleted member %v, late member %v", k, v.Present[leaver.ScimID], v.Present[late.ScimID])
		}
		fresh.follow()
		read(26)
	}
}
