package adminapi

import (
	"encoding/json"
	"net/http"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func organizationRoutes() []route {
	return []route{
		{Route{get, "/organizations", "listOrganizations", userReaders}, orgQuery, (*request).listOrganizations},
		{Route{post, "/organizations", "createOrganization", administrators}, dryQuery, (*request).createOrganization},
		{Route{get, "/organizations/{id}", "getOrganization", userReaders}, nil, (*request).getOrganization},
		{Route{patch, "/organizations/{id}", "updateOrganization", administrators}, dryQuery, (*request).updateOrganization},
		{Route{post, "/organizations/{id}:block", "blockOrganization", administrators}, dryQuery, blockOrganization(true)},
		{Route{post, "/organizations/{id}:unblock", "unblockOrganization", administrators}, dryQuery, blockOrganization(false)},
		{Route{post, "/organizations/{id}:deactivate", "deactivateOrganization", administrators}, dryQuery, (*request).deactivateOrganization},
		{Route{post, "/organizations/{id}:reactivate", "reactivateOrganization", administrators}, dryQuery, (*request).reactivateOrganization},
		{Route{get, "/organizations/{id}/members", "listOrganizationMembers", userReaders}, pageQuery, (*request).listOrganizationMembers},
	}
}

type organization struct {
	ID           directory.OrgID      `json:"id,omitempty"`
	Name         string               `json:"name"`
	Aliases      []string             `json:"aliases"`
	ParentID     directory.OrgID      `json:"parentId,omitempty"`
	ExternalRef  string               `json:"externalRef,omitempty"`
	DefaultRoles []directory.RoleID   `json:"defaultRoles"`
	Blocked      bool                 `json:"blocked"`
	State        directory.OrgState   `json:"state"`
	Provider     directory.ProviderID `json:"provider,omitempty"` // whose users' attributes created it
	MemberCount  int                  `json:"memberCount"`
	Version      int64                `json:"version"`
	CreatedAt    instant              `json:"createdAt"`
	CreatedBy    string               `json:"createdBy,omitempty"`
	ModifiedAt   instant              `json:"modifiedAt"`
	Held         []directory.UserID   `json:"held,omitempty"` // of a deactivation: users on legal hold
	DryRun       bool                 `json:"dryRun,omitempty"`
}

func (r *request) viewOrganization(o directory.Organization, members int) organization {
	return organization{
		ID: o.ID, Name: o.Name, Aliases: nonNil(o.Aliases), ParentID: o.Parent, ExternalRef: o.ExternalRef, DefaultRoles: nonNil(o.DefaultRoles),
		Blocked: o.Blocked, State: o.State, Provider: o.Auto, MemberCount: members,
		Version: o.Version, CreatedAt: instant{o.Created}, CreatedBy: o.CreatedBy, ModifiedAt: instant{o.Modified}, DryRun: r.admin.DryRun,
	}
}

// answerOrganization answers with an organization and the number of its members.
func (r *request) answerOrganization(o directory.Organization, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	n, err := r.as().Organizations.CountMembers(r.ctx(), []directory.OrgID{o.ID})
	return answer{version: o.Version, body: r.viewOrganization(o, n[o.ID])}, err
}

func (r *request) listOrganizations() (answer, error) {
	search, err := r.searchText()
	if err != nil {
		return answer{}, err
	}
	state, err := r.choice("state", string(directory.OrgActive), string(directory.OrgDeactivated))
	if err != nil {
		return answer{}, err
	}
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	os, next, err := r.as().Organizations.Search(r.ctx(), search, directory.OrgState(state), directory.OrgID(after), limit)
	if err != nil {
		return answer{}, err
	}
	n, err := r.as().Organizations.CountMembers(r.ctx(), mapSlice(os, func(o directory.Organization) directory.OrgID { return o.ID }))
	items := mapSlice(os, func(o directory.Organization) organization { return r.viewOrganization(o, n[o.ID]) })
	return answer{body: page[organization]{Items: items, NextCursor: r.cursor(string(next))}}, err
}

// orgID reads the id of an organization; only its form is checked.
func orgID(to func(directory.OrgID)) reader {
	return text(func(s string) { to(directory.OrgID(s)) }, 0, 32)
}

// roleIDs reads ids of roles.
func roleIDs(to func([]directory.RoleID)) reader { return ids(to, directory.MaxRoles) }

// ids reads a list of ids.
func ids[T ~string](to func([]T), limit int) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		out := []T{}
		bad := list(limit, text(func(s string) { out = append(out, T(s)) }, 1, 64))(at, raw)
		to(out)
		return bad
	}
}

