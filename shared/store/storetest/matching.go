package storetest

import (
	"errors"
	"fmt"

	"rollcall/shared/directory"
)

var matchingChapter = []promise{
	{"matching/look-ups are replaced without a change of the user", indexUser},
	{"matching/look-ups and changes of a user race", indexRace},
}

const badge = "urn:example:badge:number"

func (w *world) index(u directory.User, keys ...directory.Lookup) error {
	return w.Users.IndexUser(w.ctx, w.tenant, u, func(directory.User) []directory.Lookup { return keys })
}

func indexUser(w *world) {
	u := w.user(w.p, "u")
	mail, one, two := u.Lookups[0], directory.Lookup{Attr: badge, Value: "E 1"}, directory.Lookup{Attr: badge, Value: "e 1"}
	entries := len(w.log(directory.LogQuery{User: u.ID}))
	w.must(w.index(u, mail, one))
	w.equal("by the new look-up", w.find(w.p, badge, "E 1"), []directory.UserID{u.ID})
	w.equal("by the one that stays", w.find(w.p, mail.Attr, mail.Value), []directory.UserID{u.ID})
	indexed := u
	indexed.Lookups = []directory.Lookup{mail, one}
	w.equal("the user", w.mustReadUser(u).User, indexed)
	w.equal("entries", len(w.log(directory.LogQuery{User: u.ID})), entries)

	// A copy from before is outdated: its look-ups are not the stored ones.
	changed := w.update(u, func(u *directory.User) { u.Lookups = []directory.Lookup{mail, two} })
	w.equal("by the replaced look-up", w.find(w.p, badge, "E 1"), nil)
	w.equal("by its successor", w.find(w.p, badge, "e 1"), []directory.UserID{u.ID})
	w.must(w.Users.IndexUser(w.ctx, w.tenant, indexed, func(now directory.User) []directory.Lookup {
		return now.Lookups // of the user read again
	}))
	w.equal("the user after an outdated copy", w.mustReadUser(u).User, changed)

	w.must(w.index(changed, mail))
	w.equal("by the dropped look-up", w.find(w.p, badge, "e 1"), nil)
	w.must(w.index(changed))
	w.equal("without any", w.find(w.p, mail.Attr, mail.Value), nil)
	w.equal("by externalId", w.find(w.p, directory.AttrExternalID, u.ExternalID), []directory.UserID{u.ID})

	removed := w.remove(w.user(w.p, "gone"))
	w.must(w.index(removed, one))
	w.equal("a removed user", w.find(w.p, badge, "E 1"), nil)
	w.wantKind("IndexUser of an unknown id", w.index(directory.User{ID: userID(), Provider: w.p, Version: 1}, one), directory.NotFound)
}

// indexRace lets writers of two kinds meet: each look-up finds the user in the end if and only if the record has it.
func indexRace(w *world) {
	u := w.user(w.p, "u")
	key := func(i int) directory.Lookup { return directory.Lookup{Attr: badge, Value: fmt.Sprint(i)} }
	w.must(errors.Join(race(racers, func(i int) error {
		if i%2 == 0 {
			return w.index(u, key(i))
		}
		_, err := w.tryUpdate(u, directory.UserUpdated, func(u *directory.User) { u.Lookups = []directory.Lookup{key(i)} })
		return err
	})...))
	got := w.mustReadUser(u).User
	w.equal("version", got.Version, u.Version+racers/2)
	for i := range racers {
		var want []directory.UserID
		if got.Lookups[0] == key(i) {
			want = []directory.UserID{u.ID}
		}
		w.equal(fmt.Sprint("by look-up ", i), w.find(w.p, badge, fmt.Sprint(i)), want)
	}
}
