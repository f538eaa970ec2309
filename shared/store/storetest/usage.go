package storetest

import (
	"errors"
	"fmt"
	"time"

	"rollcall/shared/directory"
)

var usageChapter = []promise{
	{"usages/usage from several processes adds up", usages},
}

func usages(w *world) {
	none, err := w.Usages.Usage(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("none", none, directory.Usage{})
	at := w.now()
	seen := func(i int) directory.Usage {
		now := at.Add(time.Duration(i) * time.Second)
		u := directory.Usage{FirstRequestAt: now, LastRequestAt: now,
			Tokens: map[directory.CredentialID]directory.TokenUse{"k1": {LastAt: now, Count: 2},
				directory.CredentialID(fmt.Sprint("k", i%2+2)): {LastAt: now, Count: 1}}}
		if i == 1 {
			u.LastWriteAt, u.LastErrorAt = now, now
		}
		return u
	}
	w.must(errors.Join(race(racers, func(i int) error { return w.Usages.AddUsage(w.ctx, w.tenant, w.p, seen(i)) })...))
	want := directory.Usage{}
	for i := range racers {
		want = want.Merge(seen(i))
	}
	got, err := w.Usages.Usage(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("together", got, want)
	if got.Tokens["k1"].Count != 2*racers || !got.FirstRequestAt.Equal(at) || !got.LastRequestAt.Equal(at.Add((racers-1)*time.Second)) {
		w.Errorf("together: %+v", got)
	}
}

func (x intruder) usagesRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Usages.AddUsage": func() { x.must(x.Usages.AddUsage(ctx, t, v.p, directory.Usage{LastRequestAt: v.now})) },
		"Usages.Usage": func() {
			y := newWorld(x.T, x.Ports)
			u, err := y.Usages.Usage(ctx, y.tenant, v.p)
			x.must(err)
			x.equal("another tenant's usage", u, directory.Usage{})
		},
	}
}
