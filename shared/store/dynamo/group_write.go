package dynamo

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// groupIndex returns the look-up items of g.
func groupIndex(h schema.Home, g directory.Group) map[schema.Key]item {
	out := map[schema.Key]item{h.GroupName(g.DisplayNameKey()): {"gid": str(string(g.ID))}}
	if g.ExternalID != "" {
		l := directory.Lookup{Attr: directory.AttrExternalID, Value: g.ExternalID}
		out[schema.Key{PK: h.GroupKey(l), SK: schema.Escape(string(g.ID))}] = item{}
	}
	return out
}

// reindexGroup adds the difference between the old and the new look-up items of a group.
func (s *Store) reindexGroup(x *tx, h schema.Home, was, is map[schema.Key]item, g directory.Group) {
	for _, k := range sortedKeys(was) {
		if _, kept := is[k]; !kept {
			x.delete(s, k, always, nil)
		}
	}
	for _, k := range sortedKeys(is) {
		if _, known := was[k]; known {
			continue
		}
		if k == h.GroupName(g.DisplayNameKey()) {
			x.put(s, k, is[k], absent, displayNameTaken(g.Provider))
		} else {
			x.put(s, k, is[k], always, nil)
		}
	}
}

func displayNameTaken(p directory.ProviderID) func(item) error {
	return func(old item) error {
		return &directory.TakenError{Attr: directory.AttrDisplayName, Holder: text(old, "gid"), Provider: p}
	}
}

// free is the condition for changing a shard: it exists, no large change locks it, and no other change holds it; mine
// is the caller's own hold.
func free(now time.Time, mine int64) cond {
	return when("attribute_exists(#PK) AND attribute_not_exists(#lock) AND (attribute_not_exists(#hold) OR #hold < :now OR #hold = :mine)",
		item{":now": num(now.UnixMilli()), ":mine": num(mine)})
}

func atShardVersion(ver int64) cond { return when("#ver = :ver", item{":ver": num(ver)}) }

// shardFault returns the error for a shard that must not be changed.
func shardFault(t directory.TenantID) func(item) error {
	return func(old item) error {
		if ref := text(old, "lock"); ref != "" {
			return &lockedError{t, ref}
		}
		return errStale
	}
}

// touchShard adds n members and ver versions to one random shard of a group.
func (s *Store) touchShard(x *tx, t directory.TenantID, h schema.Home, g directory.GroupID, n, ver int64, at time.Time) {
	i := rand.IntN(schema.GroupShards) //nolint:gosec // G404: spreads load, hides nothing
	x.update(s, h.GroupShard(g, i), edit{set: item{"mod": num(at.UnixMilli())}, add: map[string]int64{"n": n, "ver": ver}}, free(s.now(), 0),
		shardFault(t))
}

// sameProfile is the condition that a group's profile has not changed since it was read.
func sameProfile(pv int64) cond {
	if pv == 0 {
		return exists.and(when("attribute_not_exists(#pv)", nil))
	}
	return when("#pv = :pv", item{":pv": num(pv)})
}

// pinGroup adds the conditions that the group has not changed since head was read, and, in shard 0, the change of the
// number of its members. lock, unless "", locks the shards for that entry. The profile is left to putProfile if that is
// to change, too.
func (s *Store) pinGroup(
	x *tx, t directory.TenantID, h schema.Home, head groupHead, n int64, at time.Time, mine int64, lock string, profile bool,
) {
	if !profile {
		x.check(s, h.Group(head.ID), sameProfile(head.pv), nil)
	}
	for i, ver := range head.shards {
		c := free(s.now(), mine).and(atShardVersion(ver))
		var e edit
		if i == 0 {
			e = edit{set: item{"mod": num(at.UnixMilli())}, add: map[string]int64{"n": n, "ver": 1}}
		}
		if lock != "" {
			if e.set == nil {
				e.set = item{}
			}
			e.set["lock"], e.set["done"] = str(lock), num(0)
		}
		if mine != 0 {
			e.remove = []string{"hold"}
		}
		if k := h.GroupShard(head.ID, i); len(e.set)+len(e.remove) > 0 {
			x.update(s, k, e, c, shardFault(t))
		} else {
			x.check(s, k, c, shardFault(t))
		}
	}
}

