package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"rollcall/shared/directory"
)

var listChapter = []promise{
	{"lists/pages by position have each user once", func(w *world) { w.readUnchanged(w.userPages(), w.userSet(23)) }},
	{"lists/pages by position have each group once", func(w *world) { w.readUnchanged(w.groupPages(), w.groupSet(23)) }},
	{"lists/a page may start anywhere", deepStart},
	{"lists/pages beyond the end and of count 0 are empty", beyondEnd},
	{"lists/pages have the wanted parts of records", wantedPages},
	{"lists/reading by position continues while the users read are deleted", readDeleting},
	{"lists/totals are exact", exactTotals},
	{"lists/users by position, while the list changes", func(w *world) { w.readChanging(w.userPages(), w.userSet(60), false, w.churnUsers) }},
	{"lists/users by cursor, while the list changes", func(w *world) { w.readChanging(w.userPages(), w.userSet(60), true, w.churnUsers) }},
	{"lists/groups by position, while the list changes", func(w *world) {
		w.readChanging(w.groupPages(), w.groupSet(60), false, w.churnGroups)
	}},
	{"lists/groups by cursor, while the list changes", func(w *world) { w.readChanging(w.groupPages(), w.groupSet(60), true, w.churnGroups) }},
}

// idPage is a page of either list.
type idPage struct {
	ids   []string
	total int
	more  bool
}

type pager func(directory.Page) (idPage, error)

func (w *world) userPages() pager {
	return func(page directory.Page) (idPage, error) {
		got, err := w.Users.ListUsers(w.ctx, w.tenant, w.p, page, directory.UserWant{}, nil)
		out := idPage{total: got.Total, more: got.More}
		for _, v := range got.Users {
			out.ids = append(out.ids, string(v.ID))
		}
		return out, err
	}
}

func (w *world) groupPages() pager {
	return func(page directory.Page) (idPage, error) {
		got, err := w.Groups.ListGroups(w.ctx, w.tenant, w.p, page, directory.GroupWant{}, nil)
		out := idPage{total: got.Total, more: got.More}
		for _, v := range got.Groups {
			out.ids = append(out.ids, string(v.ID))
		}
		return out, err
	}
}

func (w *world) userSet(n int) (ids []string) {
	for _, u := range w.users(w.p, n, "set") {
		ids = append(ids, string(u.ID))
	}
	slices.Sort(ids)
	return ids
}

func (w *world) groupSet(n int) (ids []string) {
	member := w.user(w.p, "member").ScimID
	for i := range n {
		ids = append(ids, string(w.group(w.p, fmt.Sprint("set", i), member).ID))
	}
	slices.Sort(ids)
	return ids
}

// readList reads a list like a client: by position until totalResults is reached, or by cursor until no more follow.
// All pages but the last must be full.
func readList(read pager, count int, byCursor bool) (all []string, last idPage, err error) {
	page := directory.Page{Start: 1, Count: count, ByCursor: byCursor}
	for {
		got, err := read(page)
		if err != nil {
			return all, got, err
		}
		all = append(all, got.ids...)
		if got.more && len(got.ids) != count {
			return all, got, fmt.Errorf("a page of %d that is not the last has %d", count, len(got.ids))
		}
		page.Start += len(got.ids)
		switch {
		case byCursor && !got.more, !byCursor && page.Start > got.total:
			return all, got, nil
		case !byCursor && len(got.ids) == 0: // records added before the position count, but are not listed
			return all, got, nil
		case len(got.ids) == 0:
			return all, got, errors.New("an empty page says that more follow")
		}
		page.After = got.ids[len(got.ids)-1]
	}
}

func (w *world) readUnchanged(read pager, want []string) {
	for _, count := range []int{1, 5, 23, 100} {
		for _, byCursor := range []bool{false, true} {
			got, last, err := readList(read, count, byCursor)
			w.must(err)
			what := fmt.Sprintf("pages of %d, by cursor %v", count, byCursor)
			w.equal(what, got, want)
			if last.total != len(want) || last.more {
				w.Errorf("%s: the last page has total %d, more %v", what, last.total, last.more)
			}
		}
	}
}

// deepStart reads pages without reading the pages before them, also after the list has changed.
func deepStart(w *world) {
	ids := w.userSet(120)
	read := w.userPages()
	check := func(start, count int) {
		w.Helper()
		got, err := read(directory.Page{Start: start, Count: count})
		w.must(err)
		want := ids[min(start-1, len(ids)):min(start-1+count, len(ids))]
		w.equal(fmt.Sprintf("%d from %d", count, start), got.ids, want)
		if got.total != len(ids) || got.more != (start-1+count < len(ids)) {
			w.Errorf("%d from %d: total %d, more %v", count, start, got.total, got.more)
		}
	}
	for _, start := range []int{119, 64, 2, 101, 120, 33, 17} {
		check(start, 10)
	}
	check(1, 120)
	check(1, 1000)
	for _, i := range []int{110, 55, 0} {
		w.remove(w.mustByID(directory.UserID(ids[i])).User)
		ids = slices.Delete(ids, i, i+1)
	}
	for _, start := range []int{116, 60, 3} {
		check(start, 7)
	}
}

