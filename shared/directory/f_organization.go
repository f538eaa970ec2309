package directory

import (
	"context"
	"time"
)

// emptyOrganization deactivates the people of a deactivated organization. Whoever is on legal hold by now, or
// has left, stays as they are.
func (s *Service) emptyOrganization(ctx context.Context, t TenantID, because LogEntry) error {
	id := OrgID(because.Target)
	by, err := s.Organizations.OrganizationsByID(ctx, t, []OrgID{id})
	if err != nil || by[id].State != OrgDeactivated {
		return err
	}
	return s.walkUsers(ctx, t, UserSearch{Org: id}, func(u User) error {
		_, err := s.Users.UpdateUser(ctx, t, u, func(old User) (User, *LogEntry, error) {
			if old.OrgID != id || len(old.Holds) > 0 || !old.deactivable() {
				return old, nil, nil
			}
			e := s.consequence(because, UserDeactivated)
			e.Provider = old.Provider
			return conclude(old, old.deactivated(e.At), e)
		})
		return ignoreGone(err)
	})
}

// makeOrg makes the organization that a person's attribute names. When the provider's people made enough
// today, the rules are capped.
func (f *follower) makeOrg(ctx context.Context, u User, name string) error {
	o := Organization{
		ID: OrgID("o" + f.s.newID()), Name: name, State: OrgActive, Auto: f.provider.ID, CreatedBy: string(f.provider.ID),
		Version: 1, Created: f.s.Now(), Modified: f.s.Now(),
	}
	if from, ok := f.rules.Orgs[f.rules.Org.Template]; ok {
		o.Parent, o.DefaultRoles = from.Parent, from.DefaultRoles
	}
	e := f.s.consequence(f.because, OrganizationCreated)
	e.Provider, e.Audit, e.Target, e.Name, e.Version = "", true, string(o.ID), o.Name, o.Version
	err := f.s.Organizations.CreateOrganization(ctx, f.tenant, o, &Quota{string(f.provider.ID) + " " + o.Created.Format(time.DateOnly), MaxAutoOrgs}, e)
	if IsKind(err, TooMany) {
		f.rules.Capped = true
		return nil
	}
	if _, taken := asTaken(err); taken { // somebody made it just now
		return f.know(ctx, u)
	}
	if err == nil {
		f.rules.Orgs[o.ID], f.rules.Named[OrgNameKey(name)] = o, o.ID
	}
	return err
}
