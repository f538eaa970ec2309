package administration

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
)

// Search reads a page of a provider's groups whose display name contains text, ignoring case, and the id to continue
// after: "" at the end. A page may hold fewer than asked for when MaxWalk groups were read.
// Errors: NotFound (the provider).
func (s Groups) Search(
	ctx context.Context, p directory.ProviderID, text string, after directory.GroupID, count int,
) ([]directory.Group, directory.GroupID, error) {
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return nil, "", err
	}
	text = casefold.Fold(text)
	read := func(after directory.GroupID, n int) ([]directory.Group, bool, error) {
		page, err := s.ports.Groups.ListGroups(ctx, s.tenant, p, directory.Page{ByCursor: true, After: string(after), Count: n},
			directory.GroupWant{}, nil)
		gs := make([]directory.Group, len(page.Groups))
		for i, v := range page.Groups {
			gs[i] = v.Group
		}
		return gs, page.More, err
	}
	return filtered(after, count, read, func(g directory.Group) directory.GroupID { return g.ID },
		func(g directory.Group) bool { return strings.Contains(g.DisplayNameKey(), text) })
}

// ByID reads a group of a provider of the tenant.
// Errors: NotFound.
func (s Groups) ByID(ctx context.Context, p directory.ProviderID, id directory.GroupID) (directory.Group, error) {
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return directory.Group{}, err
	}
	v, err := s.ports.Groups.ReadGroup(ctx, s.tenant, p, id, directory.GroupWant{}, nil)
	return v.Group, err
}

// GroupMember is a member as administrators see it: a user or a nested group.
type GroupMember struct {
	ID    directory.ScimID
	User  *directory.User  // nil for a group, and for a user removed between two reads
	Group *directory.Group // nil for a user
}

// Members reads a page of a group's members in the order of their ids, after the given one, and the id to continue
// after: "" at the end.
// Errors: NotFound.
func (s Groups) Members(
	ctx context.Context, p directory.ProviderID, id directory.GroupID, after directory.ScimID, count int,
) ([]GroupMember, directory.ScimID, error) {
	if _, err := s.ByID(ctx, p, id); err != nil {
		return nil, "", err
	}
	ids, err := s.ports.Groups.Members(ctx, s.tenant, p, id, after, count+1)
	if err != nil {
		return nil, "", err
	}
	var next directory.ScimID
	if len(ids) > count {
		ids = ids[:count]
		next = ids[count-1]
	}
	out := make([]GroupMember, len(ids))
	for i, m := range ids {
		out[i].ID = m
		if m.IsGroup() {
			v, err := s.ports.Groups.ReadGroup(ctx, s.tenant, p, directory.GroupID(m), directory.GroupWant{}, nil)
			if err == nil {
				out[i].Group = &v.Group
			} else if !directory.IsKind(err, directory.NotFound) {
				return nil, "", err
			}
			continue
		}
		v, err := s.ports.Users.ReadUser(ctx, s.tenant, p, m, directory.UserWant{}, nil)
		if err == nil {
			out[i].User = &v.User
		} else if !directory.IsKind(err, directory.NotFound) {
			return nil, "", err
		}
	}
	return out, next, nil
}

// Usage returns the mappings and watchlists that name each of a provider's groups.
func (s Groups) Usage(ctx context.Context, p directory.ProviderID, ids []directory.GroupID) (map[directory.GroupID]GroupUsage, error) {
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p)
	if err != nil {
		return nil, err
	}
	lists, err := s.ports.Watchlists.ListWatchlists(ctx, s.tenant)
	out := make(map[directory.GroupID]GroupUsage, len(ids))
	for _, id := range ids {
		var u GroupUsage
		u.Org, u.Role = m.Uses(id)
		for _, w := range lists {
			if slices.ContainsFunc(w.Groups, func(g directory.WatchlistGroup) bool { return g.Provider == p && g.ID == id }) {
				u.Lists = append(u.Lists, w.ID)
			}
		}
		out[id] = u
	}
	return out, err
}

// GroupUsage is the mappings and watchlists that name a group.
type GroupUsage struct {
	Org, Role directory.MappingID // "" for none
	Lists     []directory.WatchlistID
}
