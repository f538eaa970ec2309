package main

import "net/http"

// adminNouns are the sub-commands that speak the admin API, by name.
func adminNouns() map[string][]adminVerb {
	return map[string][]adminVerb{
		"provider": providerVerbs(), "token": tokenVerbs(), "user": userVerbs(), "group": groupVerbs(),
		"conflict": conflictVerbs(), "apikey": apiKeyVerbs(), "webhook": webhookVerbs(), "delivery": deliveryVerbs(),
		"sync-log": logVerbs("/sync-log"), "audit-log": logVerbs("/audit-log"),
		"pending": pendingVerbs(), "hold": holdVerbs(), "guard": guardVerbs(),
		"org": orgVerbs(), "role": roleVerbs(), "watchlist": watchlistVerbs(), "org-mapping": orgMappingVerbs(), "role-mapping": roleMappingVerbs(),
		"report": reportVerbs(), "settings": settingsVerbs(), "tenant": tenantVerbs(),
		"apply": applyVerbs(), "config": configVerbs(),
	}
}

func providerVerbs() []adminVerb {
	list := columns("ID id, NAME displayName, PROFILE profile, STATE state, USERS userCount, GROUPS groupCount, BASE_URL baseUrl")
	one := columns("Id id, Name displayName, Profile profile, State state, Base_URL baseUrl, Token token, Deactivation_delay_(s) deactivationDelaySeconds, " +
		"Users userCount, Groups groupCount, Health usage.health, First_request usage.firstRequestAt, Last_request usage.lastRequestAt, Last_write usage.lastWriteAt, Last_error usage.lastErrorAt, Users_go deletion.users, Users_go_to deletion.moveTo, Watchlists_lose_groups deletion.watchlists, Created createdAt, Changed modifiedAt, Version version")
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return []adminVerb{
		{name: "list", summary: "list the providers", method: get, path: "/providers", list: true, show: list},
		{name: "create", summary: "create a provider; prints its base URL and its token, once", method: post, path: "/providers", show: one, flags: []adminFlag{
			{name: "name", member: "displayName", usage: "display `name`, unique in the tenant", required: true},
			{name: "profile", member: "profile", usage: "`dialect` of the directory: entra (default), entra-gov, okta or generic"},
			{name: "delay", member: "deactivationDelaySeconds", usage: "`time` between blocking and deactivating a user, such as 15m", kind: durationFlag},
			{name: "token-expires", member: "tokenExpiresAt", usage: "when the token ends: `time` or duration", kind: expiryFlag},
		}},
		{name: "show", args: "PROVIDER", summary: "show a provider", method: get, path: "/providers/%s", show: one},
		{name: "rename", args: "PROVIDER", summary: "change the display name", method: patch, path: "/providers/%s", show: one, flags: []adminFlag{
			{name: "name", member: "displayName", usage: "new display `name`", required: true},
		}},
		{name: "go-live", args: "PROVIDER", summary: "end the setup", method: post, path: "/providers/%s:go-live", show: one},
		{name: "pause", args: "PROVIDER", summary: "answer SCIM requests with 503 until resumed", method: post, path: "/providers/%s:pause", show: one},
		{name: "resume", args: "PROVIDER", summary: "end a pause", method: post, path: "/providers/%s:resume", show: one},
		{name: "delete", args: "PROVIDER", summary: "delete a provider; its groups vanish", method: del, path: "/providers/%s", show: one, flags: []adminFlag{
			{name: "confirm", member: "confirm", usage: "the provider's display `name`, to be sure", required: true},
			{name: "users", member: "users", usage: "what its users `become`: local (default), deactivate, or move with -move-to"},
			{name: "move-to", member: "moveTo", usage: "`provider` that gets the users"},
		}},
	}
}

func tokenVerbs() []adminVerb {
	list := columns("ID id, ENDS_WITH lastFour, STATE state, CREATED createdAt, EXPIRES expiresAt, RETIRES retiresAt, LAST_USED lastUsedAt, USES useCount")
	one := columns("Id id, State state, Base_URL baseUrl, Token token, Created createdAt, Expires expiresAt")
	return []adminVerb{
		{name: "list", args: "PROVIDER", summary: "list the tokens of a provider", method: http.MethodGet, path: "/providers/%s/tokens", list: true, show: list},
		{name: "create", args: "PROVIDER", summary: "make a new token; prints it, once", method: http.MethodPost, path: "/providers/%s/tokens", show: one, flags: []adminFlag{
			{name: "overlap", member: "overlapSeconds", usage: "`time` the old token keeps working, 0s to 168h (default 24h)", kind: durationFlag},
			{name: "expires", member: "expiresAt", usage: "when the token ends: `time` or duration", kind: expiryFlag},
		}},
		{name: "revoke", args: "PROVIDER TOKEN", summary: "end a token at once", method: http.MethodDelete, path: "/providers/%s/tokens/%s", show: one},
	}
}

