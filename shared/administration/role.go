package administration

import (
	"context"
	"slices"
	"unicode/utf8"

	"rollcall/shared/directory"
)

// List reads the catalogue, and how many users have each role.
func (s Roles) List(ctx context.Context) (directory.Catalogue, map[directory.RoleID]int, error) {
	c, err := s.ports.Roles.Catalogue(ctx, s.tenant)
	if err != nil {
		return c, nil, err
	}
	ids := make([]directory.RoleID, len(c.Roles))
	for i, r := range c.Roles {
		ids[i] = r.ID
	}
	n, err := talliesOf(ctx, s.session, ids, directory.RoleTally)
	return c, n, err
}

// Create adds a role; without an id it gets one from its name.
// Errors: Invalid; Conflict (id); TooMany.
func (s Roles) Create(ctx context.Context, r directory.CatalogueRole) (directory.CatalogueRole, error) {
	if r.ID == "" {
		r.ID = directory.RoleSlug(r.Name)
	}
	return r, s.updateRole(ctx, r.ID, func(c directory.Catalogue, old directory.CatalogueRole, found bool) (directory.Catalogue, error) {
		switch {
		case found:
			return c, &directory.Error{Kind: directory.Conflict, Attr: "id", Detail: "a role with this id exists"}
		case slices.Contains(c.Deleted, r.ID):
			return c, &directory.Error{Kind: directory.Conflict, Attr: "id",
				Detail: "a role with the id " + string(r.ID) + " was deleted: people may still have it, so give another id"}
		case len(c.Roles) >= directory.MaxRoles:
			return c, directory.Errorf(directory.TooMany, "a tenant has at most %d roles", directory.MaxRoles)
		}
		return c.With(r), checkRole(r)
	})
}

// RolePatch is a change of a role; nil fields do not change.
type RolePatch struct {
	Name, Description *string
	Privileged        *bool
}

// Patch changes a role.
// Errors: NotFound; Invalid.
func (s Roles) Patch(ctx context.Context, id directory.RoleID, n RolePatch) (r directory.CatalogueRole, err error) {
	err = s.updateRole(ctx, id, func(c directory.Catalogue, old directory.CatalogueRole, found bool) (directory.Catalogue, error) {
		if !found {
			return c, directory.Errorf(directory.NotFound, "no such role")
		}
		r = old
		setIf(&r.Name, n.Name)
		setIf(&r.Description, n.Description)
		setIf(&r.Privileged, n.Privileged)
		return c.With(r), checkRole(r)
	})
	return r, err
}

// Delete removes a role from the catalogue. Users lose grants of it by mappings and organizations with their next event
// or an apply run; mappings and organizations that name it are flagged.
// Errors: NotFound.
func (s Roles) Delete(ctx context.Context, id directory.RoleID) error {
	return s.updateRole(ctx, id, func(c directory.Catalogue, _ directory.CatalogueRole, found bool) (directory.Catalogue, error) {
		if !found {
			return c, directory.Errorf(directory.NotFound, "no such role")
		}
		if len(c.Deleted) >= maxDeletedRoles {
			return c, directory.Errorf(directory.TooMany, "a tenant deletes at most %d roles: their ids are kept", maxDeletedRoles)
		}
		c.Deleted = append(slices.Clone(c.Deleted), id)
		return c.Without(id), nil
	})
}

// maxDeletedRoles is how many ids of deleted roles a catalogue keeps.
const maxDeletedRoles = 1000

