package adminapi

import (
	"net/http"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func mappingRoutes() []route {
	return []route{
		{Route{get, "/providers/{id}/organization-mapping", "getOrganizationMapping", readers}, nil, (*request).getOrgMapping},
		{Route{put, "/providers/{id}/organization-mapping", "setOrganizationMapping", administrators}, dryQuery, (*request).setOrgMapping},
		{Route{post, "/providers/{id}/organization-mapping/mappings", "createOrganizationMappingEntry", administrators}, dryQuery,
			(*request).addOrgMapping},
		{Route{post, "/providers/{id}/organization-mapping/mappings:reorder", "reorderOrganizationMapping", administrators}, dryQuery,
			(*request).reorderOrgMapping},
		{Route{patch, "/providers/{id}/organization-mapping/mappings/{id}", "updateOrganizationMappingEntry", administrators}, dryQuery,
			(*request).patchOrgMapping},
		{Route{del, "/providers/{id}/organization-mapping/mappings/{id}", "deleteOrganizationMappingEntry", administrators}, dryQuery,
			(*request).deleteOrgMapping},
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
		{Route{get, "/providers/{id}/groups/{id}/usage", "getGroupUsage", readers}, nil, (*request).getGroupUsage},
	}
}

type mappedGroup struct {
	ID          directory.GroupID `json:"id"`
	DisplayName string            `json:"displayName"`
	MemberCount int               `json:"memberCount"`
	Deleted     bool              `json:"deleted"`          // in the directory
	Relink      directory.GroupID `json:"relink,omitempty"` // a newer group with the same externalId
}

// groupUse counts the groups of a provider and those without a mapping.
type groupUse struct {
	State    administration.GroupsState `json:"state"`
	Total    int                        `json:"total"`
	Unmapped int                        `json:"unmapped"`
}

type orgMapping struct {
	ID                     directory.ProviderID `json:"id"`
	Method                 directory.OrgMethod  `json:"method"`
	OrganizationID         directory.OrgID      `json:"organizationId,omitempty"`
	Attribute              string               `json:"attribute,omitempty"`
	TemplateOrganizationID directory.OrgID      `json:"templateOrganizationId,omitempty"`
	Mappings               []orgMappingEntry    `json:"mappings"`
	Groups                 groupUse             `json:"groups"`
	ConfigVersion          int64                `json:"configVersion"`
	AppliedVersion         int64                `json:"appliedVersion"`
	DryRun                 bool                 `json:"dryRun,omitempty"`
}

type orgMappingEntry struct {
	ID             directory.MappingID `json:"id,omitempty"`
	Priority       int                 `json:"priority"`
	Groups         []mappedGroup       `json:"groups"`
	OrganizationID directory.OrgID     `json:"organizationId"`
	InvalidTarget  bool                `json:"invalidTarget"` // the organization is deactivated, so the mapping is skipped
	DryRun         bool                `json:"dryRun,omitempty"`
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

func viewGroups(gs []directory.MappedGroup, s administration.MappingState) []mappedGroup {
	return mapSlice(gs, func(g directory.MappedGroup) mappedGroup {
		now, present := s.Present[g.ID]
		if !present {
			return mappedGroup{ID: g.ID, DisplayName: g.Name, Deleted: true, Relink: s.Relink[g.ID].ID}
		}
		return mappedGroup{ID: g.ID, DisplayName: now.DisplayName, MemberCount: now.MemberCount}
	})
}

func viewUse(u administration.GroupUse) groupUse { return groupUse{u.State(), u.Total, u.Unmapped} }

func (r *request) viewOrgEntry(s administration.MappingState, m directory.OrgMapping, priority int) orgMappingEntry {
	return orgMappingEntry{m.ID, priority, viewGroups(m.Groups, s), m.Org, s.Orgs[m.Org].State != directory.OrgActive, r.admin.DryRun}
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

// state reads the mappings of the provider in the path.
func (r *request) state() (administration.MappingState, error) {
	id, err := r.providerID()
	if err != nil {
		return administration.MappingState{}, err
	}
	return r.as().Mappings.State(r.ctx(), id)
}

// answerOrgMapping answers with the mapping, after a dry run with the one that the real run would give.
func (r *request) answerOrgMapping(p directory.Provider, m directory.MappingSet, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	s, err := r.state()
	if err != nil {
		return answer{}, err
	}
	v := orgMapping{
		ID: p.ID, Method: p.OrgMapping.Method, OrganizationID: p.OrgMapping.Org, Attribute: p.OrgMapping.Attribute,
		TemplateOrganizationID: p.OrgMapping.Template,
		Groups:                 viewUse(s.OrgUse), ConfigVersion: p.ConfigVersion, AppliedVersion: p.AppliedVersion, DryRun: r.admin.DryRun,
		Mappings: []orgMappingEntry{},
	}
	for i, o := range m.Orgs {
		v.Mappings = append(v.Mappings, r.viewOrgEntry(s, o, i+1))
		v.Mappings[i].DryRun = false
	}
	return answer{version: p.Version, body: v}, nil
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

func (r *request) getOrgMapping() (answer, error) {
	s, err := r.state()
	return r.answerOrgMapping(s.Provider, s.Mappings, err)
}

func (r *request) getRoleMapping() (answer, error) {
	s, err := r.state()
	return r.answerRoleMapping(s.Provider, s.Mappings, err)
}

var methods = []string{string(directory.OrgSingle), string(directory.OrgGroups), string(directory.OrgNamed), string(directory.OrgAttribute)}

func (r *request) setOrgMapping() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var n directory.OrgSettings
	err = r.read(members{
		"method":         word(func(s string) { n.Method = directory.OrgMethod(s) }, methods...),
		"organizationId": orgID(set(&n.Org)), "attribute": text(set(&n.Attribute), 1, 300), "templateOrganizationId": orgID(set(&n.Template)),
	}, "method")
	if err != nil {
		return answer{}, err
	}
	return r.answerOrgMapping(r.as().OrgMappings.Set(r.ctx(), id, r.checkProvider, n))
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

// groupIDs reads the groups of a mapping.
func groupIDs(to func([]directory.GroupID)) reader { return ids(to, directory.MaxMappedGroups) }

func (r *request) addOrgMapping() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var groups []directory.GroupID
	var org directory.OrgID
	if err := r.read(members{"groups": groupIDs(set(&groups)), "organizationId": orgID(set(&org))}, "groups", "organizationId"); err != nil {
		return answer{}, err
	}
	m, priority, err := r.as().OrgMappings.Add(r.ctx(), id, r.checkProvider, groups, org)
	return r.answerOrgEntry(http.StatusCreated, m, priority, err)
}

// answerOrgEntry answers with one mapping.
func (r *request) answerOrgEntry(status int, m directory.OrgMapping, priority int, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	s, err := r.state()
	if err != nil {
		return answer{}, err
	}
	if _, known := s.Orgs[m.Org]; !known {
		if s.Orgs[m.Org], err = r.as().Organizations.ByID(r.ctx(), m.Org); err != nil && !directory.IsKind(err, directory.NotFound) {
			return answer{}, err
		}
	}
	if s, err = r.addPresent(s, m.Groups); err != nil {
		return answer{}, err
	}
	v := r.viewOrgEntry(s, m, priority)
	if status == http.StatusCreated && r.admin.DryRun {
		v.ID = ""
	}
	return answer{status: status, version: s.Provider.Version, location: "/providers/" + string(s.Provider.ID) + "/organization-mapping",
		body: v}, nil
}

// addPresent adds groups that no stored mapping has: of a dry run, or of a mapping just deleted.
func (r *request) addPresent(s administration.MappingState, gs []directory.MappedGroup) (administration.MappingState, error) {
	for _, g := range gs {
		if _, known := s.Present[g.ID]; known {
			continue
		}
		now, err := r.as().Groups.ByID(r.ctx(), s.Provider.ID, g.ID)
		if err == nil {
			s.Present[g.ID] = now
		} else if !directory.IsKind(err, directory.NotFound) {
			return s, err
		}
	}
	return s, nil
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
	if status == http.StatusCreated && r.admin.DryRun {
		v.ID = ""
	}
	return answer{status: status, version: s.Provider.Version, location: "/providers/" + string(s.Provider.ID) + "/role-mapping", body: v}, nil
}

// mappingID returns the provider and the mapping in the path.
func (r *request) mappingID() (directory.ProviderID, directory.MappingID, error) {
	p, err := r.providerID()
	if err != nil {
		return "", "", err
	}
	m, err := pathID[directory.MappingID](r, 1, "mapping")
	return p, m, err
}

func (r *request) patchOrgMapping() (answer, error) {
	p, id, err := r.mappingID()
	if err != nil {
		return answer{}, err
	}
	var groups *[]directory.GroupID
	var org *directory.OrgID
	if err := r.read(members{"groups": groupIDs(setPtr(&groups)), "organizationId": orgID(setPtr(&org))}); err != nil {
		return answer{}, err
	}
	m, priority, err := r.as().OrgMappings.Patch(r.ctx(), p, r.checkProvider, id, groups, org)
	return r.answerOrgEntry(0, m, priority, err)
}

// mappingToDelete returns the mapping in the path, with the state before its deletion.
func (r *request) mappingToDelete() (p directory.ProviderID, id directory.MappingID, s administration.MappingState, err error) {
	if p, id, err = r.mappingID(); err == nil {
		err = r.readNothing()
	}
	if err == nil {
		s, err = r.state()
	}
	return p, id, s, err
}

func (r *request) deleteOrgMapping() (answer, error) {
	p, id, s, err := r.mappingToDelete()
	if err != nil {
		return answer{}, err
	}
	if err := r.as().OrgMappings.Delete(r.ctx(), p, r.checkProvider, id); err != nil {
		return answer{}, err
	}
	for i, m := range s.Mappings.Orgs {
		if m.ID == id {
			return r.answerOrgEntry(0, m, i+1, nil)
		}
	}
	return answer{}, directory.Errorf(directory.NotFound, "no such mapping")
}

func (r *request) reorderOrgMapping() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var order []directory.MappingID
	if err := r.read(members{"mappings": ids(set(&order), directory.MaxMappings)}, "mappings"); err != nil {
		return answer{}, err
	}
	return r.answerOrgMapping(r.as().OrgMappings.Reorder(r.ctx(), id, r.checkProvider, order))
}

func (r *request) addRoleMapping() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var groups []directory.GroupID
	var roles []directory.RoleID
	var confirm string
	err = r.read(members{"groups": groupIDs(set(&groups)), "roles": roleIDs(set(&roles)), "confirm": text(set(&confirm), 1, 100)}, "groups",
		"roles")
	if err != nil {
		return answer{}, err
	}
	m, err := r.as().RoleMappings.Add(r.ctx(), id, r.checkProvider, groups, roles, confirm)
	return r.answerRoleEntry(http.StatusCreated, m, err)
}

func (r *request) patchRoleMapping() (answer, error) {
	p, id, err := r.mappingID()
	if err != nil {
		return answer{}, err
	}
	var groups *[]directory.GroupID
	var roles *[]directory.RoleID
	var confirm string
	err = r.read(members{"groups": groupIDs(setPtr(&groups)), "roles": roleIDs(setPtr(&roles)), "confirm": text(set(&confirm), 1, 100)})
	if err != nil {
		return answer{}, err
	}
	m, err := r.as().RoleMappings.Patch(r.ctx(), p, r.checkProvider, id, groups, roles, confirm)
	return r.answerRoleEntry(0, m, err)
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

type groupUsage struct {
	ID                    directory.GroupID       `json:"id"`
	OrganizationMappingID directory.MappingID     `json:"organizationMappingId,omitempty"`
	RoleMappingID         directory.MappingID     `json:"roleMappingId,omitempty"`
	Watchlists            []directory.WatchlistID `json:"watchlists"`
}

func (r *request) getGroupUsage() (answer, error) {
	p, id, err := r.groupID()
	if err != nil {
		return answer{}, err
	}
	if _, err := r.as().Groups.ByID(r.ctx(), p, id); err != nil {
		return answer{}, err
	}
	by, err := r.as().Groups.Usage(r.ctx(), p, []directory.GroupID{id})
	u := by[id]
	return answer{body: groupUsage{id, u.Org, u.Role, nonNil(u.Lists)}}, err
}