func beyondEnd(w *world) {
	other := w.provider("Empty")
	w.userSet(5)
	w.groupSet(5) // and one more user
	for what, read := range map[string]pager{"users": w.userPages(), "groups": w.groupPages()} {
		total := map[string]int{"users": 6, "groups": 5}[what]
		for _, page := range []directory.Page{
			{Start: total + 1, Count: 10}, {Start: 1_000_000, Count: 10}, {Start: 1, Count: 0}, {Start: 3, Count: 0},
			{ByCursor: true, After: "zzzz", Count: 10}, {ByCursor: true, Count: 0},
		} {
			got, err := read(page)
			w.must(err)
			if len(got.ids) != 0 || got.total != total || got.more && page.Count > 0 {
				w.Errorf("%s, page %+v: got %+v, want nothing of %d", what, page, got, total)
			}
		}
	}
	page, err := w.Users.ListUsers(w.ctx, w.tenant, other, directory.Page{Start: 1, Count: 10}, directory.UserWant{}, nil)
	w.must(err)
	w.equal("an empty list", page, directory.UserPage{})
}

func wantedPages(w *world) {
	boss := w.user(w.p, "boss")
	u := w.user(w.p, "u", func(u *directory.User) { u.Manager = string(boss.ScimID) })
	inner := w.group(w.p, "inner", u.ScimID)
	outer := w.group(w.p, "outer", u.ScimID, directory.ScimID(inner.ID))
	for _, page := range []directory.Page{{Start: 1, Count: 10}, {ByCursor: true, Count: 10}} {
		us, err := w.Users.ListUsers(w.ctx, w.tenant, w.p, page, directory.UserWant{Groups: true, ManagerName: true}, nil)
		w.must(err)
		for _, v := range us.Users {
			w.equal("user", v, w.mustReadUser(v.User))
		}
		gs, err := w.Groups.ListGroups(w.ctx, w.tenant, w.p, page, directory.GroupWant{AllMembers: true, Ancestors: true}, nil)
		w.must(err)
		for _, v := range gs.Groups {
			want, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, v.ID, directory.GroupWant{AllMembers: true, Ancestors: true}, nil)
			w.must(err)
			w.equal("group", v, want)
		}
		gs, err = w.Groups.ListGroups(w.ctx, w.tenant, w.p, page, directory.GroupWant{Named: []directory.ScimID{directory.ScimID(inner.ID)}}, nil)
		w.must(err)
		for _, v := range gs.Groups {
			w.equal("named", v.Present[directory.ScimID(inner.ID)], v.ID == outer.ID)
		}
	}
}

// readDeleting deletes each user once it was read: positions shift and the total shrinks, but a client that continues
// after its last page reads all users before it reaches the total.
func readDeleting(w *world) {
	want := w.userSet(40)
	read := w.userPages()
	got, _, err := readList(func(page directory.Page) (idPage, error) {
		out, err := read(page)
		for _, id := range out.ids {
			w.remove(w.mustByID(directory.UserID(id)).User)
		}
		return out, err
	}, 10, false)
	w.must(err)
	w.equal("seen", got, want)
	w.wantTotals("afterwards", w.p, 0, 0)
}

func (w *world) total(p directory.ProviderID, groups bool) int {
	w.Helper()
	if groups {
		page, err := w.Groups.ListGroups(w.ctx, w.tenant, p, directory.Page{Start: 1}, directory.GroupWant{}, nil)
		w.must(err)
		return page.Total
	}
	page, err := w.Users.ListUsers(w.ctx, w.tenant, p, directory.Page{Start: 1}, directory.UserWant{}, nil)
	w.must(err)
	return page.Total
}

func (w *world) wantTotals(what string, p directory.ProviderID, users, groups int) {
	w.Helper()
	if u, g := w.total(p, false), w.total(p, true); u != users || g != groups {
		w.Errorf("%s: totals are %d users and %d groups, want %d and %d", what, u, g, users, groups)
	}
}

