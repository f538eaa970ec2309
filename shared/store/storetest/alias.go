package storetest

import (
	"time"

	"rollcall/shared/directory"
)

var aliasChapter = []promise{
	{"aliases/users are found by their former names", aliases},
}

func aliases(w *world) {
	at := time.Now().UTC().Truncate(time.Millisecond)
	a, b := userID(), userID()
	if a > b {
		a, b = b, a
	}
	add := func(key string, id directory.UserID, until time.Duration) {
		w.must(w.Aliases.AddAlias(w.ctx, w.tenant, key, id, at.Add(until)))
	}
	add("anna", b, time.Hour)
	add("anna", a, 2*time.Hour)
	add("bert", a, time.Hour)
	add("anna", a, time.Hour) // the later time is kept
	is := func(what, key string, after time.Duration, count int, want ...directory.UserID) {
		w.Helper()
		ids, err := w.Aliases.AliasesOf(w.ctx, w.tenant, key, at.Add(after), count)
		w.must(err)
		w.equal(what, ids, want)
	}
	is("both, by id", "anna", 0, 10, a, b)
	is("at most one", "anna", 0, 1, a)
	is("in the last moment", "anna", time.Hour, 10, a, b)
	is("after that", "anna", time.Hour+time.Millisecond, 10, a)
	is("another name", "bert", 0, 10, a)
	is("an unknown name", "Anna", 0, 10)
}

func (x intruder) aliasesRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Aliases.AddAlias": func() { x.must(x.Aliases.AddAlias(ctx, t, "former", v.u.ID, v.now)) },
		"Aliases.AliasesOf": func() {
			y := newWorld(x.T, x.Ports)
			ids, err := y.Aliases.AliasesOf(ctx, y.tenant, "former", v.start, 10)
			x.empty("AliasesOf", len(ids), err)
		},
	}
}
