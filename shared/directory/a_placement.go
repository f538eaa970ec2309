package directory

import (
	"context"
	"slices"
)

// placeUser changes a user's organization or roles by hand; check sees the user first. What is equal already
// is no change.
func (s *Service) placeUser(ctx context.Context, a Admin, id UserID, check func(User) error, edit func(*User) error) (User, error) {
	return s.changeUser(ctx, a, id, func(old User) (User, *LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		if old.Gone() {
			return old, nil, Errorf(Conflict, "the directory removed this user")
		}
		n := old
		n.RoleGrants = slices.Clone(old.RoleGrants)
		if err := edit(&n); err != nil {
			return old, nil, err
		}
		return conclude(old, n, s.userEntry(a, UserMoved, n, nil))
	})
}

// MoveUser puts a user into an organization by hand, until the next event that rules decide, or, pinned, until
// it is unpinned. Who is in it already is there by hand from now on.
// Errors: NotFound; Invalid (no active organization); Conflict (removed by the directory); what check returns.
func (s *Service) MoveUser(ctx context.Context, a Admin, id UserID, check func(User) error, org OrgID, pin bool) (User, error) {
	if _, err := s.Users.UserByID(ctx, a.Tenant, id); err != nil {
		return User{}, err
	}
	if err := s.checkTarget(ctx, a, "organizationId", org); err != nil {
		return User{}, err
	}
	return s.placeUser(ctx, a, id, check, func(u *User) error {
		u.OrgID, u.OrgSource, u.OrgGroup, u.OrgConfig = org, SourceManual, "", 0
		u.OrgPinned = u.OrgPinned || pin
		return nil
	})
}

// PinOrganization keeps a user in the organization, or lets rules decide again from the next event on.
// Errors: NotFound; Conflict (in no organization, or removed by the directory); what check returns.
func (s *Service) PinOrganization(ctx context.Context, a Admin, id UserID, check func(User) error, pin bool) (User, error) {
	return s.placeUser(ctx, a, id, check, func(u *User) error {
		if u.OrgID == "" && pin {
			return Errorf(Conflict, "the user is in no organization yet")
		}
		u.OrgPinned = pin
		return nil
	})
}

// GrantRole gives a user a role by hand; it stays whatever mappings say, unless the directory is the only
// source of roles.
// Errors: NotFound; Invalid (no such role); Conflict (removed by the directory); what check returns.
func (s *Service) GrantRole(ctx context.Context, a Admin, id UserID, check func(User) error, role RoleID) (User, error) {
	if _, err := s.Users.UserByID(ctx, a.Tenant, id); err != nil {
		return User{}, err
	}
	if err := s.checkRoles(ctx, a, "role", []RoleID{role}); err != nil {
		return User{}, err
	}
	grant := RoleGrant{Role: role, Source: SourceManual, By: a.Actor.ID, At: s.Now()}
	return s.placeUser(ctx, a, id, check, func(u *User) error {
		if !slices.ContainsFunc(u.RoleGrants, grant.same) {
			u.RoleGrants = Rules{}.grants(u.RoleGrants, []RoleGrant{grant}, grant.At)
		}
		return nil
	})
}

// RevokeRole takes what was given by hand of a role.
// Errors: NotFound (also of the grant); Conflict (a rule gives the role); what check returns.
func (s *Service) RevokeRole(ctx context.Context, a Admin, id UserID, check func(User) error, role RoleID) (User, error) {
	return s.placeUser(ctx, a, id, check, func(u *User) error {
		has := slices.ContainsFunc(u.RoleGrants, func(g RoleGrant) bool { return g.Role == role })
		byHand := func(g RoleGrant) bool {
			return g.Role == role && (g.Source == SourceManual || g.Source == SourceAdopted)
		}
		switch {
		case !has:
			return Errorf(NotFound, "the user does not have this role")
		case !slices.ContainsFunc(u.RoleGrants, byHand):
			return Errorf(Conflict, "the role comes from a mapping or the organization: change it there")
		}
		u.RoleGrants = slices.DeleteFunc(u.RoleGrants, byHand)
		return nil
	})
}

// Explanation says why a user is where the user is, and has the roles the user has.
type Explanation struct {
	User      User
	Config    int64      // the provider's configuration now
	Now       Resolution // what the rules say at this moment; differs from the user while an Apply is due
	Orgs      []MappingCheck
	Roles     []MappingCheck
	Names     map[OrgID]string
	Method    OrgMethod
	Attribute string
	Value     string // of the attribute that names organizations
}

// Explain tells which mapping, which group and which configuration put a user into the organization and gave
// the roles, and what the rules would say now.
// Errors: NotFound.
func (s *Service) Explain(ctx context.Context, a Admin, id UserID) (Explanation, error) {
	v, err := s.Users.UserByID(ctx, a.Tenant, id)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{User: v.User, Now: Resolution{Placement: v.Account.Placement()}, Names: map[OrgID]string{}}
	f, err := s.follower(ctx, a.Tenant, v.Provider, LogEntry{})
	if err != nil && !IsKind(err, NotFound) {
		return x, err
	}
	if f.provider.ID != "" {
		if err := f.know(ctx, v.User); err != nil {
			return x, err
		}
	}
	x.Config, x.Method, x.Attribute = f.rules.Config, f.rules.Org.Method, f.rules.Org.Path()
	x.Value = attributeValue(v.Attributes, x.Attribute)
	x.Now = f.rules.Resolve(v.User, v.Groups, OnApply, s.Now())
	if x.Now.Create != "" {
		x.Now.Reason = "the attribute names an organization that will be made"
	}
	if f.rules.Org.Method == OrgGroups && v.Provider != "" {
		x.Orgs = f.rules.checkOrgs(v.Groups)
	}
	if f.rules.Role.Mode == RolesGroups && v.Provider != "" {
		x.Roles = f.rules.checkRoles(v.Groups)
	}
	orgs := f.rules.Orgs
	if f.provider.ID == "" && v.OrgID != "" {
		if orgs, err = s.Organizations.OrganizationsByID(ctx, a.Tenant, []OrgID{v.OrgID}); err != nil {
			return x, err
		}
	}
	for id, o := range orgs {
		x.Names[id] = o.Name
	}
	return x, nil
}
