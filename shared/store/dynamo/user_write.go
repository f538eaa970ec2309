package dynamo

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

func (s userStore) CreateUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, admit directory.Admit,
	create func(directory.Provider) (directory.User, directory.LogEntry, error),
) (directory.User, error) {
	rec, _, err := s.readAdmitted(ctx, t, p, admit, nil)
	if err != nil {
		return directory.User{}, err
	}
	u, e, err := create(rec)
	if err != nil {
		return directory.User{}, err
	}
	return u, s.insertUser(ctx, t, u, e)
}

// insertUser stores a new user with its entry.
func (s *Store) insertUser(ctx context.Context, t directory.TenantID, u directory.User, e directory.LogEntry) error {
	x := &tx{}
	s.putUser(x, t, u)
	s.reindex(x, t, nil, indexItems(t, u), cond{}, u)
	if before, odd := userName(t, u).folded(); odd && !u.Removed() {
		x.check(s, before, absent, userNameTaken)
	}
	x.log(s, t, e, remainder{})
	return s.commitOnce(ctx, "create user", x)
}

// putUser adds a record to its home, and counts it there.
func (s *Store) putUser(x *tx, t directory.TenantID, u directory.User) {
	it, err := encodeUser(t, u)
	if err != nil {
		x.err = err
		return
	}
	h := schema.HomeOf(t, u)
	if slices.ContainsFunc(u.AllLookups(), u.FoundByName) {
		it[unlookedAttr] = flag(true)
	}
	x.put(s, h.User(string(u.ID)), it, absent, nil)
	x.countDueWrites(t, directory.User{}, u)
	if !u.Removed() { // removed users have no total
		x.update(s, h.Total(schema.KindUsers, string(u.ID)), edit{add: map[string]int64{"n": 1}}, always, nil)
	}
}

// reindex adds the difference between the old and the new look-up items of u. alias is the condition for removing an
// alias.
func (s *Store) reindex(x *tx, t directory.TenantID, was, is map[schema.Key]item, alias cond, u directory.User) {
	if namesManager(u) {
		x.naming = t
	}
	guard := schema.UserNameKey(t, u.UserName)
	for _, k := range sortedKeys(was) {
		if _, kept := is[k]; !kept {
			c := always
			if was[k]["alias"] != nil {
				c = alias
			}
			x.delete(s, k, c, nil)
		}
	}
	for _, k := range sortedKeys(is) {
		old, known := was[k]
		switch {
		case is[k] == nil, known && reflect.DeepEqual(old, is[k]):
		case k == guard:
			free := when("attribute_not_exists(#PK) OR #uid = :uid", item{":uid": str(string(u.ID))})
			x.put(s, k, is[k], free, userNameTaken)
		default:
			x.put(s, k, is[k], always, nil)
		}
	}
}

// namesManager reports whether a user's manager is given by userName.
func namesManager(u directory.User) bool {
	return u.Manager != "" && !u.Removed() && !directory.ScimID(u.Manager).IsUser()
}

// markNaming stores that users of a tenant name managers, before the first of them does: one more call of a process. So
// whoever reads that none does has read it before any was written, and is found by the manager's look-up.
func (s *Store) markNaming(ctx context.Context, t directory.TenantID) error {
	k := schema.RulesKey(t)
	s.mu.Lock()
	known := t == "" || s.days[k]
	s.mu.Unlock()
	if known {
		return nil
	}
	if _, err := s.change(ctx, "mark naming", k, edit{set: item{schema.NamingAttr: num(1)}}, always); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.days[k] = true
	return nil
}

func userNameTaken(old item) error {
	return &directory.TakenError{Attr: directory.AttrUserName, Holder: text(old, "uid"), Provider: directory.ProviderID(text(old, "p"))}
}

func sortedKeys(m map[schema.Key]item) []schema.Key {
	return slices.SortedFunc(maps.Keys(m), func(a, b schema.Key) int {
		return strings.Compare(a.PK+" "+a.SK, b.PK+" "+b.SK)
	})
}

func (s userStore) UpdateUser(
	ctx context.Context, t directory.TenantID, old directory.User, update directory.Update[directory.User],
) (u directory.User, err error) {
	err = s.rerun(ctx, "user", func(n int) error {
		if n > 0 {
			fresh, err := s.freshUser(ctx, t, old)
			if err != nil {
				return err
			}
			old = fresh
		}
		var e *directory.LogEntry
		if u, e, err = update(old); err != nil || e == nil {
			return err
		}
		return s.replaceUser(ctx, t, old, u, *e)
	})
	return u, err
}

// freshUser reads old again, in its home or wherever it moved.
func (s *Store) freshUser(ctx context.Context, t directory.TenantID, old directory.User) (directory.User, error) {
	if !schema.Usable(string(old.ID)) {
		return old, notFound("user")
	}
	it, err := s.getOne(ctx, schema.HomeOf(t, old).User(string(old.ID)))
	if err != nil {
		return old, err
	}
	if u, ok, err := decodeUser(it); ok || err != nil {
		return u, err
	}
	return s.userByID(ctx, t, old.ID)
}

