package dynamo

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// completionStore implements directory.Completion. It rolls a change forward that was too large for one transaction: its
// entry is committed, and the request or, if it died, whoever follows the entry finishes what remains.
type completionStore struct{ *Store }

// everything is the limit of who leaves nothing to others.
const everything = math.MaxInt

// removeNow is how many rows of a deleted group its request removes at most; what is left, the entry completes.
const removeNow = 12_000

func (s completionStore) CompleteEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry, limit int) (bool, error) {
	k := schema.EntryKey(t, e.Provider, e.At, e.ID)
	switch e.Remaining {
	case directory.RemainingMembers:
		h := schema.HomeFor(t, e.Provider, false)
		it, err := s.getOne(ctx, h.GroupShard(e.Group, 0)) // it is unlocked last, with the others
		if err != nil || text(it, "lock") != schema.EntryRef(k) || limit < 1 {
			return err == nil && text(it, "lock") == schema.EntryRef(k), err
		}
		return s.finishMembers(ctx, t, schema.EntryRef(k), limit)
	case directory.RemainingUser, directory.RemainingGroup:
	default:
		return false, nil
	}
	stored, r, err := s.entry(ctx, k)
	if directory.IsKind(err, directory.NotFound) || err == nil && r.id == "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if e.Remaining == directory.RemainingUser {
		return s.finishUser(ctx, t, stored, r, limit)
	}
	return s.finishGroup(ctx, t, stored, r, limit)
}

// finishNow rolls a committed change forward. Its errors are ignored: reads already show the change, and its entry
// completes it.
func (s *Store) finishNow(ctx context.Context, t directory.TenantID, ref string) {
	if ref != "" {
		_, _ = s.finishMembers(ctx, t, ref, everything)
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

// finishMembers rolls forward the large change of the entry at ref, and unlocks its group, or does about limit members
// and reports whether more are left. It may run concurrently and repeatedly.
func (s *Store) finishMembers(ctx context.Context, t directory.TenantID, ref string, limit int) (more bool, err error) {
	e, r, err := s.entry(ctx, schema.EntryAt(ref))
	if directory.IsKind(err, directory.NotFound) || err == nil && r.id == "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l := largeChange{tenant: t, home: schema.HomeFor(t, r.provider, false), group: directory.GroupID(r.id), ref: ref, entry: e,
		chunks: chunks(e, r.ops), allowed: new(atomic.Int64)}
	l.allowed.Store(int64(limit))
	left := make([]bool, min(schema.GroupShards, len(l.chunks)))
	var fns []func(context.Context) error
	for i := range left {
		fns = append(fns, func(ctx context.Context) (err error) {
			left[i], err = s.finishStripe(ctx, l, i)
			return err
		})
	}
	if err := meter.Parallel(ctx, fns...); err != nil || slices.Contains(left, true) {
		return err == nil, err
	}
	return false, s.unlock(ctx, l)
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

	allowed *atomic.Int64 // how many members may be begun
}

// finishStripe carries out the remaining chunks of one shard, or some of them, and reports whether more are left.
func (s *Store) finishStripe(ctx context.Context, l largeChange, shard int) (more bool, err error) {
	k := l.home.GroupShard(l.group, shard)
	for {
		it, err := s.getOne(ctx, k)
		if err != nil || text(it, "lock") != l.ref {
			return false, err
		}
		for done := int(number(it, "done")); err == nil; done++ {
			c := done*schema.GroupShards + shard
			if c >= len(l.chunks) {
				return false, nil
			}
			n := int64(len(l.chunks[c].add) + len(l.chunks[c].remove))
			if l.allowed.Add(-n) <= -n {
				return true, nil
			}
			err = s.finishChunk(ctx, l, k, done, l.chunks[c])
		}
		if !errors.Is(err, errDone) { // another process did the chunk: read the mark again
			return false, err
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

// finishGroup removes the remaining rows of a deleted group, at most limit, and reports whether more are left. It may run
// concurrently and repeatedly.
func (s *Store) finishGroup(ctx context.Context, t directory.TenantID, e directory.LogEntry, r remainder, limit int) (bool, error) {
	h, id := schema.HomeFor(t, r.provider, false), directory.GroupID(r.id)
	for {
		its, more, err := s.query(ctx, span{pk: h.Members(id), limit: min(max(limit, 1), 1000)})
		if err != nil {
			return false, err
		}
		if limit -= len(its); limit < 0 {
			return true, nil
		}
		var rows, reverse []schema.Key
		for _, it := range its {
			row, back := membership(h, id, directory.ScimID(text(it, "SK")))
			rows, reverse = append(rows, row), append(reverse, back)
		}
		// The rows are removed last, because they list the remaining work.
		if err := s.erase(ctx, "drop reverse rows", reverse); err != nil {
			return false, err
		}
		if err := s.erase(ctx, "drop rows", rows); err != nil {
			return false, err
		}
		if !more {
			break
		}
	}
	more, _, err := s.finishLeaving(ctx, t, h, directory.ScimID(id), e, limit)
	return more, err
}

// finishUser ends the remaining memberships and reports of a user, at most limit in as many transactions as needed, and
// reports whether more are left. It may run concurrently and repeatedly.
func (s *Store) finishUser(ctx context.Context, t directory.TenantID, e directory.LogEntry, r remainder, limit int) (bool, error) {
	h, id := schema.HomeFor(t, r.provider, false), directory.ScimID(r.id)
	// If the id is in use again, no work is left.
	if _, ok, err := s.presentUser(ctx, h, id); ok || err != nil {
		return false, err
	}
	more, left, err := s.finishLeaving(ctx, t, h, id, e, limit)
	if err != nil || more {
		return more, err
	}
	return s.finishReports(ctx, t, h, id, e, left)
}

// finishLeaving ends the memberships of a deleted member, at most limit; left is what is left of that.
func (s *Store) finishLeaving(
	ctx context.Context, t directory.TenantID, h schema.Home, m directory.ScimID, e directory.LogEntry, limit int,
) (more bool, left int, err error) {
	left = limit
	err = s.rerun(ctx, "memberships of a deleted member", func(int) error {
		for {
			groups, err := s.groupsOf(ctx, h, m, min(max(left, 1), (s.maxOps-1)/3))
			if err != nil || len(groups) == 0 {
				return err
			}
			if more = left < len(groups); more {
				return nil
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
			left -= len(groups)
		}
	})
	return more, left, err
}

func (s *Store) finishReports(
	ctx context.Context, t directory.TenantID, h schema.Home, id directory.ScimID, e directory.LogEntry, limit int,
) (more bool, err error) {
	key := directory.Lookup{Attr: directory.AttrManager, Value: string(id)}
	its, _, err := s.query(ctx, span{pk: h.Lookup(key)})
	if err != nil {
		return false, err
	}
	for some := range slices.Chunk(its, maxBatchGet) {
		reports, err := s.holders(ctx, h, some, key)
		if err != nil {
			return false, err
		}
		for _, report := range reports {
			if report.ID == e.User {
				continue
			}
			if limit--; limit < 0 {
				return true, nil
			}
			if err := s.finishReport(ctx, t, h, id, report, e); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// finishReport clears the manager of a report, unless somebody has.
func (s *Store) finishReport(
	ctx context.Context, t directory.TenantID, h schema.Home, id directory.ScimID, report directory.User, e directory.LogEntry,
) error {
	err := s.rerun(ctx, "report of a deleted user", func(n int) (err error) {
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
	return directory.IgnoreNotFound(err)
}

var errMissing = errors.New("a member was deleted meanwhile")
