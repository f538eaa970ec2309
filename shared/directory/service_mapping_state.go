package directory

import (
	"context"
	"slices"
)

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

// UsageOf tells what names a group: mappings of its provider and watchlists.
func (s *Service) UsageOf(ctx context.Context, a Admin, p ProviderID, ids []GroupID) (map[GroupID]GroupUsage, error) {
	m, err := s.Settings.Mappings(ctx, a.Tenant, p)
	if err != nil {
		return nil, err
	}
	lists, err := s.Settings.Watchlists(ctx, a.Tenant)
	out := make(map[GroupID]GroupUsage, len(ids))
	for _, id := range ids {
		var u GroupUsage
		u.Org, u.Role = m.Uses(id)
		for _, w := range lists {
			if slices.ContainsFunc(w.Groups, func(g WatchedGroup) bool { return g.Provider == p && g.ID == id }) {
				u.Lists = append(u.Lists, w.ID)
			}
		}
		out[id] = u
	}
	return out, err
}

// GroupUsage is what names a group.
type GroupUsage struct {
	Org, Role MappingID // "" for none
	Lists     []WatchlistID
}
