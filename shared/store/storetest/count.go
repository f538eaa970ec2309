package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
	"rollcall/shared/proof"
)

var countChapter = []promise{
	{"tallies/each entry counts once", tallies},
	{"follow/an entry counts once", counts},
	{"counts/batches may be cut, repeated and race", countedBatches},
	{"counts/a batch may be cut everywhere", countedCuts},
	{"follow/batches overlap, repeat entries and race", followedBatches},
	{"follow/a batch may be cut everywhere", followedCuts},
	{"counts/entries that were never counted are found", uncounted},
}

func tallies(w *world) {
	u := w.newUser(w.p, "u")
	counted := func(changes ...directory.Change) directory.LogEntry {
		e := w.userEntry(directory.UserResolved, u)
		e.Changes = changes
		return e
	}
	into := counted(directory.Change{Attr: directory.AttrOrganization, After: []byte(`"o1"`)},
		directory.Change{Attr: directory.AttrRoleGrants,
			After: []byte(`[{"role":"a","source":"manual"},{"role":"a","source":"mapping:m"},{"role":"b","source":"manual"}]`)})
	over := counted(directory.Change{Attr: directory.AttrOrganization, Before: []byte(`"o1"`), After: []byte(`"o2"`)},
		directory.Change{Attr: directory.AttrRoleGrants, Before: []byte(`[{"role":"b","source":"manual"}]`), After: []byte(`[]`)},
		directory.Change{Attr: directory.AttrWatchlists, After: []byte(`["w1"]`)})
	more := into
	more.ID = entryID()
	w.append(into, over, more)
	w.must(errors.Join(race(racers, func(i int) error {
		_, err := w.Counts.CountEntries(w.ctx, w.tenant, []directory.LogEntry{[]directory.LogEntry{into, over}[i%2]})
		return err
	})...))
	w.count(more)
	got, err := w.Counts.Tallies(w.ctx, w.tenant, []string{"org/o1", "org/o2", "role/a", "role/b", "list/w1"})
	w.must(err)
	for key, want := range map[string]int{"org/o1": 1, "org/o2": 1, "role/a": 2, "role/b": 1, "list/w1": 1, "org/none": 0} {
		if got[key] != want {
			w.Errorf("%s is %d, want %d", key, got[key], want)
		}
	}
}

func counts(w *world) {
	other := w.provider("Other")
	minute := w.now().Truncate(time.Minute)
	entry := func(p directory.ProviderID, a directory.Action, minutes int) directory.LogEntry {
		e := w.entry(a)
		e.Provider, e.At = p, minute.Add(time.Duration(minutes)*time.Minute+1234*time.Millisecond)
		return e
	}
	es := []directory.LogEntry{
		entry(w.p, directory.UserCreated, 0), entry(w.p, directory.UserDisabled, 1), entry(w.p, directory.UserDisabled, 1),
		entry(w.p, directory.UserDisabled, 2), entry(other, directory.UserDisabled, 2), entry(w.p, directory.UserDeleted, 3),
	}
	w.append(es...)
	w.must(errors.Join(race(len(es)*3, func(i int) error {
		_, err := w.Counts.CountEntries(w.ctx, w.tenant, es[i%len(es):][:1])
		return err
	})...))
	is := func(p directory.ProviderID, minutes int, want map[directory.Action]int) {
		w.Helper()
		got, err := w.Counts.Counts(w.ctx, w.tenant, p, minute.Add(time.Duration(minutes)*time.Minute))
		w.must(err)
		w.equal(fmt.Sprintf("since minute %d", minutes), got, want)
	}
	is(w.p, 0, map[directory.Action]int{directory.UserCreated: 1, directory.UserDisabled: 3, directory.UserDeleted: 1})
	is(w.p, 1, map[directory.Action]int{directory.UserDisabled: 3, directory.UserDeleted: 1})
	is(w.p, 2, map[directory.Action]int{directory.UserDisabled: 1, directory.UserDeleted: 1})
	is(w.p, 3, map[directory.Action]int{directory.UserDeleted: 1})
	is(w.p, 4, nil)
	is(other, 0, map[directory.Action]int{directory.UserDisabled: 1})
	got, err := w.Counts.Timeline(w.ctx, w.tenant, w.p, minute.Add(time.Minute), time.Time{})
	w.must(err)
	w.equal("by minute", got, []directory.Minute{
		{At: minute.Add(time.Minute), Counts: map[directory.Action]int{directory.UserDisabled: 2}},
		{At: minute.Add(2 * time.Minute), Counts: map[directory.Action]int{directory.UserDisabled: 1}},
		{At: minute.Add(3 * time.Minute), Counts: map[directory.Action]int{directory.UserDeleted: 1}},
	})
	for until, want := range map[time.Duration]int{time.Minute: 0, time.Minute + time.Millisecond: 1, 2 * time.Minute: 1, time.Hour: 3} {
		got, err := w.Counts.Timeline(w.ctx, w.tenant, w.p, minute.Add(time.Minute+time.Second), minute.Add(until))
		w.must(err)
		w.equal(fmt.Sprintf("minutes until %s", until), len(got), want)
	}
}

