package administration

import (
	"context"
	"slices"

	"rollcall/shared/directory"
)

// placeUser changes a user's organization or roles by hand; check sees the user first. What is equal already
// is no change.
func (s Users) placeUser(
	ctx context.Context, id directory.UserID, check func(directory.User) error, edit func(*directory.User) error,
) (directory.User, error) {
	return s.changeUser(ctx, id, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		if old.Removed() {
			return old, nil, directory.Errorf(directory.Conflict, "the directory removed this user")
		}
		n := old
		n.RoleGrants = slices.Clone(old.RoleGrants)
		if err := edit(&n); err != nil {
			return old, nil, err
		}
		return directory.FinishChange(old, n, s.userEntry(directory.UserMoved, n, nil))
	})
}

// Move puts a user into an organization by hand, until the next event that rules decide, or, pinned, until
// it is unpinned. Who is in it already is there by hand from now on.
// Errors: NotFound; Invalid (no active organization); Conflict (removed by the directory); what check returns.
func (s Users) Move(
	ctx context.Context, id directory.UserID, check func(directory.User) error, org directory.OrgID, pin bool,
) (directory.User, error) {
	if _, err := s.ports.Users.UserByID(ctx, s.tenant, id); err != nil {
		return directory.User{}, err
	}
	if err := s.checkTarget(ctx, "organizationId", org); err != nil {
		return directory.User{}, err
	}
	return s.placeUser(ctx, id, check, func(u *directory.User) error {
		u.OrgID, u.OrgSource, u.OrgGroup, u.OrgConfig = org, directory.SourceManual, "", 0
		u.OrgPinned = u.OrgPinned || pin
		return nil
	})
}

// PinOrganization keeps a user in the organization, or lets rules decide again from the next event on.
// Errors: NotFound; Conflict (in no organization, or removed by the directory); what check returns.
func (s Users) PinOrganization(
	ctx context.Context, id directory.UserID, check func(directory.User) error, pin bool,
) (directory.User, error) {
	return s.placeUser(ctx, id, check, func(u *directory.User) error {
		if u.OrgID == "" && pin {
			return directory.Errorf(directory.Conflict, "the user is in no organization yet")
		}
		u.OrgPinned = pin
		return nil
	})
}

// GrantRole gives a user a role by hand; it stays whatever mappings say, unless the directory is the only
// source of roles.
// Errors: NotFound; Invalid (no such role); Conflict (removed by the directory); what check returns.
func (s Users) GrantRole(
	ctx context.Context, id directory.UserID, check func(directory.User) error, role directory.RoleID,
) (directory.User, error) {
	if _, err := s.ports.Users.UserByID(ctx, s.tenant, id); err != nil {
		return directory.User{}, err
	}
	if err := s.checkRoles(ctx, "role", []directory.RoleID{role}); err != nil {
		return directory.User{}, err
	}
	grant := directory.RoleGrant{Role: role, Source: directory.SourceManual, By: s.admin.Actor.ID, At: s.rt.Time()}
	return s.placeUser(ctx, id, check, func(u *directory.User) error {
		if !slices.ContainsFunc(u.RoleGrants, grant.SameAs) {
			u.RoleGrants = directory.Rules{}.MergeGrants(u.RoleGrants, []directory.RoleGrant{grant}, grant.At)
		}
		return nil
	})
}

// RevokeRole takes what was given by hand of a role.
// Errors: NotFound (also of the grant); Conflict (a rule gives the role); what check returns.
func (s Users) RevokeRole(
	ctx context.Context, id directory.UserID, check func(directory.User) error, role directory.RoleID,
) (directory.User, error) {
	return s.placeUser(ctx, id, check, func(u *directory.User) error {
		has := slices.ContainsFunc(u.RoleGrants, func(g directory.RoleGrant) bool { return g.Role == role })
		byHand := func(g directory.RoleGrant) bool {
			return g.Role == role && g.ByHand()
		}
		switch {
		case !has:
			return directory.Errorf(directory.NotFound, "the user does not have this role")
		case !slices.ContainsFunc(u.RoleGrants, byHand):
			return directory.Errorf(directory.Conflict, "the role comes from a mapping or the organization: change it there")
		}
		u.RoleGrants = slices.DeleteFunc(u.RoleGrants, byHand)
		return nil
	})
}