func exactTotals(w *world) {
	us := w.users(w.p, 12, "u")
	gs := make([]directory.Group, 6)
	for i := range gs {
		gs[i] = w.group(w.p, fmt.Sprint("g", i), us[0].ScimID)
	}
	w.must(errors.Join(race(18, func(i int) error {
		switch i % 3 {
		case 0:
			_, err := w.tryUpdate(us[i/3], directory.UserDeleted, func(u *directory.User) { u.RemovedAt = w.now() })
			return err
		case 1:
			return w.create(w.newUser(w.p, fmt.Sprint("new", i)))
		}
		if i > 9 {
			return w.deleteGroup(gs[i/3])
		}
		_, err := w.tryGroup(w.newGroup(w.p, fmt.Sprint("new", i)))
		return err
	})...))
	w.wantTotals("after the race", w.p, 12, 6)
	users, _, err := readList(w.userPages(), 100, true)
	w.must(err)
	groups, _, err := readList(w.groupPages(), 100, true)
	w.must(err)
	if len(users) != 12 || len(groups) != 6 {
		w.Errorf("%d users and %d groups listed, want 12 and 6", len(users), len(groups))
	}
}

// readChanging reads a list while churn changes it: records that exist all the time are listed, by cursor once and in
// order.
func (w *world) readChanging(read pager, stable []string, byCursor bool, churn func(context.Context, int) error) {
	ctx, stop := context.WithCancel(w.ctx)
	defer stop()
	done := make(chan error, 2)
	for worker := range cap(done) {
		go func() { done <- churn(ctx, worker) }()
	}
	var err error
	for range 4 {
		var got []string
		if got, _, err = readList(read, 7, byCursor); err != nil {
			break
		}
		seen := map[string]int{}
		for _, id := range got {
			seen[id]++
			if byCursor && seen[id] > 1 {
				w.Errorf("%s occurs %d times", id, seen[id])
			}
		}
		for _, id := range stable {
			if seen[id] == 0 {
				w.Errorf("%s, which was present all the time, is not listed", id)
			}
		}
		if byCursor && !slices.IsSorted(got) {
			w.Error("ids are out of order")
		}
	}
	stop()
	for range cap(done) {
		err = errors.Join(err, <-done)
	}
	w.must(err)
	got, last, err := readList(read, 50, byCursor)
	w.must(err)
	if last.total != len(got) {
		w.Errorf("after the changes: total %d, but %d are listed", last.total, len(got))
	}
}

var churned atomic.Int64

// churnUsers creates, changes and deletes users until ctx is cancelled.
func (w *world) churnUsers(ctx context.Context, worker int) error {
	var mine []directory.User
	for i := 0; ctx.Err() == nil; i++ {
		u := w.newUser(w.p, fmt.Sprint("churn", worker, "-", churned.Add(1)))
		if err := again(func() error { return w.create(u) }); err != nil {
			return err
		}
		mine = append(mine, u)
		if i%3 == 0 {
			continue
		}
		edit := func(u *directory.User) { u.RemovedAt = w.now() }
		if i%3 == 1 {
			edit = func(u *directory.User) { u.UserName += "changed" }
		}
		k := i * 7 % len(mine)
		if err := again(func() error { _, err := w.tryUpdate(mine[k], directory.UserUpdated, edit); return err }); err != nil {
			return err
		}
		if i%3 == 2 {
			mine = slices.Delete(mine, k, k+1)
		}
	}
	return nil
}

// churnGroups creates, changes and deletes groups until ctx is cancelled.
func (w *world) churnGroups(ctx context.Context, worker int) error {
	var mine []directory.Group
	for i := 0; ctx.Err() == nil; i++ {
		g := w.newGroup(w.p, fmt.Sprint("churn", worker, "-", churned.Add(1)))
		if err := again(func() error { _, err := w.tryGroup(g); return err }); err != nil {
			return err
		}
		mine = append(mine, g)
		k := i * 7 % len(mine)
		var err error
		switch i % 3 {
		case 1:
			err = again(func() error { _, err := w.rename(mine[k], mine[k].DisplayName+"+"); return err })
		case 2:
			err = again(func() error { return w.deleteGroup(mine[k]) })
			mine = slices.Delete(mine, k, k+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wantUsers reads all users by position and by cursor and compares them with the sorted ids.
func (w *world) wantUsers(ids []directory.ScimID) {
	w.Helper()
	for _, byCursor := range []bool{false, true} {
		got, last, err := readList(w.userPages(), 1000, byCursor)
		w.must(err)
		if last.total != len(ids) || len(got) != len(ids) {
			w.Fatalf("by cursor %v: %d users of %d, want %d", byCursor, len(got), last.total, len(ids))
		}
		for i, id := range ids {
			if got[i] != string(id) {
				w.Fatalf("by cursor %v: user %d is %s, want %s", byCursor, i, got[i], id)
			}
		}
	}
}
