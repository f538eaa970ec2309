package dynamo

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// userAttrs are the attributes of a user record. The parts of the key are not repeated; sid is set only if the SCIM id
// is not the id. An alias has only alias: the uid. mv counts the memberships added, so that the deletion of the user
// conflicts with adding it to a group; it is in the record at the SCIM id.
var userAttrs = []string{"v", "p", "sid", "un", "xid", "act", "mgr", "at", "lk", "ac", "ver", "cre", "mod", "gone", "due", "dueAt", "pd"}

// unlookedAttr is in a record that was never stored with a look-up of an e-mail that is the userName, and so needs none
// removed. It is not part of the user.
const unlookedAttr = "ul"

func encodeUser(t directory.TenantID, u directory.User) (item, error) {
	it := item{"v": num(schemaVersion), "p": str(string(u.Provider)), "un": str(u.UserName), "act": flag(u.Active), "ver": num(u.Version)}
	if string(u.ScimID) != string(u.ID) {
		it["sid"] = str(string(u.ScimID))
	}
	if u.ExternalID != "" {
		it["xid"] = str(u.ExternalID)
	}
	if u.Manager != "" {
		it["mgr"] = str(u.Manager)
	}
	if len(u.Attributes) > 0 {
		it["at"] = bin(u.Attributes)
	}
	putTime(it, "cre", u.Created)
	putTime(it, "mod", u.Modified)
	putTime(it, "gone", u.RemovedAt)
	if len(u.Lookups) > 0 {
		if err := putJSON(it, "lk", u.Lookups); err != nil {
			return nil, err
		}
	}
	putPending(it, t, u)
	account := u.Account
	account.Pending = nil
	if account.IsZero() {
		return it, nil
	}
	return it, putJSON(it, "ac", account)
}

// decodeUser reads a record; false for an alias.
func decodeUser(it item) (directory.User, bool, error) {
	if len(it) == 0 || text(it, "alias") != "" {
		return directory.User{}, false, nil
	}
	if err := checkVersion(it); err != nil {
		return directory.User{}, false, err
	}
	id := text(it, "SK")
	u := directory.User{
		ID: directory.UserID(id), ScimID: directory.ScimID(id), Provider: directory.ProviderID(text(it, "p")),
		Profile: directory.Profile{
			UserName: text(it, "un"), ExternalID: text(it, "xid"), Active: boolean(it, "act"), Manager: text(it, "mgr"),
			Attributes: bytesOf(it, "at"),
		},
		Version: number(it, "ver"), Created: timeOf(it, "cre"), Modified: timeOf(it, "mod"), RemovedAt: timeOf(it, "gone"),
	}
	if it["sid"] != nil {
		u.ScimID = directory.ScimID(text(it, "sid"))
	}
	if err := getJSON(it, "lk", &u.Lookups); err != nil {
		return u, false, err
	}
	if err := getJSON(it, "ac", &u.Account); err != nil {
		return u, false, err
	}
	return u, true, getPending(it, &u)
}

// indexItems returns the look-up items of u by key: nil for one that need not exist, because u is found by its userName,
// and may exist, from before. It is a pure function, so that an update can write the difference.
func indexItems(t directory.TenantID, u directory.User) map[schema.Key]item {
	out := map[schema.Key]item{}
	h := schema.HomeOf(t, u)
	look := func(h schema.Home, l directory.Lookup) {
		out[schema.Key{PK: h.Lookup(l), SK: schema.Escape(string(u.ID))}] = item{}
	}
	if u.Removed() {
		if u.Provider != "" && u.ExternalID != "" {
			look(h, directory.Lookup{Attr: directory.AttrExternalID, Value: u.ExternalID})
		}
		return out
	}
	out[schema.UserNameKey(t, u.UserName)] = item{"uid": str(string(u.ID)), "p": str(string(u.Provider))}
	for _, l := range u.AllLookups() {
		look(h, l)
		if u.FoundByName(l) {
			out[schema.Key{PK: h.Lookup(l), SK: schema.Escape(string(u.ID))}] = nil
		}
	}
	if u.Manager != "" {
		look(h, directory.Lookup{Attr: directory.AttrManager, Value: directory.ManagerKey(u.Manager)})
	}
	if u.ScimID != "" && string(u.ScimID) != string(u.ID) {
		out[h.User(string(u.ScimID))] = item{"alias": str(string(u.ID))}
	}
	return out
}

