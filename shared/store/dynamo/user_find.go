package dynamo

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// beforeUsers sorts after the rows of members that are groups and before those of users.
const beforeUsers = "h"

// MemberUsers implements directory.Users: it reads the rows of the page's members and then their users.
func (s userStore) MemberUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GroupID, page directory.Page, want directory.UserWant,
	admit directory.Admit,
) (out directory.UserPage, err error) {
	h := schema.HomeFor(t, p, false)
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
	err = meter.Parallel(ctx, func(ctx context.Context) (err error) {
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
func (s *Store) memberGroups(ctx context.Context, h schema.Home, g groupHead) (int, error) {
	is := map[directory.ScimID]bool{}
	its, _, err := s.query(ctx, span{pk: h.Members(g.ID), hi: beforeUsers})
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
func (s *Store) presentUsers(ctx context.Context, h schema.Home, ids []directory.ScimID) ([]directory.User, error) {
	keys := make([]schema.Key, len(ids))
	for i, id := range ids {
		keys[i] = h.User(string(id))
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var restored []schema.Key // the records behind aliases
	for _, it := range got {
		if uid := text(it, "alias"); uid != "" {
			restored = append(restored, h.User(uid))
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
			it = behind[h.User(uid)]
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

func (s userStore) FindUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, key directory.Lookup, limit int, want directory.UserWant,
	admit directory.Admit,
) ([]directory.UserView, error) {
	switch key.Attr {
	case directory.AttrUserName:
		return s.findUserName(ctx, t, p, key.Value, limit, want, admit)
	case directory.AttrWorkEmail:
		return s.findEmail(ctx, t, p, key, limit, want, admit)
	}
	us, _, err := s.findLookups(ctx, t, p, key, limit, admit)
	if err != nil {
		return nil, err
	}
	return s.views(ctx, schema.HomeFor(t, p, false), us, want)
}

// findLookups reads the users who have a look-up, at most limit, together with the provider and other items.
func (s *Store) findLookups(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, l directory.Lookup, limit int, admit directory.Admit,
	also ...schema.Key,
) (us []directory.User, got map[schema.Key]item, err error) {
	h := schema.HomeFor(t, p, false)
	var its []item
	var more bool
	_, got, err = s.readAdmitted(ctx, t, p, admit, also, func(ctx context.Context) (err error) {
		its, more, err = s.query(ctx, span{pk: h.Lookup(l), limit: max(limit, 1)})
		return err
	})
	if err != nil || limit < 1 {
		return nil, nil, err
	}
	for {
		found, err := s.holders(ctx, h, its, l)
		if err != nil {
			return nil, nil, err
		}
		// A look-up read just before its user changed does not count, so there may be room for more.
		us = append(us, found...)
		if len(us) >= limit || !more {
			return us, got, nil
		}
		if its, more, err = s.query(ctx, span{pk: h.Lookup(l), lo: after(text(its[len(its)-1], "SK")), limit: limit - len(us)}); err != nil {
			return nil, nil, err
		}
	}
}

// findEmail looks at the look-ups of a work e-mail and, in the same step, at the guard of the userName that equals it,
// whose holder may have another e-mail.
func (s *Store) findEmail(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, l directory.Lookup, limit int, want directory.UserWant,
	admit directory.Admit,
) ([]directory.UserView, error) {
	h, guard := schema.HomeFor(t, p, false), schema.NameGuard(t, l.Value)
	us, got, err := s.findLookups(ctx, t, p, l, limit, admit, guard)
	holder := got[guard]
	switch {
	case err == nil && holder != nil && text(holder, "p") == string(p):
		var named []directory.User
		named, err = s.holders(ctx, h, []item{h.User(text(holder, "uid")).Item()}, l)
		us = append(us, named...)
		slices.SortFunc(us, func(a, b directory.User) int { return strings.Compare(string(a.ID), string(b.ID)) })
		us = slices.CompactFunc(us, func(a, b directory.User) bool { return a.ID == b.ID })
		us = us[:min(limit, len(us))]
	case err == nil && len(us) == 0 && limit > 0:
		// A userName that has just ceased to equal the e-mail left a look-up, for which the query may have been too early.
		us, _, err = s.findLookups(ctx, t, p, l, limit, admit)
	}
	if err != nil {
		return nil, err
	}
	return s.views(ctx, h, us, want)
}

// holders reads the users of look-up items that still have the key.
func (s *Store) holders(ctx context.Context, h schema.Home, lookups []item, key directory.Lookup) ([]directory.User, error) {
	return s.usersOf(ctx, h, lookups, func(u directory.User) bool {
		return key.Attr == directory.AttrManager && directory.ManagerKey(u.Manager) == key.Value || slices.Contains(u.AllLookups(), key)
	})
}

// findUserName reads provider and guard in one call, also the guard of before (C28), then the holder's record.
func (s *Store) findUserName(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, name string, limit int, want directory.UserWant, admit directory.Admit,
) ([]directory.UserView, error) {
	h, guards := schema.HomeFor(t, p, false), []schema.Key{schema.UserNameKey(t, name)}
	if before, odd := userName(t, directory.User{Profile: directory.Profile{UserName: name}}).folded(); odd {
		guards = append(guards, before)
	}
	_, got, err := s.readAdmitted(ctx, t, p, admit, guards)
	holder := got[guards[len(guards)-1]]
	if holder == nil {
		holder = got[guards[0]]
	}
	if err != nil || limit < 1 || holder == nil || text(holder, "p") != string(p) {
		return nil, err
	}
	it, err := s.getOne(ctx, h.User(text(holder, "uid")))
	if err != nil {
		return nil, err
	}
	u, ok, err := decodeUser(it)
	if err != nil || !ok || directory.UserNameKey(u.UserName) != directory.UserNameKey(name) {
		return nil, err
	}
	return s.views(ctx, h, []directory.User{u}, want)
}

// UserIDs implements directory.Users.
func (s userStore) UserIDs(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, key directory.Lookup, limit int,
) ([]directory.UserID, error) {
	if limit < 1 {
		return nil, nil
	}
	its, _, err := s.query(ctx, span{pk: schema.HomeFor(t, p, false).Lookup(key), limit: limit, stale: key.Attr != directory.AttrManager})
	ids := make([]directory.UserID, len(its))
	for i, it := range its {
		ids[i] = directory.UserID(text(it, "SK"))
	}
	return ids, err
}