// A change that depends on all members gives way to small ones, but after holdAfter tries it holds the shards for
// holdFor to get through. A hold only makes others wait: it may end early or be ignored.
const (
	holdAfter = 3
	holdFor   = 2 * time.Second
)

// holdShards tries to hold a group's shards and returns the hold, 0 if it failed.
func (s *Store) holdShards(ctx context.Context, t directory.TenantID, h schema.Home, g directory.GroupID) (int64, error) {
	until := s.now().Add(holdFor).UnixMilli()
	x := &tx{}
	for i := range schema.GroupShards {
		x.update(s, h.GroupShard(g, i), edit{set: item{"hold": num(until)}}, free(s.now(), 0), shardFault(t))
	}
	err := s.commit(ctx, "hold group", x)
	if errors.Is(err, errStale) {
		return 0, nil
	}
	return until, err
}

// joinRows adds the rows of new members. A new member must exist: its record counts the memberships added, so that its
// deletion conflicts with this transaction.
func (s *Store) joinRows(x *tx, h schema.Home, g directory.GroupID, ms []directory.ScimID, c cond, missing func(directory.ScimID) error) {
	for _, m := range ms {
		row, reverse := membership(h, g, m)
		x.put(s, row, item{}, c, nil)
		x.put(s, reverse, item{}, always, nil)
		x.update(s, h.Member(m), edit{add: map[string]int64{"mv": 1}}, memberExists, func(item) error { return missing(m) })
	}
}

// leaveRows removes the rows of members.
func (s *Store) leaveRows(x *tx, h schema.Home, g directory.GroupID, ms []directory.ScimID, c cond) {
	for _, m := range ms {
		row, reverse := membership(h, g, m)
		x.delete(s, row, c, nil)
		x.delete(s, reverse, always, nil)
	}
}

// memberExists holds for a group, a user and an alias, but not for a restored user at its first id.
var memberExists = cond{expr: "attribute_exists(#PK) AND attribute_not_exists(#sid)"}

func unknownMember(id directory.ScimID) error { return directory.ErrUnknownMember(id) }

// nest adds the condition that keeps groups from containing each other in a cycle: seen is the version of the nesting
// at which the ancestors were read, -1 if they were not; pending is an entry that nests them later.
func (s *Store) nest(x *tx, h schema.Home, adds []directory.ScimID, seen int64, pending string) {
	if !slices.ContainsFunc(adds, directory.ScimID.IsGroup) {
		return
	}
	e := edit{add: map[string]int64{"ver": 1}}
	if pending != "" {
		e.join = map[string][]string{"pend": {pending}}
	}
	c := always
	switch {
	case seen == 0:
		c = absent
	case seen > 0:
		c = atShardVersion(seen)
	}
	x.update(s, h.Nesting(), e, c, nil)
}