// readAdmitted reads a provider and, in the same step, the data of the request: keys in the same call, and the calls of
// also in parallel. Then admit decides, before any of it is used.
func (s *Store) readAdmitted(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, admit directory.Admit, keys []schema.Key,
	also ...func(context.Context) error,
) (directory.Provider, map[schema.Key]item, error) {
	var got map[schema.Key]item
	pk := schema.ProviderKey(t, p)
	known := schema.Usable(string(p)) && t != ""
	if known {
		keys = append([]schema.Key{pk}, keys...)
	}
	err := meter.Parallel(ctx, append([]func(context.Context) error{func(ctx context.Context) (err error) {
		got, err = s.get(ctx, keys...)
		return err
	}}, also...)...)
	if err != nil {
		return directory.Provider{}, nil, err
	}
	rec, err := decodeProvider(got[pk])
	if err == nil && admit != nil {
		err = admit(rec)
	}
	return rec, got, err
}

// userStore implements directory.Users.
type userStore struct{ *Store }

func (s userStore) ReadUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.ScimID, want directory.UserWant, admit directory.Admit,
) (directory.UserView, error) {
	h := schema.HomeFor(t, p, false)
	var keys []schema.Key
	var also []func(context.Context) error
	var groups []directory.GroupID
	if schema.Usable(string(id)) && p != "" {
		keys = []schema.Key{h.User(string(id))}
		if want.Groups {
			also = append(also, func(ctx context.Context) (err error) {
				groups, err = s.groupsOf(ctx, h, id, 0)
				return err
			})
		}
	}
	_, got, err := s.readAdmitted(ctx, t, p, admit, keys, also...)
	if err != nil {
		return directory.UserView{}, err
	}
	if len(keys) == 0 {
		return directory.UserView{}, notFound("user")
	}
	u, ok, err := s.present(ctx, h, id, got[keys[0]])
	if err == nil && !ok {
		err = notFound("user")
	}
	if err != nil {
		return directory.UserView{}, err
	}
	v := directory.UserView{User: u, Groups: groups}
	if want.ManagerName {
		v.Manager, err = s.manager(ctx, h, u)
	}
	return v, err
}

// PresentUsers implements directory.Users. The groups are read at the same time, of those whose SCIM id is the id asked for:
// nearly all.
func (s userStore) PresentUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, ids []string, groups bool,
) (map[string]directory.UserView, error) {
	h := schema.HomeFor(t, p, false)
	ids = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(ids))), func(id string) bool { return !schema.Usable(id) })
	var got map[schema.Key]item
	keys, of := make([]schema.Key, len(ids)), make([][]directory.GroupID, len(ids))
	reads := []func(context.Context) error{func(ctx context.Context) (err error) {
		got, err = s.get(ctx, keys...)
		return err
	}}
	for i, id := range ids {
		keys[i] = h.User(id)
		if groups && p != "" {
			reads = append(reads, func(ctx context.Context) (err error) {
				of[i], err = s.groupsOf(ctx, h, directory.ScimID(id), 0)
				return err
			})
		}
	}
	if err := meter.Parallel(ctx, reads...); err != nil {
		return nil, err
	}
	out := map[string]directory.UserView{}
	for i, id := range ids {
		it := got[keys[i]]
		if uid := text(it, "alias"); uid != "" {
			var err error
			if it, err = s.getOne(ctx, h.User(uid)); err != nil {
				return nil, err
			}
		}
		u, ok, err := decodeUser(it)
		if err != nil {
			return nil, err
		}
		if !ok || string(u.ID) != id && string(u.ScimID) != id {
			continue
		}
		v := directory.UserView{User: u, Groups: of[i]}
		if groups && string(u.ScimID) != id && u.ScimID != "" {
			if v.Groups, err = s.groupsOf(ctx, h, u.ScimID, 0); err != nil {
				return nil, err
			}
		}
		out[id] = v
	}
	return out, nil
}

