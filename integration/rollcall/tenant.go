package main

func tenantNoun() noun {
	const one = "Name displayName, Id id, State state, Created createdAt, Removed removedAt, Version version"
	return noun{
		name: "tenant", group: groupTenant, short: "Make, pause and remove tenants, with an operator's key", columns: one,
		actions: []action{
			{name: "list", op: "listTenants", short: "List the tenants", columns: "NAME displayName, ID id, STATE state, CREATED createdAt"},
			{name: "show", op: "getTenant", short: "Show a tenant"},
			{name: "create", op: "createTenant", short: "Make a tenant", free: "name", example: `"Coast Guard" --id coast`, flags: []flag{
				{"name", "displayName", "display `name`"}, {"id", "id", "`id`, 5 to 7 of 0-9a-z, which base URLs begin with; else one is chosen"},
			}},
			{name: "key", op: "createTenantApiKey", short: "Make a tenant's first administrator key; prints it, once", free: "name",
				example: `"Coast Guard" First`,
				columns: "Name displayName, Id id, Role role:, Token token, Expires expiresAt", flags: []flag{
					{"name", "displayName", "display `name` of the key"}, {"expires", "expiresAt", expiryUsage},
				}},
			{name: "pause", op: "pauseTenant", short: "Answer its directories with 503 and refuse its administrators"},
			{name: "resume", op: "resumeTenant", short: "End a pause"},
			{name: "delete", op: "removeTenant", short: "Refuse its people and keys from now on, and erase everything it has",
				example: `"Coast Guard" --confirm "Coast Guard"`,
				ask:     "Remove tenant {displayName} ({id}) with everybody and everything in it? It cannot be brought back.", typed: "displayName",
				from: "getTenant"},
		},
	}
}