func (s groupStore) CreateGroup(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, admit directory.Admit,
	create func(directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error),
) (directory.Group, error) {
	rec, _, err := s.readAdmitted(ctx, t, p, admit, nil)
	if err != nil {
		return directory.Group{}, err
	}
	g, members, e, err := create(rec)
	if err != nil {
		return directory.Group{}, err
	}
	h := schema.HomeFor(t, p, false)
	x := &tx{}
	x.put(s.Store, h.Group(g.ID), encodeGroup(g), absent, nil)
	s.reindexGroup(x, h, nil, groupIndex(h, g), g)
	x.update(s.Store, h.Total(schema.KindGroups, string(g.ID)), edit{add: map[string]int64{"n": 1}}, always, nil)
	large := len(x.ops)+schema.GroupShards+3*len(members)+2 > s.maxOps
	ref, r := "", remainder{}
	if large {
		if err := s.admitLarge(ctx, h, nil, g, members); err != nil {
			return directory.Group{}, err
		}
		ref = schema.EntryRef(schema.EntryKey(t, e.Provider, e.At, e.ID))
		e.Remaining, r = directory.RemainingMembers, remainder{p, string(g.ID), s.maxOps}
	} else {
		s.joinRows(x, h, g.ID, members, always, unknownMember)
	}
	for i := range schema.GroupShards {
		it := item{"n": num(0), "ver": num(0)}
		if i == 0 {
			it["n"] = num(len(members))
		}
		if large {
			it["lock"], it["done"] = str(ref), num(0)
		}
		x.put(s.Store, h.GroupShard(g.ID, i), it, always, nil)
	}
	s.nest(x, h, members, -1, ref)
	x.logGroup(s.Store, t, e, r, g.Version-1) // a restored one goes on
	if err := s.commitOnce(ctx, "create group", x); err != nil {
		return directory.Group{}, err
	}
	s.finishNow(ctx, t, ref)
	return g, nil
}

// groupState is a view with the state that its commit depends on.
type groupState struct {
	view    directory.GroupView
	head    groupHead
	fresh   bool // head was read
	nesting int64
	hold    int64
}

// errNotFresh asks for a fresh view: the change turned out to be too large for one transaction.
var errNotFresh = errors.New("the view must be read again")

// UpdateGroup implements directory.Groups. A change of named members that fits in one transaction needs no fresh view:
// its conditions are on the rows it writes.
func (s groupStore) UpdateGroup(
	ctx context.Context, t directory.TenantID, old directory.GroupView, want directory.GroupWant,
	update func(directory.GroupView) (directory.GroupChange, error),
) (g directory.Group, err error) {
	h := schema.HomeFor(t, old.Provider, false)
	fresh := want.AllMembers || want.Ancestors || want.Exact || old.Version == 0
	err = s.rerun(ctx, "group", func(n int) error {
		st := groupState{view: old, nesting: -1}
		if fresh || n > 0 {
			if st, err = s.refresh(ctx, t, h, old, want, n); err != nil {
				return err
			}
		}
		ch, err := update(st.view)
		g = st.view.Group
		if err != nil || ch.Entry == nil {
			return err
		}
		g.GroupProfile = ch.GroupProfile
		g.MemberCount += len(ch.Add) - len(ch.Remove)
		g.Version++
		g.Modified = directory.Latest(g.Modified, ch.Entry.At)
		err = s.changeGroup(ctx, t, h, st, want, ch, g)
		if !want.Pins(ch) {
			g.Version = 0
		}
		if errors.Is(err, errNotFresh) {
			fresh = true
			return errStale
		}
		return err
	})
	return g, err
}

// refresh reads the view again, unless at the first try the old one has the version of the group.
func (s *Store) refresh(
	ctx context.Context, t directory.TenantID, h schema.Home, old directory.GroupView, want directory.GroupWant, n int,
) (groupState, error) {
	st := groupState{view: old, fresh: true, nesting: -1}
	var err error
	if n >= holdAfter {
		if st.hold, err = s.holdShards(ctx, t, h, old.ID); err != nil {
			return st, err
		}
	}
	var ancestors map[directory.GroupID]bool
	if want.Ancestors {
		if ancestors, st.nesting, err = s.ancestors(ctx, t, h, old.ID); err != nil {
			return st, err
		}
	}
	var ok bool
	if st.head, ok, err = s.head(ctx, h, old.Provider, old.ID); err != nil {
		return st, err
	}
	switch {
	case !ok:
		return st, notFound("group")
	case st.head.lock != "":
		return st, &lockedError{t, st.head.lock}
	case n > 0 || st.head.Version != old.Version:
		shown, rows := 0, want
		rows.Ancestors = false
		st.view, err = s.groupView(ctx, t, h, st.head, rows, &shown, nil)
	}
	st.view.Ancestors = ancestors
	return st, err
}

