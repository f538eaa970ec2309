package administration

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// Request is a request of the admin API that waits for a second person.
type Request struct {
	Operation string
	Path      []string
	Query     string
	Body      []byte
}

// The operations of proposals that wait in the records that they change.
const (
	proposedMapping = "createRoleMappingEntry"
	proposedRun     = "startApplyRun"
)

// Add lets a request wait that would give what w says. The same request of the same key waits once.
// Errors: TooMany.
func (s Proposals) Add(ctx context.Context, w *Waiting, r Request) (*directory.Proposal, error) {
	n := &directory.Proposal{
		ID: directory.ProposalID("p" + s.rt.NewID()), Operation: r.Operation, Path: r.Path, Query: r.Query, Body: r.Body, Subject: w.subject,
		By: s.admin.Actor.ID, At: s.rt.Time(), Secret: w.secret,
	}
	var err error
	if n.State, err = s.stateOf(ctx, n.Subject); err != nil {
		return n, err
	}
	if n.Gives, err = s.counted(ctx, w.ways); err != nil {
		return n, err
	}
	_, ended, err := s.waiting(ctx)
	if err != nil {
		return n, err
	}
	err = s.update(ctx, directory.ProposalMade, func(ps []*directory.Proposal) ([]*directory.Proposal, *directory.Proposal, error) {
		ps = slices.DeleteFunc(ps, func(p *directory.Proposal) bool { return slices.Contains(ended, p.ID) })
		size := len(n.Body)
		for _, p := range ps {
			if size += len(p.Body); n.Secret == nil && sameRequest(p, n) {
				n = p
				return nil, n, nil
			}
		}
		if len(ps) >= directory.MaxProposals || size > directory.MaxProposalBytes {
			return ps, n, directory.Errorf(directory.TooMany, "too much waits for a second person already: decide about that first")
		}
		return append(ps, n), n, nil
	})
	return n, err
}

// forget removes the proposals about a subject that was erased.
func (s Proposals) forget(ctx context.Context, subject string) error {
	all, err := s.ports.Proposals.ListProposals(ctx, s.tenant)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all.Waiting, func(p *directory.Proposal) bool { return p.Subject == subject })
	if i < 0 {
		return nil
	}
	return s.update(ctx, directory.ProposalRejected, func(ps []*directory.Proposal) ([]*directory.Proposal, *directory.Proposal, error) {
		return slices.DeleteFunc(ps, func(p *directory.Proposal) bool { return p.Subject == subject }), all.Waiting[i], nil
	})
}

// update replaces the proposals by edit's, with an entry about one of them; nil writes nothing.
func (s Proposals) update(
	ctx context.Context, action directory.Action,
	edit func([]*directory.Proposal) ([]*directory.Proposal, *directory.Proposal, error),
) error {
	_, err := s.ports.Proposals.UpdateProposals(ctx, s.tenant,
		func(old directory.ProposalList) (directory.ProposalList, *directory.LogEntry, error) {
			ps, about, err := edit(slices.Clone(old.Waiting))
			if err != nil || ps == nil {
				return old, nil, err
			}
			e := s.entry(action)
			e.Target, e.Name = "proposals/"+string(about.ID), about.Operation
			e.Changes = []directory.Change{directory.NewChange("subject", nil, about.Subject), directory.NewChange("proposedBy", nil, about.By),
				directory.NewChange("gives", nil, about.Gives)}
			return directory.ProposalList{Waiting: ps, Version: old.Version + 1}, &e, nil
		})
	return err
}

// waiting reads the proposals that wait, and the ids of those that another change of their subject has ended.
func (s Proposals) waiting(ctx context.Context) (waiting []*directory.Proposal, ended []directory.ProposalID, err error) {
	all, err := s.ports.Proposals.ListProposals(ctx, s.tenant)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range all.Waiting {
		state, err := s.stateOf(ctx, p.Subject)
		if err != nil {
			return nil, nil, err
		}
		if state == p.State {
			waiting = append(waiting, p)
		} else {
			ended = append(ended, p.ID)
		}
	}
	return waiting, ended, nil
}

