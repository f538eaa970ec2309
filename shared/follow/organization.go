package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

// isDeactivated reports whether the organization of an entry is deactivated now.
func (s *Service) isDeactivated(ctx context.Context, t directory.TenantID, e directory.LogEntry) (bool, error) {
	id := directory.OrgID(e.Target)
	by, err := s.ports.Organizations.OrganizationsByID(ctx, t, []directory.OrgID{id})
	return by[id].State == directory.OrgDeactivated, err
}

// deactivateMembers deactivates the users of a deactivated organization, except those since put on legal hold or moved
// to another organization.
func (x *portion) deactivateMembers(ctx context.Context) error {
	if still, err := x.s.isDeactivated(ctx, x.tenant, x.entry); err != nil || !still {
		return x.end(err)
	}
	id := directory.OrgID(x.entry.Target)
	return x.eachUser(ctx, directory.UserSearch{Org: id}, true, func(ctx context.Context, u directory.User) error {
		return x.s.deactivateMember(ctx, x.tenant, u, id, fromEntry(x.entry))
	})
}

func (s *Service) deactivateMember(ctx context.Context, t directory.TenantID, u directory.User, id directory.OrgID, o origin) error {
	_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.OrgID != id || len(old.Holds) > 0 || !old.LifecycleIsActive() {
			return old, nil, nil
		}
		return s.finish(o, old, old.Deactivated(s.rt.Time()), directory.UserDeactivated)
	})
	return directory.IgnoreNotFound(err)
}

// leftBehind reports whether a user belongs to a deactivated organization and waits to be deactivated with it: it must not
// be moved out before.
func (r *resolver) leftBehind(u directory.User) bool {
	o := r.rules.Orgs[u.OrgID]
	return o.State == directory.OrgDeactivated && !u.Modified.After(o.DeactivatedAt) && len(u.Holds) == 0 && u.LifecycleIsActive()
}

// createOrganization creates the organization that a user's attribute names. When the provider's users have created
// MaxAutoOrgs today, the rules are capped.
func (r *resolver) createOrganization(ctx context.Context, u directory.User, name string) error {
	o := directory.Organization{
		ID: directory.OrgID("o" + r.s.rt.NewID()), Name: name, State: directory.OrgActive, Auto: r.provider.ID, CreatedBy: string(r.provider.ID),
		Version: 1, Created: r.s.rt.Time(), Modified: r.s.rt.Time(),
	}
	if from, ok := r.rules.Orgs[r.rules.Org.Template]; ok {
		o.Parent, o.DefaultRoles = from.Parent, from.DefaultRoles
	}
	e := r.s.entry(r.origin, directory.OrganizationCreated)
	e.Provider, e.Audit, e.Target, e.Name, e.Version = "", true, string(o.ID), o.Name, o.Version
	quota := directory.Quota{Key: string(r.provider.ID) + " " + o.Created.Format(time.DateOnly), Max: directory.MaxAutoOrgs}
	err := r.s.ports.Organizations.CreateOrganization(ctx, r.tenant, o, &quota, e)
	if directory.IsKind(err, directory.TooMany) {
		r.rules.Capped = true
		return nil
	}
	if _, taken := directory.AsTaken(err); taken { // another process has just created it
		return r.loadOrganizations(ctx, u)
	}
	if err == nil {
		r.rules.Orgs[o.ID], r.rules.Named[directory.OrgNameKey(name)] = o, o.ID
	}
	return err
}