// changeGroup commits a change: in one transaction if it fits, else as a large one.
func (s *Store) changeGroup(
	ctx context.Context, t directory.TenantID, h schema.Home, st groupState, want directory.GroupWant, ch directory.GroupChange,
	g directory.Group,
) error {
	if !schema.Usable(string(g.ID)) || g.Provider == "" {
		return notFound("group")
	}
	old, members := st.view.Group, len(ch.Add)+len(ch.Remove)
	profile := members == 0 || !g.GroupProfile.Equal(old.GroupProfile)
	pinned := want.Pins(ch)
	e, above := *ch.Entry, cmp.Or(st.view.Floor, old.Version+1)-1
	x := &tx{}
	if profile {
		was, is := groupIndex(h, old), groupIndex(h, g)
		if err := s.settleName(ctx, displayName(h, old), g.DisplayName, was, is); err != nil {
			return err
		}
		s.putProfile(x, h, st.view, g, members == 0 && !pinned)
		s.reindexGroup(x, h, was, is, g)
	}
	net := int64(len(ch.Add) - len(ch.Remove))
	if len(x.ops)+3*len(ch.Add)+2*len(ch.Remove)+schema.GroupShards+3 > s.maxOps {
		if !st.fresh {
			return errNotFresh
		}
		if err := s.admitLarge(ctx, h, &old, g, ch.Add); err != nil {
			return err
		}
		ref := schema.EntryRef(schema.EntryKey(t, e.Provider, e.At, e.ID))
		e.Remaining = directory.RemainingMembers
		s.pinGroup(x, t, h, st.head, net, e.At, st.hold, ref, profile)
		s.nest(x, h, ch.Add, st.nesting, ref)
		x.logGroup(s, t, e, remainder{g.Provider, string(g.ID), s.maxOps}, above)
		if err := s.commit(ctx, "change members", x); err != nil {
			return err
		}
		s.finishNow(ctx, t, ref)
		return nil
	}
	switch {
	case pinned:
		s.pinGroup(x, t, h, st.head, net, e.At, st.hold, "", profile)
	case members > 0:
		s.touchShard(x, t, h, g.ID, net, 1, e.At)
	}
	s.joinRows(x, h, g.ID, ch.Add, absent, unknownMember)
	s.leaveRows(x, h, g.ID, ch.Remove, exists)
	s.nest(x, h, ch.Add, st.nesting, "")
	x.logGroup(s, t, e, remainder{}, above)
	return s.commit(ctx, "update group", x)
}

// putProfile adds the change of a group's own record, under the condition that its profile has not changed since: so the
// versions of such changes grow, though members may change meanwhile. The version is counted here only when no shard
// counts it.
func (s *Store) putProfile(x *tx, h schema.Home, old directory.GroupView, g directory.Group, counted bool) {
	e := edit{set: groupProfile(g.GroupProfile), add: map[string]int64{"pv": 1}}
	e.set["mod"] = num(g.Modified.UnixMilli())
	if counted {
		e.add["ver"] = 1
	}
	c := sameProfile(old.Profiles)
	was := groupProfile(old.GroupProfile)
	for _, name := range []string{"at", "name", "xid"} {
		if e.set[name] == nil {
			e.remove = append(e.remove, name)
		}
		if v := was[name]; v == nil {
			c = c.and(when("attribute_not_exists(#"+name+")", nil))
		} else {
			c = c.and(when("#"+name+" = :was"+name, item{":was" + name: v}))
		}
	}
	x.update(s, h.Group(g.ID), e, c, nil)
}

