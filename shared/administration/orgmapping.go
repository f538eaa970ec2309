package administration

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// Set chooses the organization mapping method and its settings. Users are moved by an apply run.
// Errors: NotFound; Invalid (an organization that does not exist or is deactivated); what check returns.
func (s OrgMappings) Set(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, n directory.OrgSettings,
) (directory.Provider, directory.MappingSet, error) {
	if err := s.checkOrgSettings(ctx, n); err != nil {
		return directory.Provider{}, directory.MappingSet{}, err
	}
	return s.changeMappings(ctx, id, check, true,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			if p.OrgMapping == n {
				return p, m, nil, nil
			}
			c := directory.NewChange("organizationMapping", p.OrgMapping, n)
			p.OrgMapping = n
			return p, m, []directory.Change{c}, nil
		})
}

func (s *session) checkOrgSettings(ctx context.Context, n directory.OrgSettings) error {
	bad := func(attr, detail string) error {
		return &directory.Error{Kind: directory.Invalid, Attr: attr, Detail: detail}
	}
	switch {
	case (n.Method == directory.OrgSingle || n.Method == directory.OrgGroups) && n.Org == "":
		return bad("organizationId", "organizationId is required for this method")
	case (n.Method == directory.OrgAttribute) != (n.Attribute != ""):
		return bad("attribute", "attribute must be given with method attribute, and only then")
	case len(n.Attribute) > 300 || directory.AttributePath(n.Attribute) != n.Attribute:
		return bad("attribute", `attribute must be the name of a text, such as title, or an extension's URN, ":" and a name`)
	case n.Template != "" && n.Method != directory.OrgNamed && n.Method != directory.OrgAttribute:
		return bad("templateOrganizationId", "templateOrganizationId is allowed only with the attribute methods")
	}
	if n.Org != "" {
		if err := s.checkTarget(ctx, "organizationId", n.Org); err != nil {
			return err
		}
	}
	if n.Template == "" {
		return nil
	}
	return s.checkTarget(ctx, "templateOrganizationId", n.Template)
}

// checkTarget refuses an organization that takes no users.
func (s *session) checkTarget(ctx context.Context, attr string, id directory.OrgID) error {
	o, err := Organizations{s}.ByID(ctx, id)
	if err == nil && o.State == directory.OrgActive {
		return nil
	}
	if err == nil || directory.IsKind(err, directory.NotFound) {
		return noneOf(attr, "must be the id of an active organization", []directory.OrgID{id})
	}
	return err
}

// Add adds a mapping with the lowest priority.
// Errors: NotFound; Invalid; Conflict (a group is mapped already); what check returns.
func (s OrgMappings) Add(
	ctx context.Context, p directory.ProviderID, check func(directory.Provider) error, groups []directory.GroupID, org directory.OrgID,
) (directory.OrgMapping, int, error) {
	n := directory.OrgMapping{ID: directory.MappingID("m" + s.rt.NewID()), Org: org}
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return n, 0, err
	}
	if err := s.checkTarget(ctx, "organizationId", org); err != nil {
		return n, 0, err
	}
	var err error
	if n.Groups, err = s.mappedGroups(ctx, p, groups); err != nil {
		return n, 0, err
	}
	_, m, err := s.changeMappings(ctx, p, check, true,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			m.Orgs = append(slices.Clone(m.Orgs), n)
			return p, m, []directory.Change{directory.NewChange("organizationMapping/"+string(n.ID), nil, n)}, nil
		})
	return n, len(m.Orgs), err
}

// Patch changes the groups or the target of a mapping; nil changes nothing.
// Errors: as Add.
func (s OrgMappings) Patch(
	ctx context.Context, p directory.ProviderID, check func(directory.Provider) error, id directory.MappingID, groups *[]directory.GroupID,
	org *directory.OrgID,
) (n directory.OrgMapping, priority int, err error) {
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return n, 0, err
	}
	if org != nil {
		if err := s.checkTarget(ctx, "organizationId", *org); err != nil {
			return n, 0, err
		}
	}
	var mapped []directory.MappedGroup
	if groups != nil {
		if mapped, err = s.mappedGroups(ctx, p, *groups); err != nil {
			return n, 0, err
		}
	}
	_, _, err = s.changeMappings(ctx, p, check, true,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			i := slices.IndexFunc(m.Orgs, func(o directory.OrgMapping) bool { return o.ID == id })
			if i < 0 {
				return p, m, nil, directory.Errorf(directory.NotFound, "no such mapping")
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
			return p, m, []directory.Change{directory.NewChange("organizationMapping/"+string(id), old, n)}, nil
		})
	return n, priority, err
}

// Delete removes a mapping; nobody is moved until an apply run.
// Errors: NotFound; what check returns.
func (s OrgMappings) Delete(
	ctx context.Context, p directory.ProviderID, check func(directory.Provider) error, id directory.MappingID,
) error {
	_, _, err := s.updateMappings(ctx, p, check,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			i := slices.IndexFunc(m.Orgs, func(o directory.OrgMapping) bool { return o.ID == id })
			if i < 0 {
				return p, m, nil, directory.Errorf(directory.NotFound, "no such mapping")
			}
			old := m.Orgs[i]
			m.Orgs = slices.Delete(slices.Clone(m.Orgs), i, i+1)
			return p, m, []directory.Change{directory.NewChange("organizationMapping/"+string(id), old, nil)}, nil
		})
	return err
}

// Reorder puts all mappings of the provider in the order of ids, which is their priority.
// Errors: NotFound; Invalid; what check returns.
func (s OrgMappings) Reorder(
	ctx context.Context, p directory.ProviderID, check func(directory.Provider) error, ids []directory.MappingID,
) (directory.Provider, directory.MappingSet, error) {
	return s.updateMappings(ctx, p, check,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			var was []directory.MappingID
			var orgs []directory.OrgMapping
			for _, o := range m.Orgs {
				was = append(was, o.ID)
			}
			var wrong []directory.MappingID // unknown, repeated or missing
			for i, id := range ids {
				if k := slices.Index(was, id); k >= 0 && !slices.Contains(ids[:i], id) {
					orgs = append(orgs, m.Orgs[k])
				} else {
					wrong = append(wrong, id)
				}
			}
			for _, id := range was {
				if !slices.Contains(ids, id) {
					wrong = append(wrong, id)
				}
			}
			if len(wrong) > 0 {
				return p, m, nil, &directory.Error{Kind: directory.Invalid, Attr: "mappings",
					Detail: "mappings must hold the id of every organization mapping of the provider, once; see to " +
						strings.Join(directory.Named(wrong), ", ")}
			}
			if slices.Equal(was, ids) {
				return p, m, nil, nil
			}
			m.Orgs = orgs
			return p, m, []directory.Change{directory.NewChange("organizationMappingOrder", was, ids)}, nil
		})
}
