package adminapi

import (
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func placementRoutes() []route {
	return []route{
		{Route{get, "/users/{id}/explain", "explainUser", userReaders}, nil, (*request).explainUser},
		{Route{post, "/users/{id}:move", "moveUser", administrators}, dryQuery, (*request).moveUser},
		{Route{post, "/users/{id}:pin-organization", "pinOrganization", administrators}, dryQuery, pinOrganization(true)},
		{Route{post, "/users/{id}:unpin-organization", "unpinOrganization", administrators}, dryQuery, pinOrganization(false)},
		{Route{get, "/users/{id}/role-grants", "listRoleGrants", userReaders}, nil, (*request).listRoleGrants},
		{Route{post, "/users/{id}/role-grants", "grantRole", administrators}, dryQuery, (*request).grantRole},
		{Route{del, "/users/{id}/role-grants/{id}", "revokeRole", administrators}, dryQuery, (*request).revokeRole},
	}
}

// placement is a user's organization and roles, with their sources.
type placement struct {
	OrganizationID directory.OrgID     `json:"organizationId,omitempty"`
	Source         string              `json:"source,omitempty"`
	Mapping        directory.MappingID `json:"mapping,omitempty"`
	Group          directory.GroupID   `json:"group,omitempty"`
	ConfigVersion  int64               `json:"configVersion"`
	RoleGrants     []roleGrant         `json:"roleGrants"`
}

type roleGrant struct {
	ID            directory.RoleID    `json:"id"` // of the role
	Source        string              `json:"source"`
	Mapping       directory.MappingID `json:"mapping,omitempty"`
	By            string              `json:"by,omitempty"` // a key, a group or an organization
	ConfigVersion int64               `json:"configVersion"`
	At            instant             `json:"at"`
}

func viewPlacement(p directory.Placement) placement {
	return placement{
		OrganizationID: p.Org, Source: p.Source, Mapping: directory.MappingOf(p.Source), Group: p.Group, ConfigVersion: p.Config,
		RoleGrants: mapSlice(p.Grants, viewGrant),
	}
}

func viewGrant(g directory.RoleGrant) roleGrant {
	return roleGrant{g.Role, g.Source, directory.MappingOf(g.Source), g.By, g.Config, instant{g.At}}
}

type explanation struct {
	ID            directory.UserID    `json:"id"`
	Pinned        bool                `json:"pinned"`
	Method        directory.OrgMethod `json:"method,omitempty"`
	Attribute     string              `json:"attribute,omitempty"`
	Value         string              `json:"value,omitempty"`
	ConfigVersion int64               `json:"configVersion"`
	Is            placement           `json:"is"`
	WouldBe       placement           `json:"wouldBe"` // after an apply run now
	Reason        string              `json:"reason"`
	Organizations []mappingCheck      `json:"organizations"` // mappings, in order
	Roles         []mappingCheck      `json:"roles"`
	Names         map[string]string   `json:"names"` // of organizations, by id
}

type mappingCheck struct {
	ID             directory.MappingID        `json:"id"`
	Priority       int                        `json:"priority,omitempty"`
	Groups         []string                   `json:"groups"`
	OrganizationID directory.OrgID            `json:"organizationId,omitempty"`
	Roles          []directory.RoleID         `json:"roles,omitempty"`
	Group          directory.GroupID          `json:"group,omitempty"` // the user's
	Result         administration.CheckResult `json:"result"`
}

func viewCheck(c administration.MappingCheck) mappingCheck {
	return mappingCheck{c.Mapping, c.Priority, mapSlice(c.Groups, func(g directory.MappedGroup) string { return g.Name }), c.Org, c.Roles,
		c.Group, c.Result}
}

func (r *request) explainUser() (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	x, err := r.as().Users.Explain(r.ctx(), id)
	if err != nil {
		return answer{}, err
	}
	v := explanation{
		ID: id, Pinned: x.User.OrgPinned, Method: x.Method, Attribute: x.Attribute, Value: x.Value, ConfigVersion: x.Config,
		Is: viewPlacement(x.User.Placement()), WouldBe: viewPlacement(x.Now.Placement), Reason: x.Now.Reason,
		Organizations: mapSlice(x.Orgs, viewCheck), Roles: mapSlice(x.Roles, viewCheck), Names: map[string]string{},
	}
	for id, name := range x.Names {
		v.Names[string(id)] = name
	}
	return answer{version: x.User.Version, body: v}, nil
}

func (r *request) checkUser(u directory.User) error { return r.ifMatch(u.Version) }

func (r *request) answerPlaced(u directory.User, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	v, err := r.seeUser(u)
	return answer{version: u.Version, body: v}, err
}

func (r *request) moveUser() (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	var org directory.OrgID
	var pin bool
	if err := r.read(members{"organizationId": orgID(set(&org)), "pin": boolean(set(&pin))}, "organizationId"); err != nil {
		return answer{}, err
	}
	return r.answerPlaced(r.as().Users.Move(r.ctx(), id, r.checkUser, org, pin))
}

// pinOrganization returns the operation that pins or unpins a user's organization.
func pinOrganization(pin bool) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		id, err := r.userID()
		if err == nil {
			err = r.readNothing()
		}
		if err != nil {
			return answer{}, err
		}
		return r.answerPlaced(r.as().Users.PinOrganization(r.ctx(), id, r.checkUser, pin))
	}
}

func (r *request) listRoleGrants() (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	v, err := r.as().Users.ByID(r.ctx(), id)
	return answer{version: v.Version, body: page[roleGrant]{Items: mapSlice(v.RoleGrants, viewGrant)}}, err
}

func (r *request) grantRole() (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	var role string
	if err := r.read(members{"role": text(set(&role), 1, 64)}, "role"); err != nil {
		return answer{}, err
	}
	return r.answerPlaced(r.as().Users.GrantRole(r.ctx(), id, r.checkUser, directory.RoleID(role)))
}

func (r *request) revokeRole() (answer, error) {
	id, err := r.userID()
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	role, err := r.roleID(1)
	if err != nil {
		return answer{}, err
	}
	return r.answerPlaced(r.as().Users.RevokeRole(r.ctx(), id, r.checkUser, role))
}
