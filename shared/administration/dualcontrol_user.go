package administration

import (
	"context"

	"rollcall/shared/directory"
)

// askForUser asks for a change of a user that could give roles, and reports whether it did.
// Errors: as control.ask.
func (s *session) askForUser(ctx context.Context, v directory.UserView, update directory.Update[directory.User]) (asked bool, err error) {
	n, e, err := update(v.User)
	if err != nil || e == nil || !couldGain(v.User, n) {
		return false, nil // the update itself reports its errors
	}
	c, err := s.control(ctx)
	if err != nil || !c.on {
		return false, err
	}
	now, err := s.settings(ctx, false)
	if err != nil {
		return false, err
	}
	was, is := *now, *now
	p, err := s.placedAs(ctx, v.User, v.Groups)
	if err != nil {
		return false, err
	}
	p.inOrg = v.Provider != "" // local users follow no rules
	was.people = []*person{p}
	groups := v.Groups
	if n.Provider != v.Provider {
		groups = nil
	}
	if p, err = s.placedAs(ctx, n, groups); err != nil {
		return false, err
	}
	p.inOrg = n.Provider != "" || n.OrgID != v.OrgID
	is.people = []*person{p}
	return true, c.ask("users/"+string(v.ID), &was, &is, false)
}

// couldGain reports whether the change of a user is one by which a role could reach them.
func couldGain(old, n directory.User) bool {
	return len(directory.RolesNotIn(n.RoleGrants, old.RoleGrants)) > 0 || n.OrgID != old.OrgID || n.OrgPinned != old.OrgPinned ||
		n.Provider != old.Provider || n.FollowsRules() && !old.FollowsRules()
}

// placedAs returns a user with what the rules make of them at the next event.
func (s *session) placedAs(ctx context.Context, u directory.User, groups []directory.GroupID) (*person, error) {
	p := &person{User: &u}
	if u.Provider == "" || !u.FollowsRules() {
		return p, nil
	}
	_, rules, err := s.follow().RulesFor(ctx, s.tenant, u)
	if err != nil {
		return p, err
	}
	p.placed = rules.Resolve(u, groups, directory.OnEvent, s.rt.Time())
	if p.placed.Create != "" {
		p.placed.Org = rules.Org.Template
	}
	return p, nil
}
