package adminapi

import (
	"net/http"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func roleMappingRoutes() []route {
	return []route{
		{Route{get, "/providers/{id}/role-mapping", "getRoleMapping", readers}, nil, (*request).getRoleMapping},
		{Route{put, "/providers/{id}/role-mapping", "setRoleMapping", administrators}, dryQuery, (*request).setRoleMapping},
		{Route{post, "/providers/{id}/role-mapping/mappings", "createRoleMappingEntry", administrators}, dryQuery, (*request).addRoleMapping},
		{Route{patch, "/providers/{id}/role-mapping/mappings/{id}", "updateRoleMappingEntry", administrators}, dryQuery,
			(*request).patchRoleMapping},
		{Route{del, "/providers/{id}/role-mapping/mappings/{id}", "deleteRoleMappingEntry", administrators}, dryQuery,
			(*request).deleteRoleMapping},
		{Route{post, "/providers/{id}/role-mapping/proposals/{id}:approve", "approveRoleMappingEntry", administrators}, dryQuery,
			decideRoleMapping(true)},
		{Route{post, "/providers/{id}/role-mapping/proposals/{id}:reject", "rejectRoleMappingEntry", administrators}, dryQuery,
			decideRoleMapping(false)},
	}
}

type roleMapping struct {
	ID             directory.ProviderID `json:"id"`
	Mode           directory.RoleMode   `json:"mode"`
	Strict         bool                 `json:"strict"`
	Mappings       []roleMappingEntry   `json:"mappings"`
	Proposals      []roleMappingEntry   `json:"proposals"` // without effect until a second administrator approves them
	Groups         groupUse             `json:"groups"`
	ConfigVersion  int64                `json:"configVersion"`
	AppliedVersion int64                `json:"appliedVersion"`
	DryRun         bool                 `json:"dryRun,omitempty"`
}

type roleMappingEntry struct {
	ID           directory.MappingID `json:"id,omitempty"`
	Groups       []mappedGroup       `json:"groups"`
	Roles        []directory.RoleID  `json:"roles"`
	MissingRoles []directory.RoleID  `json:"missingRoles"` // not in the catalogue any more
	Privileged   bool                `json:"privileged"`
	ProposedBy   string              `json:"proposedBy,omitempty"` // set while it waits for another administrator
	ProposedAt   *instant            `json:"proposedAt,omitempty"`
	DryRun       bool                `json:"dryRun,omitempty"`
}

func (r *request) viewRoleEntry(s administration.MappingState, m directory.RoleMapping) roleMappingEntry {
	v := roleMappingEntry{ID: m.ID, Groups: viewGroups(m.Groups, s), Roles: nonNil(m.Roles), MissingRoles: []directory.RoleID{},
		ProposedBy: m.ProposedBy, ProposedAt: timeOrNil(m.ProposedAt), DryRun: r.admin.DryRun}
	for _, id := range m.Roles {
		c, known := s.Roles.Find(id)
		v.Privileged = v.Privileged || c.Privileged
		if !known {
			v.MissingRoles = append(v.MissingRoles, id)
		}
	}
	return v
}

func (r *request) answerRoleMapping(p directory.Provider, m directory.MappingSet, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	s, err := r.state()
	if err != nil {
		return answer{}, err
	}
	v := roleMapping{
		ID: p.ID, Mode: p.RoleMapping.Mode, Strict: p.RoleMapping.Strict, Groups: viewUse(s.RoleUse),
		ConfigVersion: p.ConfigVersion, AppliedVersion: p.AppliedVersion, DryRun: r.admin.DryRun,
	}
	for _, n := range m.Proposed {
		if s, err = r.addPresent(s, n.Groups); err != nil {
			return answer{}, err
		}
	}
	entry := func(n directory.RoleMapping) roleMappingEntry {
		e := r.viewRoleEntry(s, n)
		e.DryRun = false
		return e
	}
	v.Mappings, v.Proposals = mapSlice(m.Roles, entry), mapSlice(m.Proposed, entry)
	return answer{version: p.Version, body: v}, nil
}

func (r *request) getRoleMapping() (answer, error) {
	s, err := r.state()
	return r.answerRoleMapping(s.Provider, s.Mappings, err)
}

func (r *request) setRoleMapping() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var n directory.RoleSettings
	mappedRoles := "keep"
	err = r.read(members{
		"mode":   word(func(s string) { n.Mode = directory.RoleMode(s) }, string(directory.RolesManual), string(directory.RolesGroups)),
		"strict": boolean(set(&n.Strict)), "mappedRoles": word(set(&mappedRoles), "keep", "remove"),
	}, "mode")
	if err != nil {
		return answer{}, err
	}
	return r.answerRoleMapping(r.as().RoleMappings.Set(r.ctx(), id, r.checkProvider, n, mappedRoles == "remove"))
}

