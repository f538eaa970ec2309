package dynamo

import (
	"context"
	"errors"
	"slices"

	"rollcall/shared/directory"
)

// admitLarge checks that the members exist, which the transaction of a large change cannot. A taken name is reported
// first, as for a small change.
func (s *Store) admitLarge(ctx context.Context, h home, old *directory.Group, g directory.Group, add []directory.ScimID) error {
	if old == nil || old.DisplayNameKey() != g.DisplayNameKey() {
		it, err := s.getOne(ctx, h.groupName(g.DisplayNameKey()))
		if err != nil {
			return err
		}
		if it != nil {
			return displayNameTaken(g.Provider)(it)
		}
	}
	keys := make([]key, len(add))
	for i, m := range add {
		keys[i] = h.member(m)
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if got[k] == nil || got[k]["sid"] != nil {
			return directory.ErrUnknownMember()
		}
	}
	return nil
}

// finishNow rolls a committed change forward. Its errors are ignored: reads already show the change, and its entry
// completes it.
func (s *Store) finishNow(ctx context.Context, t directory.TenantID, ref string) {
	if ref != "" {
		_ = s.finishMembers(ctx, t, ref)
	}
}

// chunk is a part of a large change that fits in one transaction with its mark.
type chunk struct{ add, remove []directory.ScimID }

func chunks(e directory.LogEntry, ops int) (out []chunk) {
	for ms := range slices.Chunk(e.Added, (ops-1)/3) {
		out = append(out, chunk{add: ms})
	}
	for ms := range slices.Chunk(e.Removed, (ops-1)/2) {
		out = append(out, chunk{remove: ms})
	}
	return out
}

// largeChange is a committed change of members while it is rolled forward: one transaction carries out chunk c and
// marks it in shard c mod 8, so each is carried out once even if several processes try.
type largeChange struct {
	tenant directory.TenantID
	home   home
	group  directory.GroupID
	ref    string
	entry  directory.LogEntry
	chunks []chunk
}

// finishMembers rolls forward the large change of the entry at ref, and unlocks its group. It may run concurrently and
// repeatedly.
func (s *Store) finishMembers(ctx context.Context, t directory.TenantID, ref string) error {
	e, r, err := s.entry(ctx, entryAt(ref))
	if directory.IsKind(err, directory.NotFound) || err == nil && r.id == "" {
		return nil
	}
	if err != nil {
		return err
	}
	l := largeChange{tenant: t, home: homeFor(t, r.provider, false), group: directory.GroupID(r.id), ref: ref, entry: e,
		chunks: chunks(e, r.ops)}
	var fns []func(context.Context) error
	for i := range min(groupShards, len(l.chunks)) {
		fns = append(fns, func(ctx context.Context) error { return s.finishStripe(ctx, l, i) })
	}
	if err := parallel(ctx, fns...); err != nil {
		return err
	}
	return s.unlock(ctx, l)
}

// finishStripe carries out the remaining chunks of one shard.
func (s *Store) finishStripe(ctx context.Context, l largeChange, shard int) error {
	k := l.home.groupShard(l.group, shard)
	for {
		it, err := s.getOne(ctx, k)
		if err != nil || text(it, "lock") != l.ref {
			return err
		}
		for done := int(number(it, "done")); err == nil; done++ {
			c := done*groupShards + shard
			if c >= len(l.chunks) {
				return nil
			}
			err = s.finishChunk(ctx, l, k, done, l.chunks[c])
		}
		if !errors.Is(err, errDone) { // another process did the chunk: read the mark again
			return err
		}
	}
}

var errMissing = errors.New("a member was deleted meanwhile")

// finishChunk carries out one chunk. A member deleted since the commit is not added, and the count is reduced, as if it
// had joined and left.
func (s *Store) finishChunk(ctx context.Context, l largeChange, shard key, done int, c chunk) error {
	missing := map[directory.ScimID]bool{}
	for {
		joining := slices.DeleteFunc(slices.Clone(c.add), func(m directory.ScimID) bool { return missing[m] })
		e := edit{set: item{"done": num(done + 1)}}
		if n := int64(len(missing)); n > 0 {
			e.add = map[string]int64{"n": -n, "ver": n}
		}
		x := &tx{}
		mark := when("#lock = :lock AND #done = :was", item{":lock": str(l.ref), ":was": num(done)})
		x.update(s, shard, e, mark, func(item) error { return errDone })
		s.joinRows(x, l.home, l.group, joining, always, func(m directory.ScimID) error {
			missing[m] = true
			return errMissing
		})
		s.leaveRows(x, l.home, l.group, c.remove, always)
		if err := s.commit(ctx, "roll members forward", x); !errors.Is(err, errMissing) {
			return err
		}
	}
}