// updateRole runs an edit of the catalogue that changes one role.
func (s Roles) updateRole(
	ctx context.Context, id directory.RoleID,
	edit func(c directory.Catalogue, old directory.CatalogueRole, found bool) (directory.Catalogue, error),
) error {
	ask, now, err := s.question(ctx, true)
	if err != nil {
		return err
	}
	if r, found := now.roles.Find(id); found && !r.Privileged {
		if now.held, err = s.held(ctx, id); err != nil {
			return err
		}
	}
	apply := func(old directory.Catalogue) (directory.Catalogue, *directory.LogEntry, error) {
		before, found := old.Find(id)
		c, err := edit(old, before, found)
		if err != nil {
			return old, nil, err
		}
		after, kept := c.Find(id)
		if found && kept && before == after {
			return old, nil, nil
		}
		was, is := *now, *now
		was.roles, is.roles = old, c
		if err := ask.ask("roles/"+string(id), &was, &is, true); err != nil {
			return old, nil, err
		}
		c.Version = old.Version + 1
		e := s.entry(directory.RolesUpdated)
		e.Target, e.Name, e.Version = "roles/"+string(id), after.Name, c.Version
		from, to := any(before), any(after)
		if !found {
			from = nil
		}
		if !kept {
			e.Name, to = before.Name, nil
		}
		e.Changes = []directory.Change{directory.NewChange("role", from, to)}
		return c, &e, nil
	}
	_, err = s.ports.Roles.UpdateCatalogue(ctx, s.tenant, apply)
	return err
}

// held returns the role if anybody has it, or if that would take too long to find out.
func (s Roles) held(ctx context.Context, id directory.RoleID) ([]directory.RoleID, error) {
	q := directory.UserSearch{Role: id, Count: 1}
	for range directory.MaxWalk {
		us, next, err := s.ports.Users.SearchUsers(ctx, s.tenant, q)
		if err != nil || len(us) == 0 && next == "" {
			return nil, err
		}
		if q.After = next; len(us) > 0 {
			break
		}
	}
	return []directory.RoleID{id}, nil
}

// firstCatalogue is the catalogue of a new tenant.
func firstCatalogue() directory.Catalogue {
	var c directory.Catalogue
	for _, r := range []directory.CatalogueRole{
		{Name: "Identity Management Administrator", Description: "Everything about identities: providers, mappings, apply, undo.",
			Privileged: true},
		{Name: "Customer Cloud Admin", Description: "All settings but identity management.", Privileged: true},
		{Name: "Org Admin", Description: "People and settings inside one organization."},
		{Name: "Cross Org Admin", Description: "People and settings in all organizations.", Privileged: true},
		{Name: "Org Manager", Description: "Reads people and reports inside one organization."},
		{Name: "Cross Org Manager", Description: "Reads people and reports in all organizations."},
		{Name: "Org Legal Admin", Description: "Legal holds inside one organization.", Privileged: true},
		{Name: "Cross Org Legal Admin", Description: "Legal holds in all organizations.", Privileged: true},
		{Name: "Insider Risk Admin", Description: "Cases, alerts and watchlists.", Privileged: true},
		{Name: "Security Administrator", Description: "Security settings and sign-in policy.", Privileged: true},
		{Name: "Audit Log Viewer", Description: "Reads the Audit Log."},
		{Name: "Admin Restore", Description: "Restores files for others."},
		{Name: "Admin Restore Limited", Description: "Restores files for others, up to a limit."},
		{Name: "Agent User", Description: "Basic. Include it where the insider risk agent is deployed."},
		{Name: "Desktop User", Description: "Basic. Include it where the backup agent is deployed, with PROe User."},
		{Name: "PROe User", Description: "Basic. Include it where the backup agent is deployed, with Desktop User."},
	} {
		r.ID, r.System = directory.RoleSlug(r.Name), true
		c = c.With(r)
	}
	return c
}

func checkRole(r directory.CatalogueRole) error {
	switch {
	case !r.ID.Valid():
		return &directory.Error{Kind: directory.Invalid, Attr: "id",
			Detail: `id must be lower-case letters and digits in words joined by "-", at most 64 characters`}
	case utf8.RuneCountInString(r.Name) < 1 || utf8.RuneCountInString(r.Name) > 100:
		return &directory.Error{Kind: directory.Invalid, Attr: "name", Detail: "name must have 1 to 100 characters"}
	case utf8.RuneCountInString(r.Description) > 500:
		return &directory.Error{Kind: directory.Invalid, Attr: "description", Detail: "description has at most 500 characters"}
	}
	return nil
}