func (r *request) addRoleMapping() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var groups []directory.GroupID
	var roles []directory.RoleID
	var confirm string
	err = r.read(members{"groups": groupIDs(set(&groups)), "roles": roleIDs(set(&roles)), "confirm": phrase(set(&confirm))}, "groups",
		"roles")
	if err != nil {
		return answer{}, err
	}
	m, err := r.as().RoleMappings.Add(r.ctx(), id, r.checkProvider, groups, roles, confirm)
	return r.answerRoleEntry(statusOf(m, http.StatusCreated), m, err)
}

// statusOf is the status of a mapping that was stored, or of one that is proposed.
func statusOf(m directory.RoleMapping, stored int) int {
	if m.ProposedBy != "" {
		return http.StatusAccepted
	}
	return stored
}

func (r *request) answerRoleEntry(status int, m directory.RoleMapping, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	s, err := r.state()
	if err != nil {
		return answer{}, err
	}
	if s, err = r.addPresent(s, m.Groups); err != nil {
		return answer{}, err
	}
	v := r.viewRoleEntry(s, m)
	if r.route.Operation == "createRoleMappingEntry" && r.admin.DryRun {
		v.ID = ""
	}
	return answer{status: status, version: s.Provider.Version, location: "/providers/" + string(s.Provider.ID) + "/role-mapping",
		waits: status == http.StatusAccepted, body: v}, nil
}

func (r *request) patchRoleMapping() (answer, error) {
	p, id, err := r.mappingID()
	if err != nil {
		return answer{}, err
	}
	var groups *[]directory.GroupID
	var roles *[]directory.RoleID
	var confirm string
	err = r.read(members{"groups": groupIDs(setPtr(&groups)), "roles": roleIDs(setPtr(&roles)), "confirm": phrase(set(&confirm))})
	if err != nil {
		return answer{}, err
	}
	m, err := r.as().RoleMappings.Patch(r.ctx(), p, r.checkProvider, id, groups, roles, confirm)
	return r.answerRoleEntry(statusOf(m, 0), m, err)
}

func (r *request) deleteRoleMapping() (answer, error) {
	p, id, s, err := r.mappingToDelete()
	if err != nil {
		return answer{}, err
	}
	if err := r.as().RoleMappings.Delete(r.ctx(), p, r.checkProvider, id); err != nil {
		return answer{}, err
	}
	for _, m := range s.Mappings.Roles {
		if m.ID == id {
			return r.answerRoleEntry(0, m, nil)
		}
	}
	return answer{}, directory.Errorf(directory.NotFound, "no such mapping")
}

// decideRoleMapping approves or discards a proposed role mapping.
func decideRoleMapping(approve bool) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		p, id, err := r.mappingID()
		if err == nil {
			err = r.readNothing()
		}
		if err != nil {
			return answer{}, err
		}
		m, err := r.as().RoleMappings.Decide(r.ctx(), p, r.checkProvider, id, approve)
		return r.answerRoleEntry(0, m, err)
	}
}
