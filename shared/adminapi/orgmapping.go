package adminapi

import (
	"net/http"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func orgMappingRoutes() []route {
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
	}
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

func (r *request) viewOrgEntry(s administration.MappingState, m directory.OrgMapping, priority int) orgMappingEntry {
	return orgMappingEntry{m.ID, priority, viewGroups(m.Groups, s), m.Org, s.Orgs[m.Org].State != directory.OrgActive, r.admin.DryRun}
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

func (r *request) getOrgMapping() (answer, error) {
	s, err := r.state()
	return r.answerOrgMapping(s.Provider, s.Mappings, err)
}

func (r *request) setOrgMapping() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var n directory.OrgSettings
	err = r.read(members{
		"method":         word(func(s string) { n.Method = directory.OrgMethod(s) }, methods...),
		"organizationId": orgID(set(&n.Org)), "attribute": text(set(&n.Attribute), 1, 300), "templateOrganizationId": orgID(set(&n.Template)),
		"confirm": phrase(set(&r.admin.Confirm)),
	}, "method")
	if err != nil {
		return answer{}, err
	}
	return r.answerOrgMapping(r.as().OrgMappings.Set(r.ctx(), id, r.checkProvider, n))
}

func (r *request) addOrgMapping() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var groups []directory.GroupID
	var org directory.OrgID
	err = r.read(members{
		"groups": groupIDs(set(&groups)), "organizationId": orgID(set(&org)), "confirm": phrase(set(&r.admin.Confirm)),
	}, "groups", "organizationId")
	if err != nil {
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

func (r *request) patchOrgMapping() (answer, error) {
	p, id, err := r.mappingID()
	if err != nil {
		return answer{}, err
	}
	var groups *[]directory.GroupID
	var org *directory.OrgID
	err = r.read(members{
		"groups": groupIDs(setPtr(&groups)), "organizationId": orgID(setPtr(&org)), "confirm": phrase(set(&r.admin.Confirm)),
	})
	if err != nil {
		return answer{}, err
	}
	m, priority, err := r.as().OrgMappings.Patch(r.ctx(), p, r.checkProvider, id, groups, org)
	return r.answerOrgEntry(0, m, priority, err)
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
