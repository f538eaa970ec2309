package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

var conflictChapter = []promise{
	{"conflicts/every field is kept", conflicts},
	{"conflicts/a list by id and state", listConflicts},
	{"conflicts/racing attempts all count", raceConflicts},
}

func (w *world) newConflict(name string) directory.ConflictCase {
	return directory.ConflictCase{
		ID: directory.ConflictIDOf(w.p, name), Provider: w.p, UserName: name, ExternalID: "x", Holder: userID(), HolderFrom: "other012345",
		State: directory.ConflictOpen, Count: 1, FirstAt: w.now(), LastAt: w.now(), Version: 1,
	}
}

func (w *world) putConflict(c directory.ConflictCase) {
	w.Helper()
	got, err := w.Conflicts.UpdateConflict(w.ctx, w.tenant, c.ID,
		func(directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			e := w.entry(directory.ConflictOpened)
			e.Target = string(c.ID)
			return c, &e, nil
		})
	w.must(err)
	w.equal("answer", got, c)
}

func (w *world) conflicts(state directory.ConflictState, after string, count int) []directory.ConflictCase {
	w.Helper()
	cs, err := w.Conflicts.ListConflicts(w.ctx, w.tenant, state, directory.ConflictID(after), count)
	w.must(err)
	return cs
}

func conflicts(w *world) {
	c := w.newConflict("Åsa")
	_, err := w.Conflicts.UpdateConflict(w.ctx, w.tenant, c.ID,
		func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			w.equal("passed to update at first", old, directory.ConflictCase{})
			return old, nil, directory.Errorf(directory.Forbidden, "mine")
		})
	w.wantKind("an error of the caller", err, directory.Forbidden)
	w.equal("nothing stored", w.conflicts("", "", 10), nil)
	w.putConflict(c)
	w.equal("stored", w.conflicts("", "", 10), []directory.ConflictCase{c})
	entries := len(w.log(directory.LogQuery{Provider: w.p}))

	again := c
	again.Count, again.LastAt, again.Version = 2, w.now(), 2
	_, err = w.Conflicts.UpdateConflict(w.ctx, w.tenant, c.ID,
		func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			w.equal("passed to update next", old, c)
			return again, nil, nil
		})
	w.must(err)
	w.equal("stored without an entry", w.conflicts("", "", 10), []directory.ConflictCase{again})
	if n := len(w.log(directory.LogQuery{Provider: w.p})); entries != 1 || n != 1 {
		w.Errorf("entries: got %d, then %d, want 1 and 1", entries, n)
	}
}

func listConflicts(w *world) {
	var open, all []directory.ConflictCase
	for i := range 7 {
		c := w.newConflict(fmt.Sprint("c", i))
		if i%3 == 0 {
			c.State = directory.ConflictIgnored
		}
		w.putConflict(c)
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b directory.ConflictCase) int { return strings.Compare(string(a.ID), string(b.ID)) })
	for _, c := range all {
		if c.State == directory.ConflictOpen {
			open = append(open, c)
		}
	}
	w.equal("all", w.conflicts("", "", 100), all)
	w.equal("open", w.conflicts(directory.ConflictOpen, "", 100), open)
	w.equal("the first two open", w.conflicts(directory.ConflictOpen, "", 2), open[:2])
	w.equal("the next two open", w.conflicts(directory.ConflictOpen, string(open[1].ID), 2), open[2:])
	w.equal("the last five", w.conflicts("", string(all[1].ID), 5), all[2:])
	w.equal("none", w.conflicts(directory.ConflictRenamed, "", 5), nil)
	closed := open[0]
	closed.State = directory.ConflictConverted
	w.putConflict(closed)
	w.equal("still open", w.conflicts(directory.ConflictOpen, "", 100), open[1:])
	w.equal("closed", w.conflicts(directory.ConflictConverted, "", 100), []directory.ConflictCase{closed})
}

func raceConflicts(w *world) {
	c := w.newConflict("race")
	errs := race(racers, func(int) error {
		_, err := w.Conflicts.UpdateConflict(w.ctx, w.tenant, c.ID,
			func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
				n := c
				n.Count, n.Version = old.Count+1, old.Version+1
				return n, nil, nil
			})
		return err
	})
	w.must(errors.Join(errs...))
	if cs := w.conflicts("", "", 10); len(cs) != 1 || cs[0].Count != racers {
		w.Errorf("after %d attempts: %+v", racers, cs)
	}
}

func (x intruder) conflictsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Conflicts.UpdateConflict": func() {
			_, err := x.Conflicts.UpdateConflict(ctx, t, v.conflict.ID,
				func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
					x.equal("passed to update", old, directory.ConflictCase{})
					return directory.ConflictCase{ID: v.conflict.ID, Provider: x.p, State: directory.ConflictIgnored}, nil, nil
				})
			x.must(err)
		},
		"Conflicts.ListConflicts": func() {
			cs := x.conflicts(directory.ConflictOpen, "", 10)
			x.empty("ListConflicts", len(cs), nil)
		},
		"Conflicts.Conflict": func() {
			_, err := x.Conflicts.Conflict(ctx, t, v.conflict.ID)
			x.notFound("Conflict", err)
		},
	}
}
