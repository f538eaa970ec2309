package adminapi

import (
	"net/http"

	"rollcall/shared/directory"
)

var (
	unblockers  = []directory.AdminRole{directory.RoleAdministrator, directory.RoleHelpDesk}
	holders     = []directory.AdminRole{directory.RoleLegalHold} // separate from who provisions
	reportQuery = []string{"provider", "cursor", "limit"}
	holdReaders = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer, directory.RoleLegalHold, directory.RoleAuditor}
)

// lifecycleRoutes are the operations on leavers, legal holds and guards.
func lifecycleRoutes() []route {
	const get, post, put, patch = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch
	return []route{
		{Route{post, "/users/{id}:block", "blockUser", administrators}, dryQuery, decision(directory.DecideBlock)},
		{Route{post, "/users/{id}:unblock", "unblockUser", unblockers}, dryQuery, decision(directory.DecideUnblock)},
		{Route{post, "/users/{id}:deactivate", "deactivateUser", administrators}, dryQuery, either("block", false, directory.DecideDeactivate, directory.DecideDeactivateBlock)},
		{Route{post, "/users/{id}:reactivate", "reactivateUser", administrators}, dryQuery, either("unblock", true, directory.DecideReactivate, directory.DecideReactivateUnblock)},
		{Route{post, "/users/{id}:cancel-deactivation", "cancelDeactivation", unblockers}, dryQuery, decision(directory.DecideCancelDeactivation)},
		{Route{post, "/users/{id}:convert-to-local", "convertUserToLocal", administrators}, dryQuery, decision(directory.DecideLocal)},
		{Route{post, "/users/{id}:convert-to-provisioned", "convertUserToProvisioned", administrators}, dryQuery, (*request).convertUser},
		{Route{post, "/users/{id}:erase", "eraseUser", administrators}, dryQuery, (*request).eraseUser},
		{Route{post, "/conflicts:pre-approve", "preApproveConflicts", administrators}, dryQuery, (*request).preApprove},
		{Route{get, "/reports/drift", "reportDrift", readers}, reportQuery, report(directory.ReportDrift)},
		{Route{get, "/reports/overrides", "reportOverrides", readers}, reportQuery, report(directory.ReportOverrides)},
		{Route{get, "/reports/stale", "reportStale", readers}, append([]string{"days"}, reportQuery...), report(directory.ReportStale)},
		{Route{get, "/settings", "getSettings", readers}, nil, (*request).getSettings},
		{Route{patch, "/settings", "updateSettings", administrators}, dryQuery, (*request).updateSettings},
		{Route{get, "/users/{id}/timeline", "getUserTimeline", logReaders}, pageQuery, (*request).getTimeline},
		{Route{get, "/pending-deactivations", "listPendingDeactivations", userReaders}, []string{"cursor", "limit", "provider", "gate"}, (*request).listPending},
		{Route{post, "/pending-deactivations:cancel", "cancelPendingDeactivations", administrators}, dryQuery, (*request).cancelPending},
		{Route{get, "/legal-holds", "listLegalHolds", holdReaders}, pageQuery, (*request).listMatters},
		{Route{post, "/legal-holds", "createLegalHold", holders}, dryQuery, (*request).createMatter},
		{Route{get, "/legal-holds/{id}", "getLegalHold", holdReaders}, nil, (*request).getMatter},
		{Route{post, "/legal-holds/{id}:close", "closeLegalHold", holders}, dryQuery, (*request).closeMatter},
		{Route{get, "/legal-holds/{id}/custodians", "listCustodians", holdReaders}, pageQuery, (*request).listCustodians},
		{Route{post, "/legal-holds/{id}/custodians", "placeHolds", holders}, dryQuery, (*request).placeHolds},
		{Route{post, "/legal-holds/{id}/custodians/{id}:release", "releaseHold", holders}, dryQuery, (*request).releaseHold},
		{Route{get, "/providers/{id}/deactivation-delay", "getDeactivationDelay", readers}, nil, (*request).getDelay},
		{Route{put, "/providers/{id}/deactivation-delay", "setDeactivationDelay", administrators}, dryQuery, (*request).setDelay},
		{Route{get, "/providers/{id}/guard", "getGuard", readers}, nil, (*request).getGuard},
		{Route{put, "/providers/{id}/guard", "setGuard", administrators}, dryQuery, (*request).setGuard},
		{Route{get, "/providers/{id}/guard-events", "listGuardEvents", readers}, pageQuery, (*request).listGuardEvents},
		{Route{get, "/providers/{id}/guard-events/{id}", "getGuardEvent", readers}, nil, (*request).getGuardEvent},
		{Route{post, "/providers/{id}/guard-events/{id}:approve", "approveGuardEvent", administrators}, dryQuery, decideGuard(directory.GuardApproval)},
		{Route{post, "/providers/{id}/guard-events/{id}:reject", "rejectGuardEvent", administrators}, dryQuery, decideGuard(directory.GuardDisapproval)},
	}
}