func (r *request) createOrganization() (answer, error) {
	var n administration.NewOrganization
	err := r.read(members{
		"name": text(set(&n.Name), 1, directory.MaxOrgName), "parentId": orgID(set(&n.Parent)),
		"externalRef":  text(set(&n.ExternalRef), 0, directory.MaxOrgName),
		"defaultRoles": roleIDs(set(&n.DefaultRoles)), "confirm": phrase(set(&r.admin.Confirm)),
	}, "name")
	if err != nil {
		return answer{}, err
	}
	o, err := r.as().Organizations.Create(r.ctx(), n)
	v := r.viewOrganization(o, 0)
	if r.admin.DryRun {
		v.ID = ""
	}
	return answer{status: http.StatusCreated, version: o.Version, location: "/organizations/" + string(o.ID), body: v}, err
}

func (r *request) organizationID() (directory.OrgID, error) {
	return pathID[directory.OrgID](r, 0, "organization")
}

func (r *request) getOrganization() (answer, error) {
	id, err := r.organizationID()
	if err != nil {
		return answer{}, err
	}
	return r.answerOrganization(r.as().Organizations.ByID(r.ctx(), id))
}

func (r *request) checkOrganization(o directory.Organization) error { return r.ifMatch(o.Version) }

func (r *request) updateOrganization() (answer, error) {
	id, err := r.organizationID()
	if err != nil {
		return answer{}, err
	}
	var n administration.OrganizationPatch
	err = r.read(members{
		"name": text(setPtr(&n.Name), 1, directory.MaxOrgName), "parentId": orgID(setPtr(&n.Parent)),
		"externalRef":  text(setPtr(&n.ExternalRef), 0, directory.MaxOrgName),
		"defaultRoles": roleIDs(setPtr(&n.DefaultRoles)), "blocked": boolean(setPtr(&n.Blocked)),
		"confirm": phrase(set(&r.admin.Confirm)),
	})
	if err != nil {
		return answer{}, err
	}
	return r.answerOrganization(r.as().Organizations.Patch(r.ctx(), id, r.checkOrganization, n))
}

// blockOrganization returns the operation that blocks or unblocks an organization.
func blockOrganization(blocked bool) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		id, err := r.organizationID()
		if err == nil {
			err = r.readNothing()
		}
		if err != nil {
			return answer{}, err
		}
		return r.answerOrganization(r.as().Organizations.Patch(r.ctx(), id, r.checkOrganization,
			administration.OrganizationPatch{Blocked: &blocked}))
	}
}

func (r *request) deactivateOrganization() (answer, error) {
	id, err := r.organizationID()
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	o, plan, err := r.as().Organizations.Deactivate(r.ctx(), id, r.checkOrganization)
	v := r.viewOrganization(o, plan.Members)
	v.Held = plan.Held
	return answer{version: o.Version, body: v}, err
}

func (r *request) reactivateOrganization() (answer, error) {
	id, err := r.organizationID()
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	return r.answerOrganization(r.as().Organizations.Reactivate(r.ctx(), id, r.checkOrganization))
}

func (r *request) listOrganizationMembers() (answer, error) {
	id, err := r.organizationID()
	if err != nil {
		return answer{}, err
	}
	if _, err := r.as().Organizations.ByID(r.ctx(), id); err != nil {
		return answer{}, err
	}
	return r.listMatching(directory.UserSearch{Org: id})
}

// listMatching answers with a page of the users that match.
func (r *request) listMatching(q directory.UserSearch) (answer, error) {
	var err error
	if q.After, q.Count, err = r.pageQuery(); err != nil {
		return answer{}, err
	}
	us, next, err := r.as().Users.Search(r.ctx(), q)
	return r.pageOfUsers(us, next, err)
}
