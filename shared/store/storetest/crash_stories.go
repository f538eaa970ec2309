package storetest

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
)

// crashStory is an operation to interrupt, and the steps before it.
type crashStory struct {
	name   string
	before []func(*crash) error
	change func(*crash) error
}

func (c *crash) create(i int) (directory.User, error) {
	p := crashProfile(i)
	return c.s.CreateUser(c.ctx, c.caller, p.ExternalID, nil,
		func(directory.Provider) (directory.Profile, []directory.Change, error) { return p, nil, nil })
}

// setActive returns a step in which the directory enables or disables the i-th user.
func setActive(i int, active bool) func(*crash) error {
	return func(c *crash) error {
		_, _, err := c.s.UpdateUser(c.ctx, c.caller, c.ids[i], directory.UserWant{}, nil,
			func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
				p := old.Profile
				p.Active = active
				return p, nil, nil
			})
		return err
	}
}

func disable(c *crash) error { return setActive(0, false)(c) }

func (c *crash) deleteFirst() error {
	return c.s.DeleteUser(c.ctx, c.caller, c.ids[0], func(directory.User) error { return nil })
}

func decide(d directory.Decision) func(*crash) error {
	return func(c *crash) error {
		_, err := c.s.As(c.admin).Users.Decide(c.ctx, c.users[0], func(directory.User) error { return nil }, d)
		return err
	}
}

func (c *crash) hold() error {
	_, _, err := c.s.As(c.admin).LegalHolds.Place(c.ctx, c.matter, c.users[0])
	return err
}

func (c *crash) holdAll() error {
	for _, id := range c.users {
		if _, _, err := c.s.As(c.admin).LegalHolds.Place(c.ctx, c.matter, id); err != nil {
			return err
		}
	}
	return nil
}

func (c *crash) advance() error { c.now = c.now.Add(20 * time.Minute); return nil }

func anyProvider(directory.Provider) error { return nil }

// setStrictGuard sets a guard that allows no user to leave.
func (c *crash) setStrictGuard() error {
	if _, err := c.s.As(c.admin).Providers.SetState(c.ctx, c.caller.Provider, anyProvider, directory.ProviderLive); err != nil {
		return err
	}
	c.now = c.now.Add(25 * time.Hour)
	_, err := c.s.As(c.admin).Guards.Set(c.ctx, c.caller.Provider, anyProvider, directory.GuardSettings{Minimum: 1, Percent: 1})
	return err
}

func (c *crash) tripGuard() error {
	if err := c.setStrictGuard(); err != nil {
		return err
	}
	for _, step := range []func(*crash) error{disable, setActive(1, false), (*crash).follow} {
		if err := step(c); err != nil {
			return err
		}
	}
	vs, err := c.s.As(c.admin).Guards.Events(c.ctx, c.caller.Provider, "", 1)
	if err == nil && len(vs) == 1 {
		c.guard = directory.GuardEventID(string(vs[0].ID))
	}
	return err
}

func decideGuard(d directory.GuardDecision) func(*crash) error {
	return func(c *crash) error {
		_, err := c.s.As(c.admin).Guards.Decide(c.ctx, c.caller.Provider, c.guard, func(directory.GuardEvent) error { return nil }, d)
		return err
	}
}

// place adds the users to a group with a role mapping, and sets a guard that allows one move.
func (c *crash) place() error {
	c.method(directory.OrgSettings{Method: directory.OrgGroups, Org: directory.DefaultOrg})
	_, _, err := c.s.As(c.admin).RoleMappings.Set(c.ctx, c.caller.Provider, anyProvider, directory.RoleSettings{Mode: directory.RolesGroups},
		false)
	c.must(err)
	c.must(c.setStrictGuard())
	_, err = c.s.As(c.admin).Guards.Set(c.ctx, c.caller.Provider, anyProvider, directory.GuardSettings{MoveMinimum: 1, MovePercent: 1})
	c.must(err)
	g, err := c.s.CreateGroup(c.ctx, c.caller, nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: "g"}, nil, nil, nil
		})
	c.must(err)
	c.group = g.ID
	_, err = c.s.As(c.admin).RoleMappings.Add(c.ctx, c.caller.Provider, anyProvider, []directory.GroupID{g.ID},
		[]directory.RoleID{"desktop-user"}, "")
	c.must(err)
	c.must(c.members(c.ids, nil)) // the first roles: nothing is lost
	return c.follow()
}

