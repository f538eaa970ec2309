package administration

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// Set chooses the source of roles. A switch from groups to manual keeps the roles that rules gave as given by hand or,
// with remove, removes them, in the background; a switch to groups changes nothing until an apply run.
// Errors: NotFound; Invalid; what check returns.
func (s RoleMappings) Set(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, n directory.RoleSettings, remove bool,
) (directory.Provider, directory.MappingSet, error) {
	if n.Strict && n.Mode != directory.RolesGroups {
		return directory.Provider{}, directory.MappingSet{},
			&directory.Error{Kind: directory.Invalid, Attr: "strict", Detail: "strict is allowed only with mode groups"}
	}
	return s.updateMappings(ctx, id, check,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			if p.RoleMapping == n {
				return p, m, nil, nil
			}
			changes := []directory.Change{directory.NewChange("roleMapping", p.RoleMapping, n)}
			if p.RoleMapping.Mode == directory.RolesGroups && n.Mode == directory.RolesManual {
				mappedRoles := "keep"
				if remove {
					mappedRoles = "remove"
				}
				changes = append(changes, directory.NewChange(directory.AttrMappedRoles, nil, mappedRoles))
			}
			p.RoleMapping = n
			return p, m, changes, nil
		})
}

// Add adds a mapping; under dual control, one with privileged roles is only proposed.
// Errors: NotFound; Invalid (also an unconfirmed privileged role); Conflict; what check returns.
func (s RoleMappings) Add(
	ctx context.Context, p directory.ProviderID, check func(directory.Provider) error, groups []directory.GroupID, roles []directory.RoleID,
	confirm string,
) (directory.RoleMapping, error) {
	n := directory.RoleMapping{ID: directory.MappingID("m" + s.rt.NewID()), Roles: roles}
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return n, err
	}
	c, now, err := s.question(ctx, false)
	if err != nil {
		return n, err
	}
	c.confirm = confirm
	if err := s.checkMappedRoles(now.roles, nil, roles); err != nil {
		return n, err
	}
	if n.Groups, err = s.mappedGroups(ctx, p, groups); err != nil {
		return n, err
	}
	_, _, err = s.updateMappings(ctx, p, check,
		func(p directory.Provider, m directory.MappingSet) (_ directory.Provider, _ directory.MappingSet, changes []directory.Change, err error) {
			return s.put(c, now, p, m, &n)
		})
	return n, err
}

// Patch changes the groups or roles of a mapping; nil changes nothing. Under dual control, a change that gives
// privileged roles to more users is only proposed; any other change discards an earlier proposal.
// Errors: as Add.
func (s RoleMappings) Patch(
	ctx context.Context, p directory.ProviderID, check func(directory.Provider) error, id directory.MappingID, groups *[]directory.GroupID,
	roles *[]directory.RoleID, confirm string,
) (n directory.RoleMapping, err error) {
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return n, err
	}
	c, now, err := s.question(ctx, false)
	if err != nil {
		return n, err
	}
	c.confirm = confirm
	var mapped []directory.MappedGroup
	if groups != nil {
		if mapped, err = s.mappedGroups(ctx, p, *groups); err != nil {
			return n, err
		}
	}
	_, _, err = s.updateMappings(ctx, p, check,
		func(p directory.Provider, m directory.MappingSet) (_ directory.Provider, _ directory.MappingSet, changes []directory.Change, err error) {
			i := slices.IndexFunc(m.Roles, func(r directory.RoleMapping) bool { return r.ID == id })
			if i < 0 {
				return p, m, nil, directory.Errorf(directory.NotFound, "no such mapping")
			}
			old := m.Roles[i]
			n = old
			if groups != nil {
				n.Groups = mapped
			}
			setIf(&n.Roles, roles)
			if slices.Equal(n.Roles, old.Roles) && slices.Equal(n.Groups, old.Groups) {
				return p, m, nil, nil
			}
			if err := s.checkMappedRoles(now.roles, old.Roles, n.Roles); err != nil {
				return p, m, nil, err
			}
			return s.put(c, now, p, m, &n)
		})
	return n, err
}

// put stores a mapping or, if it gives privileged roles to more people under dual control, proposes it.
func (s RoleMappings) put(
	c control, now *situation, p directory.Provider, m directory.MappingSet, n *directory.RoleMapping,
) (_ directory.Provider, _ directory.MappingSet, changes []directory.Change, err error) {
	with, change := withRole(m, *n)
	err = c.ask(providerSubject(p.ID), now.with(&p, &m), now.with(&p, &with), true)
	if w := (*Waiting)(nil); errors.As(err, &w) {
		m, *n, changes, err = propose(m, *n, s.admin.Actor.ID, s.rt.Time())
		return p, m, changes, err
	}
	if err != nil {
		return p, m, nil, err
	}
	with, _, changes = withoutProposal(with, n.ID)
	return p, with, append(changes, change), nil
}

