package dynamo

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// CreateUser implements directory.Users.
func (s *Store) CreateUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, admit directory.Admit,
	make func(directory.Provider) (directory.User, directory.LogEntry, error),
) (directory.User, error) {
	rec, _, err := s.opening(ctx, t, p, admit, nil)
	if err != nil {
		return directory.User{}, err
	}
	u, e, err := make(rec)
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
	x.log(s, t, e, rest{})
	return s.commit(ctx, "create user", x)
}

// putUser adds a record that is new in its home, and counts it there.
func (s *Store) putUser(x *tx, t directory.TenantID, u directory.User) {
	it, err := encodeUser(t, u)
	if err != nil {
		x.err = err
		return
	}
	h := homeOf(t, u)
	x.put(s, h.user(string(u.ID)), it, absent, nil)
	x.reindexed(t, directory.User{}, u)
	if !u.Removed() { // nobody asks how many are gone
		x.update(s, h.total(kindUsers, string(u.ID)), edit{add: map[string]int64{"n": 1}}, always, nil)
	}
}

// reindex adds the difference between what u was found by and what it is found by. alias is the condition
// under which an alias may go.
func (s *Store) reindex(x *tx, t directory.TenantID, was, is map[key]item, alias cond, u directory.User) {
	guard := userNameKey(t, u.UserName)
	for _, k := range sortedKeys(was) {
		if _, stays := is[k]; !stays {
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
		case known && reflect.DeepEqual(old, is[k]):
		case k == guard:
			free := when("attribute_not_exists(#PK) OR #uid = :uid", item{":uid": str(string(u.ID))})
			x.put(s, k, is[k], free, userNameTaken)
		default:
			x.put(s, k, is[k], always, nil)
		}
	}
}

func userNameTaken(old item) error {
	return &directory.TakenError{Attr: directory.AttrUserName, Holder: text(old, "uid"), Provider: directory.ProviderID(text(old, "p"))}
}

func sortedKeys(m map[key]item) []key {
	return slices.SortedFunc(maps.Keys(m), func(a, b key) int {
		return strings.Compare(a.pk+" "+a.sk, b.pk+" "+b.sk)
	})
}

