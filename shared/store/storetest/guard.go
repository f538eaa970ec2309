package storetest

import (
	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var guardChapter = []promise{
	{"leavers/guard events are kept with their provider", keptGuards},
}

// guardEvent trips the guard of a provider.
func (w *world) guardEvent(p directory.ProviderID) directory.GuardEvent {
	w.Helper()
	now := w.now()
	v := directory.GuardEvent{
		ID: directory.GuardEventID("v" + directory.PositionAt(now)[:9] + random.ID()[:16]), Provider: p, State: directory.GuardOpen,
		At: now, Since: now, Count: 26, Limit: 25, Users: 30, DecidedAt: now, DecidedBy: "k1", Version: 1,
	}
	got, err := w.Guards.UpdateGuard(w.ctx, w.tenant, p, v.ID,
		func(p directory.Provider, old directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
			w.equal("the event before", old, directory.GuardEvent{})
			p.Guard.Event, p.Version = v.ID, p.Version+1
			e := w.adminEntry(directory.GuardTripped, string(p.ID))
			return p, v, &e, nil
		})
	w.must(err)
	w.equal("UpdateGuard", got, v)
	return v
}

func keptGuards(w *world) {
	other := w.provider("Other")
	a, b, c := w.guardEvent(w.p), w.guardEvent(w.p), w.guardEvent(w.p)
	theirs := w.guardEvent(other)
	list := func(p directory.ProviderID, before string, count int) []directory.GuardEvent {
		w.Helper()
		vs, err := w.Guards.GuardEvents(w.ctx, w.tenant, p, directory.GuardEventID(before), count)
		w.must(err)
		return vs
	}
	w.equal("all, the newest first", list(w.p, "", 10), []directory.GuardEvent{c, b, a})
	w.equal("a page", list(w.p, "", 2), []directory.GuardEvent{c, b})
	w.equal("the next", list(w.p, string(b.ID), 2), []directory.GuardEvent{a})
	w.equal("of the other provider", list(other, "", 10), []directory.GuardEvent{theirs})
	p, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("the provider's guard", p.Guard.Event, c.ID)
	w.equal("entry", w.log(directory.LogQuery{})[0].Action, directory.GuardTripped)
	_, err = w.Guards.UpdateGuard(w.ctx, w.tenant, directory.ProviderID(string(w.tenant)+"zzzzz"), "v1",
		func(p directory.Provider, v directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
			w.Error("update was called for a provider that does not exist")
			return p, v, nil, nil
		})
	w.wantKind("an unknown provider", err, directory.NotFound)
}

func (x intruder) guardsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Guards.UpdateGuard": func() {
			_, err := x.Guards.UpdateGuard(ctx, t, v.p, v.guard.ID,
				func(p directory.Provider, e directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
					x.Error("update was called for another tenant's provider")
					return p, e, nil, nil
				})
			x.notFound("UpdateGuard", err)
		},
		"Guards.GuardEvents": func() {
			vs, err := x.Guards.GuardEvents(ctx, t, v.p, "", 10)
			x.empty("GuardEvents", len(vs), err)
		},
		"Guards.GuardEvent": func() {
			_, err := x.Guards.GuardEvent(ctx, t, v.p, v.guard.ID)
			x.notFound("GuardEvent", err)
		},
	}
}