// append stores entries in the log, which change nothing.
func (w *world) append(es ...directory.LogEntry) {
	w.Helper()
	for _, e := range es {
		w.must(w.Ports.Log.AppendEntry(w.ctx, w.tenant, e))
	}
}

// count counts entries in one call, and returns for how many it was the first.
func (w *world) count(es ...directory.LogEntry) (n int) {
	w.Helper()
	fresh, err := w.Counts.CountEntries(w.ctx, w.tenant, es)
	w.must(err)
	w.equal("answers", len(fresh), len(es))
	for _, yes := range fresh {
		if yes {
			n++
		}
	}
	return n
}

// mixed returns n entries in the log, of two providers and three minutes, some of which move tallies.
func (w *world) mixed(n int, other directory.ProviderID) []directory.LogEntry {
	w.Helper()
	minute := w.now().Truncate(time.Minute)
	es := make([]directory.LogEntry, n)
	for i := range es {
		e := w.entry([]directory.Action{directory.UserCreated, directory.UserDisabled, directory.GroupUpdated}[i%3])
		e.Provider = []directory.ProviderID{w.p, other}[i/3%2]
		e.At = minute.Add(time.Duration(i%5%3)*time.Minute + time.Duration(i)*time.Millisecond)
		if e.Action != directory.GroupUpdated {
			e.User = userID()
			org := fmt.Appendf(nil, `"o%d"`, i%4)
			e.Changes = []directory.Change{{Attr: directory.AttrOrganization, After: org}}
		}
		es[i] = e
	}
	w.append(es...)
	return es
}

// recount fails unless counts and tallies are those of the entries.
func (w *world) recount(what string, es []directory.LogEntry) {
	w.Helper()
	timelines, tallies := map[directory.ProviderID][]directory.Minute{}, map[string]int{}
	slices.SortFunc(es, func(a, b directory.LogEntry) int { return a.At.Compare(b.At) })
	for _, e := range es {
		ms, at := timelines[e.Provider], e.At.Truncate(time.Minute)
		if len(ms) == 0 || !ms[len(ms)-1].At.Equal(at) {
			ms = append(ms, directory.Minute{At: at, Counts: map[directory.Action]int{}})
		}
		ms[len(ms)-1].Counts[e.Action]++
		timelines[e.Provider] = ms
		for key, n := range e.Tally() {
			tallies[key] += n
		}
	}
	for p, want := range timelines {
		got, err := w.Counts.Timeline(w.ctx, w.tenant, p, w.start.Add(-time.Hour), time.Time{})
		w.must(err)
		w.equal(what+": minutes", got, want)
	}
	got, err := w.Counts.Tallies(w.ctx, w.tenant, slices.Collect(maps.Keys(tallies)))
	w.must(err)
	w.equal(what+": tallies", got, tallies)
}

