package storetest

import "rollcall/shared/directory"

var completionChapter = []promise{
	{"follow/completing a complete entry changes nothing", completeTwice},
}

// completeTwice completes every entry of a busy tenant twice, the oldest last.
func completeTwice(w *world) {
	us := w.users(w.p, 60, "u")
	boss := w.user(w.p, "boss")
	w.update(us[1], func(u *directory.User) { u.Manager = string(boss.ScimID) })
	g, h := w.group(w.p, "g", scimIDs(us)...), w.group(w.p, "h", append(scimIDs(us), boss.ScimID)...)
	w.must(w.nest(h, g))
	w.members(h, nil, scimIDs(us[:50]))
	w.members(h, scimIDs(us[:40]), scimIDs(us[50:]))
	w.remove(boss)
	w.must(w.deleteGroup(g))
	w.group(w.p, "g", scimIDs(us[:3])...)
	before := w.dump()
	es := append(w.log(directory.LogQuery{Provider: w.p}), w.log(directory.LogQuery{})...)
	for range 2 {
		for _, e := range es {
			for _, limit := range []int{0, 1, 1000} {
				more, err := w.Completion.CompleteEntry(w.ctx, w.tenant, e, limit)
				w.must(err)
				w.equal("more", more, false)
			}
		}
	}
	w.equal("state", w.dump(), before)
	w.wantMembers("h", h, scimIDs(us[:40]))
}

func (x intruder) completionRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Completion.CompleteEntry": func() {
			more, err := x.Completion.CompleteEntry(ctx, t, v.entry, 1000)
			x.must(err)
			x.equal("more", more, false)
		},
	}
}
