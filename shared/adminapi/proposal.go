package adminapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func proposalRoutes() []route {
	return []route{
		{Route{get, "/proposals", "listProposals", readers}, nil, (*request).listProposals},
		{Route{post, "/proposals/{id}:approve", "approveProposal", administrators}, dryQuery, decideProposal(true)},
		{Route{post, "/proposals/{id}:reject", "rejectProposal", administrators}, dryQuery, decideProposal(false)},
	}
}

// proposal is a request that waits for a second person.
type proposal struct {
	ID         directory.ProposalID `json:"id,omitempty"`
	Operation  string               `json:"operation"`
	Subject    string               `json:"subject"` // what it would change
	Gives      []gain               `json:"gives"`
	ProposedBy string               `json:"proposedBy"`
	ProposedAt instant              `json:"proposedAt"`
	Token      string               `json:"token,omitempty"` // works from the approval on
	DryRun     bool                 `json:"dryRun,omitempty"`
}

// gain is a role and how many people would have it anew, at most.
type gain struct {
	Role   directory.RoleID `json:"role"`
	People int              `json:"people"`
}

func viewProposal(p *directory.Proposal) proposal {
	return proposal{ID: p.ID, Operation: p.Operation, Subject: p.Subject, ProposedBy: p.By, ProposedAt: instant{p.At},
		Gives: mapSlice(p.Gives, func(g directory.Gain) gain { return gain(g) })}
}

// propose lets the request wait if dual control refused it, and answers 202.
func (r *request) propose(a answer, err error) (answer, error) {
	w := (*administration.Waiting)(nil)
	if !errors.As(err, &w) {
		return a, err
	}
	query := url.Values{}
	for name, v := range r.query {
		if name != "dryRun" {
			query[name] = v
		}
	}
	p, err := r.as().Proposals.Add(r.ctx(), w,
		administration.Request{Operation: r.route.Operation, Path: r.ids, Query: query.Encode(), Body: r.body})
	if err != nil {
		return answer{}, err
	}
	v := viewProposal(p)
	if v.Token, v.DryRun = r.clearText(w.Token), r.admin.DryRun; v.DryRun {
		v.ID = ""
	}
	return answer{status: http.StatusAccepted, location: "/proposals", waits: true, body: v}, nil
}

func (r *request) listProposals() (answer, error) {
	ps, err := r.as().Proposals.List(r.ctx())
	return answer{body: page[proposal]{Items: mapSlice(ps, viewProposal)}}, err
}

// decideProposal carries out or discards a request that waits for a second person.
func decideProposal(approve bool) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		id, err := pathID[directory.ProposalID](r, 0, "proposal")
		if err == nil {
			err = r.readNothing()
		}
		if err != nil {
			return answer{}, err
		}
		p, err := r.as().Proposals.Decide(r.ctx(), id, approve, r.carryOut)
		if err != nil {
			return answer{}, err
		}
		v := viewProposal(p)
		v.DryRun = r.admin.DryRun
		return answer{body: v}, nil
	}
}

// carryOut does the request of an approved proposal, as it was made but for its preconditions, which held then.
func (r *request) carryOut(a administration.Admin, p *directory.Proposal) error {
	i := slices.IndexFunc(r.api.routes, func(rt route) bool { return rt.Operation == p.Operation })
	query, err := url.ParseQuery(p.Query)
	if i < 0 || err != nil {
		return directory.Errorf(directory.Conflict, "this release does not know the operation: reject it and propose it again")
	}
	x, bare := *r, *r.r
	bare.Header = nil
	x.r, x.route, x.ids, x.query, x.body, x.admin = &bare, &r.api.routes[i], p.Path, query, p.Body, a
	_, err = x.route.do(&x)
	return err
}