func userVerbs() []adminVerb {
	list := columns("ID id, USER_NAME userName, NAME displayName, DIRECTORY_SAYS directoryState, PROVIDER provider, CHANGED modifiedAt")
	one := columns("Id id, SCIM_id scimId, User_name userName, Name displayName, Given_name name.givenName, Family_name name.familyName, Title title, " +
		"Department department, E-mail emails, Origin origin, Provider provider, External_id externalId, Directory_says directoryState, Lifecycle lifecycle, May_sign_in maySignIn, " +
		"Blocked_because adminBlock.reason, Deactivation_due pending.dueAt, Which_waits_for pending.gates, On_hold_for holds, Deactivated deactivatedAt, " +
		"Organization organizationId, Pinned organizationPinned, Roles roles, Watchlists watchlists, Country countryCode, " +
		"Manager manager, Groups groups, Created createdAt, Changed modifiedAt, Version version")
	return append([]adminVerb{
		{name: "list", summary: "search users", method: http.MethodGet, path: "/users", list: true, show: list, flags: []adminFlag{
			{name: "search", member: "search", usage: "beginning of a user name, a work e-mail `address`, or an external id"},
			{name: "provider", member: "provider", usage: "`id` of a provider, or local"},
			{name: "state", member: "state", usage: "what the `directory` last said: active, inactive, gone or none"},
		}},
		{name: "explain", args: "USER", summary: "say why a user is in an organization and has roles", method: http.MethodGet, path: "/users/%s/explain", do: explain},
		{name: "move", args: "USER", summary: "move a user to an organization by hand", method: http.MethodPost, path: "/users/%s:move", show: one, flags: []adminFlag{
			{name: "org", member: "organizationId", usage: "`id` of the organization", required: true},
			{name: "pin", member: "pin", usage: "`true` keeps the user there", kind: boolFlag},
		}},
		{name: "pin", args: "USER", summary: "keep a user in the organization", method: http.MethodPost, path: "/users/%s:pin-organization", show: one},
		{name: "unpin", args: "USER", summary: "let rules decide about a user again", method: http.MethodPost, path: "/users/%s:unpin-organization", show: one},
		{name: "grant", args: "USER", summary: "give a user a role by hand", method: http.MethodPost, path: "/users/%s/role-grants", show: one, flags: []adminFlag{
			{name: "role", member: "role", usage: "`id` of the role", required: true},
		}},
		{name: "revoke", args: "USER ROLE", summary: "take a role that was given by hand", method: http.MethodDelete, path: "/users/%s/role-grants/%s", show: one},
		{name: "show", args: "USER", summary: "show a user", method: http.MethodGet, path: "/users/%s", show: one},
		{name: "create", summary: "create a local user", method: http.MethodPost, path: "/users", show: one, flags: []adminFlag{
			{name: "user-name", member: "userName", usage: "`name` to sign in with, unique in the tenant", required: true},
			{name: "display-name", member: "displayName", usage: "`name` to show"},
			{name: "given-name", member: "name.givenName", usage: "given `name`"},
			{name: "family-name", member: "name.familyName", usage: "family `name`"},
			{name: "title", member: "title", usage: "job `title`"},
			{name: "department", member: "department", usage: "`department`"},
			{name: "email", member: "emails", usage: "work `addresses`, separated by commas, the primary one first", kind: emailFlag},
		}},
	}, decideUserVerbs(one)...)
}

func groupVerbs() []adminVerb {
	list := columns("ID id, NAME displayName, MEMBERS memberCount, CHANGED modifiedAt")
	one := columns("Id id, Name displayName, Provider provider, External_id externalId, Members memberCount, Created createdAt, Changed modifiedAt, Version version")
	members := columns("SCIM_ID id, TYPE type, USER userId, USER_NAME userName, NAME displayName")
	return []adminVerb{
		{name: "list", args: "PROVIDER", summary: "list or search the groups of a provider", method: http.MethodGet, path: "/providers/%s/groups", list: true, show: list, flags: []adminFlag{
			{name: "search", member: "search", usage: "`part` of the name"},
			{name: "unmapped", member: "unmapped", usage: "only those that no mapping of this `kind` names: organization or role"},
		}},
		{name: "show", args: "PROVIDER GROUP", summary: "show a group", method: http.MethodGet, path: "/providers/%s/groups/%s", show: one},
		{name: "members", args: "PROVIDER GROUP", summary: "list the members of a group", method: http.MethodGet, path: "/providers/%s/groups/%s/members", list: true, show: members},
	}
}

