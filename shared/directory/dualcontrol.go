package directory

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Dual control (a tenant's switch, off at first): what gives privileged roles to people takes effect once a second
// administrator approves it. Without it, the administrator confirms by typing a name.

var errSecond = Errorf(Forbidden, "dual control is on: another administrator has to approve this")

// caution is what role mappings with privileged roles have to pass.
type caution struct {
	roles Catalogue
	dual  bool
}

func (s *Service) caution(ctx context.Context, a Admin) (c caution, err error) {
	if c.roles, err = s.Settings.Catalogue(ctx, a.Tenant); err != nil {
		return c, err
	}
	t, err := s.Tenants.Tenant(ctx, a.Tenant)
	c.dual = t.DualControl
	return c, err
}

// privileged are the privileged roles that people would have by the mapping who do not have them by it as it was.
func (c caution) privileged(was, is RoleMapping) (names []string) {
	wider := slices.ContainsFunc(is.Groups, func(g MappedGroup) bool {
		return !slices.ContainsFunc(was.Groups, func(h MappedGroup) bool { return h.ID == g.ID })
	})
	for _, id := range is.Roles {
		if r, _ := c.roles.Find(id); r.Privileged && (wider || !slices.Contains(was.Roles, id)) {
			names = append(names, r.Name)
		}
	}
	return names
}

// mapping checks what a role mapping is to give, and reports whether a second administrator has to approve it.
func (c caution) mapping(was, is RoleMapping, confirm string) (second bool, err error) {
	if len(is.Roles) == 0 {
		return false, &Error{Kind: Invalid, Attr: "roles", Detail: "a role mapping names at least one role"}
	}
	for i, id := range is.Roles {
		if _, known := c.roles.Find(id); slices.Contains(is.Roles[:i], id) || !known && !slices.Contains(was.Roles, id) {
			return false, &Error{Kind: Invalid, Attr: "roles", Detail: "roles must hold different roles of the catalogue"}
		}
	}
	names := strings.Join(c.privileged(was, is), ", ")
	if names != "" && !c.dual && confirm != names {
		return false, &Error{Kind: Invalid, Attr: "confirm", Detail: "confirm must be the name of the privileged role: " + names}
	}
	return names != "" && c.dual, nil
}

// attrProposed begins the name of a change of mappings that has no effect on people yet.
const attrProposed = "roleMappingProposed/"

// MaxProposals is how many role mappings of a provider may wait for a second administrator.
const MaxProposals = 50

// withRole puts a mapping in place of the one of its id, or behind the others, and says what changed.
func (m Mappings) withRole(n RoleMapping) (Mappings, Change) {
	var was any
	m.Roles = slices.Clone(m.Roles)
	if i := slices.IndexFunc(m.Roles, func(r RoleMapping) bool { return r.ID == n.ID }); i >= 0 {
		was, m.Roles[i] = m.Roles[i], n
	} else {
		m.Roles = append(m.Roles, n)
	}
	return m, change("roleMapping/"+string(n.ID), was, n)
}

// propose lets a mapping, which must be one that could take effect, wait for a second administrator, in place of what
// waited for it.
func (m Mappings) propose(n RoleMapping, by string, at time.Time) (Mappings, RoleMapping, []Change, error) {
	with, _ := m.withRole(n)
	if err := with.check(); err != nil {
		return m, n, nil, err
	}
	m, _, changes := m.withoutProposal(n.ID)
	if len(m.Proposed) >= MaxProposals {
		return m, n, nil, Errorf(TooMany, "%d role mappings wait for a second administrator already", MaxProposals)
	}
	n.ProposedBy, n.ProposedAt = by, at
	m.Proposed = append(slices.Clone(m.Proposed), n)
	return m, n, append(changes, change(attrProposed+string(n.ID), nil, n)), nil
}

// withoutProposal takes out what is proposed for a mapping; without changes when nothing is.
func (m Mappings) withoutProposal(id MappingID) (Mappings, RoleMapping, []Change) {
	i := slices.IndexFunc(m.Proposed, func(r RoleMapping) bool { return r.ID == id })
	if i < 0 {
		return m, RoleMapping{}, nil
	}
	was := m.Proposed[i]
	m.Proposed = slices.Delete(slices.Clone(m.Proposed), i, i+1)
	return m, was, []Change{change(attrProposed+string(id), was, nil)}
}

// effective reports whether changes of mappings make another configuration: proposals do not.
func effective(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return !strings.HasPrefix(c.Attr, attrProposed) })
}

// DecideRoleMapping lets a proposed role mapping take effect, which takes another administrator than the one who
// proposed it, or discards it.
// Errors: NotFound; Forbidden (the same administrator); Conflict (a group is mapped otherwise by now); what check returns.
func (s *Service) DecideRoleMapping(ctx context.Context, a Admin, p ProviderID, check func(Provider) error, id MappingID, approve bool) (n RoleMapping, err error) {
	_, _, err = s.updateMappings(ctx, a, p, check, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		var changes []Change
		m, n, changes = m.withoutProposal(id)
		switch {
		case len(changes) == 0:
			return p, m, nil, Errorf(NotFound, "no role mapping with this id is proposed")
		case !approve:
			return p, m, changes, nil
		case n.ProposedBy == a.Actor.ID:
			return p, m, nil, errSecond
		}
		n.ProposedBy, n.ProposedAt = "", time.Time{}
		m, made := m.withRole(n)
		return p, m, append(changes, made), nil
	})
	return n, err
}