func (c *crash) method(to directory.OrgSettings) {
	_, _, err := c.s.As(c.admin).OrgMappings.Set(c.ctx, c.caller.Provider, anyProvider, to)
	c.must(err)
}

func (c *crash) members(add, remove []directory.ScimID) error {
	_, _, err := c.s.UpdateGroup(c.ctx, c.caller, c.group,
		directory.GroupWant{Named: append(append([]directory.ScimID{}, add...), remove...)}, nil,
		func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
			return provisioning.GroupEdit{Profile: v.GroupProfile, Add: add, Remove: remove}, nil
		})
	return err
}

// emptyGroup removes all users from the group in one change: one loses the role, the others wait for a review.
func (c *crash) emptyGroup() error { return c.members(nil, c.ids) }

// holdMoves empties the group, so that the guard holds moves.
func (c *crash) holdMoves() error {
	for _, step := range (steps{(*crash).place, (*crash).emptyGroup, (*crash).follow}) {
		if err := step(c); err != nil {
			return err
		}
	}
	vs, err := c.s.As(c.admin).Guards.Events(c.ctx, c.caller.Provider, "", 1)
	if err == nil && len(vs) == 1 {
		c.guard = directory.GuardEventID(string(vs[0].ID))
	}
	return err
}

// local adds a local user.
func (c *crash) local() error {
	u, err := c.s.As(c.admin).Users.CreateLocal(c.ctx, administration.LocalProfile{UserName: "local"}, nil)
	c.users = append(c.users, u.ID)
	return err
}

func (c *crash) approveLocal() error {
	if err := c.local(); err != nil {
		return err
	}
	return c.s.As(c.admin).Conflicts.PreApprove(c.ctx, c.caller.Provider, "local")
}

// outside is what is outside the process: the bus, the receiver of webhooks, and the key for their secrets.
type outside struct {
	bus  bus
	mu   sync.Mutex
	sent map[string]int // by the event's id
}

func (o *outside) Check(string) error { return nil }

func (o *outside) Send(_ context.Context, _ string, _ map[string]string, body []byte) (int, string) {
	var ev struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &ev); err != nil {
		return 0, directory.CauseInside
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent[ev.ID]++
	return http.StatusOK, ""
}

func (o *outside) Encrypt(_ context.Context, plain []byte, _ string) ([]byte, error) {
	return plain, nil
}
func (o *outside) Decrypt(_ context.Context, encrypted []byte, _ string) ([]byte, error) {
	return encrypted, nil
}

// mixed are changes of all kinds that are followed in one batch: the first steps are followed before.
var mixed = struct{ before, changes steps }{
	steps{(*crash).place, func(c *crash) error {
		_, _, err := c.s.As(c.admin).Webhooks.Create(c.ctx, administration.NewWebhook{DisplayName: "W", URL: "https://hook.example/"})
		return err
	}, func(c *crash) error {
		g, err := c.s.CreateGroup(c.ctx, c.caller, nil,
			func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
				return directory.GroupProfile{DisplayName: "h"}, c.ids[:1], nil, nil
			})
		c.other = g.ID
		return err
	}},
	steps{func(c *crash) error {
		u, err := c.create(3)
		c.users = append(c.users, u.ID)
		return err
	}, edit(1, func(c *crash, p *directory.Profile) {
		p.UserName, p.Manager = "renamed", string(c.ids[0])
	}), (*crash).emptyGroup, disable, (*crash).local, func(c *crash) error {
		_, _, err := c.s.As(c.admin).Webhooks.Create(c.ctx, administration.NewWebhook{DisplayName: "X", URL: "https://other.example/"})
		return err
	}, func(c *crash) error {
		return c.s.DeleteGroup(c.ctx, c.caller, c.other, func(directory.Group) error { return nil })
	}, func(c *crash) error {
		return c.s.DeleteUser(c.ctx, c.caller, c.ids[2], func(directory.User) error { return nil })
	}},
}

// edit returns a step in which the directory changes the profile of the i-th user.
func edit(i int, change func(*crash, *directory.Profile)) func(*crash) error {
	return func(c *crash) error {
		_, _, err := c.s.UpdateUser(c.ctx, c.caller, c.ids[i], directory.UserWant{}, nil,
			func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
				p := old.Profile
				change(c, &p)
				return p, []directory.Change{directory.NewChange(directory.AttrUserName, old.UserName, p.UserName),
					directory.NewChange(directory.AttrManager, old.Manager, p.Manager)}, nil
			})
		return err
	}
}

