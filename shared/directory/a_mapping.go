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

// GroupsState says whether groups are left to map.
type GroupsState string

// The states of a provider's groups, as a kind of mapping sees them.
const (
	GroupsNone   GroupsState = "none"       // there are no SCIM groups available
	GroupsMapped GroupsState = "all-mapped" // all SCIM groups are mapped
	GroupsOpen   GroupsState = "some-unmapped"
)

// GroupUse is how many groups a provider has, and how many of them no mapping of a kind names.
type GroupUse struct{ Total, Unmapped int }

// State is what a dialog says about them.
func (u GroupUse) State() GroupsState {
	switch {
	case u.Total == 0:
		return GroupsNone
	case u.Unmapped == 0:
		return GroupsMapped
	}
	return GroupsOpen
}

// MappingState is a provider's mappings with what has become of what they name.
type MappingState struct {
	Provider Provider
	Mappings Mappings
	Orgs     map[OrgID]Organization // those that settings and mappings name
	Roles    Catalogue
	Present  map[GroupID]Group // the mapped groups that exist; the others were deleted in the directory
	Relink   map[GroupID]Group // for a deleted group: one with its externalId that came since
	OrgUse   GroupUse
	RoleUse  GroupUse
}

// MappingState reads a provider's mappings.
// Errors: NotFound.
func (s *Service) MappingState(ctx context.Context, a Admin, id ProviderID) (MappingState, error) {
	p, err := s.ProviderByID(ctx, a, id)
	if err != nil {
		return MappingState{}, err
	}
	st := MappingState{Provider: p, Present: map[GroupID]Group{}, Relink: map[GroupID]Group{}}
	if st.Mappings, err = s.Settings.Mappings(ctx, a.Tenant, id); err != nil {
		return st, err
	}
	if st.Roles, err = s.Settings.Catalogue(ctx, a.Tenant); err != nil {
		return st, err
	}
	ids := []OrgID{p.OrgMapping.Org, p.OrgMapping.Template}
	mapped := map[GroupID]MappedGroup{}
	for _, m := range st.Mappings.Orgs {
		ids = append(ids, m.Org)
		for _, g := range m.Groups {
			mapped[g.ID] = g
		}
	}
	for _, m := range st.Mappings.Roles {
		for _, g := range m.Groups {
			mapped[g.ID] = g
		}
	}
	if st.Orgs, err = s.Organizations.OrganizationsByID(ctx, a.Tenant, slices.DeleteFunc(ids, func(id OrgID) bool { return id == "" })); err != nil {
		return st, err
	}
	byExternal := map[string]Group{}
	err = s.walkGroups(ctx, a.Tenant, id, func(g Group) {
		org, role := st.Mappings.Uses(g.ID)
		st.OrgUse.add(org)
		st.RoleUse.add(role)
		if _, named := mapped[g.ID]; named {
			st.Present[g.ID] = g
		} else if g.ExternalID != "" {
			byExternal[g.ExternalID] = g
		}
	})
	for id, g := range mapped {
		if now, found := byExternal[g.ExternalID]; found && st.Present[id].ID == "" {
			st.Relink[id] = now
		}
	}
	return st, err
}

func (u *GroupUse) add(m MappingID) {
	if u.Total++; m == "" {
		u.Unmapped++
	}
}

// walkGroups hands the groups of a provider to fn, at most MaxWalk.
func (s *Service) walkGroups(ctx context.Context, t TenantID, p ProviderID, fn func(Group)) error {
	after := ""
	for seen := 0; seen < MaxWalk; {
		page, err := s.Groups.ListGroups(ctx, t, p, Page{ByCursor: true, After: after, Count: 500}, GroupWant{}, nil)
		if err != nil {
			return err
		}
		for _, g := range page.Groups {
			fn(g.Group)
			after = string(g.ID)
		}
		if !page.More {
			return nil
		}
		seen += len(page.Groups)
	}
	return nil
}
