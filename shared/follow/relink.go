package follow

import (
	"context"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// relinkWithin is how long after its deletion a group that comes back is the same one.
const relinkWithin = 30 * 24 * time.Hour

// relinkGroup lets a group that was deleted and created again take its old place in mappings and watchlists, before its
// members are looked at (C32): the provider gave it the same externalId, an object id, within 30 days.
func (s *Service) relinkGroup(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	externalID := directory.TextOf(after(e, directory.AttrExternalID))
	if !directory.IsObjectID(externalID) {
		return nil
	}
	m, err := s.ports.Mappings.MappingSet(ctx, t, e.Provider)
	if err != nil {
		return err
	}
	lists, err := s.ports.Watchlists.ListWatchlists(ctx, t)
	if err != nil {
		return err
	}
	old := formerGroup(NamedGroups(m, e.Provider, lists), e.Group, externalID)
	if old == "" {
		return nil
	}
	p, err := s.ports.Providers.Provider(ctx, t, e.Provider)
	if err != nil || p.NoRelink || p.State == directory.ProviderDeleting {
		return directory.IgnoreNotFound(err)
	}
	now := directory.Lookup{Attr: directory.AttrExternalID, Value: externalID}
	same, err := s.ports.Groups.FindGroups(ctx, t, e.Provider, now, 2, directory.GroupWant{}, nil)
	if err != nil || len(same) != 1 || same[0].ID != e.Group {
		return err
	}
	if gone, err := s.justDeleted(ctx, t, e, old); err != nil || !gone {
		return err
	}
	from, to := directory.MappedGroup{ID: old}, directory.MappedGroup{}.Now(same[0].Group)
	to.Was = old
	if err := s.relinkMappings(ctx, t, e, from, to); err != nil {
		return err
	}
	if err := s.relinkWatchlists(ctx, t, e, lists, from, to); err != nil {
		return err
	}
	return s.placeGroup(ctx, t, e)
}

// placeGroup resolves the users who are in the group of an entry by now.
func (s *Service) placeGroup(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	r, err := s.resolver(ctx, t, e.Provider, fromEntry(e))
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	const batch = 1000
	for after := directory.ScimID(""); ; {
		members, err := s.ports.Groups.Members(ctx, t, e.Provider, e.Group, after, batch)
		if err != nil {
			return directory.IgnoreNotFound(err)
		}
		if err := r.resolveMembers(ctx, members); err != nil || len(members) < batch {
			return err
		}
		after = members[len(members)-1]
	}
}

// formerGroup returns the one group other than g among those named that has an externalId, "" for none or several.
func formerGroup(named []directory.MappedGroup, g directory.GroupID, externalID string) (old directory.GroupID) {
	for _, n := range named {
		switch {
		case n.ExternalID != externalID || n.ID == g || n.Final || n.ID == old:
		case old != "":
			return ""
		default:
			old = n.ID
		}
	}
	return old
}

// justDeleted reports whether the directory deleted a group not long before an entry.
func (s *Service) justDeleted(ctx context.Context, t directory.TenantID, e directory.LogEntry, id directory.GroupID) (bool, error) {
	_, err := s.ports.Groups.ReadGroup(ctx, t, e.Provider, id, directory.GroupWant{}, nil)
	if !directory.IsKind(err, directory.NotFound) {
		return false, err
	}
	es, err := s.ports.Log.Entries(ctx, t, directory.LogQuery{Group: id, Since: e.At.Add(-relinkWithin), Count: 10})
	return slices.ContainsFunc(es, func(x directory.LogEntry) bool {
		return x.Action == directory.GroupDeleted && x.Provider == e.Provider && !x.At.After(e.At)
	}), err
}

func (s *Service) relinkMappings(
	ctx context.Context, t directory.TenantID, cause directory.LogEntry, from, to directory.MappedGroup,
) error {
	_, _, err := s.ports.Mappings.UpdateMappings(ctx, t, cause.Provider,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, *directory.LogEntry, error) {
			n, changes := WithGroup(m, from, to)
			if len(changes) == 0 || p.State == directory.ProviderDeleting {
				return p, m, nil, nil
			}
			was := p
			p.Version, p.Modified, p.ConfigVersion = was.Version+1, directory.Latest(was.Modified, s.rt.Time()), was.ConfigVersion+1
			n.Version = m.Version + 1
			e := s.entry(fromEntry(cause), directory.MappingsUpdated)
			e.Provider, e.Audit, e.Target, e.Name, e.Version = "", true, string(p.ID), p.DisplayName, p.Version
			changes = append(changes, directory.NewChange("configVersion", was.ConfigVersion, p.ConfigVersion))
			e.Changes = changes
			return p, n, &e, nil
		})
	return directory.IgnoreNotFound(err)
}