// Explanation says why a user is where the user is, and has the roles the user has.
type Explanation struct {
	User      directory.User
	Config    int64                // the provider's configuration now
	Now       directory.Resolution // what the rules say at this moment; differs from the user while an Apply is due
	Orgs      []MappingCheck
	Roles     []MappingCheck
	Names     map[directory.OrgID]string
	Method    directory.OrgMethod
	Attribute string
	Value     string // of the attribute that names organizations
}

// Explain tells which mapping, which group and which configuration put a user into the organization and gave
// the roles, and what the rules would say now.
// Errors: NotFound.
func (s Users) Explain(ctx context.Context, id directory.UserID) (Explanation, error) {
	v, err := s.ports.Users.UserByID(ctx, s.tenant, id)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{User: v.User, Now: directory.Resolution{Placement: v.Account.Placement()}, Names: map[directory.OrgID]string{}}
	p, rules, err := s.follow().RulesFor(ctx, s.tenant, v.User)
	if err != nil {
		return x, err
	}
	x.Config, x.Method, x.Attribute = rules.Config, rules.Org.Method, rules.Org.Path()
	x.Value = directory.AttributeValue(v.Attributes, x.Attribute)
	x.Now = rules.Resolve(v.User, v.Groups, directory.OnApply, s.rt.Time())
	if x.Now.Create != "" {
		x.Now.Reason = "the attribute names an organization that will be made"
	}
	if rules.Org.Method == directory.OrgGroups && v.Provider != "" {
		x.Orgs = orgChecks(rules, v.Groups)
	}
	if rules.Role.Mode == directory.RolesGroups && v.Provider != "" {
		x.Roles = roleChecks(rules, v.Groups)
	}
	orgs := rules.Orgs
	if p.ID == "" && v.OrgID != "" {
		if orgs, err = s.ports.Organizations.OrganizationsByID(ctx, s.tenant, []directory.OrgID{v.OrgID}); err != nil {
			return x, err
		}
	}
	for id, o := range orgs {
		x.Names[id] = o.Name
	}
	return x, nil
}

// CheckResult is what became of one mapping when a user was resolved.
type CheckResult string

// The results of checking a mapping, in the order of priority.
const (
	CheckWins       CheckResult = "wins"
	CheckNoMember   CheckResult = "not-a-member"
	CheckNotReached CheckResult = "not-reached"
	CheckInvalid    CheckResult = "invalid-target" // a member, but the organization takes nobody
	CheckGives      CheckResult = "gives"          // of a role mapping
)

// MappingCheck is one mapping as it concerns a user.
type MappingCheck struct {
	Mapping  directory.MappingID
	Priority int // of organization mappings
	Org      directory.OrgID
	Roles    []directory.RoleID
	Groups   []directory.MappedGroup
	Group    directory.GroupID // the user's group in it, "" for none
	Result   CheckResult
}

// orgChecks says what each organization mapping is to a member of the groups.
func orgChecks(r directory.Rules, groups []directory.GroupID) (out []MappingCheck) {
	won := false
	for i, m := range r.Mappings.Orgs {
		c := MappingCheck{Mapping: m.ID, Priority: i + 1, Org: m.Org, Groups: m.Groups, Result: CheckNoMember}
		g, member := directory.FirstMatch(m.Groups, groups)
		c.Group = g
		switch {
		case won:
			c.Result = CheckNotReached
		case member && r.TakesPeople(m.Org):
			c.Result, won = CheckWins, true
		case member:
			c.Result = CheckInvalid
		}
		out = append(out, c)
	}
	return out
}

// roleChecks says what each role mapping is to a member of the groups.
func roleChecks(r directory.Rules, groups []directory.GroupID) (out []MappingCheck) {
	for _, m := range r.Mappings.Roles {
		c := MappingCheck{Mapping: m.ID, Roles: m.Roles, Groups: m.Groups, Result: CheckNoMember}
		if g, member := directory.FirstMatch(m.Groups, groups); member {
			c.Group, c.Result = g, CheckGives
		}
		out = append(out, c)
	}
	return out
}