// List reads everything that waits for a second person, then what waits in mappings and apply runs.
func (s Proposals) List(ctx context.Context) ([]*directory.Proposal, error) {
	out, _, err := s.waiting(ctx)
	if err != nil {
		return nil, err
	}
	now, err := s.settings(ctx, true)
	if err != nil {
		return nil, err
	}
	for _, p := range now.providers {
		for _, r := range p.m.Proposed {
			with, _ := withRole(*p.m, r)
			gives, err := s.counted(ctx, gains(now.with(p.Provider, p.m), now.with(p.Provider, &with)))
			if err != nil {
				return nil, err
			}
			out = append(out, &directory.Proposal{ID: directory.ProposalID(r.ID), Operation: proposedMapping, Path: []string{string(p.ID)},
				Subject: providerSubject(p.ID) + "/role-mapping", Gives: gives, By: r.ProposedBy, At: r.ProposedAt})
		}
		if p.m.Run == "" {
			continue
		}
		r, err := ApplyRuns(s).ByID(ctx, p.ID, p.m.Run)
		if directory.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if r.State == directory.RunRequested {
			gives := s.givenBy(r.Tally, now.roles)
			out = append(out, &directory.Proposal{ID: directory.ProposalID(r.ID), Operation: proposedRun, Path: []string{string(p.ID)},
				Subject: directory.RunTarget(p.ID, r.ID), Gives: gives, By: r.StartedBy, At: r.Planned})
		}
	}
	return out, nil
}

// givenBy returns the privileged roles that an apply run adds.
func (s Proposals) givenBy(t directory.RunTally, c directory.Catalogue) (out []directory.Gain) {
	for _, r := range c.Roles {
		if n := t.RolesAdded[string(r.ID)]; r.Privileged && n > 0 {
			out = append(out, directory.Gain{Role: r.ID, People: n})
		}
	}
	return out
}

// Decide approves a proposal, which another person than its own has to do, or rejects it. run carries out the approved
// request; it is done before the proposal goes, so that after a crash between the two its subject has changed.
// Errors: NotFound; Forbidden (the same person); Conflict (its subject has changed since); what run returns.
func (s Proposals) Decide(
	ctx context.Context, id directory.ProposalID, approve bool, run func(Admin, *directory.Proposal) error,
) (*directory.Proposal, error) {
	all, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(p *directory.Proposal) bool { return p.ID == id })
	if i < 0 {
		return nil, s.notWaiting(ctx, id)
	}
	p := all[i]
	if approve {
		if err := s.requireSecondPerson(ctx, p.By); err != nil {
			return p, err
		}
	}
	if done, err := s.decideElsewhere(ctx, p, approve); done || err != nil {
		return p, err
	}
	action := directory.ProposalRejected
	if approve {
		action = directory.ProposalApproved
		a := s.admin
		a.Approved = p
		if err := run(a, p); err != nil {
			return p, err
		}
	}
	return p, s.update(ctx, action, func(ps []*directory.Proposal) ([]*directory.Proposal, *directory.Proposal, error) {
		return slices.DeleteFunc(ps, func(o *directory.Proposal) bool { return o.ID == id }), p, nil
	})
}

