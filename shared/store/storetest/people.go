package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

var peopleChapter = []promise{
	{"apply runs/people: all of the provider, once, with their groups", people},
	{"apply runs/people: while others come and go", busyPeople},
	{"reports/each value of a provider is kept once", countryValues},
}

// readPeople reads all parts of the provider, and fails when positions do not sort.
func (w *world) readPeople(count int) (all []directory.UserView, err error) {
	for part := range directory.RunRanges {
		for after := ""; ; {
			vs, next, err := w.ApplyRuns.People(w.ctx, w.tenant, w.p, part, after, count)
			if err != nil {
				return nil, err
			}
			if len(vs) > count || next != "" && next <= after {
				w.Errorf("part %d after %q: %d people, next %q", part, after, len(vs), next)
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
	gone := w.remove(w.user(w.p, "gone"))
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
			if _, twice := got[v.ID]; twice || v.ID == gone.ID {
				w.Errorf("%s came twice, or should not", v.ID)
			}
			got[v.ID] = v
		}
		w.equal(fmt.Sprint("people, ", count, " at a time"), got, want)
	}
	for _, part := range []int{-1, directory.RunRanges} {
		vs, next, err := w.ApplyRuns.People(w.ctx, w.tenant, w.p, part, "", 10)
		w.must(err)
		if len(vs) > 0 || next != "" {
			w.Errorf("there is no part %d, yet it has %d people and goes on at %q", part, len(vs), next)
		}
	}
}

func busyPeople(w *world) {
	ids := w.userSet(60)
	ctx, stop := context.WithCancel(w.ctx)
	defer stop()
	done := make(chan error, 2)
	for hand := range cap(done) {
		go func() { done <- w.churnUsers(ctx, hand) }()
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
				w.Errorf("%s came twice", v.ID)
			}
		}
		if i := slices.IndexFunc(ids, func(id string) bool { return seen[id] != 1 }); i >= 0 {
			w.Errorf("%s, who was there all the time, came %d times", ids[i], seen[ids[i]])
		}
	}
	stop()
	for range cap(done) {
		err = errors.Join(err, <-done)
	}
	w.must(err)
}

func (w *world) tryCountry(value string) (directory.CountryValue, error) {
	return w.Reports.UpdateCountryValue(w.ctx, w.tenant, w.p, value, func(old directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error) {
		if old.Value != "" {
			return old, nil, nil
		}
		e := w.adminEntry(directory.CountryUnknown, string(w.p))
		return directory.CountryValue{Provider: w.p, Value: value, FirstAt: e.At}, &e, nil
	})
}

func (w *world) putCountry(value string) directory.CountryValue {
	w.Helper()
	v, err := w.tryCountry(value)
	w.must(err)
	return v
}

func countryValues(w *world) {
	values := []string{"Atlantis", "atlantis", "Ätlantis #/ <&>", strings.Repeat("ä", 100)}
	want := map[string]directory.CountryValue{}
	for _, v := range values {
		want[v] = w.putCountry(v)
	}
	entries := len(w.log(directory.LogQuery{}))
	w.must(errors.Join(race(racers, func(int) error { _, err := w.tryCountry("Atlantis"); return err })...))
	w.equal("entries of what was there", len(w.log(directory.LogQuery{})), entries)
	w.must(errors.Join(race(racers, func(int) error { _, err := w.tryCountry("new"); return err })...))
	w.equal("entries of a race for one", len(w.log(directory.LogQuery{})), entries+1)
	want["new"] = w.putCountry("new")
	vs, err := w.Reports.CountryValues(w.ctx, w.tenant, w.p, 100)
	w.must(err)
	got := map[string]directory.CountryValue{}
	for _, v := range vs {
		got[v.Value] = v
	}
	w.equal("values", got, want)
	some, err := w.Reports.CountryValues(w.ctx, w.tenant, w.p, 2)
	w.must(err)
	none, err := w.Reports.CountryValues(w.ctx, w.tenant, w.provider("Other"), 2)
	w.must(err)
	if len(vs) != len(want) || len(some) != 2 || len(none) != 0 {
		w.Errorf("%d values, %d of at most 2, %d of another provider", len(vs), len(some), len(none))
	}
}
