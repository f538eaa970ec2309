package administration

import (
	"context"
	"slices"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// mappingEdit computes a provider's new mappings, and the changes for the log. It is pure and may run several times. No
// changes: nothing is written.
type mappingEdit func(directory.Provider, directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error)

// updateMappings runs an edit; each edit with an effect increments ConfigVersion. check sees the provider first.
func (s *session) updateMappings(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, edit mappingEdit,
) (directory.Provider, directory.MappingSet, error) {
	return s.changeMappings(ctx, id, check, false, edit)
}

// changeMappings is updateMappings; typed says whether privileged roles have to be confirmed without dual control.
func (s *session) changeMappings(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, typed bool, edit mappingEdit,
) (directory.Provider, directory.MappingSet, error) {
	if _, err := (Providers{s}).ByID(ctx, id); err != nil {
		return directory.Provider{}, directory.MappingSet{}, err
	}
	c, now, err := s.question(ctx, false)
	if err != nil {
		return directory.Provider{}, directory.MappingSet{}, err
	}
	apply := func(old directory.Provider, was directory.MappingSet) (directory.Provider, directory.MappingSet, *directory.LogEntry, error) {
		if old.State == directory.ProviderDeleting {
			return old, was, nil, &directory.Error{Kind: directory.Conflict, Detail: "the provider is being deleted"}
		}
		if err := check(old); err != nil {
			return old, was, nil, err
		}
		p, m, changes, err := edit(old, was)
		if err != nil || len(changes) == 0 {
			return old, was, nil, err
		}
		if err := m.Check(); err != nil {
			return old, was, nil, err
		}
		if err := c.ask(providerSubject(id), now.with(&old, &was), now.with(&p, &m), typed); err != nil {
			return old, was, nil, err
		}
		p.Version, p.Modified = old.Version+1, directory.Latest(old.Modified, s.rt.Time())
		m.Version = was.Version + 1
		if hasEffect(changes) {
			p.ConfigVersion++
			changes = append(changes, directory.NewChange("configVersion", old.ConfigVersion, p.ConfigVersion))
		}
		e := s.entry(directory.MappingsUpdated)
		e.Target, e.Name, e.Changes, e.Version = string(id), p.DisplayName, changes, p.Version
		return p, m, &e, nil
	}
	return s.ports.Mappings.UpdateMappings(ctx, s.tenant, id, apply)
}

// mappedGroups finds groups of a provider by id; those that mappings already name need not exist any more.
func (s *session) mappedGroups(ctx context.Context, p directory.ProviderID, ids []directory.GroupID) ([]directory.MappedGroup, error) {
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p)
	if err != nil {
		return nil, err
	}
	known := map[directory.GroupID]directory.MappedGroup{}
	for _, g := range m.Groups() {
		known[g.ID] = g
	}
	if len(ids) > directory.MaxMappedGroups {
		return nil, directory.Errorf(directory.TooMany, "a mapping has at most %d groups", directory.MaxMappedGroups)
	}
	var out []directory.MappedGroup
	var unknown []directory.GroupID
	for _, id := range ids {
		v, err := s.ports.Groups.ReadGroup(ctx, s.tenant, p, id, directory.GroupWant{}, nil)
		g, named := known[id]
		switch {
		case err == nil:
			g = g.Now(v.Group)
		case !directory.IsKind(err, directory.NotFound):
			return nil, err
		case !named:
			unknown = append(unknown, id)
		}
		out = append(out, g)
	}
	return out, noneOf("groups", "must hold ids of groups that exist", unknown)
}

// GroupsState says whether there are groups to map.
type GroupsState string

// The states of a provider's groups, as a kind of mapping sees them.
const (
	GroupsNone   GroupsState = "none"       // there are no SCIM groups available
	GroupsMapped GroupsState = "all-mapped" // all SCIM groups are mapped
	GroupsOpen   GroupsState = "some-unmapped"
)

// GroupUse is how many groups a provider has, and how many of them are in no mapping of a kind.
type GroupUse struct{ Total, Unmapped int }

// State summarizes the counts.
func (u GroupUse) State() GroupsState {
	switch {
	case u.Total == 0:
		return GroupsNone
	case u.Unmapped == 0:
		return GroupsMapped
	}
	return GroupsOpen
}