// unlock ends a large change whose chunks are all carried out.
func (s *Store) unlock(ctx context.Context, l largeChange) error {
	x := &tx{}
	for i := range groupShards {
		all := (len(l.chunks) - i + groupShards - 1) / groupShards
		c := when("#lock = :lock AND #done = :all", item{":lock": str(l.ref), ":all": num(max(all, 0))})
		x.update(s, l.home.groupShard(l.group, i), edit{remove: []string{"lock", "done"}}, c, func(item) error { return errDone })
	}
	if slices.ContainsFunc(l.entry.Added, directory.ScimID.IsGroup) {
		x.update(s, l.home.nesting(), edit{leave: map[string][]string{"pend": {l.ref}}}, always, nil)
	}
	if err := s.commit(ctx, "unlock group", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// DeleteGroup implements directory.Groups.
func (s *Store) DeleteGroup(
	ctx context.Context, t directory.TenantID, old directory.Group, del func(directory.Group) (directory.LogEntry, error),
) error {
	h := homeFor(t, old.Provider, false)
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
		e.Version = head.Version + 1
		return s.removeGroup(ctx, t, h, head, e, mine)
	})
}

// removeGroup commits the deletion of the group that head was read from, with all rows if they fit.
func (s *Store) removeGroup(ctx context.Context, t directory.TenantID, h home, head groupHead, e directory.LogEntry, mine int64) error {
	var members []directory.ScimID
	var parents []directory.GroupID
	known := map[directory.GroupID]bool{}
	err := parallel(ctx, func(ctx context.Context) (err error) {
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
	x.delete(s, h.group(head.ID), unchanged, nil)
	for i, ver := range head.shards {
		x.delete(s, h.groupShard(head.ID, i), free(s.now(), mine).and(atShardVersion(ver)), shardFault(t))
	}
	s.reindexGroup(x, h, groupIndex(h, head.Group), nil, head.Group)
	x.update(s, h.total(kindGroups, string(head.ID)), edit{add: map[string]int64{"n": -1}}, always, nil)
	if len(x.ops)+2*len(members)+3*len(parents)+1 <= s.maxOps {
		s.leaveRows(x, h, head.ID, members, always)
		s.leaveGroups(x, t, h, directory.ScimID(head.ID), parents, known, e)
		x.log(s, t, e, remainder{})
		return s.commit(ctx, "delete group", x)
	}
	r := remainder{provider: head.Provider, id: string(head.ID)}
	e.Remaining = directory.RemainingGroup
	x.log(s, t, e, r)
	if err := s.commit(ctx, "delete group", x); err != nil {
		return err
	}
	_ = s.finishGroup(ctx, t, e, r) // it is committed; if this fails, the entry completes it
	return nil
}

// finishGroup removes the remaining rows of a deleted group. It may run concurrently and repeatedly.
func (s *Store) finishGroup(ctx context.Context, t directory.TenantID, e directory.LogEntry, r remainder) error {
	h, id := homeFor(t, r.provider, false), directory.GroupID(r.id)
	for {
		its, more, err := s.query(ctx, span{pk: h.members(id), limit: 1000})
		if err != nil {
			return err
		}
		var rows, reverse []key
		for _, it := range its {
			row, back := membership(h, id, directory.ScimID(text(it, "SK")))
			rows, reverse = append(rows, row), append(reverse, back)
		}
		// The rows are removed last, because they list the remaining work.
		if err := s.erase(ctx, "drop reverse rows", reverse); err != nil {
			return err
		}
		if err := s.erase(ctx, "drop rows", rows); err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return s.finishLeaving(ctx, t, h, directory.ScimID(id), e)
}
