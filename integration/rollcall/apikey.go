package main

import (
	"context"
	"net/url"
)

func apiKeyNoun() noun {
	const one = "Name displayName, Id id, Role role:, State state, Token token, Ends_with lastFour, Created createdAt, " +
		"Created_by createdBy, Confirmed_by confirmedBy, Expires expiresAt"
	return noun{
		name: "apikey", group: groupTenant, short: "Create and revoke keys of the admin API", columns: one,
		actions: []action{
			{name: "list", op: "listApiKeys", short: "List the API keys",
				columns: "NAME displayName, ROLE role:, ENDS_WITH lastFour, STATE state, LAST_USED @lastUsed, CREATED createdAt, BY createdBy, " +
					"EXPIRES expiresAt; ID id"},
			{name: "create", op: "createApiKey", short: "Create an API key; prints it once", free: "name",
				example: "Audit --role auditor --expires 365d", flags: []flag{
					{"name", "displayName", "display `name`"}, {"role", "role", "`role` of the key"}, {"expires", "expiresAt", expiryUsage},
				}},
			{name: "confirm", op: "confirmApiKey", short: "Confirm that a key belongs to another person than the key that created it",
				ask: "Confirm that the key {displayName}, which {createdBy} created, belongs to another person?"},
			{name: "revoke", op: "revokeApiKey", short: "Revoke an API key immediately", ask: "Revoke the key {displayName} with the role {role:}?"},
		},
	}
}

// lastUsed returns when a key was last used.
func (c *call) lastUsed(ctx context.Context, key object) string {
	uses, err := c.memory.once("uses of keys", func() (object, error) {
		x := exchange{op: operations()["listApiKeys"], query: url.Values{"usage": {"true"}}}
		keys, _, err := c.list(ctx, x, maxCandidates)
		uses := object{}
		for _, k := range keys {
			uses[text(k, "id")] = text(k, "lastUsedAt")
		}
		return uses, err
	})
	if err != nil {
		return "?"
	}
	return c.showTime(text(uses, text(key, "id")))
}