// notWaiting is the error about a proposal that has ended or never was.
func (s Proposals) notWaiting(ctx context.Context, id directory.ProposalID) error {
	_, ended, err := s.waiting(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(ended, id) {
		return directory.Errorf(directory.Conflict, "what the proposal is about has changed since: propose it again")
	}
	return directory.Errorf(directory.NotFound, "no proposal with this id waits")
}

// decideElsewhere decides about what waits in a mapping or an apply run, and reports whether it was that.
func (s Proposals) decideElsewhere(ctx context.Context, p *directory.Proposal, approve bool) (bool, error) {
	var err error
	switch {
	case strings.HasPrefix(string(p.ID), "m"):
		_, err = RoleMappings(s).Decide(ctx, directory.ProviderID(p.Path[0]), Unchecked, directory.MappingID(p.ID), approve)
	case strings.HasPrefix(string(p.ID), "r") && approve:
		_, err = ApplyRuns(s).Approve(ctx, directory.ProviderID(p.Path[0]), directory.RunID(p.ID), Unchecked)
	case strings.HasPrefix(string(p.ID), "r"):
		_, err = ApplyRuns(s).Cancel(ctx, directory.ProviderID(p.Path[0]), directory.RunID(p.ID), Unchecked)
	default:
		return false, nil
	}
	return true, err
}

func providerSubject(id directory.ProviderID) string { return "providers/" + string(id) }

// stateOf returns what every change of a subject changes.
func (s Proposals) stateOf(ctx context.Context, subject string) (state string, err error) {
	kind, id, _ := strings.Cut(subject, "/")
	switch {
	case id == "":
	case kind == "users":
		var v directory.UserView
		v, err = s.ports.Users.UserByID(ctx, s.tenant, directory.UserID(id))
		state = fmt.Sprint(v.Version)
	case kind == "organizations":
		var o directory.Organization
		o, err = Organizations(s).ByID(ctx, directory.OrgID(id))
		state = fmt.Sprint(o.Version)
	case kind == "roles":
		var c directory.Catalogue
		c, err = s.ports.Roles.Catalogue(ctx, s.tenant)
		r, found := c.Find(directory.RoleID(id))
		state = fmt.Sprint(r.Name, r.Privileged, found)
	case kind == "providers":
		var p directory.Provider
		p, err = Providers(s).ByID(ctx, directory.ProviderID(id))
		state = fmt.Sprint(p.ConfigVersion, p.CredentialsVersion, p.State == directory.ProviderDeleting)
	case kind == "api-keys":
		var ks []directory.APIKey
		ks, err = s.ports.APIKeys.ListAPIKeys(ctx, s.tenant)
		state = fmt.Sprint(slices.ContainsFunc(ks, func(k directory.APIKey) bool { return string(k.ID) == id }))
	}
	if directory.IsKind(err, directory.NotFound) {
		return "gone", nil
	}
	return state, err
}

// counted returns the roles of ways, and how many people each would reach at most.
func (s Proposals) counted(ctx context.Context, ws []way) ([]directory.Gain, error) {
	var out []directory.Gain
	seen := map[string]bool{}
	for _, w := range ws {
		i := slices.IndexFunc(out, func(g directory.Gain) bool { return g.Role == w.role })
		if i < 0 {
			i = len(out)
			out = append(out, directory.Gain{Role: w.role})
		}
		key := way{w.role, w.provider, w.source(), w.id}
		if key.kind == wayEveryone {
			key.id = ""
		}
		if seen[key.key()] {
			continue
		}
		seen[key.key()] = true
		n, err := s.peopleOf(ctx, w)
		if err != nil {
			return nil, err
		}
		out[i].People += n
	}
	return out, nil
}

// source is the same for ways by which the same people are reached.
func (w way) source() string {
	switch kind := strings.TrimPrefix(w.kind, wayNew); kind {
	case wayMapping, wayMember:
		return wayGroup
	case wayIn:
		return wayDefault
	case wayEveryone, wayNamed, wayRest, wayTemplate, waySecret:
		return wayEveryone
	default:
		return kind
	}
}

// peopleOf returns how many people a way reaches at most.
func (s Proposals) peopleOf(ctx context.Context, w way) (int, error) {
	tally := ""
	switch w.source() {
	case wayPerson:
		return 1, nil
	case wayGroup:
		v, err := s.ports.Groups.ReadGroup(ctx, s.tenant, w.provider, directory.GroupID(w.id), directory.GroupWant{}, nil)
		return v.MemberCount, directory.IgnoreNotFound(err)
	case wayDefault:
		tally = directory.OrgTally(directory.OrgID(w.id))
	case wayEveryone, wayMoved:
		p := w.provider
		if w.kind == wayMoved {
			p = directory.ProviderID(w.id)
		}
		n, err := Providers(s).Count(ctx, p)
		return n.Users, err
	default:
		tally = directory.RoleTally(w.role)
	}
	n, err := s.ports.Counts.Tallies(ctx, s.tenant, []string{tally})
	return n[tally], err
}

// sameRequest reports whether two proposals are the same request of the same key, about the same state.
func sameRequest(a, b *directory.Proposal) bool {
	return a.Operation == b.Operation && slices.Equal(a.Path, b.Path) && a.Query == b.Query && bytes.Equal(a.Body, b.Body) && a.By == b.By &&
		a.State == b.State && a.Secret == nil
}
