package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

var applyRunChapter = []promise{
	{"apply runs/kept, newest first", applyRuns},
	{"apply runs/ranges and pages", runPages},
	{"apply runs/pages of long changes", longPages},
	{"apply runs/people: all users of the provider, once, with their groups", people},
	{"apply runs/people: while the list changes", busyPeople},
}

func applyRuns(w *world) {
	at := w.now()
	full := directory.ApplyRun{
		ID: "r2", Provider: w.p, State: directory.RunPlanned, Config: 4, All: true, Undoes: "r0", UndoneBy: "r9", CreatedBy: "a", StartedBy: "b",
		ApprovedBy: "c", Failure: "f", Unseen: 5,
		Created: at, Planned: at.Add(1), Started: at.Add(2), Ended: at.Add(3), Version: 7,
	}
	put := func(r directory.ApplyRun) {
		w.Helper()
		_, err := w.ApplyRuns.UpdateRun(w.ctx, w.tenant, w.p, r.ID, func(directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
			e := w.adminEntry(directory.ApplyPlanned, string(r.ID))
			return r, &e, nil
		})
		w.must(err)
	}
	put(full)
	bare := directory.ApplyRun{ID: "r1", State: directory.RunPlanning}
	put(bare)
	got, err := w.ApplyRuns.Run(w.ctx, w.tenant, w.p, "r2")
	w.must(err)
	w.equal("Run", got, full)
	_, err = w.ApplyRuns.Run(w.ctx, w.tenant, w.p, "r3")
	w.wantKind("unknown", err, directory.NotFound)
	_, err = w.ApplyRuns.Run(w.ctx, w.tenant, w.provider("Other"), "r2")
	w.wantKind("another provider's", err, directory.NotFound)
	for _, c := range []struct {
		before directory.RunID
		count  int
		want   []directory.ApplyRun
	}{{"", 10, []directory.ApplyRun{full, bare}}, {"", 1, []directory.ApplyRun{full}}, {"r2", 10, []directory.ApplyRun{bare}},
		{"r1", 10, nil}} {
		rs, err := w.ApplyRuns.ListRuns(w.ctx, w.tenant, w.p, c.before, c.count)
		w.must(err)
		w.equal(fmt.Sprintf("ListRuns before %q", c.before), rs, c.want)
	}
	n, entries := 0, len(w.log(directory.LogQuery{}))
	errs := race(racers, func(int) error {
		_, err := w.ApplyRuns.UpdateRun(w.ctx, w.tenant, w.p, "r1", func(r directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
			r.Version++
			return r, nil, nil
		})
		return err
	})
	w.must(errors.Join(errs...))
	got, err = w.ApplyRuns.Run(w.ctx, w.tenant, w.p, "r1")
	w.must(err)
	w.equal("racing changes", got.Version, int64(racers))
	_, err = w.ApplyRuns.UpdateRun(w.ctx, w.tenant, w.p, "r1", func(r directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
		n++
		e := w.adminEntry(directory.ApplyEnded, "r1")
		return r, &e, nil
	})
	w.must(err)
	w.equal("entries of a change of nothing", len(w.log(directory.LogQuery{})), entries)
}

