package directory

import (
	"context"
	"slices"
	"time"
)

// SetRoleMapping chooses where roles come from. A switch from groups to manual keeps what rules gave as given
// by hand, or removes it, in the background; one to groups changes nothing until Apply.
// Errors: NotFound; Invalid; what check returns.
func (s *Service) SetRoleMapping(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, n RoleSettings, remove bool) (Provider, Mappings, error) {
	if n.Strict && n.Mode != RolesGroups {
		return Provider{}, Mappings{}, &Error{Kind: Invalid, Attr: "strict", Detail: "strict goes with mode groups only"}
	}
	return s.updateMappings(ctx, a, id, check, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		if p.RoleMapping == n {
			return p, m, nil, nil
		}
		changes := []Change{change("roleMapping", p.RoleMapping, n)}
		if p.RoleMapping.Mode == RolesGroups && n.Mode == RolesManual {
			what := "keep"
			if remove {
				what = "remove"
			}
			changes = append(changes, change(attrMappedRoles, nil, what))
		}
		p.RoleMapping = n
		return p, m, changes, nil
	})
}

// AddRoleMapping adds a mapping; with privileged roles, under dual control, it is only proposed.
// Errors: NotFound; Invalid (also an unconfirmed privileged role); Conflict; what check returns.
func (s *Service) AddRoleMapping(ctx context.Context, a Admin, p ProviderID, check func(Provider) error, groups []GroupID, roles []RoleID, confirm string) (RoleMapping, error) {
	n := RoleMapping{ID: MappingID("m" + s.newID()), Roles: roles}
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return n, err
	}
	c, err := s.caution(ctx, a)
	if err != nil {
		return n, err
	}
	if n.Groups, err = s.mappedGroups(ctx, a, p, groups); err != nil {
		return n, err
	}
	second, err := c.mapping(RoleMapping{}, n, confirm)
	if err != nil {
		return n, err
	}
	_, _, err = s.updateMappings(ctx, a, p, check, func(p Provider, m Mappings) (_ Provider, _ Mappings, changes []Change, err error) {
		if second {
			m, n, changes, err = m.propose(n, a.Actor.ID, s.Now())
			return p, m, changes, err
		}
		m, made := m.withRole(n)
		return p, m, []Change{made}, nil
	})
	return n, err
}

// PatchRoleMapping changes the groups or roles of a mapping; nil stays. What gives privileged roles to more people is
// only proposed, under dual control; any other change discards what was.
// Errors: as AddRoleMapping.
func (s *Service) PatchRoleMapping(ctx context.Context, a Admin, p ProviderID, check func(Provider) error, id MappingID, groups *[]GroupID, roles *[]RoleID, confirm string) (n RoleMapping, err error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return n, err
	}
	c, err := s.caution(ctx, a)
	if err != nil {
		return n, err
	}
	var mapped []MappedGroup
	if groups != nil {
		if mapped, err = s.mappedGroups(ctx, a, p, *groups); err != nil {
			return n, err
		}
	}
	_, _, err = s.updateMappings(ctx, a, p, check, func(p Provider, m Mappings) (_ Provider, _ Mappings, changes []Change, err error) {
		i := slices.IndexFunc(m.Roles, func(r RoleMapping) bool { return r.ID == id })
		if i < 0 {
			return p, m, nil, Errorf(NotFound, "no such mapping")
		}
		old := m.Roles[i]
		if n = old; groups != nil {
			n.Groups = mapped
		}
		setIf(&n.Roles, roles)
		if slices.Equal(n.Roles, old.Roles) && slices.Equal(n.Groups, old.Groups) {
			return p, m, nil, nil
		}
		second, err := c.mapping(old, n, confirm)
		if err != nil {
			return p, m, nil, err
		}
		if second {
			m, n, changes, err = m.propose(n, a.Actor.ID, s.Now())
			return p, m, changes, err
		}
		m, _, changes = m.withoutProposal(id)
		m, made := m.withRole(n)
		return p, m, append(changes, made), nil
	})
	return n, err
}

// DeleteRoleMapping removes a mapping; nobody loses a role until Apply or the next event.
// Errors: NotFound; what check returns.
func (s *Service) DeleteRoleMapping(ctx context.Context, a Admin, p ProviderID, check func(Provider) error, id MappingID) error {
	_, _, err := s.updateMappings(ctx, a, p, check, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		i := slices.IndexFunc(m.Roles, func(r RoleMapping) bool { return r.ID == id })
		if i < 0 {
			return p, m, nil, Errorf(NotFound, "no such mapping")
		}
		old := m.Roles[i]
		m.Roles = slices.Delete(slices.Clone(m.Roles), i, i+1)
		m, _, changes := m.withoutProposal(id)
		return p, m, append(changes, change("roleMapping/"+string(id), old, nil)), nil
	})
	return err
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
