package administration

import (
	"context"
	"slices"

	"rollcall/shared/directory"
)

// placeUser changes a user's organization or roles by hand; check sees the user first. An edit that changes nothing
// writes nothing.
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

// Move places a user in an organization by hand, until the next event that rules decide or, with pin, until it is
// unpinned. The placement becomes manual even if the user is already there.
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

// PinOrganization keeps a user in the present organization, or lets rules decide from the next event on.
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

// GrantRole gives a user a role by hand, which mappings do not remove unless the directory is the only source of roles.
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

// RevokeRole takes a role away: one that was given by hand or, where no mapping gives the user roles, from any source. No
// rule gives it again.
// Errors: NotFound (also of the grant); Conflict (a rule gives the role); what check returns.
func (s Users) RevokeRole(
	ctx context.Context, id directory.UserID, check func(directory.User) error, role directory.RoleID,
) (directory.User, error) {
	v, err := s.ports.Users.UserByID(ctx, s.tenant, id)
	if err != nil {
		return directory.User{}, err
	}
	_, rules, err := s.follow().RulesFor(ctx, s.tenant, v.User)
	if err != nil {
		return directory.User{}, err
	}
	return s.placeUser(ctx, id, check, func(u *directory.User) error {
		takes := func(g directory.RoleGrant) bool {
			return g.Role == role && (g.ByHand() || rules.Role.Mode != directory.RolesGroups)
		}
		switch {
		case !slices.ContainsFunc(u.RoleGrants, func(g directory.RoleGrant) bool { return g.Role == role }):
			return directory.Errorf(directory.NotFound, "the user does not have this role")
		case !slices.ContainsFunc(u.RoleGrants, takes):
			return directory.Errorf(directory.Conflict, "the role comes from a mapping or the organization: change it there")
		}
		u.RoleGrants = slices.DeleteFunc(u.RoleGrants, takes)
		return nil
	})
}

// Explanation is the reasons for a user's organization and roles.
type Explanation struct {
	User      directory.User
	Config    int64                // the provider's configuration now
	Now       directory.Resolution // the present result of the rules; differs from the user while an apply run is due
	Orgs      []MappingCheck
	Roles     []MappingCheck
	Names     map[directory.OrgID]string
	Method    directory.OrgMethod
	Attribute string
	Value     string // of the attribute that names organizations
}

// Explain returns the mappings, groups and configuration that decided a user's organization and roles, and the present
// result of the rules.
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
		x.Now.Reason = "the attribute names an organization that will be created"
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

// CheckResult is the result of one mapping in resolving a user.
type CheckResult string

// The results of checking a mapping, in the order of priority.
const (
	CheckWins       CheckResult = "wins"
	CheckNoMember   CheckResult = "not-a-member"
	CheckNotReached CheckResult = "not-reached"
	CheckInvalid    CheckResult = "invalid-target" // a member, but the organization takes no users
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

// orgChecks returns the result of each organization mapping for a member of the groups.
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

// roleChecks returns the result of each role mapping for a member of the groups.
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
