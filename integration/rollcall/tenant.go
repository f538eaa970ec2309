package main

func tenantNoun() noun {
	const one = "Name displayName, Id id, State state, Created createdAt, Removed removedAt, Version version"
	return noun{
		name: "tenant", group: groupTenant, short: "Create, pause and remove tenants, with an operator's key", columns: one,
		actions: []action{
			{name: "list", op: "listTenants", short: "List the tenants", columns: "NAME displayName, ID id, STATE state, CREATED createdAt"},
			{name: "show", op: "getTenant", short: "Show a tenant"},
			{name: "create", op: "createTenant", short: "Create a tenant", free: "name", example: `"Coast Guard" --id coast`, flags: []flag{
				{"name", "displayName", "display `name`"}, {"id", "id", "`id`, 5 to 7 of 0-9a-z, the beginning of its base URLs (default: generated)"},
			}},
			{name: "key", op: "createTenantApiKey", short: "Create a tenant's first administrator key; prints it once", free: "name",
				example: `"Coast Guard" First`,
				columns: "Name displayName, Id id, Role role:, Token token, Expires expiresAt", flags: []flag{
					{"name", "displayName", "display `name` of the key"}, {"expires", "expiresAt", expiryUsage},
				}},
			{name: "pause", op: "pauseTenant", short: "Pause a tenant: its directories get 503 and its administrators are refused"},
			{name: "resume", op: "resumeTenant", short: "Resume a paused tenant"},
			{name: "delete", op: "removeTenant", short: "Remove a tenant: revoke its keys and erase all its data",
				example: `"Coast Guard" --confirm "Coast Guard"`,
				ask:     "Remove tenant {displayName} ({id}) with all its people and data? This cannot be undone.", typed: "displayName",
				from: "getTenant"},
		},
	}
}