// atVersion is the condition that a user's record has not changed since it was read. IndexUser changes the look-ups
// alone, and not the version.
func atVersion(u directory.User) cond {
	c := when("#ver = :ver AND attribute_not_exists(#lk)", item{":ver": num(u.Version)})
	if len(u.Lookups) == 0 {
		return c
	}
	was := item{}
	if err := putJSON(was, "lk", u.Lookups); err != nil {
		return c // not reached: look-ups are texts
	}
	return when("#ver = :ver AND #lk = :lk", item{":ver": num(u.Version), ":lk": was["lk"]})
}

// IndexUser implements directory.Users: only the look-ups in the record and their items change.
func (s userStore) IndexUser(
	ctx context.Context, t directory.TenantID, old directory.User, keys func(directory.User) []directory.Lookup,
) error {
	return s.rerun(ctx, "user", func(n int) error {
		if n > 0 {
			fresh, err := s.freshUser(ctx, t, old)
			if err != nil {
				return err
			}
			old = fresh
		}
		u := old
		u.Lookups = keys(old)
		if slices.Equal(u.Lookups, old.Lookups) {
			return nil
		}
		x := &tx{}
		e := edit{set: item{}, remove: []string{"lk"}}
		if len(u.Lookups) > 0 {
			e.remove = nil
			if err := putJSON(e.set, "lk", u.Lookups); err != nil {
				return err
			}
		}
		x.update(s.Store, schema.HomeOf(t, old).User(string(old.ID)), e, atVersion(old), nil)
		s.reindex(x, t, indexItems(t, old), indexItems(t, u), always, u)
		return s.commit(ctx, "index user", x)
	})
}

// RekeyUser implements directory.Users.
func (s userStore) RekeyUser(ctx context.Context, t directory.TenantID, u directory.User) error {
	if u.Removed() || !schema.Usable(string(u.ID)) {
		return nil
	}
	x, all := &tx{}, indexItems(t, u)
	is := map[schema.Key]item{}
	if before, odd := userName(t, u).folded(); odd {
		x.delete(s.Store, before, always, nil)
		k := schema.UserNameKey(t, u.UserName)
		is[k] = all[k]
	}
	if l := (directory.Lookup{Attr: directory.AttrManager, Value: directory.ManagerKey(u.Manager)}); l.Value != u.Manager {
		k := schema.Key{PK: schema.HomeOf(t, u).Lookup(l), SK: schema.Escape(string(u.ID))}
		is[k] = all[k]
	}
	if len(is) == 0 {
		return nil
	}
	x.check(s.Store, schema.HomeOf(t, u).User(string(u.ID)), atVersion(u), changedSince)
	s.reindex(x, t, nil, is, always, u)
	return unlessChanged(s.commitOnce(ctx, "rekey user", x))
}

// overwrite adds the change of a record within its home; was and is are its look-up items before and after.
func (s *Store) overwrite(x *tx, t directory.TenantID, old, u directory.User, was, is map[schema.Key]item) {
	it, err := encodeUser(t, u)
	if err != nil {
		x.err = err
		return
	}
	var removed []string
	for _, name := range userAttrs {
		if it[name] == nil {
			removed = append(removed, name)
		}
	}
	for k, before := range was {
		if look, stays := is[k]; before != nil && stays && look == nil { // it is not needed any more
			removed = append(removed, unlookedAttr)
		}
	}
	// Not a put, so that mv is kept.
	x.countDueWrites(t, old, u)
	x.update(s, schema.HomeOf(t, old).User(string(old.ID)), edit{set: it, remove: removed}, atVersion(old), nil)
	s.reindex(x, t, was, is, always, u)
}

