package main

import (
	"context"
	"time"
)

const expiryUsage = "`when` it ends: a duration such as 365d, a date or a time"

// fates describe the effect of deleting a provider on its people.
var fates = map[string]string{
	"": "kept as local users", "local": "kept as local users", "deactivate": "blocked, and deactivated after the delay",
	"move": "moved to the other provider",
}

func providerNoun() noun {
	const one = "Name displayName, Id id, State state, Authentication_credential_type @credential, Base_URL baseUrl, Token token, " +
		"Tokens @tokens, Profile profile, Deactivation_delay deactivationDelaySeconds, Users userCount, Groups groupCount, " +
		"Health usage.health, First_request usage.firstRequestAt, Last_request usage.lastRequestAt, Last_write usage.lastWriteAt, " +
		"Last_error usage.lastErrorAt, Users_become deletion.users, Users_go_to deletion.moveTo, " +
		"Watchlists_that_lose_groups deletion.watchlists, Created createdAt, Changed modifiedAt, Version version"
	name := flag{"name", "displayName", "display `name`, unique in the tenant"}
	return noun{
		name: "provider", group: groupProvision, short: "Connect directories: provisioning providers, their health and state", columns: one,
		actions: []action{
			{name: "list", op: "listProviders", short: "List the providers with their health",
				columns: "NAME displayName, STATE state, HEALTH usage.health, LAST_REQUEST usage.lastRequestAt, USERS userCount, GROUPS groupCount, " +
					"PENDING @pending, TO_APPLY @unapplied, ID id; PROFILE profile, BASE_URL baseUrl, DELAY deactivationDelaySeconds, CREATED createdAt"},
			{name: "create", op: "createProvider", short: "Add a SCIM provider; prints its base URL and, once, its token", free: "name",
				example: `"Entra ID"`,
				long: "Adds a SCIM provider with the authentication credential type \"OAuth token\", and prints what the directory asks\n" +
					"for: the base URL (in Entra ID the Tenant URL) and the token (the Secret Token). The token is shown once.\n\n" +
					"If you lose it, make another with rollcall token create (\"Regenerate credentials\").",
				flags: []flag{
					name,
					{"profile", "profile", "small tolerances for the `dialect` of the directory (default entra)"},
					{"delay", "deactivationDelaySeconds", "`time` between blocking and deactivating a person, such as 15m"},
					{"token-expires", "tokenExpiresAt", expiryUsage},
				}},
			{name: "show", op: "getProvider", short: "Show a provider"},
			{name: "rename", op: "updateProvider", short: "Edit the display name", free: "name", example: `Demo "Entra ID"`, flags: []flag{name}},
			{name: "go-live", op: "goLiveProvider", short: "End the setup; the guard acts from a day later"},
			{name: "pause", op: "pauseProvider", short: "Answer the directory with 503 until resumed"},
			{name: "resume", op: "resumeProvider", short: "End a pause"},
			{name: "delete", op: "deleteProvider", short: "Delete a provider and its groups", example: `Demo --users local --confirm Demo`,
				ask:   "Delete provider {displayName} with {groupCount group groups}? Its {userCount person_is people_are} {@fate}.",
				typed: "displayName", from: "getProvider", flags: []flag{
					{"users", "users", "what its people `become` (default local)"},
					{"move-to", "moveTo", "`provider` that gets the people, with --users move"},
				}},
		},
	}
}

// tokensOf counts a provider's tokens and says when the first of them ends.
func (c *call) tokensOf(provider object) string {
	tokens := usable(provider, "tokens")
	var first time.Time
	for _, t := range tokens {
		for _, end := range []string{"expiresAt", "retiresAt"} {
			at, err := time.Parse(time.RFC3339, text(t, end))
			if err == nil && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	switch said := count(len(tokens), "token works", "tokens work"); {
	case len(tokens) == 0:
		return "no token works"
	case first.IsZero():
		return said + ", without an end"
	default:
		return said + "; the first ends " + c.showTime(first.Format(time.RFC3339))
	}
}

// pendingOf is how many people of a provider wait for deactivation.
func (c *call) pendingOf(ctx context.Context, provider object) string {
	delay, err := c.known(ctx, "getDeactivationDelay", text(provider, "id"))
	if err != nil {
		return "?"
	}
	return text(delay, "pendingCount")
}

// unapplied says whether a provider's mappings have changed since they were applied.
func (c *call) unapplied(ctx context.Context, provider object) string {
	m, err := c.known(ctx, "getOrganizationMapping", text(provider, "id"))
	if err != nil {
		return "?"
	}
	if text(m, "configVersion") == text(m, "appliedVersion") {
		return "no"
	}
	return "yes"
}