// MappingState is a provider's mappings with the records that they name.
type MappingState struct {
	Provider directory.Provider
	Mappings directory.MappingSet
	Orgs     map[directory.OrgID]directory.Organization // those that settings and mappings name
	Roles    directory.Catalogue
	Present  map[directory.GroupID]directory.Group // the mapped groups that exist; the others were deleted in the directory
	Relink   map[directory.GroupID]directory.Group // for a deleted group: a newer one with its externalId
	OrgUse   GroupUse
	RoleUse  GroupUse
}

// State reads a provider's mappings.
// Errors: NotFound.
func (s Mappings) State(ctx context.Context, id directory.ProviderID) (MappingState, error) {
	p, err := Providers(s).ByID(ctx, id)
	if err != nil {
		return MappingState{}, err
	}
	st := MappingState{Provider: p, Present: map[directory.GroupID]directory.Group{}, Relink: map[directory.GroupID]directory.Group{}}
	if st.Mappings, err = s.ports.Mappings.MappingSet(ctx, s.tenant, id); err != nil {
		return st, err
	}
	if st.Roles, err = s.ports.Roles.Catalogue(ctx, s.tenant); err != nil {
		return st, err
	}
	ids := []directory.OrgID{p.OrgMapping.Org, p.OrgMapping.Template}
	mapped := map[directory.GroupID]directory.MappedGroup{}
	for _, m := range st.Mappings.Orgs {
		ids = append(ids, m.Org)
	}
	for _, g := range st.Mappings.Groups() {
		mapped[g.ID] = g
	}
	if st.Orgs, err = s.ports.Organizations.OrganizationsByID(ctx, s.tenant,
		slices.DeleteFunc(ids, func(id directory.OrgID) bool { return id == "" })); err != nil {
		return st, err
	}
	byExternal := map[string]directory.Group{}
	err = s.walkGroups(ctx, id, func(g directory.Group) {
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

// Unlink undoes that a group took the place of a deleted one when it came back: mappings and watchlists name the deleted
// one again, which it returns, for good. check sees the provider first.
// Errors: NotFound (provider, or no group with the id took another's place); what check returns.
func (s Mappings) Unlink(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, g directory.GroupID,
) (directory.Provider, directory.MappedGroup, error) {
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, id)
	if err != nil {
		return directory.Provider{}, directory.MappedGroup{}, err
	}
	ws, err := Watchlists(s).Of(ctx, id)
	if err != nil {
		return directory.Provider{}, directory.MappedGroup{}, err
	}
	named := follow.NamedGroups(m, id, ws)
	i := slices.IndexFunc(named, func(n directory.MappedGroup) bool { return n.ID == g && n.Was != "" })
	if i < 0 {
		return directory.Provider{}, directory.MappedGroup{},
			directory.Errorf(directory.NotFound, "no group with this id took the place of a deleted one")
	}
	linked := named[i]
	old := directory.MappedGroup{ID: linked.Was, Name: linked.Name, ExternalID: linked.ExternalID, Final: true}
	p, _, err := s.updateMappings(ctx, id, check,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			n, changes := follow.WithGroup(m, linked, old)
			return p, n, changes, nil
		})
	if err != nil {
		return p, old, err
	}
	for _, w := range ws {
		if _, names := follow.WatchlistWithGroup(w, id, linked, old); !names {
			continue
		}
		_, err := Watchlists(s).storeWatchlist(ctx, w.ID, nil, func(now directory.Watchlist) (directory.Watchlist, error) {
			n, _ := follow.WatchlistWithGroup(now, id, linked, old)
			return n, nil
		})
		if err != nil {
			return p, old, err
		}
	}
	return p, old, nil
}

func (u *GroupUse) add(m directory.MappingID) {
	u.Total++
	if m == "" {
		u.Unmapped++
	}
}

// walkGroups calls fn for the groups of a provider, at most MaxWalk.
func (s Mappings) walkGroups(ctx context.Context, p directory.ProviderID, fn func(directory.Group)) error {
	after := ""
	for seen := 0; seen < directory.MaxWalk; {
		page, err := s.ports.Groups.ListGroups(ctx, s.tenant, p, directory.Page{ByCursor: true, After: after, Count: 500}, directory.GroupWant{},
			nil)
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
