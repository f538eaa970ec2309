package fsck

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// Options are the choices of a check.
type Options struct {
	Now       time.Time
	Retention time.Duration // of log entries, of the deployment; 0: directory.DefaultLogRetention
	Repair    bool          // correct what is derived
}

// CheckAll checks everything in the store behind the ports, and returns the number of tenants.
// Errors: those of the store; the ports are not those of a store.
func CheckAll(ctx context.Context, p directory.Ports, o Options, report func(Finding)) (int, error) {
	s, ok := StoreOf(p)
	if !ok {
		return 0, errors.New("these ports are not those of a store")
	}
	if err := s.CheckTenant(ctx, "", o.Repair, report); err != nil {
		return 0, err
	}
	n := 0
	err := find.EachTenant(ctx, p.Tenants, func(t directory.Tenant) error {
		n++
		return checkTenant(ctx, p, o, t, report)
	})
	if err == nil { // the keys and the log of the operators of a deployment
		err = checkTenant(ctx, p, o, directory.Tenant{ID: directory.OperatorScope}, report)
	}
	return n, err
}

// CheckTenant checks everything about one tenant. A tenant that is being removed is not checked: parts of it are erased.
// Errors: NotFound; those of the store.
func CheckTenant(ctx context.Context, p directory.Ports, o Options, t directory.TenantID, report func(Finding)) error {
	tenant, err := p.Tenants.Tenant(ctx, t)
	if err != nil {
		return err
	}
	return checkTenant(ctx, p, o, tenant, report)
}

func checkTenant(ctx context.Context, p directory.Ports, o Options, tenant directory.Tenant, report func(Finding)) error {
	s, ok := StoreOf(p)
	switch {
	case !ok:
		return errors.New("these ports are not those of a store")
	case tenant.State == directory.TenantRemoving:
		return nil
	}
	readable := true
	err := s.CheckTenant(ctx, tenant.ID, o.Repair, func(f Finding) {
		readable = readable && f.Kind != Unreadable
		report(f)
	})
	if err != nil || !readable { // the ports could not read it either
		return err
	}
	c := &check{Ports: p, ctx: ctx, tenant: tenant, o: o, report: report, users: map[directory.UserID]directory.User{}}
	for _, part := range []func() error{c.read, c.holds, c.references, c.matching, c.chains, c.replay} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// check is a check of one tenant through the ports.
type check struct {
	directory.Ports
	ctx    context.Context
	tenant directory.Tenant
	o      Options
	report func(Finding)

	providers []directory.Provider
	users     map[directory.UserID]directory.User
	ids       []directory.UserID // in order
}

// found reports what cannot be repaired.
func (c *check) found(k Kind, subject, id, detail string) {
	c.report(Finding{Kind: k, Tenant: c.tenant.ID, Subject: subject, ID: id, Detail: detail})
}

// kept is the time before which entries may have expired.
func (c *check) kept() time.Time {
	keep := cmp.Or(c.o.Retention, directory.DefaultLogRetention)
	if own := c.tenant.Retention.Log; own > 0 {
		keep = min(keep, own)
	}
	return c.o.Now.Add(-keep)
}

// page is how many records are read at a time.
const page = 500

// read reads the tenant's providers and users.
func (c *check) read() (err error) {
	if c.providers, err = c.Providers.ListProviders(c.ctx, c.tenant.ID); err != nil {
		return err
	}
	return find.EachUser(c.ctx, c.Users, c.tenant.ID, directory.UserSearch{}, func(u directory.User) error {
		c.users[u.ID] = u
		c.ids = append(c.ids, u.ID)
		return nil
	})
}

// holds compares the users' holds with the custodians: one transaction writes both.
func (c *check) holds() error {
	type hold struct {
		user   directory.UserID
		matter directory.MatterID
	}
	held := map[hold]bool{}
	for after := directory.MatterID(""); ; {
		ms, err := c.LegalHolds.ListMatters(c.ctx, c.tenant.ID, after, page)
		if err != nil {
			return err
		}
		for _, m := range ms {
			after = m.ID
			err := c.custodians(m.ID, func(v directory.Custodian) {
				u, known := c.users[v.User]
				switch on := slices.Contains(u.Holds, m.ID); {
				case !known:
					c.found(Reference, "custodian", string(v.User), "there is no such user")
				case v.OnHold() != on:
					c.found(LegalHold, "user", string(v.User), "its record and legal hold "+string(m.ID)+" differ about the hold")
				}
				held[hold{v.User, m.ID}] = true
			})
			if err != nil {
				return err
			}
		}
		if len(ms) < page {
			break
		}
	}
	for _, id := range c.ids {
		for _, m := range c.users[id].Holds {
			if !held[hold{id, m}] {
				c.found(LegalHold, "user", string(id), "it is not a custodian of legal hold "+string(m))
			}
		}
	}
	return nil
}

func (c *check) custodians(m directory.MatterID, fn func(directory.Custodian)) error {
	for after := directory.UserID(""); ; {
		all, err := c.LegalHolds.Custodians(c.ctx, c.tenant.ID, m, after, page)
		if err != nil {
			return err
		}
		for _, v := range all {
			after = v.User
			fn(v)
		}
		if len(all) < page {
			return nil
		}
	}
}

// references looks for organizations and guard events that do not exist.
func (c *check) references() error {
	for _, p := range c.providers {
		for _, id := range []directory.GuardEventID{p.Guard.Event, p.Guard.Moves.Event} {
			if id == "" {
				continue
			}
			_, err := c.Guards.GuardEvent(c.ctx, c.tenant.ID, p.ID, id)
			if directory.IsKind(err, directory.NotFound) {
				c.found(Reference, "provider", string(p.ID), "its open guard event "+string(id)+" does not exist")
			} else if err != nil {
				return err
			}
		}
	}
	var orgs []directory.OrgID
	for _, u := range c.users {
		if !slices.Contains(orgs, u.OrgID) && u.OrgID != "" && u.OrgID != directory.DefaultOrg {
			orgs = append(orgs, u.OrgID)
		}
	}
	known, err := c.Organizations.OrganizationsByID(c.ctx, c.tenant.ID, orgs)
	if err != nil {
		return err
	}
	for _, id := range c.ids {
		if org := c.users[id].OrgID; slices.Contains(orgs, org) && known[org].ID == "" {
			c.found(Reference, "user", string(id), "its organization "+string(org)+" does not exist")
		}
	}
	return nil
}

// matching compares the look-ups of providers' users with the attributes they follow from, unless a run brings them up
// to date.
func (c *check) matching() error {
	for _, p := range c.providers {
		if p.MatchingRun != "" {
			continue
		}
		for _, id := range c.ids {
			u := c.users[id]
			keys := p.WithKeys(u.Profile).Lookups
			if u.Provider != p.ID || u.Removed() || slices.Equal(keys, u.Lookups) {
				continue
			}
			f := Finding{Kind: Matching, Tenant: c.tenant.ID, Subject: "user", ID: string(id), Repairable: true, Repaired: c.o.Repair,
				Detail: "its look-ups by the provider's matching attributes do not fit its attributes"}
			if c.o.Repair {
				err := c.Users.IndexUser(c.ctx, c.tenant.ID, u, func(u directory.User) []directory.Lookup { return p.WithKeys(u.Profile).Lookups })
				if err != nil {
					return err
				}
			}
			c.report(f)
		}
	}
	return nil
}
