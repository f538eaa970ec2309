package dynamo

import (
	"context"
	"errors"
	"slices"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// completionStore implements directory.Completion. It rolls a change forward that was too large for one transaction: its
// entry is committed, and the request or, if it died, whoever follows the entry finishes what remains.
type completionStore struct{ *Store }

func (s completionStore) CompleteEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	k := schema.EntryKey(t, e.Provider, e.At, e.ID)
	switch e.Remaining {
	case directory.RemainingMembers:
		return s.finishMembers(ctx, t, schema.EntryRef(k))
	case directory.RemainingUser, directory.RemainingGroup:
	default:
		return nil
	}
	stored, r, err := s.entry(ctx, k)
	if directory.IsKind(err, directory.NotFound) || err == nil && r.id == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if e.Remaining == directory.RemainingUser {
		return s.finishUser(ctx, t, stored, r)
	}
	return s.finishGroup(ctx, t, stored, r)
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

// finishMembers rolls forward the large change of the entry at ref, and unlocks its group. It may run concurrently and
// repeatedly.
func (s *Store) finishMembers(ctx context.Context, t directory.TenantID, ref string) error {
	e, r, err := s.entry(ctx, schema.EntryAt(ref))
	if directory.IsKind(err, directory.NotFound) || err == nil && r.id == "" {
		return nil
	}
	if err != nil {
		return err
	}
	l := largeChange{tenant: t, home: schema.HomeFor(t, r.provider, false), group: directory.GroupID(r.id), ref: ref, entry: e,
		chunks: chunks(e, r.ops)}
	var fns []func(context.Context) error
	for i := range min(schema.GroupShards, len(l.chunks)) {
		fns = append(fns, func(ctx context.Context) error { return s.finishStripe(ctx, l, i) })
	}
	if err := meter.Parallel(ctx, fns...); err != nil {
		return err
	}
	return s.unlock(ctx, l)
}

// largeChange is a committed change of members while it is rolled forward: one transaction carries out chunk c and
// marks it in shard c mod 8, so each is carried out once even if several processes try.
type largeChange struct {
	tenant directory.TenantID
	home   schema.Home
	group  directory.GroupID
	ref    string
	entry  directory.LogEntry
	chunks []chunk
}

// finishStripe carries out the remaining chunks of one shard.
func (s *Store) finishStripe(ctx context.Context, l largeChange, shard int) error {
	k := l.home.GroupShard(l.group, shard)
	for {
		it, err := s.getOne(ctx, k)
		if err != nil || text(it, "lock") != l.ref {
			return err
		}
		for done := int(number(it, "done")); err == nil; done++ {
			c := done*schema.GroupShards + shard
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

// finishChunk carries out one chunk. A member deleted since the commit is not added, and the count is reduced, as if it
// had joined and left.
func (s *Store) finishChunk(ctx context.Context, l largeChange, shard schema.Key, done int, c chunk) error {
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
	for i := range schema.GroupShards {
		all := (len(l.chunks) - i + schema.GroupShards - 1) / schema.GroupShards
		c := when("#lock = :lock AND #done = :all", item{":lock": str(l.ref), ":all": num(max(all, 0))})
		x.update(s, l.home.GroupShard(l.group, i), edit{remove: []string{"lock", "done"}}, c, func(item) error { return errDone })
	}
	if slices.ContainsFunc(l.entry.Added, directory.ScimID.IsGroup) {
		x.update(s, l.home.Nesting(), edit{leave: map[string][]string{"pend": {l.ref}}}, always, nil)
	}
	if err := s.commit(ctx, "unlock group", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// finishGroup removes the remaining rows of a deleted group. It may run concurrently and repeatedly.
func (s *Store) finishGroup(ctx context.Context, t directory.TenantID, e directory.LogEntry, r remainder) error {
	h, id := schema.HomeFor(t, r.provider, false), directory.GroupID(r.id)
	for {
		its, more, err := s.query(ctx, span{pk: h.Members(id), limit: 1000})
		if err != nil {
			return err
		}
		var rows, reverse []schema.Key
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

// finishUser ends the remaining memberships and reports of a user, in as many transactions as needed. It may run
// concurrently and repeatedly.
func (s *Store) finishUser(ctx context.Context, t directory.TenantID, e directory.LogEntry, r remainder) error {
	h, id := schema.HomeFor(t, r.provider, false), directory.ScimID(r.id)
	// If the id is in use again, no work is left.
	if _, ok, err := s.presentUser(ctx, h, id); ok || err != nil {
		return err
	}
	if err := s.finishLeaving(ctx, t, h, id, e); err != nil {
		return err
	}
	return s.finishReports(ctx, t, h, id, e)
}

// finishLeaving ends the memberships of a deleted member.
func (s *Store) finishLeaving(ctx context.Context, t directory.TenantID, h schema.Home, m directory.ScimID, e directory.LogEntry) error {
	return s.rerun(ctx, "memberships of a deleted member", func(int) error {
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

func (s *Store) finishReports(ctx context.Context, t directory.TenantID, h schema.Home, id directory.ScimID, e directory.LogEntry) error {
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
			if schema.HomeOf(t, report) != h || report.Manager != string(id) {
				return nil
			}
			x := &tx{}
			s.clearManager(x, t, report, e)
			return s.commit(ctx, "clear manager", x)
		})
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

var errMissing = errors.New("a member was deleted meanwhile")
