package directory

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/casefold"
)

// SearchGroups reads a page of a provider's groups whose display name contains text, ignoring case, and
// where the next one begins: "" at the end. A page may hold fewer than asked for when MaxWalk groups were
// looked at.
// Errors: NotFound (the provider).
func (s *Service) SearchGroups(ctx context.Context, a Admin, p ProviderID, text string, after GroupID, count int) ([]Group, GroupID, error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return nil, "", err
	}
	text = casefold.Fold(text)
	var out []Group
	for seen := 0; seen < MaxWalk; {
		page, err := s.Groups.ListGroups(ctx, a.Tenant, p, Page{ByCursor: true, After: string(after), Count: max(count, 100)}, GroupWant{}, nil)
		if err != nil {
			return nil, "", err
		}
		for i, v := range page.Groups {
			after = v.ID
			if strings.Contains(v.DisplayNameKey(), text) {
				out = append(out, v.Group)
			}
			if len(out) == count && (page.More || i+1 < len(page.Groups)) {
				return out, after, nil
			}
		}
		if !page.More {
			return out, "", nil
		}
		seen += len(page.Groups)
	}
	return out, after, nil
}

// GroupByID reads a group of a provider of the tenant.
// Errors: NotFound.
func (s *Service) GroupByID(ctx context.Context, a Admin, p ProviderID, id GroupID) (Group, error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return Group{}, err
	}
	v, err := s.Groups.ReadGroup(ctx, a.Tenant, p, id, GroupWant{}, nil)
	return v.Group, err
}

// GroupMember is a member as administrators see it: a user or a nested group.
type GroupMember struct {
	ID    ScimID
	User  *User  // nil for a group, and for one who left between two reads
	Group *Group // nil for a user
}

// GroupMembers reads a page of a group's members in the order of their ids, after the given one, and
// where the next page begins: "" at the end.
// Errors: NotFound.
func (s *Service) GroupMembers(ctx context.Context, a Admin, p ProviderID, id GroupID, after ScimID, count int) ([]GroupMember, ScimID, error) {
	if _, err := s.GroupByID(ctx, a, p, id); err != nil {
		return nil, "", err
	}
	ids, err := s.Groups.Members(ctx, a.Tenant, p, id, after, count+1)
	if err != nil {
		return nil, "", err
	}
	var next ScimID
	if len(ids) > count {
		ids = ids[:count]
		next = ids[count-1]
	}
	out := make([]GroupMember, len(ids))
	for i, m := range ids {
		out[i].ID = m
		if m.IsGroup() {
			v, err := s.Groups.ReadGroup(ctx, a.Tenant, p, GroupID(m), GroupWant{}, nil)
			if err == nil {
				out[i].Group = &v.Group
			} else if !IsKind(err, NotFound) {
				return nil, "", err
			}
			continue
		}
		v, err := s.Users.ReadUser(ctx, a.Tenant, p, m, UserWant{}, nil)
		if err == nil {
			out[i].User = &v.User
		} else if !IsKind(err, NotFound) {
			return nil, "", err
		}
	}
	return out, next, nil
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