func (s *Service) relinkWatchlists(
	ctx context.Context, t directory.TenantID, cause directory.LogEntry, lists []directory.Watchlist,
	from, to directory.MappedGroup,
) error {
	for _, l := range lists {
		if _, names := WatchlistWithGroup(l, cause.Provider, from, to); !names {
			continue
		}
		_, err := s.ports.Watchlists.UpdateWatchlist(ctx, t, l.ID, nil,
			func(was directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
				n, changed := WatchlistWithGroup(was, cause.Provider, from, to)
				if !changed {
					return was, nil, nil
				}
				n.Version, n.Modified = was.Version+1, directory.Latest(was.Modified, s.rt.Time())
				e := s.entry(fromEntry(cause), directory.WatchlistUpdated)
				e.Provider, e.Audit, e.Target, e.Name, e.Version = "", true, string(n.ID), n.Title, n.Version
				e.Changes = []directory.Change{directory.NewChange("groups", was.Groups, n.Groups)}
				return n, &e, nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// NamedGroups returns the groups of a provider that its mappings, also proposed ones, and watchlists name.
func NamedGroups(m directory.MappingSet, p directory.ProviderID, lists []directory.Watchlist) []directory.MappedGroup {
	out := m.Groups()
	for _, r := range m.Proposed {
		out = append(out, r.Groups...)
	}
	for _, w := range lists {
		for _, g := range w.Groups {
			if g.Provider == p {
				out = append(out, g.MappedGroup)
			}
		}
	}
	return out
}

// same reports whether x names the group g, which took the place of the same one, if of any.
func same(g, x directory.MappedGroup) bool { return x.ID == g.ID && (g.Was == "" || x.Was == g.Was) }

// replace returns groups with to in the place of from, unless to is among them; and whether anything changed.
func replace(groups []directory.MappedGroup, from, to directory.MappedGroup) ([]directory.MappedGroup, bool) {
	i := slices.IndexFunc(groups, func(x directory.MappedGroup) bool { return same(from, x) })
	if i < 0 || slices.ContainsFunc(groups, func(g directory.MappedGroup) bool { return g.ID == to.ID }) {
		return groups, false
	}
	groups = slices.Clone(groups)
	groups[i] = to
	return groups, true
}

// WithGroup returns m with to in the place of from, in all mappings of the kinds that do not name to, and
// the changes for the log.
func WithGroup(m directory.MappingSet, from, to directory.MappedGroup) (directory.MappingSet, []directory.Change) {
	var changes []directory.Change
	org, role := m.Uses(to.ID)
	if org == "" {
		m.Orgs = slices.Clone(m.Orgs)
		for i, o := range m.Orgs {
			was, changed := o, false
			if o.Groups, changed = replace(o.Groups, from, to); changed {
				m.Orgs[i] = o
				changes = append(changes, directory.NewChange("organizationMapping/"+string(o.ID), was, o))
			}
		}
	}
	if role != "" {
		return m, changes
	}
	inRoles := func(rs []directory.RoleMapping, attr string) []directory.RoleMapping {
		rs = slices.Clone(rs)
		for i, r := range rs {
			was, changed := r, false
			if r.Groups, changed = replace(r.Groups, from, to); changed {
				rs[i] = r
				changes = append(changes, directory.NewChange(attr+string(r.ID), was, r))
			}
		}
		return rs
	}
	m.Roles, m.Proposed = inRoles(m.Roles, "roleMapping/"), inRoles(m.Proposed, directory.AttrProposed)
	return m, changes
}

// WatchlistWithGroup returns w with to in the place of a group of a provider, unless w names to; and whether anything changed.
func WatchlistWithGroup(w directory.Watchlist, p directory.ProviderID, from, to directory.MappedGroup) (directory.Watchlist, bool) {
	i := slices.IndexFunc(w.Groups, func(x directory.WatchlistGroup) bool { return x.Provider == p && same(from, x.MappedGroup) })
	if i < 0 || slices.ContainsFunc(w.Groups, func(x directory.WatchlistGroup) bool { return x.Provider == p && x.ID == to.ID }) {
		return w, false
	}
	w.Groups = slices.Clone(w.Groups)
	w.Groups[i].MappedGroup = to
	return w, true
}
