package adminapi

import (
	"net/http"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func roleRoutes() []route {
	return []route{
		{Route{get, "/roles", "listRoles", userReaders}, nil, (*request).listRoles},
		{Route{post, "/roles", "createRole", administrators}, dryQuery, (*request).createRole},
		{Route{patch, "/roles/{id}", "updateRole", administrators}, dryQuery, (*request).updateRole},
		{Route{del, "/roles/{id}", "deleteRole", administrators}, dryQuery, (*request).deleteRole},
	}
}

type role struct {
	ID          directory.RoleID `json:"id,omitempty"`
	Name        string           `json:"name"`
	Description string           `json:"description"`
	Privileged  bool             `json:"privileged"`
	System      bool             `json:"system"`
	UserCount   int              `json:"userCount"`
	DryRun      bool             `json:"dryRun,omitempty"`
}

func (r *request) viewRole(c directory.CatalogueRole, users int) role {
	return role{c.ID, c.Name, c.Description, c.Privileged, c.System, users, r.admin.DryRun}
}

func (r *request) listRoles() (answer, error) {
	c, n, err := r.as().Roles.List(r.ctx())
	return answer{body: page[role]{Items: mapSlice(c.Roles, func(c directory.CatalogueRole) role { return r.viewRole(c, n[c.ID]) })}}, err
}

func (r *request) createRole() (answer, error) {
	var n directory.CatalogueRole
	err := r.read(members{
		"id": text(func(s string) { n.ID = directory.RoleID(s) }, 1, 64), "name": text(set(&n.Name), 1, 100),
		"description": text(set(&n.Description), 0, 500), "privileged": boolean(set(&n.Privileged)),
		"confirm": phrase(set(&r.admin.Confirm)),
	}, "name")
	if err != nil {
		return answer{}, err
	}
	c, err := r.as().Roles.Create(r.ctx(), n)
	v := r.viewRole(c, 0)
	if r.admin.DryRun {
		v.ID = ""
	}
	return answer{status: http.StatusCreated, location: "/roles", body: v}, err
}

// roleID returns the n-th id of the path, that of a role.
func (r *request) roleID(n int) (directory.RoleID, error) {
	if id := directory.RoleID(r.ids[n]); id.Valid() {
		return id, nil
	}
	return "", directory.Errorf(directory.NotFound, "no such role")
}

func (r *request) updateRole() (answer, error) {
	id, err := r.roleID(0)
	if err != nil {
		return answer{}, err
	}
	var n administration.RolePatch
	err = r.read(members{
		"name": text(setPtr(&n.Name), 1, 100), "description": text(setPtr(&n.Description), 0, 500), "privileged": boolean(setPtr(&n.Privileged)),
		"confirm": phrase(set(&r.admin.Confirm)),
	})
	if err != nil {
		return answer{}, err
	}
	c, err := r.as().Roles.Patch(r.ctx(), id, n)
	if err != nil {
		return answer{}, err
	}
	_, users, err := r.as().Roles.List(r.ctx())
	return answer{body: r.viewRole(c, users[id])}, err
}

func (r *request) deleteRole() (answer, error) {
	id, err := r.roleID(0)
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	c, users, err := r.as().Roles.List(r.ctx())
	if err != nil {
		return answer{}, err
	}
	old, _ := c.Find(id)
	return answer{body: r.viewRole(old, users[id])}, r.as().Roles.Delete(r.ctx(), id)
}
