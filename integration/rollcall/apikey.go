package main

import "context"

func apiKeyNoun() noun {
	const one = "Name displayName, Id id, Role role:, State state, Token token, Ends_with lastFour, Created createdAt, Expires expiresAt, " +
		"Last_used lastUsedAt"
	return noun{
		name: "apikey", group: groupTenant, short: "Create and revoke keys of the admin API", columns: one,
		actions: []action{
			{name: "list", op: "listApiKeys", short: "List the API keys",
				columns: "NAME displayName, ROLE role:, ENDS_WITH lastFour, STATE state, LAST_USED @lastUsed, CREATED createdAt, BY createdBy, " +
					"EXPIRES expiresAt; ID id"},
			{name: "show", op: "getApiKey", short: "Show an API key"},
			{name: "create", op: "createApiKey", short: "Create an API key; prints it once", free: "name",
				example: "Audit --role auditor --expires 365d", flags: []flag{
					{"name", "displayName", "display `name`"}, {"role", "role", "`role` of the key"}, {"expires", "expiresAt", expiryUsage},
				}},
			{name: "revoke", op: "revokeApiKey", short: "Revoke an API key immediately", ask: "Revoke the key {displayName} with the role {role:}?"},
		},
	}
}

// lastUsed returns when a key was last used, which lists do not have, and operators' keys neither.
func (c *call) lastUsed(ctx context.Context, key object) string {
	one, err := c.known(ctx, "getApiKey", text(key, "id"))
	if err != nil {
		return ""
	}
	return c.showTime(text(one, "lastUsedAt"))
}