// present decodes the item at a SCIM id: a user's record, or an alias, whose restored user it reads. The first id of a
// restored user finds nothing.
func (s *Store) present(ctx context.Context, h schema.Home, id directory.ScimID, it item) (u directory.User, ok bool, err error) {
	if uid := text(it, "alias"); uid != "" {
		if it, err = s.getOne(ctx, h.User(uid)); err != nil {
			return u, false, err
		}
	}
	u, ok, err = decodeUser(it)
	return u, ok && u.ScimID == id, err
}

func (s *Store) presentUser(ctx context.Context, h schema.Home, id directory.ScimID) (directory.User, bool, error) {
	if !schema.Usable(string(id)) {
		return directory.User{}, false, nil
	}
	it, err := s.getOne(ctx, h.User(string(id)))
	if err != nil {
		return directory.User{}, false, err
	}
	return s.present(ctx, h, id, it)
}

func (s *Store) manager(ctx context.Context, h schema.Home, u directory.User) (*directory.User, error) {
	id := directory.ScimID(u.Manager)
	if !id.IsUser() {
		return nil, nil
	}
	m, ok, err := s.presentUser(ctx, h, id)
	if err != nil || !ok {
		return nil, err
	}
	return &m, nil
}

// groupsOf reads the ids of the groups that m is a direct member of, in order; limit 0 for all.
func (s *Store) groupsOf(ctx context.Context, h schema.Home, m directory.ScimID, limit int) ([]directory.GroupID, error) {
	its, _, err := s.query(ctx, span{pk: h.GroupsOf(m), limit: limit})
	var out []directory.GroupID
	for _, it := range its {
		out = append(out, directory.GroupID(text(it, "SK")))
	}
	return out, err
}

// views reads the parts of the users in want, for all users in parallel.
func (s *Store) views(ctx context.Context, h schema.Home, us []directory.User, want directory.UserWant) ([]directory.UserView, error) {
	vs := make([]directory.UserView, len(us))
	var fns []func(context.Context) error
	for i, u := range us {
		vs[i].User = u
		if want.Groups && u.ScimID != "" {
			fns = append(fns, func(ctx context.Context) (err error) {
				vs[i].Groups, err = s.groupsOf(ctx, h, u.ScimID, 0)
				return err
			})
		}
		if want.ManagerName {
			fns = append(fns, func(ctx context.Context) (err error) {
				vs[i].Manager, err = s.manager(ctx, h, u)
				return err
			})
		}
	}
	if len(fns) == 0 {
		return vs, nil
	}
	return vs, meter.Parallel(ctx, fns...)
}

// usersOf reads the users of look-up items and keeps those for which keep is true: a look-up item may be outdated.
func (s *Store) usersOf(ctx context.Context, h schema.Home, lookups []item, keep func(directory.User) bool) ([]directory.User, error) {
	keys := userKeys(h, lookups)
	got, err := s.get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var us []directory.User
	for _, k := range keys {
		u, ok, err := decodeUser(got[k])
		if err != nil {
			return nil, err
		}
		if ok && keep(u) {
			us = append(us, u)
		}
	}
	return us, nil
}

// userKeys returns the keys of the users of look-up items.
func userKeys(h schema.Home, lookups []item) []schema.Key {
	out := make([]schema.Key, len(lookups))
	for i, it := range lookups {
		out[i] = schema.Key{PK: h.Users(), SK: text(it, "SK")}
	}
	return out
}

func (s userStore) UserByID(ctx context.Context, t directory.TenantID, id directory.UserID) (directory.UserView, error) {
	u, err := s.userByID(ctx, t, id)
	if err != nil {
		return directory.UserView{}, err
	}
	v := directory.UserView{User: u}
	if u.ScimID != "" && !u.Removed() {
		v.Groups, err = s.groupsOf(ctx, schema.HomeOf(t, u), u.ScimID, 0)
	}
	return v, err
}

// userByID finds a user in any home: local, or of any provider, present or removed. It tries again for a user that
// moved between two reads.
func (s *Store) userByID(ctx context.Context, t directory.TenantID, id directory.UserID) (directory.User, error) {
	if !schema.Usable(string(id)) {
		return directory.User{}, notFound("user")
	}
	for range 3 {
		homes, err := s.homes(ctx, t)
		if err != nil {
			return directory.User{}, err
		}
		keys := make([]schema.Key, len(homes))
		for i, h := range homes {
			keys[i] = h.User(string(id))
		}
		got, err := s.get(ctx, keys...)
		if err != nil {
			return directory.User{}, err
		}
		for _, k := range keys {
			if u, ok, err := decodeUser(got[k]); ok || err != nil {
				return u, err
			}
		}
	}
	return directory.User{}, notFound("user")
}