// UpdateUser implements directory.Users.
func (s *Store) UpdateUser(
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

// freshUser reads old again: where it was, or wherever it went.
func (s *Store) freshUser(ctx context.Context, t directory.TenantID, old directory.User) (directory.User, error) {
	if !usable(string(old.ID)) {
		return old, notFound("user")
	}
	it, err := s.one(ctx, homeOf(t, old).user(string(old.ID)))
	if err != nil {
		return old, err
	}
	if u, ok, err := decodeUser(it); ok || err != nil {
		return u, err
	}
	return s.userByID(ctx, t, old.ID)
}

// atVersion is the condition that a user's record has not changed since it was read.
func atVersion(u directory.User) cond { return when("#ver = :ver", item{":ver": num(u.Version)}) }

// overwrite adds the change of a record in its place.
func (s *Store) overwrite(x *tx, t directory.TenantID, old, u directory.User) {
	it, err := encodeUser(t, u)
	if err != nil {
		x.err = err
		return
	}
	var gone []string
	for _, name := range userAttrs {
		if it[name] == nil {
			gone = append(gone, name)
		}
	}
	// Not a put: mv stays as it is.
	x.reindexed(t, old, u)
	x.update(s, homeOf(t, old).user(string(old.ID)), edit{set: it, remove: gone}, atVersion(old), nil)
	s.reindex(x, t, indexItems(t, old), indexItems(t, u), always, u)
}

// replaceUser stores u in place of old, in one transaction with the entry. A user who leaves a provider's
// list leaves its groups and is cleared as a manager in the same transaction, if that holds it all.
func (s *Store) replaceUser(ctx context.Context, t directory.TenantID, old, u directory.User, e directory.LogEntry) error {
	if !usable(string(old.ID)) {
		return notFound("user")
	}
	x := &tx{}
	from, to := homeOf(t, old), homeOf(t, u)
	if from == to {
		s.overwrite(x, t, old, u)
		x.log(s, t, e, rest{})
		return s.commit(ctx, "update user", x)
	}
	var l leaving
	if old.ScimID != "" && !old.Removed() {
		var err error
		if l, err = s.readLeaving(ctx, from, old); err != nil {
			return err
		}
	}
	c, alias := atVersion(old), always
	if string(old.ScimID) == string(old.ID) {
		c = c.and(l.unchanged)
	} else {
		alias = l.unchanged
	}
	x.delete(s, from.user(string(old.ID)), c, nil)
	x.reindexed(t, old, directory.User{})
	s.putUser(x, t, u)
	if !old.Removed() {
		x.update(s, from.total(kindUsers, string(old.ID)), edit{add: map[string]int64{"n": -1}}, always, nil)
	}
	s.reindex(x, t, indexItems(t, old), indexItems(t, u), alias, u)
	var r rest
	if len(x.ops)+l.ops()+1 <= s.maxOps {
		s.leaveGroups(x, t, from, old.ScimID, l.groups, l.known, e)
		for _, report := range l.reports {
			s.clearManager(x, t, report, e)
		}
	} else {
		e.Remaining, r = directory.RemainingUser, rest{provider: old.Provider, id: string(old.ScimID)}
	}
	x.log(s, t, e, r)
	if err := s.commit(ctx, "move user", x); err != nil {
		return err
	}
	if e.Remaining == directory.RemainingUser {
		// It is committed: should this fail, the entry completes it.
		_ = s.finishUser(ctx, t, e, r)
	}
	return nil
}

// leaving is what a user has to leave behind with a provider.
type leaving struct {
	groups    []directory.GroupID
	known     map[directory.GroupID]bool // those that exist: of the others only rows are left
	reports   []directory.User
	unchanged cond // no membership began since
}

func (l leaving) ops() int { return 3*len(l.groups) + 4*len(l.reports) }

func (s *Store) readLeaving(ctx context.Context, h home, u directory.User) (l leaving, err error) {
	k := h.user(string(u.ScimID))
	// The count of memberships begun is read before the memberships.
	it, err := s.one(ctx, k)
	if err != nil {
		return l, err
	}
	if it == nil {
		return l, errStale
	}
	l.unchanged = when("attribute_not_exists(#mv)", nil)
	if it["mv"] != nil {
		l.unchanged = when("#mv = :mv", item{":mv": it["mv"]})
	}
	err = parallel(ctx, func(ctx context.Context) (err error) {
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

// existing tells which groups have a record.
func (s *Store) existing(ctx context.Context, h home, ids []directory.GroupID) (map[directory.GroupID]bool, error) {
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = h.group(id)
	}
	got, err := s.get(ctx, keys...)
	out := make(map[directory.GroupID]bool, len(got))
	for k := range got {
		out[directory.GroupID(k.sk)] = true
	}
	return out, err
}

// reports reads the users whose manager is m, other than m's own record.
func (s *Store) reports(ctx context.Context, h home, m directory.ScimID, self directory.UserID, limit int) ([]directory.User, error) {
	key := directory.Lookup{Attr: directory.AttrManager, Value: string(m)}
	its, _, err := s.query(ctx, span{pk: h.lookup(key), limit: limit})
	if err != nil || len(its) == 0 {
		return nil, err
	}
	us, err := s.holders(ctx, h, its, key)
	return slices.DeleteFunc(us, func(u directory.User) bool { return u.ID == self }), err
}

// leaveGroups adds the end of m's memberships in groups.
func (s *Store) leaveGroups(
	x *tx, t directory.TenantID, h home, m directory.ScimID, groups []directory.GroupID, known map[directory.GroupID]bool,
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

// clearManager adds the change of one who reported to a deleted user.
func (s *Store) clearManager(x *tx, t directory.TenantID, report directory.User, because directory.LogEntry) {
	n, entry := directory.ManagerCleared(report, because)
	s.overwrite(x, t, report, n)
	x.log(s, t, entry, rest{})
}

// finishUser ends what a user left behind: memberships and reports, as many transactions as it takes. It may
// run at the same time as itself, and again.
func (s *Store) finishUser(ctx context.Context, t directory.TenantID, e directory.LogEntry, r rest) error {
	h, id := homeFor(t, r.provider, false), directory.ScimID(r.id)
	// Should the id be in use again, there is nothing of the past left to end.
	if _, ok, err := s.presentUser(ctx, h, id); ok || err != nil {
		return err
	}
	if err := s.finishLeaving(ctx, t, h, id, e); err != nil {
		return err
	}
	return s.finishReports(ctx, t, h, id, e)
}

// finishLeaving ends the memberships of a member that exists no more.
func (s *Store) finishLeaving(ctx context.Context, t directory.TenantID, h home, m directory.ScimID, e directory.LogEntry) error {
	return s.rerun(ctx, "memberships of what was deleted", func(int) error {
		for {
			groups, err := s.groupsOf(ctx, h, m, (s.maxOps-1)/3)
			if err != nil || len(groups) == 0 {
				return err
			}
			known, err := s.existing(ctx, h, groups)
			if err != nil {
				return err
			}
			x := &tx{}
			s.leaveGroups(x, t, h, m, groups, known, e)
			if err := s.commit(ctx, "leave groups", x); err != nil {
				return err
			}
		}
	})
}

func (s *Store) finishReports(ctx context.Context, t directory.TenantID, h home, id directory.ScimID, e directory.LogEntry) error {
	all, err := s.reports(ctx, h, id, e.User, 0)
	if err != nil {
		return err
	}
	for _, report := range all {
		err := s.rerun(ctx, "report of a deleted user", func(n int) error {
			if n > 0 {
				if report, err = s.freshUser(ctx, t, report); err != nil {
					return err
				}
			}
			if homeOf(t, report) != h || report.Manager != string(id) {
				return nil
			}
			x := &tx{}
			s.clearManager(x, t, report, e)
			return s.commit(ctx, "clear manager", x)
		})
		if err != nil && !errors.Is(err, errDone) && !directory.IsKind(err, directory.NotFound) {
			return err
		}
	}
	return nil
}