func conflictVerbs() []adminVerb {
	list := columns("ID id, STATE state, USER_NAME userName, PROVIDER provider, HELD_BY holderId, ATTEMPTS attempts, LAST lastAt")
	one := columns("Id id, State state, User_name userName, Provider provider, Held_by holderId, Holder's_user_name holder.userName, Holder's_provider holder.provider, Attempts attempts, Last lastAt")
	return []adminVerb{
		{name: "list", summary: "list conflicts", method: http.MethodGet, path: "/conflicts", list: true, show: list, flags: []adminFlag{
			{name: "state", member: "state", usage: "`state`: open, approved, ignored, converted or renamed"},
		}},
		{name: "convert", args: "CONFLICT", summary: "make the local user a user of the provider: both are the same person", method: http.MethodPost, path: "/conflicts/%s:convert", show: one, flags: []adminFlag{reason}},
		{name: "ignore", args: "CONFLICT", summary: "leave both as they are", method: http.MethodPost, path: "/conflicts/%s:ignore", show: one, flags: []adminFlag{reason}},
		{name: "rename", args: "CONFLICT", summary: "give the local user another name", method: http.MethodPost, path: "/conflicts/%s:rename", show: one, flags: []adminFlag{
			reason, {name: "user-name", member: "userName", usage: "new user `name`", required: true},
		}},
		{name: "pre-approve", summary: "have local users converted when the directory asks for them", method: http.MethodPost, path: "/conflicts:pre-approve", items: true,
			show: columns("USER_NAME userName, RESULT result, WHY detail"), do: preApprove, flags: []adminFlag{
				reason, {name: "provider", member: "provider", usage: "`id` of the provider", required: true},
				{name: "file", member: "file", usage: "CSV `file` with a column userName", required: true},
			}},
	}
}

func apiKeyVerbs() []adminVerb {
	list := columns("ID id, NAME displayName, ROLE role, ENDS_WITH lastFour, STATE state, CREATED createdAt, EXPIRES expiresAt")
	one := columns("Id id, Name displayName, Role role, State state, Token token, Created createdAt, Expires expiresAt")
	return []adminVerb{
		{name: "list", summary: "list the API keys", method: http.MethodGet, path: "/api-keys", list: true, show: list},
		{name: "create", summary: "make an API key; prints it, once", method: http.MethodPost, path: "/api-keys", show: one, flags: []adminFlag{
			{name: "name", member: "displayName", usage: "display `name`", required: true},
			{name: "role", member: "role", usage: "`role`: identity-management-administrator, identity-management-viewer, legal-hold-administrator, auditor or help-desk", required: true},
			{name: "expires", member: "expiresAt", usage: "when the key ends: `time` or duration", kind: expiryFlag},
		}},
		{name: "revoke", args: "KEY", summary: "end an API key at once", method: http.MethodDelete, path: "/api-keys/%s", show: one},
	}
}

func tenantVerbs() []adminVerb {
	const get, post = http.MethodGet, http.MethodPost
	list := columns("ID id, NAME displayName, STATE state, CREATED createdAt")
	one := columns("Id id, Name displayName, State state, Created createdAt, Removed removedAt, Version version")
	return []adminVerb{
		{name: "list", summary: "list the tenants", method: get, path: "/tenants", list: true, show: list},
		{name: "show", args: "TENANT", summary: "show a tenant", method: get, path: "/tenants/%s", show: one},
		{name: "create", summary: "make a tenant; its first key is made with key", method: post, path: "/tenants", show: one, flags: []adminFlag{
			{name: "name", member: "displayName", usage: "display `name`", required: true},
			{name: "id", member: "id", usage: "`id`, 5 to 7 of 0-9a-z, which base URLs begin with; else one is chosen"},
		}},
		{name: "key", args: "TENANT", summary: "make a tenant's first administrator key; prints it, once", method: post, path: "/tenants/%s/api-keys",
			show: columns("Id id, Name displayName, Role role, Token token, Expires expiresAt"), flags: []adminFlag{
				{name: "name", member: "displayName", usage: "display `name` of the key", required: true},
				{name: "expires", member: "expiresAt", usage: "when the key ends: `time` or duration", kind: expiryFlag},
			}},
		{name: "pause", args: "TENANT", summary: "answer its SCIM requests with 503 and refuse its administrators", method: post, path: "/tenants/%s:pause", show: one},
		{name: "resume", args: "TENANT", summary: "end a pause", method: post, path: "/tenants/%s:resume", show: one},
		{name: "delete", args: "TENANT", summary: "refuse its people and keys at once, and erase everything it has", method: post, path: "/tenants/%s:remove", show: one, flags: []adminFlag{
			{name: "confirm", member: "confirm", usage: "the tenant's display `name`, to be sure", required: true},
		}},
	}
}
