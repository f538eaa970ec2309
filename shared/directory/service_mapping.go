package directory

import (
	"context"
	"slices"
)

// mappingEdit computes what becomes of a provider's mappings, with the changes for the log. It is pure and may
// run several times. No changes: nothing is written.
type mappingEdit func(Provider, Mappings) (Provider, Mappings, []Change, error)

// updateMappings runs an edit: each change that has an effect makes the next configuration. check sees the provider first.
func (s *Service) updateMappings(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, edit mappingEdit) (Provider, Mappings, error) {
	old, err := s.ProviderByID(ctx, a, id)
	if err != nil {
		return Provider{}, Mappings{}, err
	}
	apply := func(old Provider, was Mappings) (Provider, Mappings, *LogEntry, error) {
		if old.State == ProviderDeleting {
			return old, was, nil, &Error{Kind: Conflict, Detail: "the provider is being deleted"}
		}
		if err := check(old); err != nil {
			return old, was, nil, err
		}
		p, m, changes, err := edit(old, was)
		if err != nil || len(changes) == 0 {
			return old, was, nil, err
		}
		if err := m.check(); err != nil {
			return old, was, nil, err
		}
		p.Version, p.Modified = old.Version+1, later(old.Modified, s.Now())
		m.Version = was.Version + 1
		if effective(changes) {
			p.ConfigVersion++
			changes = append(changes, change("configVersion", old.ConfigVersion, p.ConfigVersion))
		}
		e := s.adminEntry(a, MappingsUpdated)
		e.Target, e.Name, e.Changes, e.Version = string(id), p.DisplayName, changes, p.Version
		return p, m, &e, nil
	}
	if a.DryRun {
		was, err := s.Settings.Mappings(ctx, a.Tenant, id)
		if err != nil {
			return Provider{}, Mappings{}, err
		}
		p, m, _, err := apply(old, was)
		return p, m, err
	}
	return s.Settings.UpdateMappings(ctx, a.Tenant, id, apply)
}

// check refuses mappings that break a rule: each has a group, and a group is in one of each kind at most.
func (m Mappings) check() error {
	orgs, roles := make([][]MappedGroup, len(m.Orgs)), make([][]MappedGroup, len(m.Roles))
	for i, o := range m.Orgs {
		orgs[i] = o.Groups
	}
	for i, r := range m.Roles {
		if roles[i] = r.Groups; len(r.Roles) == 0 {
			return &Error{Kind: Invalid, Attr: "roles", Detail: "a role mapping names at least one role"}
		}
	}
	for _, lists := range [][][]MappedGroup{orgs, roles} {
		seen := map[GroupID]bool{}
		for _, groups := range lists {
			if len(groups) == 0 {
				return &Error{Kind: Invalid, Attr: "groups", Detail: "a mapping names at least one group"}
			}
			for _, g := range groups {
				if seen[g.ID] {
					return &Error{Kind: Conflict, Attr: "groups", Detail: "a group is in at most one mapping of a kind: take it out of the other one first"}
				}
				seen[g.ID] = true
			}
		}
		if len(lists) > MaxMappings || len(seen) > MaxMappedGroups {
			return Errorf(TooMany, "a provider has at most %d mappings of a kind and %d groups in them", MaxMappings, MaxMappedGroups)
		}
	}
	return nil
}

// SetOrgMapping chooses the organization mapping method and its settings. People move with Apply.
// Errors: NotFound; Invalid (an organization that there is not, or that is deactivated); what check returns.
func (s *Service) SetOrgMapping(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, n OrgSettings) (Provider, Mappings, error) {
	if err := s.checkOrgSettings(ctx, a, n); err != nil {
		return Provider{}, Mappings{}, err
	}
	return s.updateMappings(ctx, a, id, check, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		if p.OrgMapping == n {
			return p, m, nil, nil
		}
		c := change("organizationMapping", p.OrgMapping, n)
		p.OrgMapping = n
		return p, m, []Change{c}, nil
	})
}

func (s *Service) checkOrgSettings(ctx context.Context, a Admin, n OrgSettings) error {
	bad := func(attr, detail string) error { return &Error{Kind: Invalid, Attr: attr, Detail: detail} }
	switch {
	case (n.Method == OrgSingle || n.Method == OrgGroups) && n.Org == "":
		return bad("organizationId", "organizationId is required for this method")
	case (n.Method == OrgAttribute) != (n.Attribute != ""):
		return bad("attribute", "attribute must be given with method attribute, and only then")
	case len(n.Attribute) > 300 || attributePath(n.Attribute) != n.Attribute:
		return bad("attribute", `attribute must be the name of a text, such as title, or an extension's URN, ":" and a name`)
	case n.Template != "" && n.Method != OrgNamed && n.Method != OrgAttribute:
		return bad("templateOrganizationId", "templateOrganizationId goes with the attribute methods only")
	}
	for attr, id := range map[string]OrgID{"organizationId": n.Org, "templateOrganizationId": n.Template} {
		if err := s.checkTarget(ctx, a, attr, id); id != "" && err != nil {
			return err
		}
	}
	return nil
}

// attributePath is path without what cannot be in one.
func attributePath(path string) string {
	out := make([]rune, 0, len(path))
	for _, r := range path {
		if nameRune(r) || r == ':' || r == '.' {
			out = append(out, r)
		}
	}
	return string(out)
}

// checkTarget refuses an organization that takes nobody.
func (s *Service) checkTarget(ctx context.Context, a Admin, attr string, id OrgID) error {
	o, err := s.OrganizationByID(ctx, a, id)
	if err == nil && o.State == OrgActive {
		return nil
	}
	if err == nil || IsKind(err, NotFound) {
		return &Error{Kind: Invalid, Attr: attr, Detail: attr + " must be the id of an active organization"}
	}
	return err
}

