package storetest

import (
	"errors"
	"fmt"
	"time"

	"rollcall/shared/directory"
)

var countChapter = []promise{
	{"tallies/each entry counts once", tallies},
	{"follow/an entry counts once", counts},
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
	errs := race(racers, func(i int) error { return w.Counts.CountEntry(w.ctx, w.tenant, []directory.LogEntry{into, over}[i%2]) })
	w.must(errors.Join(errs...))
	more := into
	more.ID = entryID()
	w.must(w.Counts.CountEntry(w.ctx, w.tenant, more))
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
	w.must(errors.Join(race(len(es)*3, func(i int) error { return w.Counts.CountEntry(w.ctx, w.tenant, es[i%len(es)]) })...))
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
	got, err := w.Counts.Timeline(w.ctx, w.tenant, w.p, minute.Add(time.Minute))
	w.must(err)
	w.equal("by minute", got, []directory.Minute{
		{At: minute.Add(time.Minute), Counts: map[directory.Action]int{directory.UserDisabled: 2}},
		{At: minute.Add(2 * time.Minute), Counts: map[directory.Action]int{directory.UserDisabled: 1}},
		{At: minute.Add(3 * time.Minute), Counts: map[directory.Action]int{directory.UserDeleted: 1}},
	})
}

func (x intruder) countsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Counts.Tallies": func() {
			got, err := x.Counts.Tallies(ctx, t, []string{"org/o1", "role/a"})
			x.empty("Tallies", got["org/o1"]+got["role/a"], err)
		},
		"Counts.CountEntry": func() {
			e := v.entry
			e.ID = entryID()
			x.must(x.Counts.CountEntry(ctx, t, e))
		},
		"Counts.Counts": func() {
			y := newWorld(x.T, x.Ports) // a tenant that counted nothing
			got, err := y.Counts.Counts(ctx, y.tenant, v.p, v.start)
			x.empty("Counts", len(got), err)
		},
		"Counts.Timeline": func() {
			y := newWorld(x.T, x.Ports)
			got, err := y.Counts.Timeline(ctx, y.tenant, v.p, v.start)
			x.empty("Timeline", len(got), err)
		},
	}
}
