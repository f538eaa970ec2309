package adminapi

import "net/http"

var (
	csvQuery = []string{"cursor", "limit"}
	orgQuery = []string{"cursor", "limit", "search", "state"}
)

// mappingRoutes are the routes of organizations, roles, watchlists, mappings and apply runs.
func mappingRoutes() []route {
	const get, post, patch, put, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete
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
		{Route{get, "/roles", "listRoles", userReaders}, nil, (*request).listRoles},
		{Route{post, "/roles", "createRole", administrators}, dryQuery, (*request).createRole},
		{Route{patch, "/roles/{id}", "updateRole", administrators}, dryQuery, (*request).updateRole},
		{Route{del, "/roles/{id}", "deleteRole", administrators}, dryQuery, (*request).deleteRole},
		{Route{get, "/watchlists", "listWatchlists", userReaders}, nil, (*request).listWatchlists},
		{Route{post, "/watchlists", "createWatchlist", administrators}, dryQuery, (*request).createWatchlist},
		{Route{get, "/watchlists/{id}", "getWatchlist", userReaders}, nil, (*request).getWatchlist},
		{Route{patch, "/watchlists/{id}", "updateWatchlist", administrators}, dryQuery, (*request).updateWatchlist},
		{Route{del, "/watchlists/{id}", "deleteWatchlist", administrators}, dryQuery, (*request).deleteWatchlist},
		{Route{get, "/watchlists/{id}/members", "listWatchlistMembers", userReaders}, pageQuery, (*request).listWatchlistMembers},
		{Route{get, "/providers/{id}/organization-mapping", "getOrganizationMapping", readers}, nil, (*request).getOrgMapping},
		{Route{put, "/providers/{id}/organization-mapping", "setOrganizationMapping", administrators}, dryQuery, (*request).setOrgMapping},
		{Route{post, "/providers/{id}/organization-mapping/mappings", "createOrganizationMappingEntry", administrators}, dryQuery, (*request).addOrgMapping},
		{Route{post, "/providers/{id}/organization-mapping/mappings:reorder", "reorderOrganizationMapping", administrators}, dryQuery, (*request).reorderOrgMapping},
		{Route{patch, "/providers/{id}/organization-mapping/mappings/{id}", "updateOrganizationMappingEntry", administrators}, dryQuery, (*request).patchOrgMapping},
		{Route{del, "/providers/{id}/organization-mapping/mappings/{id}", "deleteOrganizationMappingEntry", administrators}, dryQuery, (*request).deleteOrgMapping},
		{Route{get, "/providers/{id}/role-mapping", "getRoleMapping", readers}, nil, (*request).getRoleMapping},
		{Route{put, "/providers/{id}/role-mapping", "setRoleMapping", administrators}, dryQuery, (*request).setRoleMapping},
		{Route{post, "/providers/{id}/role-mapping/mappings", "createRoleMappingEntry", administrators}, dryQuery, (*request).addRoleMapping},
		{Route{patch, "/providers/{id}/role-mapping/mappings/{id}", "updateRoleMappingEntry", administrators}, dryQuery, (*request).patchRoleMapping},
		{Route{del, "/providers/{id}/role-mapping/mappings/{id}", "deleteRoleMappingEntry", administrators}, dryQuery, (*request).deleteRoleMapping},
		{Route{post, "/providers/{id}/role-mapping/proposals/{id}:approve", "approveRoleMappingEntry", administrators}, dryQuery, decideRoleMapping(true)},
		{Route{post, "/providers/{id}/role-mapping/proposals/{id}:reject", "rejectRoleMappingEntry", administrators}, dryQuery, decideRoleMapping(false)},
		{Route{get, "/providers/{id}/groups/{id}/usage", "getGroupUsage", readers}, nil, (*request).getGroupUsage},
		{Route{get, "/providers/{id}/apply-runs", "listApplyRuns", readers}, pageQuery, (*request).listApplyRuns},
		{Route{post, "/providers/{id}/apply-runs", "createApplyRun", administrators}, dryQuery, (*request).createApplyRun},
		{Route{get, "/providers/{id}/apply-runs/{id}", "getApplyRun", readers}, nil, (*request).getApplyRun},
		{Route{get, "/providers/{id}/apply-runs/{id}/diff", "listApplyChanges", readers}, []string{"cursor", "limit", "only"}, (*request).listApplyChanges},
		{Route{get, "/providers/{id}/apply-runs/{id}/diff.csv", "exportApplyChanges", readers}, csvQuery, (*request).exportApplyChanges},
		{Route{post, "/providers/{id}/apply-runs/{id}:apply", "startApplyRun", administrators}, dryQuery, (*request).startApplyRun},
		{Route{post, "/providers/{id}/apply-runs/{id}:approve", "approveApplyRun", administrators}, dryQuery, (*request).approveApplyRun},
		{Route{post, "/providers/{id}/apply-runs/{id}:cancel", "cancelApplyRun", administrators}, dryQuery, (*request).cancelApplyRun},
		{Route{post, "/providers/{id}/apply-runs/{id}:undo", "undoApplyRun", administrators}, dryQuery, (*request).undoApplyRun},
		{Route{get, "/users/{id}/explain", "explainUser", userReaders}, nil, (*request).explainUser},
		{Route{post, "/users/{id}:move", "moveUser", administrators}, dryQuery, (*request).moveUser},
		{Route{post, "/users/{id}:pin-organization", "pinOrganization", administrators}, dryQuery, pinOrganization(true)},
		{Route{post, "/users/{id}:unpin-organization", "unpinOrganization", administrators}, dryQuery, pinOrganization(false)},
		{Route{get, "/users/{id}/role-grants", "listRoleGrants", userReaders}, nil, (*request).listRoleGrants},
		{Route{post, "/users/{id}/role-grants", "grantRole", administrators}, dryQuery, (*request).grantRole},
		{Route{del, "/users/{id}/role-grants/{id}", "revokeRole", administrators}, dryQuery, (*request).revokeRole},
		{Route{get, "/reports/country-values", "listCountryValues", readers}, []string{"provider"}, (*request).listCountryValues},
		{Route{get, "/config", "exportConfig", readers}, nil, (*request).exportConfig},
		{Route{post, "/config:plan", "planConfig", administrators}, dryQuery, (*request).planConfig},
		{Route{post, "/config:apply", "applyConfig", administrators}, dryQuery, (*request).applyConfig},
	}
}
