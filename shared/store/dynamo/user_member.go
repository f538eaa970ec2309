package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// beforeUsers sorts after the rows of members that are groups and before those of users.
const beforeUsers = "h"

// MemberUsers implements directory.Users: it reads the rows of the page's members and then their users.
func (s userStore) MemberUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GroupID, page directory.Page, want directory.UserWant,
	admit directory.Admit,
) (out directory.UserPage, err error) {
	h := homeFor(t, p, false)
	var g groupHead
	var ok bool
	_, _, err = s.readAdmitted(ctx, t, p, admit, nil, func(ctx context.Context) (err error) {
		g, ok, err = s.head(ctx, h, p, id)
		return err
	})
	if err != nil || !ok {
		return out, err
	}
	var groups int
	var members []directory.ScimID
	from := max(directory.ScimID(page.After), beforeUsers)
	err = parallel(ctx, func(ctx context.Context) (err error) {
		groups, err = s.memberGroups(ctx, h, g)
		return err
	}, func(ctx context.Context) (err error) {
		if page.Count > 0 {
			members, err = s.members(ctx, h, g, from, page.Count+1)
		}
		return err
	})
	out.Total = g.MemberCount - groups
	for err == nil && len(members) > 0 {
		out.More = len(members) > page.Count-len(out.Users)
		members = members[:min(len(members), page.Count-len(out.Users))]
		var us []directory.User
		if us, err = s.presentUsers(ctx, h, members); err != nil {
			return out, err
		}
		vs, err := s.views(ctx, h, us, want)
		if out.Users = append(out.Users, vs...); err != nil || !out.More || len(out.Users) == page.Count {
			return out, err
		}
		// Rows of users who have just been removed made room for others.
		if members, err = s.members(ctx, h, g, members[len(members)-1], page.Count+1-len(out.Users)); err != nil {
			return out, err
		}
	}
	return out, err
}

// memberGroups returns how many members of a group are groups.
func (s *Store) memberGroups(ctx context.Context, h home, g groupHead) (int, error) {
	is := map[directory.ScimID]bool{}
	its, _, err := s.query(ctx, span{pk: h.members(g.ID), hi: beforeUsers})
	for _, it := range its {
		is[directory.ScimID(text(it, "SK"))] = true
	}
	if err == nil {
		err = s.overlay(ctx, g, func(m directory.ScimID, member bool) {
			if delete(is, m); member && m.IsGroup() {
				is[m] = true
			}
		})
	}
	return len(is), err
}

// presentUsers reads the users at SCIM ids that exist, in the same order.
func (s *Store) presentUsers(ctx context.Context, h home, ids []directory.ScimID) ([]directory.User, error) {
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = h.user(string(id))
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var restored []key // the records behind aliases
	for _, it := range got {
		if uid := text(it, "alias"); uid != "" {
			restored = append(restored, h.user(uid))
		}
	}
	behind, err := s.get(ctx, restored...)
	if err != nil {
		return nil, err
	}
	var us []directory.User
	for i, k := range keys {
		it := got[k]
		if uid := text(it, "alias"); uid != "" {
			it = behind[h.user(uid)]
		}
		u, ok, err := decodeUser(it)
		if err != nil {
			return nil, err
		}
		if ok && u.ScimID == ids[i] {
			us = append(us, u)
		}
	}
	return us, nil
}