// homes returns all lists of users of a tenant, in a fixed order.
func (s *Store) homes(ctx context.Context, t directory.TenantID) ([]schema.Home, error) {
	out := []schema.Home{schema.HomeFor(t, "", false), schema.HomeFor(t, "", true)}
	its, _, err := s.query(ctx, span{pk: schema.Providers(t)})
	if err != nil {
		return nil, err
	}
	for _, it := range its {
		if p := text(it, "emptied"); p != "" {
			out = append(out, schema.HomeFor(t, directory.ProviderID(p), true))
			continue
		}
		p := directory.ProviderID(text(it, "SK"))
		out = append(out, schema.HomeFor(t, p, false), schema.HomeFor(t, p, true))
	}
	return out, nil
}

func (s userStore) ListUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, page directory.Page, want directory.UserWant, admit directory.Admit,
) (out directory.UserPage, err error) {
	l, err := s.openList(ctx, t, p, schema.KindUsers, page, admit)
	if err != nil || page.Count < 1 {
		if err == nil {
			out.Total = l.total
		}
		return out, err
	}
	from, skip := l.seek()
	us, err := s.usersAfter(ctx, l.home, from, skip, page.Count+1)
	if err != nil {
		return out, err
	}
	out.More = len(us) > page.Count
	us = us[:min(len(us), page.Count)]
	last := ""
	if len(us) > 0 {
		last = string(us[len(us)-1].ID)
	}
	if out.Total, err = s.finishList(ctx, l, len(us), last, out.More); err != nil {
		return out, err
	}
	out.Users, err = s.views(ctx, l.home, us, want)
	return out, err
}

// usersAfter skips some users after an id and reads the next limit.
func (s *Store) usersAfter(ctx context.Context, h schema.Home, id string, skip, limit int) ([]directory.User, error) {
	var us []directory.User
	for lo := after(schema.Escape(id)); ; {
		its, more, err := s.query(ctx, span{pk: h.Users(), lo: lo, limit: min(skip, 5_000) + limit - len(us)})
		if err != nil {
			return nil, err
		}
		for _, it := range its {
			if text(it, "alias") != "" {
				continue // an alias does not count in the list
			}
			if skip > 0 {
				skip--
				continue
			}
			u, _, err := decodeUser(it)
			if err != nil {
				return nil, err
			}
			us = append(us, u)
		}
		if len(us) > limit {
			return us[:limit], nil
		}
		if !more || len(us) == limit {
			return us, nil
		}
		lo = after(text(its[len(its)-1], "SK"))
	}
}

// searchPage is the number of users that a search reads at a time.
const searchPage = 500

// SearchUsers implements directory.Users: it walks the homes of the tenant in the order of their keys. The position it
// returns is the home and id of the last user read.
func (s userStore) SearchUsers(
	ctx context.Context, t directory.TenantID, q directory.UserSearch,
) (out []directory.User, next string, err error) {
	if q.Count < 1 {
		return nil, q.After, nil
	}
	homes, err := s.homes(ctx, t)
	if err != nil {
		return nil, "", err
	}
	slices.Sort(homes)
	at, id, _ := strings.Cut(q.After, " ")
	seen := 0
	for _, h := range homes {
		if h < schema.Home(at) {
			continue
		}
		if h > schema.Home(at) {
			id = ""
		}
		for more := true; more; {
			if seen >= directory.MaxWalk {
				return out, string(h) + " " + id, nil
			}
			us, err := s.usersAfter(ctx, h, id, 0, searchPage)
			if err != nil {
				return nil, "", err
			}
			for _, u := range us {
				id = string(u.ID)
				if !q.Matches(u) {
					continue
				}
				out = append(out, u)
				if len(out) == q.Count {
					return out, string(h) + " " + id, nil
				}
			}
			seen += len(us)
			more = len(us) == searchPage
		}
	}
	return out, "", nil
}