func (c *crash) last() directory.UserID { return c.users[len(c.users)-1] }

type steps = []func(*crash) error

var crashStories = []crashStory{
	{"disable", nil, disable},
	{"enable", steps{disable}, setActive(0, true)},
	{"delete", nil, (*crash).deleteFirst},
	{"create again", steps{(*crash).deleteFirst}, func(c *crash) error { _, err := c.create(0); return err }},
	{"block", nil, decide(directory.DecideBlock)},
	{"unblock", steps{disable}, decide(directory.DecideUnblock)},
	{"unblock a deleted user", steps{(*crash).deleteFirst}, decide(directory.DecideUnblock)},
	{"deactivate", nil, decide(directory.DecideDeactivateBlock)},
	{"reactivate", steps{decide(directory.DecideDeactivate)}, decide(directory.DecideReactivate)},
	{"cancel", steps{disable}, decide(directory.DecideCancelDeactivation)},
	{"convert to local", steps{disable}, decide(directory.DecideLocal)},
	{"place a hold", steps{disable}, (*crash).hold},
	{"release a hold", steps{disable, (*crash).hold, (*crash).advance}, func(c *crash) error {
		_, err := c.s.As(c.admin).LegalHolds.Release(c.ctx, c.matter, c.users[0])
		return err
	}},
	{"close a matter", steps{(*crash).holdAll, disable, setActive(1, false), (*crash).advance}, func(c *crash) error {
		_, err := c.s.As(c.admin).LegalHolds.Close(c.ctx, c.matter, func(directory.Matter) error { return nil })
		return err
	}},
	{"change the delay", steps{disable, setActive(1, false)}, func(c *crash) error {
		_, err := c.s.As(c.admin).Deactivations.SetDelay(c.ctx, c.caller.Provider, anyProvider, time.Minute, true)
		return err
	}},
	{"trip the guard", steps{(*crash).setStrictGuard, disable}, setActive(1, false)},
	{"approve", steps{(*crash).tripGuard}, decideGuard(directory.GuardApproval)},
	{"reject", steps{(*crash).tripGuard}, decideGuard(directory.GuardDisapproval)},
	{"move more than the guard allows", steps{(*crash).place}, (*crash).emptyGroup},
	{"approve moves", steps{(*crash).holdMoves}, decideGuard(directory.GuardApproval)},
	{"approve a conversion", steps{(*crash).local}, func(c *crash) error {
		return c.s.As(c.admin).Conflicts.PreApprove(c.ctx, c.caller.Provider, "local")
	}},
	{"change members in a task", steps{(*crash).place, func(c *crash) error { c.large = true; return nil }}, (*crash).emptyGroup},
	{"create an approved user", steps{(*crash).approveLocal}, func(c *crash) error {
		_, err := c.s.CreateUser(c.ctx, c.caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: "local", Active: true}, nil, nil
		})
		return err
	}},
	{"convert to provisioned", steps{(*crash).approveLocal}, func(c *crash) error {
		_, err := c.s.As(c.admin).Users.Convert(c.ctx, c.last(), func(directory.User) error { return nil }, c.caller.Provider, "")
		return err
	}},
	{"erase", steps{decide(directory.DecideDeactivate), (*crash).deleteFirst}, func(c *crash) error {
		_, err := c.s.As(c.admin).Users.Erase(c.ctx, c.users[0], func(directory.User) error { return nil }, "u0")
		return err
	}},
	{"restore the provider", steps{(*crash).place, disable, func(c *crash) error {
		_, err := c.s.As(c.admin).Providers.Delete(c.ctx, c.caller.Provider, anyProvider, directory.ProviderDeletion{Users: directory.FateLocal})
		return err
	}}, func(c *crash) error {
		_, err := c.s.As(c.admin).Providers.Restore(c.ctx, c.caller.Provider, anyProvider, "")
		return err
	}},
	{"delete the provider", steps{disable}, func(c *crash) error {
		_, err := c.s.As(c.admin).Providers.Delete(c.ctx, c.caller.Provider, anyProvider,
			directory.ProviderDeletion{Users: directory.FateDeactivate})
		return err
	}},
}