func runPages(w *world) {
	row := directory.RunRow{
		User: "u1", Scim: "u1", Version: 3, Reason: "why", Privileged: true, LosesAll: true, Held: true, Prepared: true,
		Allowed: true, Planned: &directory.Placement{Org: "o3"}, Written: true, Result: directory.RowApplied, Note: "n",
		Before: directory.Placement{Org: "o1", Source: "single"},
		After: directory.Placement{Org: "o2", Source: "group:m1", Group: "g1", Config: 2,
			Grants: []directory.RoleGrant{{Role: "a", Source: "manual", By: "k", Config: 1, At: w.now()}}},
	}
	var want []directory.RunPage
	for _, n := range []int{0, 2, 10, 31} {
		for _, from := range []string{"u0", "u5"} {
			want = append(want, directory.RunPage{Range: n, From: from, Rows: []directory.RunRow{row}})
		}
	}
	for _, p := range slices.Backward(want) {
		w.must(w.ApplyRuns.PutPage(w.ctx, w.tenant, "r1", directory.RunPage{Range: p.Range, From: p.From}))
		w.must(w.ApplyRuns.PutPage(w.ctx, w.tenant, "r1", p))
	}
	w.must(w.ApplyRuns.PutPage(w.ctx, w.tenant, "r2", want[0]))
	var seen []directory.RunPage
	for after := ""; ; after = seen[len(seen)-1].Key() {
		ps, err := w.ApplyRuns.Pages(w.ctx, w.tenant, "r1", after, 3)
		w.must(err)
		if len(ps) == 0 {
			break
		}
		seen = append(seen, ps...)
	}
	w.equal("pages in their order", seen, want)
	for _, n := range []int{11, 2} {
		errs := race(racers, func(int) error {
			_, err := w.ApplyRuns.UpdateRange(w.ctx, w.tenant, "r1", n, func(r directory.RunRange) (directory.RunRange, error) {
				r.N, r.Phase, r.Cursor, r.Done = n, directory.PhasePlan, "u5", true
				r.Tally = directory.RunTally{Users: r.Tally.Users + 1, Orgs: map[string]int{"a>b": 1}, Samples: []directory.RunRow{row}}
				return r, nil
			})
			return err
		})
		w.must(errors.Join(errs...))
	}
	rs, err := w.ApplyRuns.Ranges(w.ctx, w.tenant, "r1")
	w.must(err)
	if len(rs) != 2 || rs[0].N != 2 || rs[1].N != 11 || rs[1].Tally.Users != racers || !rs[1].Done {
		w.Errorf("ranges: %+v", rs)
	}
	w.equal("a sample", rs[0].Tally.Samples, []directory.RunRow{row})
}

// longPages stores a hundred changes of 5 KB, as planned and as carried out, and a tally as long as one may be.
func longPages(w *world) {
	long := directory.Placement{Org: "o1"}
	for i := range 30 {
		long.Grants = append(long.Grants, directory.RoleGrant{Role: directory.RoleID(fmt.Sprint("role", i)), Source: strings.Repeat("s", 60)})
	}
	page := directory.RunPage{Range: 1, From: "u5"}
	for i := range directory.RunPageSize {
		page.Rows = append(page.Rows, directory.RunRow{User: directory.UserID(fmt.Sprintf("u5%03d", i)), Before: long,
			After: directory.Placement{Org: "o2"}, Note: strings.Repeat("n", 1500)})
	}
	parts := follow.SplitPage(page)
	if len(parts) < 4 {
		w.Fatalf("%d parts", len(parts))
	}
	next := directory.RunPage{Range: 1, From: "u6", Rows: page.Rows[:1]}
	for _, after := range []directory.Placement{page.Rows[0].After, long} {
		for i := range parts {
			for k := range parts[i].Rows {
				r := &parts[i].Rows[k]
				r.Prepared, r.Planned, r.After, r.Result = true, &directory.Placement{Org: "o2"}, after, directory.RowDiffered
			}
			w.must(w.ApplyRuns.PutPage(w.ctx, w.tenant, "r1", parts[i]))
		}
		w.must(w.ApplyRuns.PutPage(w.ctx, w.tenant, "r1", next))
		ps, err := w.ApplyRuns.Pages(w.ctx, w.tenant, "r1", directory.PagesBefore(1), 100)
		w.must(err)
		w.equal("the parts, and the next page", ps, append(slices.Clone(parts), next))
		ps, err = w.ApplyRuns.Pages(w.ctx, w.tenant, "r1", parts[1].Key(), 1)
		w.must(err)
		w.equal("the part after the second", ps, parts[2:3])
	}
	tally := directory.RunTally{Changes: 5000, Orgs: map[string]int{}}
	for i := range 5000 {
		tally.Orgs[fmt.Sprintf("o1>o%026d", i)]++
	}
	tally = follow.SumOf([]directory.RunRange{{Tally: tally}})
	g, err := w.ApplyRuns.UpdateRange(w.ctx, w.tenant, "r1", 1, func(g directory.RunRange) (directory.RunRange, error) {
		g.N, g.Tally = 1, tally
		return g, nil
	})
	w.must(err)
	gs, err := w.ApplyRuns.Ranges(w.ctx, w.tenant, "r1")
	w.must(err)
	w.equal("the range", gs, []directory.RunRange{g})
}

// readPeople reads all parts of the provider. It fails if a position does not sort after the previous one.
func (w *world) readPeople(count int) (all []directory.UserView, err error) {
	for part := range directory.RunRanges {
		for after := ""; ; {
			vs, next, err := w.ApplyRuns.People(w.ctx, w.tenant, w.p, part, after, count)
			if err != nil {
				return nil, err
			}
			if len(vs) > count || next != "" && next <= after {
				w.Errorf("part %d after %q: %d users, next %q", part, after, len(vs), next)
			}
			all = append(all, vs...)
			if after = next; next == "" {
				break
			}
		}
	}
	return all, nil
}

