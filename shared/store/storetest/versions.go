package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"rollcall/shared/directory"
)

var versionChapter = []promise{
	{"versions/of a group that many change at the same time", racingVersions},
	{"versions/a precondition holds against every other change", racingPrecondition},
}

// changes are the changes of a group that several callers make at the same time.
type changes struct {
	*world
	group    directory.GroupID
	mu       sync.Mutex
	returned map[int64]int                // how often each version was returned
	from, to map[directory.EntryID]string // the names before and after a change
}

// change makes one change, and notes what was committed.
func (c *changes) change(want directory.GroupWant, a directory.Action, edit func(*directory.GroupChange)) error {
	old, err := c.Groups.ReadGroup(c.ctx, c.tenant, c.p, c.group, want, nil)
	if err != nil {
		return err
	}
	var id directory.EntryID
	var from, to string
	n, err := c.Groups.UpdateGroup(c.ctx, c.tenant, old, want, func(old directory.GroupView) (directory.GroupChange, error) {
		e := c.groupEntry(a, old.Group)
		ch := directory.GroupChange{GroupProfile: old.GroupProfile, Entry: &e}
		edit(&ch)
		e.Added = ch.Add
		id, from, to = e.ID, old.DisplayName, ch.DisplayName
		return ch, nil
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.returned[n.Version]++
	c.from[id], c.to[id] = from, to
	return nil
}

// racingVersions: twelve add a member each while others rename the group. Entries of renamings have versions that grow
// with each of them; those of members have none. No version is returned.
func racingVersions(w *world) {
	const adders, renamers, times = 12, 3, 4
	ids := scimIDs(w.users(w.p, adders, "u"))
	c := &changes{world: w, group: w.group(w.p, "name").ID, returned: map[int64]int{}, from: map[directory.EntryID]string{},
		to: map[directory.EntryID]string{}}
	w.must(errors.Join(race(adders+renamers, func(i int) error {
		if i < adders {
			add := ids[i : i+1]
			return c.change(directory.GroupWant{Named: add}, directory.MembersChanged, func(ch *directory.GroupChange) { ch.Add = add })
		}
		for n := range times {
			rename := func(ch *directory.GroupChange) { ch.DisplayName = fmt.Sprint(ch.DisplayName, i, n) }
			if err := again(func() error { return c.change(directory.GroupWant{}, directory.GroupUpdated, rename) }); err != nil {
				return err
			}
		}
		return nil
	})...))
	now := w.readGroup(w.p, c.group)
	w.equal("version", now.Version, int64(1+adders+renamers*times))
	w.equal("members", len(now.Members), adders)
	w.equal("returned versions", c.returned, map[int64]int{0: adders + renamers*times})
	c.growing(now.DisplayName, renamers*times)
	w.must(w.deleteGroup(now.Group))
	if e := w.log(directory.LogQuery{Group: c.group})[0]; e.Action != directory.GroupDeleted || e.Version <= now.Version {
		w.Errorf("the deletion has version %d after %d", e.Version, now.Version)
	}
}

// growing fails unless the entries of n renamings have growing versions in the order in which they were made.
func (c *changes) growing(name string, n int) {
	c.Helper()
	var renamings []directory.LogEntry
	for _, e := range c.log(directory.LogQuery{Group: c.group}) {
		switch e.Action {
		case directory.MembersChanged:
			c.equal("version of an entry of members", e.Version, int64(0))
		case directory.GroupUpdated:
			renamings = append(renamings, e)
		}
	}
	c.equal("renamings", len(renamings), n)
	slices.SortFunc(renamings, func(a, b directory.LogEntry) int { return cmp.Compare(a.Version, b.Version) })
	last, at := "name", int64(1)
	for _, e := range renamings {
		if e.Version <= at || c.from[e.ID] != last {
			c.Errorf("version %d after %d renames %q; the name was %q", e.Version, at, c.from[e.ID], last)
		}
		last, at = c.to[e.ID], e.Version
	}
	c.equal("the last name", last, name)
}

// racingPrecondition: of changes with the same precondition on the version (GroupWant.Exact), whatever they change, one
// succeeds, and it knows its version.
func racingPrecondition(w *world) {
	ids := scimIDs(w.users(w.p, 4, "u"))
	g := w.group(w.p, "name", ids[0])
	stale := directory.Errorf(directory.VersionMismatch, "stale")
	for round := range 3 {
		at := w.readGroup(w.p, g.ID).Version
		var mu sync.Mutex
		won := map[int]directory.Group{}
		errs := race(6, func(i int) error {
			want := directory.GroupWant{Named: ids, Exact: true}
			old, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g.ID, want, nil)
			if err != nil {
				return err
			}
			n, err := w.Groups.UpdateGroup(w.ctx, w.tenant, old, want, func(old directory.GroupView) (directory.GroupChange, error) {
				if old.Version != at {
					return directory.GroupChange{}, stale
				}
				e := w.groupEntry(directory.GroupUpdated, old.Group)
				ch := directory.GroupChange{GroupProfile: old.GroupProfile, Entry: &e}
				if i%2 == 0 {
					ch.DisplayName = fmt.Sprint("name", round, i)
				} else {
					e.Action, ch.Add = directory.MembersChanged, []directory.ScimID{ids[1+i/2]}
					if old.Present[ch.Add[0]] {
						ch.Add, ch.Remove = nil, ch.Add
					}
				}
				return ch, nil
			})
			if err == nil {
				mu.Lock()
				won[i] = n
				mu.Unlock()
			}
			return err
		})
		for _, err := range errs {
			if err != nil && !errors.Is(err, stale) {
				w.Errorf("a loser got %v", err)
			}
		}
		now := w.readGroup(w.p, g.ID)
		w.equal("version", now.Version, at+1)
		w.equal("changes that succeeded", len(won), 1)
		for _, n := range slices.Collect(maps.Values(won)) {
			w.equal("the returned version", n.Version, now.Version)
		}
	}
}