// countedBatches lets callers race with overlapping batches, each in an order of its own and with entries that are in it
// twice: every entry is fresh for one of them.
func countedBatches(w *world) {
	es := w.mixed(40, w.provider("Other"))
	var fresh atomic.Int64
	w.must(errors.Join(race(racers, func(i int) error {
		mine := slices.Concat(es[i:], es[:i], es[i:i+5])
		if i%2 == 1 {
			slices.Reverse(mine)
		}
		for batch := range slices.Chunk(mine, 7+i) {
			got, err := w.Counts.CountEntries(w.ctx, w.tenant, batch)
			if err != nil {
				return err
			}
			for _, yes := range got {
				if yes {
					fresh.Add(1)
				}
			}
		}
		return nil
	})...))
	if n := int(fresh.Load()); n != len(es) {
		w.Errorf("%d entries were fresh, want each of %d once", n, len(es))
	}
	w.recount("after the race", es)
	w.equal("fresh when repeated", w.count(es...), 0)
	w.equal("fresh without entries", w.count(), 0)
	w.recount("when repeated", es)
}

// countedCuts counts a batch in two parts, cut at every place, and then again as a whole.
func countedCuts(w *world) {
	other := w.provider("Other")
	var all []directory.LogEntry
	const n = 7
	for cut := range n + 1 {
		es := w.mixed(n, other)
		w.equal("fresh in the first part", w.count(es[:cut]...), cut)
		w.equal("fresh in the second part", w.count(es[max(0, cut-1):]...), n-cut)
		w.equal("fresh in both", w.count(es...), 0)
		all = append(all, es...)
		w.recount(fmt.Sprintf("cut at %d", cut), all)
	}
}

func uncounted(w *world) {
	other := w.provider("Other")
	es := w.mixed(60, other)
	slices.SortFunc(es, func(a, b directory.LogEntry) int { return strings.Compare(a.Position(), b.Position()) })
	var of, want []directory.LogEntry
	for i, e := range es {
		if e.Provider == w.p {
			of = append(of, e)
			if i%5 == 0 {
				want = append(want, e)
				continue
			}
		}
		if i%7 > 0 {
			w.count(e)
		} else if e.Provider == w.p {
			want = append(want, e)
		}
	}
	first := directory.LogEntry{At: of[0].At.Add(-time.Minute)}.Position()
	end := directory.LogEntry{At: of[len(of)-1].At.Add(time.Millisecond)}.Position()
	ids := func(es []directory.LogEntry) (out []directory.EntryID) {
		for _, e := range es {
			out = append(out, e.ID)
		}
		return out
	}
	for _, count := range []int{1, 7, 100} {
		var got []directory.LogEntry
		looked := 0
		for after := first; ; looked++ {
			page, next, err := w.Counts.Uncounted(w.ctx, w.tenant, w.p, after, end, count)
			w.must(err)
			if got = append(got, page...); next == "" {
				w.equal("nothing after the last", len(page), 0)
				break
			}
			after = next
		}
		w.equal(fmt.Sprintf("in steps of %d", count), ids(got), ids(want))
		w.equal("steps", looked, (len(of)+count-1)/count)
	}
	got, next, err := w.Counts.Uncounted(w.ctx, w.tenant, w.p, want[0].Position(), want[2].Position(), 100)
	w.must(err)
	w.equal("between two", ids(got), ids(want[1:2]))
	if next < want[1].Position() || next >= want[2].Position() {
		w.Errorf("the last one looked at is %s", next)
	}
}

// toFollow changes users and a group, and returns the entries that are to be followed, the oldest first.
func (w *world) toFollow(name string) []directory.TenantEntry {
	w.Helper()
	us := w.users(w.p, 3, name)
	g := w.group(w.p, name, us[0].ScimID)
	w.members(g, []directory.ScimID{us[1].ScimID}, nil)
	w.update(us[2], func(u *directory.User) { u.Active = false })
	w.members(g, nil, []directory.ScimID{us[0].ScimID})
	w.remove(us[1])
	return w.batchOf(w.whole())
}

// whole returns the log of the tenant and its first provider, the oldest entries first.
func (w *world) whole() []directory.LogEntry {
	w.Helper()
	es := append(w.log(directory.LogQuery{Provider: w.p}), w.log(directory.LogQuery{})...)
	slices.SortFunc(es, func(a, b directory.LogEntry) int { return strings.Compare(a.Position(), b.Position()) })
	return es
}