func people(w *world) {
	us := w.users(w.p, 70, "u")
	restored := w.user(w.p, "restored", func(u *directory.User) { u.ScimID = directory.ScimID(userID()) })
	us = append(us, restored)
	w.local("local")
	w.user(w.provider("Other"), "other")
	removed := w.remove(w.user(w.p, "removed"))
	g := w.group(w.p, "g", us[3].ScimID, restored.ScimID)
	w.update(us[5], func(u *directory.User) { u.UserName += "+" })
	want := map[directory.UserID]directory.UserView{}
	for _, u := range us {
		want[u.ID] = w.mustByID(u.ID)
	}
	w.equal("groups", want[restored.ID].Groups, []directory.GroupID{g.ID})
	for _, count := range []int{1, 7, 1000} {
		vs, err := w.readPeople(count)
		w.must(err)
		got := map[directory.UserID]directory.UserView{}
		for _, v := range vs {
			if _, twice := got[v.ID]; twice || v.ID == removed.ID {
				w.Errorf("%s occurs twice, or should not occur", v.ID)
			}
			got[v.ID] = v
		}
		w.equal(fmt.Sprint("people, ", count, " at a time"), got, want)
	}
	for _, part := range []int{-1, directory.RunRanges} {
		vs, next, err := w.ApplyRuns.People(w.ctx, w.tenant, w.p, part, "", 10)
		w.must(err)
		if len(vs) > 0 || next != "" {
			w.Errorf("part %d does not exist, but has %d users and continues at %q", part, len(vs), next)
		}
	}
}

func busyPeople(w *world) {
	ids := w.userSet(60)
	ctx, stop := context.WithCancel(w.ctx)
	defer stop()
	done := make(chan error, 2)
	for worker := range cap(done) {
		go func() { done <- w.churnUsers(ctx, worker) }()
	}
	var err error
	for range 4 {
		var vs []directory.UserView
		if vs, err = w.readPeople(7); err != nil {
			break
		}
		seen := map[string]int{}
		for _, v := range vs {
			if seen[string(v.ID)]++; seen[string(v.ID)] > 1 {
				w.Errorf("%s occurs twice", v.ID)
			}
		}
		if i := slices.IndexFunc(ids, func(id string) bool { return seen[id] != 1 }); i >= 0 {
			w.Errorf("%s, which was present all the time, occurs %d times", ids[i], seen[ids[i]])
		}
	}
	stop()
	for range cap(done) {
		err = errors.Join(err, <-done)
	}
	w.must(err)
}

func (x intruder) applyRunsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"ApplyRuns.People": func() {
			for part := range directory.RunRanges {
				got, next, err := x.ApplyRuns.People(ctx, t, v.p, part, "", 10)
				x.empty("People "+next, len(got), err)
			}
		},
		"ApplyRuns.Run": func() {
			_, err := x.ApplyRuns.Run(ctx, t, v.p, "r1")
			x.notFound("Run", err)
		},
		"ApplyRuns.UpdateRun": func() {
			_, err := x.ApplyRuns.UpdateRun(ctx, t, v.p, "r1", func(r directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
				x.equal("passed to update", r, directory.ApplyRun{})
				return r, nil, nil
			})
			x.must(err)
		},
		"ApplyRuns.ListRuns": func() {
			got, err := x.ApplyRuns.ListRuns(ctx, t, v.p, "", 10)
			x.empty("ListRuns", len(got), err)
		},
		"ApplyRuns.Ranges": func() {
			got, err := x.ApplyRuns.Ranges(ctx, t, "r1")
			x.empty("Ranges", len(got), err)
		},
		"ApplyRuns.UpdateRange": func() {
			_, err := x.ApplyRuns.UpdateRange(ctx, t, "r1", 1, func(r directory.RunRange) (directory.RunRange, error) {
				x.equal("passed to update", r, directory.RunRange{})
				return r, nil
			})
			x.must(err)
		},
		"ApplyRuns.PutPage": func() {
			x.must(x.ApplyRuns.PutPage(ctx, t, "r1", directory.RunPage{Range: 1, Rows: []directory.RunRow{{}}}))
		},
		"ApplyRuns.Pages": func() {
			got, err := x.ApplyRuns.Pages(context.WithoutCancel(ctx), t, "r2", "", 10)
			x.empty("Pages", len(got), err)
		},
	}
}
