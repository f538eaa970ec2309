package directory

import "context"

// Roles reads the catalogue, and how many people have each role.
func (s *Service) Roles(ctx context.Context, a Admin) (Catalogue, map[RoleID]int, error) {
	c, err := s.Settings.Catalogue(ctx, a.Tenant)
	if err != nil {
		return c, nil, err
	}
	ids := make([]RoleID, len(c.Roles))
	for i, r := range c.Roles {
		ids[i] = r.ID
	}
	n, err := talliesOf(ctx, s, a, ids, roleTally)
	return c, n, err
}

// CreateRole adds a role; without an id it gets one from its name.
// Errors: Invalid; Conflict (id); TooMany.
func (s *Service) CreateRole(ctx context.Context, a Admin, r CatalogueRole) (CatalogueRole, error) {
	if r.ID == "" {
		r.ID = RoleSlug(r.Name)
	}
	return r, s.updateRole(ctx, a, r.ID, func(c Catalogue, old CatalogueRole, found bool) (Catalogue, error) {
		switch {
		case found:
			return c, &Error{Kind: Conflict, Attr: "id", Detail: "a role with this id exists"}
		case len(c.Roles) >= MaxRoles:
			return c, Errorf(TooMany, "a tenant has at most %d roles", MaxRoles)
		}
		return c.with(r), r.check()
	})
}

// RolePatch is a change of a role; nil fields stay.
type RolePatch struct {
	Name, Description *string
	Privileged        *bool
}

// PatchRole changes what a role is called and says.
// Errors: NotFound; Invalid.
func (s *Service) PatchRole(ctx context.Context, a Admin, id RoleID, n RolePatch) (r CatalogueRole, err error) {
	err = s.updateRole(ctx, a, id, func(c Catalogue, old CatalogueRole, found bool) (Catalogue, error) {
		if !found {
			return c, Errorf(NotFound, "no such role")
		}
		r = old
		setIf(&r.Name, n.Name)
		setIf(&r.Description, n.Description)
		setIf(&r.Privileged, n.Privileged)
		return c.with(r), r.check()
	})
	return r, err
}

// DeleteRole takes a role out of the catalogue. People lose what mappings and organizations gave of it with
// their next event or Apply; what names it is flagged.
// Errors: NotFound.
func (s *Service) DeleteRole(ctx context.Context, a Admin, id RoleID) error {
	return s.updateRole(ctx, a, id, func(c Catalogue, _ CatalogueRole, found bool) (Catalogue, error) {
		if !found {
			return c, Errorf(NotFound, "no such role")
		}
		return c.without(id), nil
	})
}

// updateRole runs an edit of the catalogue that is about one role.
func (s *Service) updateRole(ctx context.Context, a Admin, id RoleID, edit func(c Catalogue, old CatalogueRole, found bool) (Catalogue, error)) error {
	apply := func(old Catalogue) (Catalogue, *LogEntry, error) {
		before, found := old.Find(id)
		c, err := edit(old, before, found)
		if err != nil {
			return old, nil, err
		}
		after, stays := c.Find(id)
		if found && stays && before == after {
			return old, nil, nil
		}
		c.Version = old.Version + 1
		e := s.adminEntry(a, RolesUpdated)
		e.Target, e.Name, e.Version = "roles/"+string(id), after.Name, c.Version
		was, is := any(before), any(after)
		if !found {
			was = nil
		}
		if !stays {
			e.Name, is = before.Name, nil
		}
		e.Changes = []Change{change("role", was, is)}
		return c, &e, nil
	}
	if a.DryRun {
		c, err := s.Settings.Catalogue(ctx, a.Tenant)
		if err == nil {
			_, _, err = apply(c)
		}
		return err
	}
	_, err := s.Settings.UpdateCatalogue(ctx, a.Tenant, apply)
	return err
}
