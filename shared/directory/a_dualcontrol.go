package directory

import (
	"context"
	"slices"
	"strings"
)

var errSecond = Errorf(Forbidden, "dual control is on: another administrator has to approve this")

// caution is what role mappings with privileged roles have to pass.
type caution struct {
	roles Catalogue
	dual  bool
}

func (s *Service) caution(ctx context.Context, a Admin) (c caution, err error) {
	if c.roles, err = s.Settings.Catalogue(ctx, a.Tenant); err != nil {
		return c, err
	}
	t, err := s.Tenants.Tenant(ctx, a.Tenant)
	c.dual = t.DualControl
	return c, err
}

// privileged are the privileged roles that people would have by the mapping who do not have them by it as it was.
func (c caution) privileged(was, is RoleMapping) (names []string) {
	wider := slices.ContainsFunc(is.Groups, func(g MappedGroup) bool {
		return !slices.ContainsFunc(was.Groups, func(h MappedGroup) bool { return h.ID == g.ID })
	})
	for _, id := range is.Roles {
		if r, _ := c.roles.Find(id); r.Privileged && (wider || !slices.Contains(was.Roles, id)) {
			names = append(names, r.Name)
		}
	}
	return names
}

// mapping checks what a role mapping is to give, and reports whether a second administrator has to approve it.
func (c caution) mapping(was, is RoleMapping, confirm string) (second bool, err error) {
	if len(is.Roles) == 0 {
		return false, &Error{Kind: Invalid, Attr: "roles", Detail: "a role mapping names at least one role"}
	}
	for i, id := range is.Roles {
		if _, known := c.roles.Find(id); slices.Contains(is.Roles[:i], id) || !known && !slices.Contains(was.Roles, id) {
			return false, &Error{Kind: Invalid, Attr: "roles", Detail: "roles must hold different roles of the catalogue"}
		}
	}
	names := strings.Join(c.privileged(was, is), ", ")
	if names != "" && !c.dual && confirm != names {
		return false, &Error{Kind: Invalid, Attr: "confirm", Detail: "confirm must be the name of the privileged role: " + names}
	}
	return names != "" && c.dual, nil
}

// runCaution is what applying a run takes besides its state.
type runCaution struct {
	second bool   // a second administrator
	typed  string // or this, as a confirmation
}

func (s *Service) runCaution(ctx context.Context, a Admin, p ProviderID, id RunID) (c runCaution, err error) {
	ranges, err := s.ApplyRuns.Ranges(ctx, a.Tenant, id)
	if err != nil || !slices.ContainsFunc(ranges, func(r RunRange) bool { return r.Tally.Privileged > 0 }) {
		return c, err
	}
	t, err := s.Tenants.Tenant(ctx, a.Tenant)
	if c.second = t.DualControl; err != nil || c.second {
		return c, err
	}
	provider, err := s.ProviderByID(ctx, a, p)
	c.typed = provider.DisplayName
	return c, err
}

func (c runCaution) confirmed(a Admin) error {
	if c.typed != "" && a.Confirm != c.typed {
		return &Error{Kind: Invalid, Attr: "confirm", Detail: "privileged roles change: confirm must be the provider's display name"}
	}
	return nil
}
