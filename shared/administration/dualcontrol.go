package administration

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

var errNeedsSecondAdmin = directory.Errorf(directory.Forbidden,
	"dual control is on: another administrator has to approve this, with a key that was not made with yours")

// Waiting is the error of a change that would give privileged roles to more people under dual control: nothing of it is
// done, and it can be proposed to a second person.
type Waiting struct {
	subject string
	ways    []way
	roles   directory.Catalogue
	secret  *directory.Credential
	Token   string // the secret's clear text, for who asked
}

func (w *Waiting) Error() string { return w.Unwrap().Error() }

// Unwrap is the error where the change cannot wait.
func (w *Waiting) Unwrap() error {
	return directory.Errorf(directory.Conflict, "dual control is on: a second person has to approve that this gives %s", w.names())
}

// names lists the roles.
func (w *Waiting) names() string {
	var names []string
	for _, x := range w.ways {
		name := string(x.role)
		if r, found := w.roles.Find(x.role); found {
			name = r.Name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// control decides about changes that give privileged roles to more people.
type control struct {
	on       bool
	approved *directory.Proposal
	confirm  string
	sure     bool
}

func (s *session) control(ctx context.Context) (control, error) {
	t, err := s.ports.Tenants.Tenant(ctx, s.tenant)
	return control{t.DualControl, s.admin.Approved, s.admin.Confirm, s.admin.Sure}, err
}

// ask answers nil for a change of the subject that may be made now. Without dual control it asks for the names of the
// roles if typed is set: for changes that reach people whom they do not name.
// Errors: Waiting; Invalid (confirm); Conflict (it gives more than was approved).
func (c control) ask(subject string, was, is *situation, typed bool) error {
	w := &Waiting{subject: subject, ways: gains(was, is), roles: is.roles}
	switch {
	case len(w.ways) == 0:
	case c.approved != nil:
		for _, x := range w.ways {
			if len(c.approved.Gives) > 0 && !slices.ContainsFunc(c.approved.Gives, func(g directory.Gain) bool { return g.Role == x.role }) {
				return directory.Errorf(directory.Conflict, "this would now give %s, which was not proposed: reject it and propose it again", w.names())
			}
		}
	case c.on:
		return w
	case typed && !c.sure && !sameNames(c.confirm, w.names()):
		return &directory.Error{Kind: directory.Invalid, Attr: "confirm", Detail: "confirm must be the name of the privileged role: " + w.names()}
	}
	return nil
}

// alone is the error of a change that cannot wait, since it is only part of a request: what is to be asked for by itself.
func alone(err error, what string) error {
	if w := (*Waiting)(nil); errors.As(err, &w) {
		return directory.Errorf(directory.Conflict,
			"dual control is on: a second person has to approve that %s gives %s: ask for it one by one", what, w.names())
	}
	return err
}

// settings reads what decides which roles reach whom: the catalogue and the organizations and, with everything, all
// mappings.
func (s *session) settings(ctx context.Context, everything bool) (*situation, error) {
	x := &situation{orgs: map[directory.OrgID]directory.Organization{}}
	var err error
	if x.roles, err = s.ports.Roles.Catalogue(ctx, s.tenant); err != nil {
		return x, err
	}
	const batch = 500
	for after := directory.OrgID(""); ; {
		os, err := s.ports.Organizations.ListOrganizations(ctx, s.tenant, after, batch)
		if err != nil {
			return x, err
		}
		for _, o := range os {
			x.orgs[o.ID], after = o, o.ID
		}
		if len(os) < batch {
			break
		}
	}
	if !everything {
		return x, nil
	}
	ps, err := s.ports.Providers.ListProviders(ctx, s.tenant)
	for _, p := range ps {
		m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p.ID)
		if err != nil {
			return x, err
		}
		x.providers = append(x.providers, &mapped{Provider: &p, m: &m})
	}
	return x, err
}

// question reads what a change of settings has to be asked with.
func (s *session) question(ctx context.Context, everything bool) (c control, now *situation, err error) {
	if c, err = s.control(ctx); err != nil {
		return c, now, err
	}
	now, err = s.settings(ctx, everything)
	return c, now, err
}

// with is the situation with this provider only.
func (s *situation) with(p *directory.Provider, m *directory.MappingSet) *situation {
	x := *s
	x.providers = []*mapped{{Provider: p, m: m}}
	return &x
}

// withOrg is the situation with an organization as changed.
func (s *situation) withOrg(o directory.Organization) *situation {
	x := *s
	x.orgs = maps.Clone(s.orgs)
	x.orgs[o.ID] = o
	return &x
}

// sameNames reports whether two lists of names hold the same ones, in any order.
func sameNames(a, b string) bool {
	parts := func(s string) []string {
		ps := strings.Split(s, ",")
		for i := range ps {
			ps[i] = strings.TrimSpace(ps[i])
		}
		slices.Sort(ps)
		return ps
	}
	return slices.Equal(parts(a), parts(b))
}

// samePerson returns a function that reports whether two keys are one person's, for every question of dual control.
func (s *session) samePerson(ctx context.Context) (func(a, b string) bool, error) {
	t, err := s.ports.Tenants.Tenant(ctx, s.tenant)
	if err != nil {
		return nil, err
	}
	keys, err := s.ports.APIKeys.ListAPIKeys(ctx, s.tenant)
	return func(a, b string) bool {
		return directory.PersonOf(keys, t.DualControlSince, a) == directory.PersonOf(keys, t.DualControlSince, b)
	}, err
}

// requireSecondPerson refuses the person who made the request with the key.
func (s *session) requireSecondPerson(ctx context.Context, by string) error {
	same, err := s.samePerson(ctx)
	if err == nil && same(by, s.admin.Actor.ID) {
		err = errNeedsSecondAdmin
	}
	return err
}

// runApproval is the approval that applying a run needs.
type runApproval struct {
	secondAdmin  bool
	confirmation string // without secondAdmin: the text to type; "" for none
}

func (s ApplyRuns) runApproval(ctx context.Context, p directory.ProviderID, id directory.RunID) (c runApproval, err error) {
	ranges, err := s.ports.ApplyRuns.Ranges(ctx, s.tenant, id)
	if err != nil || !slices.ContainsFunc(ranges, func(r directory.RunRange) bool { return r.Tally.Privileged > 0 }) {
		return c, err
	}
	t, err := s.ports.Tenants.Tenant(ctx, s.tenant)
	c.secondAdmin = t.DualControl
	if err != nil || c.secondAdmin {
		return c, err
	}
	provider, err := Providers(s).ByID(ctx, p)
	c.confirmation = provider.DisplayName
	return c, err
}

func (c runApproval) requireConfirmation(a Admin) error {
	if c.confirmation != "" && a.Confirm != c.confirmation {
		return &directory.Error{Kind: directory.Invalid, Attr: "confirm",
			Detail: "privileged roles change: confirm must be the provider's display name"}
	}
	return nil
}