func (w *world) batchOf(es []directory.LogEntry) (batch []directory.TenantEntry) {
	for _, e := range es {
		batch = append(batch, directory.TenantEntry{Tenant: w.tenant, Entry: e})
	}
	return batch
}

// follower is a process that follows entries, and publishes on a bus.
func (w *world) follower(b *bus) *directorytest.Env {
	return directorytest.New(w.Ports, directory.Runtime{Now: w.now, External: directory.External{Bus: b}})
}

// settled follows the whole log until nothing new comes. Then counts and tallies are those of the log, each group has its
// numbers, and each event of each entry was published.
func (w *world) settled(what string, b *bus) {
	w.Helper()
	for n := -1; ; {
		es := w.whole()
		if len(es) == n {
			break
		}
		n = len(es)
		w.must(w.follower(b).FollowAll(w.ctx, w.batchOf(es)))
	}
	es := w.whole()
	published := map[string]bool{}
	for _, ev := range b.events {
		published[ev.ID] = true
	}
	groups := map[directory.GroupID]bool{}
	for _, e := range es {
		for _, ev := range follow.Events(w.tenant, e) {
			if !published[ev.ID] {
				w.Errorf("%s: the event %s of %s was not published", what, ev.Type, e.Action)
			}
		}
		groups[e.Group] = e.Group != ""
	}
	for id, is := range groups {
		if is {
			ns := w.numbers(id)
			w.equal(what+": numbers", slices.Sorted(slices.Values(ns)), upTo(len(ns)))
		}
	}
	w.recount(what, es)
}

// followedBatches: two processes follow overlapping batches at the same time, in which entries are twice.
func followedBatches(w *world) {
	es, b := w.toFollow("u"), &bus{}
	followers := []*directorytest.Env{w.follower(b), w.follower(b)}
	w.must(errors.Join(race(4, func(i int) error {
		for batch := range slices.Chunk(slices.Concat(es[i:], es[:i+2]), 3+i) {
			if err := followers[i%2].FollowAll(w.ctx, append(slices.Clone(batch), batch[0])); err != nil {
				return err
			}
		}
		return nil
	})...))
	w.settled("after the race", b)
}

// followedCuts follows a batch in two parts that overlap, cut at every place.
func followedCuts(w *world) {
	b, first := &bus{}, 0
	for cut := 0; ; cut++ {
		es := w.toFollow(fmt.Sprint("u", cut, "-"))[first:]
		w.must(w.follower(b).FollowAll(w.ctx, es[:cut]))
		w.must(w.follower(b).FollowAll(w.ctx, es[max(0, cut-1):]))
		first = len(w.whole())
		if cut == len(es) || cut == proof.Size(5, 20) { // what came of earlier batches makes later ones longer
			break
		}
	}
	w.settled("cut everywhere", b)
}

func (x intruder) countsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Counts.Tallies": func() {
			got, err := x.Counts.Tallies(ctx, t, []string{"org/o1", "role/a"})
			x.empty("Tallies", got["org/o1"]+got["role/a"], err)
		},
		"Counts.CountEntries": func() {
			e := v.entry
			e.ID = entryID()
			x.append(e)
			x.equal("fresh", x.count(e), 1)
		},
		"Counts.Uncounted": func() {
			y := newWorld(x.T, x.Ports) // a tenant that counted nothing
			got, _, err := y.Counts.Uncounted(ctx, y.tenant, v.p, "", directory.LogEntry{At: x.now().Add(time.Hour)}.Position(), 10)
			x.empty("Uncounted", len(got), err)
		},
		"Counts.Counts": func() {
			y := newWorld(x.T, x.Ports) // a tenant that counted nothing
			got, err := y.Counts.Counts(ctx, y.tenant, v.p, v.start)
			x.empty("Counts", len(got), err)
		},
		"Counts.Timeline": func() {
			y := newWorld(x.T, x.Ports)
			got, err := y.Counts.Timeline(ctx, y.tenant, v.p, v.start, time.Time{})
			x.empty("Timeline", len(got), err)
		},
	}
}
