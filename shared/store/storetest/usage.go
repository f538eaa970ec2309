package storetest

import (
	"errors"
	"fmt"
	"time"

	"rollcall/shared/directory"
)

var usageChapter = []promise{
	{"usages/usage from several processes adds up", usages},
	{"usages/reports of requests from several processes add up", requestReports},
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

func requestReports(w *world) {
	none, err := w.Usages.Requests(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("none", none, directory.RequestReport{})
	at := w.now()
	seen := func(i int) directory.RequestReport {
		now := at.Add(time.Duration(i) * time.Second)
		return directory.RequestReport{
			Refused: 2,
			Refusals: []directory.RefusedRequest{
				{Method: "PATCH", ResourceType: "Group", ID: "g1", Status: 400, ScimType: "invalidValue", Attribute: "members",
					Members: []directory.ScimID{directory.ScimID(fmt.Sprint("u", i))}, MemberCount: 1, Count: 1, FirstAt: now, LastAt: now,
					RequestID: directory.RequestID(fmt.Sprint("r", i))},
				{Method: "POST", ResourceType: "User", Status: 409, Attribute: fmt.Sprint("a", i%3), Count: 1, FirstAt: now, LastAt: now,
					RequestID: "r"},
			},
			Unread: []directory.UnreadAttribute{{Name: "badgeColour", Count: 1, LastAt: now},
				{Name: "switch", Boolean: i == 3, Count: 1, LastAt: now}},
		}
	}
	w.must(errors.Join(race(racers, func(i int) error { return w.Usages.AddRequests(w.ctx, w.tenant, w.p, seen(i)) })...))
	want := directory.RequestReport{}
	for i := range racers {
		want = want.Merge(seen(i))
	}
	got, err := w.Usages.Requests(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("together", got, want)
	last := got.Refusals[0]
	if got.Refused != 2*racers || len(got.Refusals) != 4 || last.Method != "PATCH" || last.Count != racers || !last.FirstAt.Equal(at) ||
		last.RequestID != directory.RequestID(fmt.Sprint("r", racers-1)) {
		w.Errorf("together: %+v", got)
	}
	if len(got.Unread) != 2 || got.Unread[0].Name != "switch" || !got.Unread[0].Boolean || got.Unread[1].Count != racers {
		w.Errorf("unread: %+v", got.Unread)
	}
}

func (x intruder) usagesRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Usages.AddUsage": func() { x.must(x.Usages.AddUsage(ctx, t, v.p, directory.Usage{LastRequestAt: v.now})) },
		"Usages.AddRequests": func() {
			x.must(x.Usages.AddRequests(ctx, t, v.p, directory.RequestReport{Refused: 1}))
		},
		"Usages.Requests": func() {
			y := newWorld(x.T, x.Ports)
			r, err := y.Usages.Requests(ctx, y.tenant, v.p)
			x.must(err)
			x.equal("another tenant's requests", r, directory.RequestReport{})
		},
		"Usages.Usage": func() {
			y := newWorld(x.T, x.Ports)
			u, err := y.Usages.Usage(ctx, y.tenant, v.p)
			x.must(err)
			x.equal("another tenant's usage", u, directory.Usage{})
		},
	}
}
