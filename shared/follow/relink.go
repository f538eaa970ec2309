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
	i := slices.IndexFunc(e.Changes, func(c directory.Change) bool { return c.Attr == directory.AttrExternalID })
	if i < 0 || !directory.IsObjectID(directory.TextOf(e.Changes[i].After)) {
		return nil
	}
	p, err := s.ports.Providers.Provider(ctx, t, e.Provider)
	if err != nil || p.NoRelink || p.State == directory.ProviderDeleting {
		return directory.IgnoreNotFound(err)
	}
	now := directory.Lookup{Attr: directory.AttrExternalID, Value: directory.TextOf(e.Changes[i].After)}
	same, err := s.ports.Groups.FindGroups(ctx, t, e.Provider, now, 2, directory.GroupWant{}, nil)
	if err != nil || len(same) != 1 || same[0].ID != e.Group {
		return err
	}
	m, err := s.ports.Mappings.MappingSet(ctx, t, e.Provider)
	if err != nil {
		return err
	}
	lists, err := s.ports.Watchlists.ListWatchlists(ctx, t)
	if err != nil {
		return err
	}
	g := same[0].Group
	old := formerGroup(g, m, lists)
	if old == "" {
		return nil
	}
	if gone, err := s.justDeleted(ctx, t, e, old); err != nil || !gone {
		return err
	}
	from, to := directory.MappedGroup{ID: old}, directory.MappedGroup{ID: g.ID, Name: g.DisplayName, ExternalID: g.ExternalID, Was: old}
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
		for _, id := range members {
			after = id
			if id.IsUser() {
				if err := r.resolve(ctx, r.member(id), directory.OnEvent); err != nil {
					return err
				}
			}
		}
		if len(members) < batch {
			return nil
		}
	}
}

// formerGroup returns the one other group with g's externalId that mappings and watchlists name, "" for none or several.
func formerGroup(g directory.Group, m directory.MappingSet, lists []directory.Watchlist) (old directory.GroupID) {
	several := false
	see := func(named directory.MappedGroup) {
		if named.ExternalID != g.ExternalID || named.ID == g.ID || named.Final {
			return
		}
		several = several || old != "" && old != named.ID
		old = named.ID
	}
	for _, o := range m.Orgs {
		for _, named := range o.Groups {
			see(named)
		}
	}
	for _, r := range slices.Concat(m.Roles, m.Proposed) {
		for _, named := range r.Groups {
			see(named)
		}
	}
	for _, l := range lists {
		for _, named := range l.Groups {
			if named.Provider == g.Provider {
				see(named.MappedGroup)
			}
		}
	}
	if several {
		return ""
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
			n, changes := m.WithGroup(from, to)
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
		if _, names := l.WithGroup(cause.Provider, from, to); !names {
			continue
		}
		_, err := s.ports.Watchlists.UpdateWatchlist(ctx, t, l.ID, nil,
			func(was directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
				n, changed := was.WithGroup(cause.Provider, from, to)
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
