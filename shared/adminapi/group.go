package adminapi

import (
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func groupRoutes() []route {
	return []route{
		{Route{get, "/providers/{id}/groups", "listGroups", readers}, []string{"cursor", "limit", "search", "unmapped"}, (*request).listGroups},
		{Route{get, "/providers/{id}/groups/{id}", "getGroup", readers}, nil, (*request).getGroup},
		{Route{get, "/providers/{id}/groups/{id}/members", "listGroupMembers", readers}, pageQuery, (*request).listGroupMembers},
		{Route{get, "/providers/{id}/groups/{id}/usage", "getGroupUsage", readers}, nil, (*request).getGroupUsage},
		{Route{post, "/providers/{id}/groups/{id}:unlink", "unlinkGroup", administrators}, dryQuery, (*request).unlinkGroup},
	}
}

type group struct {
	ID          directory.GroupID       `json:"id"`
	Provider    directory.ProviderID    `json:"provider"`
	DisplayName string                  `json:"displayName"`
	ExternalID  string                  `json:"externalId,omitempty"`
	MemberCount int                     `json:"memberCount"`
	OrgMapping  directory.MappingID     `json:"organizationMappingId,omitempty"` // in a list only, like the next two
	RoleMapping directory.MappingID     `json:"roleMappingId,omitempty"`
	Watchlists  []directory.WatchlistID `json:"watchlists,omitempty"`
	Version     int64                   `json:"version"`
	CreatedAt   instant                 `json:"createdAt"`
	ModifiedAt  instant                 `json:"modifiedAt"`
}

func viewGroup(g directory.Group) group {
	return group{
		ID: g.ID, Provider: g.Provider, DisplayName: g.DisplayName, ExternalID: g.ExternalID, MemberCount: g.MemberCount,
		Version: g.Version, CreatedAt: instant{g.Created}, ModifiedAt: instant{g.Modified},
	}
}

func (r *request) listGroups() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	search, err := r.searchText()
	if err != nil {
		return answer{}, err
	}
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	unmapped, err := r.choice("unmapped", "organization", "role")
	if err != nil {
		return answer{}, err
	}
	gs, next, err := r.as().Groups.Search(r.ctx(), id, search, directory.GroupID(after), limit)
	if err != nil {
		return answer{}, err
	}
	use, err := r.as().Groups.Usage(r.ctx(), id, mapSlice(gs, func(g directory.Group) directory.GroupID { return g.ID }))
	items := []group{}
	for _, g := range gs {
		v, u := viewGroup(g), use[g.ID]
		v.OrgMapping, v.RoleMapping, v.Watchlists = u.Org, u.Role, u.Lists
		if (unmapped != "organization" || u.Org == "") && (unmapped != "role" || u.Role == "") {
			items = append(items, v)
		}
	}
	return answer{body: page[group]{Items: items, NextCursor: r.cursor(string(next))}}, err
}

// groupID returns the provider and the group in the path.
func (r *request) groupID() (directory.ProviderID, directory.GroupID, error) {
	p, err := r.providerID()
	if err != nil {
		return "", "", err
	}
	g, err := pathID[directory.GroupID](r, 1, "group")
	return p, g, err
}

func (r *request) getGroup() (answer, error) {
	p, id, err := r.groupID()
	if err != nil {
		return answer{}, err
	}
	g, err := r.as().Groups.ByID(r.ctx(), p, id)
	return answer{version: g.Version, body: viewGroup(g)}, err
}

// member is a member of a group. UserID is the account's id in this API, which differs from the SCIM id after the
// account was restored.
type member struct {
	ID          directory.ScimID `json:"id"`
	Type        string           `json:"type"`
	UserID      directory.UserID `json:"userId,omitempty"`
	UserName    string           `json:"userName,omitempty"`
	DisplayName string           `json:"displayName,omitempty"`
}

func (r *request) listGroupMembers() (answer, error) {
	p, id, err := r.groupID()
	if err != nil {
		return answer{}, err
	}
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	ms, next, err := r.as().Groups.Members(r.ctx(), p, id, directory.ScimID(after), limit)
	items := mapSlice(ms, func(m administration.GroupMember) member {
		switch {
		case m.User != nil:
			return member{m.ID, "user", m.User.ID, m.User.UserName, readAttributes(m.User.Attributes).text("displayName")}
		case m.Group != nil:
			return member{ID: m.ID, Type: "group", DisplayName: m.Group.DisplayName}
		case m.ID.IsGroup():
			return member{ID: m.ID, Type: "group"}
		}
		return member{ID: m.ID, Type: "user"}
	})
	return answer{body: page[member]{Items: items, NextCursor: r.cursor(string(next))}}, err
}

type groupUsage struct {
	ID                    directory.GroupID       `json:"id"`
	OrganizationMappingID directory.MappingID     `json:"organizationMappingId,omitempty"`
	RoleMappingID         directory.MappingID     `json:"roleMappingId,omitempty"`
	Watchlists            []directory.WatchlistID `json:"watchlists"`
}

// unlinkGroup undoes that a group took the place of a deleted one.
func (r *request) unlinkGroup() (answer, error) {
	p, id, err := r.groupID()
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	pr, old, err := r.as().Mappings.Unlink(r.ctx(), p, r.checkProvider, id)
	return answer{version: pr.Version, body: unlinked{mappedGroup{ID: old.ID, DisplayName: old.Name, Deleted: true}, r.admin.DryRun}}, err
}

// unlinked is the deleted group that mappings and watchlists name again.
type unlinked struct {
	mappedGroup
	DryRun bool `json:"dryRun,omitempty"`
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