// checkMappedRoles refuses roles that the catalogue does not hold, unless the mapping had them, and repetitions.
func (s RoleMappings) checkMappedRoles(c directory.Catalogue, was, is []directory.RoleID) error {
	if len(is) == 0 {
		return &directory.Error{Kind: directory.Invalid, Attr: "roles", Detail: "a role mapping names at least one role"}
	}
	return knownRoles(c, "roles", was, is)
}

// Delete removes a mapping; nobody loses a role until an apply run or the next event.
// Errors: NotFound; what check returns.
func (s RoleMappings) Delete(
	ctx context.Context, p directory.ProviderID, check func(directory.Provider) error, id directory.MappingID,
) error {
	_, _, err := s.updateMappings(ctx, p, check,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			i := slices.IndexFunc(m.Roles, func(r directory.RoleMapping) bool { return r.ID == id })
			if i < 0 {
				return p, m, nil, directory.Errorf(directory.NotFound, "no such mapping")
			}
			old := m.Roles[i]
			m.Roles = slices.Delete(slices.Clone(m.Roles), i, i+1)
			m, _, changes := withoutProposal(m, id)
			return p, m, append(changes, directory.NewChange("roleMapping/"+string(id), old, nil)), nil
		})
	return err
}

// Decide puts a proposed role mapping into effect, which needs another administrator than the one who proposed it, or
// discards it.
// Errors: NotFound; Forbidden (the same administrator); Conflict (a group has been mapped otherwise); what check
// returns.
func (s RoleMappings) Decide(
	ctx context.Context, p directory.ProviderID, check func(directory.Provider) error, id directory.MappingID, approve bool,
) (n directory.RoleMapping, err error) {
	same, err := s.samePerson(ctx)
	if err != nil {
		return n, err
	}
	x := *s.session
	x.admin.Approved = &directory.Proposal{} // this one
	_, _, err = x.updateMappings(ctx, p, check,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			var changes []directory.Change
			m, n, changes = withoutProposal(m, id)
			switch {
			case len(changes) == 0:
				return p, m, nil, directory.Errorf(directory.NotFound, "no role mapping with this id is proposed")
			case !approve:
				return p, m, changes, nil
			case same(n.ProposedBy, s.admin.Actor.ID):
				return p, m, nil, errNeedsSecondAdmin
			}
			n.ProposedBy, n.ProposedAt = "", time.Time{}
			m, change := withRole(m, n)
			return p, m, append(changes, change), nil
		})
	return n, err
}

// maxProposals is how many role mappings of a provider may wait for a second administrator.
const maxProposals = 50

// withRole replaces the mapping with the id, or appends it, and returns the change.
func withRole(m directory.MappingSet, n directory.RoleMapping) (directory.MappingSet, directory.Change) {
	var was any
	m.Roles = slices.Clone(m.Roles)
	if i := slices.IndexFunc(m.Roles, func(r directory.RoleMapping) bool { return r.ID == n.ID }); i >= 0 {
		was, m.Roles[i] = m.Roles[i], n
	} else {
		m.Roles = append(m.Roles, n)
	}
	return m, directory.NewChange("roleMapping/"+string(n.ID), was, n)
}

// propose lets a mapping, which must be valid, wait for a second administrator, instead of an earlier proposal.
func propose(
	m directory.MappingSet, n directory.RoleMapping, by string, at time.Time,
) (directory.MappingSet, directory.RoleMapping, []directory.Change, error) {
	with, _ := withRole(m, n)
	if err := with.Check(); err != nil {
		return m, n, nil, err
	}
	m, _, changes := withoutProposal(m, n.ID)
	if len(m.Proposed) >= maxProposals {
		return m, n, nil, directory.Errorf(directory.TooMany, "%d role mappings wait for a second administrator already", maxProposals)
	}
	n.ProposedBy, n.ProposedAt = by, at
	m.Proposed = append(slices.Clone(m.Proposed), n)
	return m, n, append(changes, directory.NewChange(directory.AttrProposed+string(n.ID), nil, n)), nil
}

// withoutProposal removes the proposal for a mapping; it returns no changes when there is none.
func withoutProposal(m directory.MappingSet, id directory.MappingID) (directory.MappingSet, directory.RoleMapping, []directory.Change) {
	i := slices.IndexFunc(m.Proposed, func(r directory.RoleMapping) bool { return r.ID == id })
	if i < 0 {
		return m, directory.RoleMapping{}, nil
	}
	was := m.Proposed[i]
	m.Proposed = slices.Delete(slices.Clone(m.Proposed), i, i+1)
	return m, was, []directory.Change{directory.NewChange(directory.AttrProposed+string(id), was, nil)}
}

// hasEffect reports whether changes of mappings change the configuration: proposals do not.
func hasEffect(changes []directory.Change) bool {
	return slices.ContainsFunc(changes, func(c directory.Change) bool { return !strings.HasPrefix(c.Attr, directory.AttrProposed) })
}
