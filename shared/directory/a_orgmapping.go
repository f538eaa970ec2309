package directory

import (
	"context"
	"slices"
)

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
