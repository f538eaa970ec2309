package main

import (
	"context"
	"fmt"
	"slices"
)

func tokenNoun() noun {
	const one = "Id id, State state, Base_URL baseUrl, Token token, Ends_with lastFour, Created createdAt, Expires expiresAt, " +
		"Last_used lastUsedAt"
	return noun{
		name: "token", group: groupProvision, short: "Create and revoke the tokens of a provider", columns: one,
		actions: []action{
			{name: "list", op: "listTokens", short: "List the tokens of a provider",
				columns: "ENDS_WITH lastFour, STATE state, CREATED createdAt, BY createdBy, EXPIRES expiresAt, RETIRES retiresAt, " +
					"LAST_USED lastUsedAt, USES useCount; ID id"},
			{name: "create", op: "createToken", short: "Regenerate credentials: create another token; prints it once", example: "Demo --overlap 24h",
				asks: askOverlap, flags: []flag{
					{"overlap", "overlapSeconds", "`time` for which old tokens keep working, 0s to 7d (default 24h)"},
					{"expires", "expiresAt", expiryUsage},
				}},
			{name: "expiring", op: "listExpiringCredentials", short: "List the tokens and API keys that end soon", example: "--days 60",
				columns: "EXPIRES expiresAt, DAYS days, KIND kind, NAME displayName, ENDS_WITH lastFour, WARNED warnedDays; PROVIDER provider, ID id",
				flags:   []flag{{"days", "days", "maximum number of `days` until then (default 30)"}}},
			{name: "revoke", op: "revokeToken", short: "Revoke a token immediately",
				ask: "Revoke the token ending in {lastFour}? It has authenticated {useCount request requests}."},
		},
	}
}

// askOverlap asks before a new token revokes the tokens in use immediately.
func askOverlap(ctx context.Context, c *call) (string, error) {
	if seconds, given := c.body["overlapSeconds"]; !given || seconds != int64(0) {
		return "", nil
	}
	tokens, err := c.get(ctx, "listTokens", c.ids...)
	if err != nil {
		return "", err
	}
	n := len(usableTokens(tokens, "items"))
	if n == 0 {
		return "", nil
	}
	return fmt.Sprintf("Revoke %s now? The directory cannot connect until it has the new token.", count(n, "token", "tokens")), nil
}

// usableTokens returns the tokens that are neither revoked nor expired.
func usableTokens(o object, member string) []any {
	return slices.DeleteFunc(slices.Clone(list(o, member)), func(t any) bool {
		return text(t, "state") == "revoked" || text(t, "state") == "expired"
	})
}
