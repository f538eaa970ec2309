package storetest

import (
	"slices"

	"rollcall/shared/directory"
)

var proposalChapter = []promise{
	{"proposals/they are kept", proposals},
}

func (w *world) updateProposals(edit func(*directory.ProposalList)) directory.ProposalList {
	w.Helper()
	ps, err := w.Proposals.UpdateProposals(w.ctx, w.tenant,
		func(ps directory.ProposalList) (directory.ProposalList, *directory.LogEntry, error) {
			ps.Waiting = slices.Clone(ps.Waiting)
			edit(&ps)
			ps.Version++
			e := w.adminEntry(directory.ProposalMade, "proposal")
			return ps, &e, nil
		})
	w.must(err)
	return ps
}

func proposals(w *world) {
	got, err := w.Proposals.ListProposals(w.ctx, w.tenant)
	w.must(err)
	w.equal("before", got, directory.ProposalList{})
	want := w.updateProposals(func(ps *directory.ProposalList) {
		ps.Waiting = []*directory.Proposal{
			{ID: "p1", Operation: "createToken", Path: []string{"p", "q"}, Query: "a=b", Body: []byte(`{"ä":1}`), Subject: "s", State: "1",
				Gives: []directory.Gain{{Role: "a", People: 7}}, By: "k", At: w.now(),
				Secret: &directory.Credential{ID: "k1", Hash: directory.TokenHash{1, 2}, LastFour: "abcd", CreatedAt: w.now(), CreatedBy: "k",
					ExpiresAt: w.now(), State: directory.CredentialActive}}, {ID: "p2"},
		}
	})
	got, err = w.Proposals.ListProposals(w.ctx, w.tenant)
	w.must(err)
	w.equal("stored", got, want)
	race(racers, func(int) error { w.updateProposals(func(*directory.ProposalList) {}); return nil })
	got, err = w.Proposals.ListProposals(w.ctx, w.tenant)
	w.must(err)
	w.equal("after a race", got.Version, int64(1+racers))
}

func (x intruder) proposalsRows() map[string]func() {
	ctx, t := x.ctx, x.tenant
	return map[string]func(){
		"Proposals.ListProposals": func() {
			got, err := x.Proposals.ListProposals(ctx, t)
			x.empty("ListProposals", len(got.Waiting), err)
		},
		"Proposals.UpdateProposals": func() {
			x.updateProposals(func(ps *directory.ProposalList) { x.equal("passed to update", *ps, directory.ProposalList{}) })
		},
	}
}
