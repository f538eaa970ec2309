package administration

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

var errNeedsSecondAdmin = directory.Errorf(directory.Forbidden, "dual control is on: another administrator has to approve this")

// approvalPolicy checks role mappings with privileged roles.
type approvalPolicy struct {
	roles directory.Catalogue
	dual  bool
}

func (s *session) approvalPolicy(ctx context.Context) (c approvalPolicy, err error) {
	if c.roles, err = s.ports.Roles.Catalogue(ctx, s.tenant); err != nil {
		return c, err
	}
	t, err := s.ports.Tenants.Tenant(ctx, s.tenant)
	c.dual = t.DualControl
	return c, err
}

// newlyPrivileged returns the privileged roles that the changed mapping gives to more users than before.
func (c approvalPolicy) newlyPrivileged(was, is directory.RoleMapping) (names []string) {
	wider := slices.ContainsFunc(is.Groups, func(g directory.MappedGroup) bool {
		return !slices.ContainsFunc(was.Groups, func(h directory.MappedGroup) bool { return h.ID == g.ID })
	})
	for _, id := range is.Roles {
		if r, _ := c.roles.Find(id); r.Privileged && (wider || !slices.Contains(was.Roles, id)) {
			names = append(names, r.Name)
		}
	}
	return names
}

// checkRoleMapping checks the roles of a mapping, and reports whether a second administrator has to approve it.
func (c approvalPolicy) checkRoleMapping(was, is directory.RoleMapping, confirm string) (secondAdmin bool, err error) {
	if len(is.Roles) == 0 {
		return false, &directory.Error{Kind: directory.Invalid, Attr: "roles", Detail: "a role mapping names at least one role"}
	}
	for i, id := range is.Roles {
		if _, known := c.roles.Find(id); slices.Contains(is.Roles[:i], id) || !known && !slices.Contains(was.Roles, id) {
			return false, &directory.Error{Kind: directory.Invalid, Attr: "roles", Detail: "roles must hold different roles of the catalogue"}
		}
	}
	names := strings.Join(c.newlyPrivileged(was, is), ", ")
	if names != "" && !c.dual && !sameNames(confirm, names) {
		return false,
			&directory.Error{Kind: directory.Invalid, Attr: "confirm", Detail: "confirm must be the name of the privileged role: " + names}
	}
	return names != "" && c.dual, nil
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