// admitLarge checks that the members exist, which the transaction of a large change cannot. A taken name is reported
// first, as for a small change.
func (s *Store) admitLarge(ctx context.Context, h schema.Home, old *directory.Group, g directory.Group, add []directory.ScimID) error {
	if old == nil || old.DisplayNameKey() != g.DisplayNameKey() {
		it, err := s.getOne(ctx, h.GroupName(g.DisplayNameKey()))
		if err != nil {
			return err
		}
		if it != nil {
			return displayNameTaken(g.Provider)(it)
		}
	}
	keys := make([]schema.Key, len(add))
	for i, m := range add {
		keys[i] = h.Member(m)
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return err
	}
	for i, k := range keys {
		if got[k] == nil || got[k]["sid"] != nil {
			return directory.ErrUnknownMember(add[i])
		}
	}
	return nil
}

func (s groupStore) DeleteGroup(
	ctx context.Context, t directory.TenantID, old directory.Group, del func(directory.Group) (directory.LogEntry, error),
) error {
	h := schema.HomeFor(t, old.Provider, false)
	return s.rerun(ctx, "group", func(n int) (err error) {
		var mine int64
		if n >= holdAfter {
			if mine, err = s.holdShards(ctx, t, h, old.ID); err != nil {
				return err
			}
		}
		head, ok, err := s.head(ctx, h, old.Provider, old.ID)
		switch {
		case err != nil:
			return err
		case !ok:
			return notFound("group")
		case head.lock != "":
			return &lockedError{t, head.lock}
		}
		e, err := del(head.Group)
		if err != nil {
			return err
		}
		return s.removeGroup(ctx, t, h, head, e, mine)
	})
}

// removeGroup commits the deletion of the group that head was read from, with all rows if they fit.
func (s *Store) removeGroup(
	ctx context.Context, t directory.TenantID, h schema.Home, head groupHead, e directory.LogEntry, mine int64,
) error {
	var members []directory.ScimID
	var parents []directory.GroupID
	known := map[directory.GroupID]bool{}
	err := meter.Parallel(ctx, func(ctx context.Context) (err error) {
		members, err = s.members(ctx, h, head, "", s.maxOps)
		return err
	}, func(ctx context.Context) (err error) {
		if parents, err = s.groupsOf(ctx, h, directory.ScimID(head.ID), s.maxOps); err == nil && len(parents) > 0 {
			known, err = s.existing(ctx, h, parents)
		}
		return err
	})
	if err != nil {
		return err
	}
	x := &tx{}
	unchanged := when("#ver = :ver AND attribute_not_exists(#mv)", item{":ver": num(head.own)})
	if mv := head.mv["mv"]; mv != nil {
		unchanged = when("#ver = :ver AND #mv = :mv", item{":ver": num(head.own), ":mv": mv})
	}
	x.delete(s, h.Group(head.ID), unchanged, nil)
	for i, ver := range head.shards {
		x.delete(s, h.GroupShard(head.ID, i), free(s.now(), mine).and(atShardVersion(ver)), shardFault(t))
	}
	was := groupIndex(h, head.Group)
	if err := s.settleName(ctx, displayName(h, head.Group), "", was, nil); err != nil {
		return err
	}
	s.reindexGroup(x, h, was, nil, head.Group)
	x.update(s, h.Total(schema.KindGroups, string(head.ID)), edit{add: map[string]int64{"n": -1}}, always, nil)
	x.put(s, h.Former(directory.ScimID(head.ID)), item{}, always, nil)
	if len(x.ops)+2*len(members)+3*len(parents)+1 <= s.maxOps {
		s.leaveRows(x, h, head.ID, members, always)
		s.leaveGroups(x, t, h, directory.ScimID(head.ID), parents, known, e)
		x.logGroup(s, t, e, remainder{}, head.floor())
		return s.commit(ctx, "delete group", x)
	}
	r := remainder{provider: head.Provider, id: string(head.ID)}
	e.Remaining = directory.RemainingGroup
	x.logGroup(s, t, e, r, head.floor())
	if err := s.commit(ctx, "delete group", x); err != nil {
		return err
	}
	_, _ = s.finishGroup(ctx, t, e, r, removeNow) // it is committed; if this fails, the entry completes it
	return nil
}
