package integration_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
)

// population is a stack with people, a group of half of them, and mappings that are not applied yet.
type population struct {
	*testing.T
	s        *stack.Stack
	admin    administration.Admin
	people   []directory.User
	followed map[directory.EntryID]bool
	group    directory.GroupID // holds every other person
}

func (c *population) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *population) equal(what string, got, want any) {
	c.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		c.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func newPopulation(t *testing.T, s *stack.Stack, n int) *population {
	c := &population{T: t, s: s, followed: map[directory.EntryID]bool{},
		admin: administration.Admin{Tenant: s.Provider.Tenant, Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}}}
	ctx, p := t.Context(), s.Provider.ID
	caller := provisioning.Caller{Provider: p, Token: s.Token}
	var in []directory.ScimID
	for i := range n {
		u, err := s.Service.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: fmt.Sprint("p", i), Active: true}, nil, nil
		})
		c.must(err)
		if c.people = append(c.people, u); i%2 == 0 {
			in = append(in, u.ScimID)
		}
	}
	g, err := s.Service.CreateGroup(ctx, caller, nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: "Even"}, in, nil, nil
		})
	c.must(err)
	c.group = g.ID
	c.follow()
	org, err := s.Service.As(c.admin).Organizations.Create(ctx, administration.NewOrganization{Name: "Even"})
	c.must(err)
	any := func(directory.Provider) error { return nil }
	_, _, err = s.Service.As(c.admin).OrgMappings.Set(ctx, p, any,
		directory.OrgSettings{Method: directory.OrgGroups, Org: directory.DefaultOrg})
	c.must(err)
	_, _, err = s.Service.As(c.admin).OrgMappings.Add(ctx, p, any, []directory.GroupID{g.ID}, org.ID)
	c.must(err)
	_, _, err = s.Service.As(c.admin).RoleMappings.Set(ctx, p, any, directory.RoleSettings{Mode: directory.RolesGroups}, false)
	c.must(err)
	_, err = s.Service.As(c.admin).RoleMappings.Add(ctx, p, any, []directory.GroupID{g.ID}, []directory.RoleID{"desktop-user"}, "")
	c.must(err)
	c.follow()
	return c
}

// follow follows the log until no entry is left, each entry once and several concurrently.
func (c *population) follow() {
	c.Helper()
	for left := true; left; {
		left = false
		var wg sync.WaitGroup
		slots := make(chan struct{}, 4)
		for _, e := range c.s.Entries(c.T) {
			if c.followed[e.ID] {
				continue
			}
			c.followed[e.ID], left = true, true
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				var err error
				for range 20 { // a store may be contended temporarily
					if err = c.s.Service.FollowEntry(c.Context(), c.admin.Tenant, e); err == nil {
						return
					}
				}
				c.Error(err)
			})
		}
		wg.Wait()
	}
}

func (c *population) accounts() map[directory.UserID]directory.Account {
	c.Helper()
	out := map[directory.UserID]directory.Account{}
	for _, u := range c.people {
		v, err := c.s.Service.As(c.admin).Users.ByID(c.Context(), u.ID)
		c.must(err)
		out[u.ID] = v.Account
	}
	return out
}

func (c *population) run(id directory.RunID) administration.ApplyProgress {
	c.Helper()
	r, err := c.s.Service.As(c.admin).ApplyRuns.ByID(c.Context(), c.s.Provider.ID, id)
	c.must(err)
	return r
}