// replaceUser replaces old by u in one transaction with the entry. A user who leaves a provider's list is removed from
// its groups and cleared as a manager in the same transaction, if that has room.
func (s *Store) replaceUser(ctx context.Context, t directory.TenantID, old, u directory.User, e directory.LogEntry) error {
	if !schema.Usable(string(old.ID)) {
		return notFound("user")
	}
	x := &tx{}
	from, to := schema.HomeOf(t, old), schema.HomeOf(t, u)
	was, is := indexItems(t, old), indexItems(t, u)
	if !old.Removed() {
		if err := s.settleName(ctx, userName(t, old), u.UserName, was, is); err != nil {
			return err
		}
	}
	if from == to {
		s.overwrite(x, t, old, u, was, is)
		x.log(s, t, e, remainder{})
		return s.commit(ctx, "update user", x)
	}
	l, err := s.readLeaving(ctx, from, old)
	if err != nil {
		return err
	}
	if l.unlooked {
		maps.DeleteFunc(was, func(_ schema.Key, look item) bool { return look == nil })
	}
	c, alias := atVersion(old), always
	if string(old.ScimID) == string(old.ID) {
		c = c.and(l.unchanged)
	} else {
		alias = l.unchanged
	}
	x.delete(s, from.User(string(old.ID)), c, nil)
	x.countDueWrites(t, old, directory.User{})
	s.putUser(x, t, u)
	if !old.Removed() {
		x.update(s, from.Total(schema.KindUsers, string(old.ID)), edit{add: map[string]int64{"n": -1}}, always, nil)
	}
	if old.ScimID != "" && !old.Removed() {
		x.put(s, from.Former(old.ScimID), item{}, always, nil)
	}
	s.reindex(x, t, was, is, alias, u)
	var r remainder
	if len(x.ops)+l.ops()+1 <= s.maxOps {
		s.leaveGroups(x, t, from, old.ScimID, l.groups, l.known, e)
		for _, report := range l.reports {
			s.clearManager(x, t, report, e)
		}
	} else {
		e.Remaining, r = directory.RemainingUser, remainder{provider: old.Provider, id: string(old.ScimID)}
	}
	x.log(s, t, e, r)
	if err := s.commit(ctx, "move user", x); err != nil {
		return err
	}
	if e.Remaining == directory.RemainingUser {
		// It is committed; if this fails, the entry completes it.
		_, _ = s.finishUser(ctx, t, e, r, everything)
	}
	return nil
}

// leaving holds the memberships and reports that end when a user leaves a provider.
type leaving struct {
	groups    []directory.GroupID
	known     map[directory.GroupID]bool // the groups that exist: others have only rows left
	reports   []directory.User
	unchanged cond // no membership was added since
	unlooked  bool // there is no look-up of an e-mail that is the userName, not even from before
}

func (l leaving) ops() int { return 3*len(l.groups) + 4*len(l.reports) }

// readLeaving reads what ends when a user leaves a list: nothing for one that no list of a provider has.
func (s *Store) readLeaving(ctx context.Context, h schema.Home, u directory.User) (l leaving, err error) {
	if u.ScimID == "" || u.Removed() {
		return l, nil
	}
	k := h.User(string(u.ScimID))
	// The count of memberships added is read before the memberships.
	it, err := s.getOne(ctx, k)
	if err != nil {
		return l, err
	}
	if it == nil {
		return l, errStale
	}
	l.unlooked = it[unlookedAttr] != nil
	l.unchanged = when("attribute_not_exists(#mv)", nil)
	if it["mv"] != nil {
		l.unchanged = when("#mv = :mv", item{":mv": it["mv"]})
	}
	err = meter.Parallel(ctx, func(ctx context.Context) (err error) {
		if l.groups, err = s.groupsOf(ctx, h, u.ScimID, s.maxOps); err != nil || len(l.groups) == 0 {
			return err
		}
		l.known, err = s.existing(ctx, h, l.groups)
		return err
	}, func(ctx context.Context) (err error) {
		l.reports, err = s.reports(ctx, h, u.ScimID, u.ID, s.maxOps)
		return err
	})
	return l, err
}

// existing returns the groups that have a record.
func (s *Store) existing(ctx context.Context, h schema.Home, ids []directory.GroupID) (map[directory.GroupID]bool, error) {
	keys := make([]schema.Key, len(ids))
	for i, id := range ids {
		keys[i] = h.Group(id)
	}
	got, err := s.get(ctx, keys...)
	out := make(map[directory.GroupID]bool, len(got))
	for k := range got {
		out[directory.GroupID(k.SK)] = true
	}
	return out, err
}

// reports reads the users whose manager is m, other than m's own record.
func (s *Store) reports(
	ctx context.Context, h schema.Home, m directory.ScimID, self directory.UserID, limit int,
) ([]directory.User, error) {
	key := directory.Lookup{Attr: directory.AttrManager, Value: string(m)}
	its, _, err := s.query(ctx, span{pk: h.Lookup(key), limit: limit})
	if err != nil || len(its) == 0 {
		return nil, err
	}
	us, err := s.holders(ctx, h, its, key)
	return slices.DeleteFunc(us, func(u directory.User) bool { return u.ID == self }), err
}

// leaveGroups adds the removal of m from groups.
func (s *Store) leaveGroups(
	x *tx, t directory.TenantID, h schema.Home, m directory.ScimID, groups []directory.GroupID, known map[directory.GroupID]bool,
	e directory.LogEntry,
) {
	for _, g := range groups {
		row, reverse := membership(h, g, m)
		c := always
		if known[g] {
			c = exists
			s.touchShard(x, t, h, g, -1, 1, e.At)
		}
		x.delete(s, row, c, nil)
		x.delete(s, reverse, always, nil)
	}
}

// clearManager adds the change of a user who reported to a deleted user.
func (s *Store) clearManager(x *tx, t directory.TenantID, report directory.User, because directory.LogEntry) {
	n, entry := directory.ManagerCleared(report, because)
	s.overwrite(x, t, report, n, indexItems(t, report), indexItems(t, n))
	x.log(s, t, entry, remainder{})
}