// mappedGroups finds groups of a provider by id; those that mappings name already need not exist any more.
func (s *Service) mappedGroups(ctx context.Context, a Admin, p ProviderID, ids []GroupID) ([]MappedGroup, error) {
	m, err := s.Settings.Mappings(ctx, a.Tenant, p)
	if err != nil {
		return nil, err
	}
	known := map[GroupID]MappedGroup{}
	for _, o := range m.Orgs {
		for _, g := range o.Groups {
			known[g.ID] = g
		}
	}
	for _, r := range m.Roles {
		for _, g := range r.Groups {
			known[g.ID] = g
		}
	}
	if len(ids) > MaxMappedGroups {
		return nil, Errorf(TooMany, "a mapping has at most %d groups", MaxMappedGroups)
	}
	var out []MappedGroup
	for _, id := range ids {
		v, err := s.Groups.ReadGroup(ctx, a.Tenant, p, id, GroupWant{}, nil)
		g, named := known[id]
		switch {
		case err == nil:
			g = MappedGroup{v.ID, v.DisplayName, v.ExternalID}
		case !IsKind(err, NotFound):
			return nil, err
		case !named:
			return nil, errUnknownGroup("groups")
		}
		out = append(out, g)
	}
	return out, nil
}

// AddOrgMapping adds a mapping with the lowest priority.
// Errors: NotFound; Invalid; Conflict (a group is mapped already); what check returns.
func (s *Service) AddOrgMapping(ctx context.Context, a Admin, p ProviderID, check func(Provider) error, groups []GroupID, org OrgID) (OrgMapping, int, error) {
	n := OrgMapping{ID: MappingID("m" + s.newID()), Org: org}
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return n, 0, err
	}
	if err := s.checkTarget(ctx, a, "organizationId", org); err != nil {
		return n, 0, err
	}
	var err error
	if n.Groups, err = s.mappedGroups(ctx, a, p, groups); err != nil {
		return n, 0, err
	}
	_, m, err := s.updateMappings(ctx, a, p, check, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		m.Orgs = append(slices.Clone(m.Orgs), n)
		return p, m, []Change{change("organizationMapping/"+string(n.ID), nil, n)}, nil
	})
	return n, len(m.Orgs), err
}

// PatchOrgMapping changes the groups or the target of a mapping; nil stays.
// Errors: as AddOrgMapping.
func (s *Service) PatchOrgMapping(ctx context.Context, a Admin, p ProviderID, check func(Provider) error, id MappingID, groups *[]GroupID, org *OrgID) (n OrgMapping, priority int, err error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return n, 0, err
	}
	if org != nil {
		if err := s.checkTarget(ctx, a, "organizationId", *org); err != nil {
			return n, 0, err
		}
	}
	var mapped []MappedGroup
	if groups != nil {
		if mapped, err = s.mappedGroups(ctx, a, p, *groups); err != nil {
			return n, 0, err
		}
	}
	_, _, err = s.updateMappings(ctx, a, p, check, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		i := slices.IndexFunc(m.Orgs, func(o OrgMapping) bool { return o.ID == id })
		if i < 0 {
			return p, m, nil, Errorf(NotFound, "no such mapping")
		}
		m.Orgs = slices.Clone(m.Orgs)
		old := m.Orgs[i]
		n, priority = old, i+1
		if groups != nil {
			n.Groups = mapped
		}
		setIf(&n.Org, org)
		m.Orgs[i] = n
		if n.Org == old.Org && slices.Equal(n.Groups, old.Groups) {
			return p, m, nil, nil
		}
		return p, m, []Change{change("organizationMapping/"+string(id), old, n)}, nil
	})
	return n, priority, err
}

// DeleteOrgMapping removes a mapping; nobody moves until Apply.
// Errors: NotFound; what check returns.
func (s *Service) DeleteOrgMapping(ctx context.Context, a Admin, p ProviderID, check func(Provider) error, id MappingID) error {
	_, _, err := s.updateMappings(ctx, a, p, check, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		i := slices.IndexFunc(m.Orgs, func(o OrgMapping) bool { return o.ID == id })
		if i < 0 {
			return p, m, nil, Errorf(NotFound, "no such mapping")
		}
		old := m.Orgs[i]
		m.Orgs = slices.Delete(slices.Clone(m.Orgs), i, i+1)
		return p, m, []Change{change("organizationMapping/"+string(id), old, nil)}, nil
	})
	return err
}

// ReorderOrgMappings puts the mappings in an order, which is their priority: ids must be all of them.
// Errors: NotFound; Invalid; what check returns.
func (s *Service) ReorderOrgMappings(ctx context.Context, a Admin, p ProviderID, check func(Provider) error, ids []MappingID) (Provider, Mappings, error) {
	return s.updateMappings(ctx, a, p, check, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		var was []MappingID
		var orgs []OrgMapping
		for _, o := range m.Orgs {
			was = append(was, o.ID)
		}
		for i, id := range ids {
			k := slices.Index(was, id)
			if k < 0 || slices.Contains(ids[:i], id) {
				break
			}
			orgs = append(orgs, m.Orgs[k])
		}
		if len(orgs) != len(was) || len(ids) != len(was) {
			return p, m, nil, &Error{Kind: Invalid, Attr: "mappings", Detail: "mappings must hold the id of every organization mapping of the provider, once"}
		}
		if slices.Equal(was, ids) {
			return p, m, nil, nil
		}
		m.Orgs = orgs
		return p, m, []Change{change("organizationMappingOrder", was, ids)}, nil
	})
}

// attrMappedRoles is what a switch to manual roles does to those that rules gave: keep or remove.
const attrMappedRoles = "mappedRoles"

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
