package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
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
	returned map[int64]int     // how often each version was returned
	next     map[string]string // the name after one that was changed
}

// change makes one change, and notes what was committed.
func (c *changes) change(want directory.GroupWant, a directory.Action, edit func(*directory.GroupChange)) error {
	old, err := c.Groups.ReadGroup(c.ctx, c.tenant, c.p, c.group, want, nil)
	if err != nil {
		return err
	}
	var from, to string
	n, err := c.Groups.UpdateGroup(c.ctx, c.tenant, old, want, func(old directory.GroupView) (directory.GroupChange, error) {
		e := c.groupEntry(a, old.Group)
		ch := directory.GroupChange{GroupProfile: old.GroupProfile, Entry: &e}
		edit(&ch)
		e.Added = ch.Add
		from, to = old.DisplayName, ch.DisplayName
		return ch, nil
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.returned[n.Version]++
	if to != from {
		c.next[from] = to
	}
	return nil
}

// racingVersions: twelve add a member each while others rename the group. No version is returned, and each renaming starts
// with the name of the one before.
func racingVersions(w *world) {
	const adders, renamers, times = 12, 3, 4
	ids := scimIDs(w.users(w.p, adders, "u"))
	c := &changes{world: w, group: w.group(w.p, "name").ID, returned: map[int64]int{}, next: map[string]string{}}
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
	c.renamed(now.DisplayName, renamers*times)
	w.must(w.deleteGroup(now.Group))
	w.number()
	ns := w.numbers(c.group)
	w.equal("the number of the deletion", ns[len(ns)-1], int64(2+adders+renamers*times))
	slices.Sort(ns)
	w.equal("numbers", ns, upTo(2+adders+renamers*times))
}

// renamed fails unless n renamings form a chain from the first name to the last.
func (c *changes) renamed(name string, n int) {
	c.Helper()
	c.equal("renamings", len(c.next), n)
	at := "name"
	for range n {
		at = c.next[at]
	}
	c.equal("the last name", at, name)
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

var numberChapter = []promise{
	{"numbers/batches may be cut, repeated and race", numberedBatches},
	{"numbers/a batch may be cut everywhere", numberedCuts},
	{"numbers/a group that comes back goes on", numberedAgain},
}

// number gives the entries of the provider that have no number theirs, the oldest first.
func (w *world) number() {
	w.Helper()
	es := w.log(directory.LogQuery{Provider: w.p})
	slices.Reverse(es)
	w.numberSome(es...)
}

func (w *world) numberSome(es ...directory.LogEntry) []directory.LogEntry {
	w.Helper()
	got, err := w.Ports.Log.NumberEntries(w.ctx, w.tenant, es)
	w.must(err)
	w.equal("answers", len(got), len(es))
	for i, e := range got {
		if e.ID != es[i].ID || e.Unnumbered {
			w.Errorf("entry %d is %+v", i, e)
		}
	}
	return got
}

// numbers returns the stored numbers of entries of a group, the oldest first; 0 of one without.
func (w *world) numbers(g directory.GroupID) (ns []int64) {
	w.Helper()
	for _, e := range w.log(directory.LogQuery{Group: g}) {
		if e.Unnumbered != (e.Version == 0) {
			w.Errorf("unnumbered %v: number %d", e.Unnumbered, e.Version)
		}
		ns = append(ns, e.Version)
	}
	slices.Reverse(ns)
	return ns
}

// upTo returns the numbers from 1 to n.
func upTo(n int) (ns []int64) {
	for i := range n {
		ns = append(ns, int64(i+1))
	}
	return ns
}

// groupHistory makes a group with n entries, and returns these, the oldest first, as a follower gets them.
func (w *world) groupHistory(name string, n int) (g directory.Group, es []directory.LogEntry) {
	w.Helper()
	u := w.user(w.p, name)
	g = w.group(w.p, name)
	in := false
	for i := range n - 1 {
		switch {
		case i%3 == 2:
			_, err := w.rename(g, fmt.Sprint(name, i))
			w.must(err)
		case in:
			w.members(g, nil, []directory.ScimID{u.ScimID})
			in = false
		default:
			w.members(g, []directory.ScimID{u.ScimID}, nil)
			in = true
		}
		g = w.readGroup(w.p, g.ID).Group
	}
	es = w.log(directory.LogQuery{Group: g.ID})
	slices.Reverse(es)
	w.equal("entries", len(es), n)
	return g, es
}

// numberedBatches lets callers race with overlapping batches of two groups, in which entries are twice: each entry has one
// number, which all are told, and of each group there is every one.
func numberedBatches(w *world) {
	const n = 20
	g, es := w.groupHistory("g", n)
	h, more := w.groupHistory("h", n)
	es = append(es, more...)
	var mu sync.Mutex
	told := map[directory.EntryID]map[int64]bool{}
	w.must(errors.Join(race(racers, func(i int) error {
		for batch := range slices.Chunk(slices.Concat(es[i:], es[:i+3]), 7+i) {
			got, err := w.Ports.Log.NumberEntries(w.ctx, w.tenant, batch)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, e := range got {
				if told[e.ID] == nil {
					told[e.ID] = map[int64]bool{}
				}
				told[e.ID][e.Version] = true
			}
			mu.Unlock()
		}
		return nil
	})...))
	for _, id := range []directory.GroupID{g.ID, h.ID} {
		ns := w.numbers(id)
		slices.Sort(ns)
		w.equal("numbers", ns, upTo(n))
	}
	for _, e := range slices.Concat(w.log(directory.LogQuery{Group: g.ID}), w.log(directory.LogQuery{Group: h.ID})) {
		w.equal("the numbers that callers were told of one entry", told[e.ID], map[int64]bool{e.Version: true})
	}
	w.equal("without entries", len(w.numberSome()), 0)
}

// numberedCuts numbers a batch in two parts that overlap, cut at every place, and then again as a whole.
func numberedCuts(w *world) {
	const n = 6
	for cut := range n + 1 {
		g, es := w.groupHistory(fmt.Sprint("g", cut), n)
		first := w.numberSome(es[:cut]...)
		second := w.numberSome(es[max(0, cut-1):]...)
		whole := w.numberSome(es...)
		w.equal("the first part", first, whole[:cut])
		w.equal("the second part", second, whole[max(0, cut-1):])
		w.equal(fmt.Sprintf("cut at %d", cut), w.numbers(g.ID), upTo(n))
		w.equal("stored", whole, w.numberSome(whole...))
	}
}

// numberedAgain: a group that is deleted and restored under its id goes on with its numbers, and others have theirs.
func numberedAgain(w *world) {
	u := w.user(w.p, "u")
	g := w.group(w.p, "g", u.ScimID)
	inner := w.group(w.p, "inner")
	w.members(g, []directory.ScimID{directory.ScimID(inner.ID)}, nil)
	w.must(w.deleteGroup(inner))
	w.number()
	w.members(g, nil, []directory.ScimID{u.ScimID}) // the deletion of the member before it is no entry of the group
	now := w.readGroup(w.p, g.ID).Group
	w.must(w.deleteGroup(now))
	w.number()
	w.equal("deleted", w.numbers(g.ID), upTo(4))
	now.Version += 2
	_, err := w.tryGroup(now)
	w.must(err)
	_, err = w.rename(w.readGroup(w.p, g.ID).Group, "restored")
	w.must(err)
	w.number()
	w.equal("restored", w.numbers(g.ID), upTo(6))
	w.equal("another", w.numbers(inner.ID), upTo(2))
	e := w.groupEntry(directory.GroupUpdated, now)
	got, err := w.Ports.Log.NumberEntries(w.ctx, w.tenant, []directory.LogEntry{e})
	w.must(err)
	w.equal("an entry that has its number", got, []directory.LogEntry{e})
}

// bus notes events.
type bus struct {
	mu     sync.Mutex
	events []directory.Event
}

func (b *bus) Publish(_ context.Context, es []directory.Event) ([]int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, es...)
	return nil, nil
}

// feedNumbers: callers change a group at the same time, and its name and the same few members again and again. Each change
// is possible after those with lower numbers, and its events have its number and come in this order.
func feedNumbers(w *world) {
	const toggled, times = 4, 3
	for _, adders := range []int{12, 16} {
		ids := scimIDs(w.users(w.p, adders+2, fmt.Sprint("u", adders, "-")))
		g := w.group(w.p, fmt.Sprint("g", adders))
		w.must(errors.Join(race(adders+toggled, func(i int) error {
			if i < adders {
				_, err := w.tryMembers(g, ids[i:i+1], nil)
				return err
			}
			for n := range times {
				if err := again(func() error { return w.toggle(g.ID, ids[adders+i%2], n == 1) }); err != nil {
					return err
				}
			}
			return nil
		})...))
		w.inOrder(g.ID, 1+adders+toggled*times)
	}
}

// toggle adds a member to a group, or removes it, and also renames the group if asked to.
func (w *world) toggle(g directory.GroupID, m directory.ScimID, rename bool) error {
	want := directory.GroupWant{Named: []directory.ScimID{m}}
	old, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g, want, nil)
	if err != nil {
		return err
	}
	_, err = w.Groups.UpdateGroup(w.ctx, w.tenant, old, want, func(old directory.GroupView) (directory.GroupChange, error) {
		e := w.groupEntry(directory.MembersChanged, old.Group)
		ch := directory.GroupChange{GroupProfile: old.GroupProfile, Entry: &e}
		if old.Present[m] {
			ch.Remove = want.Named
		} else {
			ch.Add = want.Named
		}
		if rename {
			e.Action, ch.DisplayName = directory.GroupUpdated, old.DisplayName+"'"
			e.Changes = []directory.Change{directory.NewChange(directory.AttrDisplayName, old.DisplayName, ch.DisplayName)}
		}
		e.Added, e.Removed = ch.Add, ch.Remove
		return ch, nil
	})
	return err
}

// inOrder follows the feed until it delivered n entries of a group, and fails unless they have the numbers from 1 on, each is
// possible after the one before, and the events have their numbers.
func (w *world) inOrder(g directory.GroupID, n int) {
	w.Helper()
	b := &bus{}
	svc := directorytest.New(w.Ports, directory.Runtime{Now: w.now, External: directory.External{Bus: b}})
	followed := 0
	w.deliver(func(es []directory.LogEntry) error {
		var batch []directory.TenantEntry
		for _, e := range es {
			if e.Group == g {
				followed++
				batch = append(batch, directory.TenantEntry{Tenant: w.tenant, Entry: e})
			}
		}
		return svc.FollowAll(w.ctx, batch)
	}, func() bool { return followed >= n })
	es := w.log(directory.LogQuery{Group: g})
	slices.SortFunc(es, func(a, b directory.LogEntry) int { return int(a.Version - b.Version) })
	in, name := map[directory.ScimID]bool{}, ""
	for i, e := range es {
		w.equal("a number", e.Version, int64(i+1))
		for _, m := range e.Added {
			if in[m] {
				w.Errorf("number %d adds a member that is in the group", e.Version)
			}
			in[m] = true
		}
		for _, m := range e.Removed {
			if !in[m] {
				w.Errorf("number %d removes a member that is not in the group", e.Version)
			}
			delete(in, m)
		}
		if e.Action == directory.GroupUpdated {
			if e.Name != name {
				w.Errorf("number %d renames %q, which is %q", e.Version, e.Name, name)
			}
			name += "'"
		}
		if name == "" || e.Action == directory.GroupCreated {
			name = e.Name
		}
	}
	w.equal("members", len(in), w.readGroup(w.p, g).MemberCount)
	w.equal("entries", len(es), n)
	last := int64(0)
	for _, ev := range b.events {
		if ev.Sequence != last && ev.Sequence != last+1 {
			w.Errorf("an event with number %d comes after %d", ev.Sequence, last)
		}
		last = ev.Sequence
	}
	w.equal("the last event's number", last, int64(n))
}
