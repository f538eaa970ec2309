package storetest

import (
	"slices"

	"rollcall/shared/directory"
)

// search reads all pages of a search and returns the sorted ids; it fails if one occurs twice.
func (w *world) search(q directory.UserSearch) []directory.UserID {
	w.Helper()
	if q.Count == 0 {
		q.Count = 100
	}
	var ids []directory.UserID
	for range 1000 {
		us, next, err := w.Users.SearchUsers(w.ctx, w.tenant, q)
		w.must(err)
		if len(us) > q.Count {
			w.Errorf("a page of %d has %d", q.Count, len(us))
		}
		for _, u := range us {
			if slices.Contains(ids, u.ID) {
				w.Errorf("user occurs twice: %s", u.ID)
			}
			ids = append(ids, u.ID)
		}
		if next == "" {
			slices.Sort(ids)
			return ids
		}
		if next == q.After {
			w.Fatalf("the search does not continue from %q", next)
		}
		q.After = next
	}
	w.Fatal("the search does not end")
	return nil
}

func searchUsers(w *world) {
	other := w.provider("Other")
	anna := w.user(w.p, "Anna@example.com")
	ann := w.user(other, "ann@example.com", func(u *directory.User) { u.Active = false })
	local := w.local("annabel")
	removed := w.remove(w.user(w.p, "anne"))
	bob := w.user(w.p, "bob", func(u *directory.User) { u.Manager = "m" })
	is := func(what string, q directory.UserSearch, want ...directory.User) {
		w.Helper()
		ids := make([]directory.UserID, len(want))
		for i, u := range want {
			ids[i] = u.ID
		}
		slices.Sort(ids)
		w.equal(what, w.search(q), ids)
	}
	is("all users", directory.UserSearch{}, anna, ann, local, removed, bob)
	is("beginning of the name, any case", directory.UserSearch{Text: "ANN"}, anna, ann, local, removed)
	is("not the middle of the name", directory.UserSearch{Text: "example"})
	is("a provider", directory.UserSearch{Provider: w.p}, anna, removed, bob)
	is("another provider", directory.UserSearch{Provider: other}, ann)
	is("local ones", directory.UserSearch{Local: true}, local)
	is("removed ones", directory.UserSearch{State: directory.DirectoryRemoved}, removed)
	is("inactive ones", directory.UserSearch{State: directory.DirectoryInactive}, ann)
	is("no directory", directory.UserSearch{State: directory.DirectoryNone}, local)
	is("externalId as a whole", directory.UserSearch{Text: "x-bob"}, bob)
	is("part of an externalId", directory.UserSearch{Text: "x-b"})
	is("work e-mail", directory.UserSearch{Text: "BOB@example.com"}, bob)
	is("all together", directory.UserSearch{Text: "ann", Provider: w.p, State: directory.DirectoryActive}, anna)
}

func searchPages(w *world) {
	other := w.provider("Other")
	var want []directory.UserID
	for _, u := range append(w.users(w.p, 7, "a"), w.users(other, 5, "b")...) {
		want = append(want, u.ID)
	}
	for _, name := range []string{"l1", "l2", "l3"} {
		want = append(want, w.local(name).ID)
	}
	slices.Sort(want)
	for _, n := range []int{1, 2, 3, 15, 16} {
		w.equal("pages together", w.search(directory.UserSearch{Count: n}), want)
	}
}
