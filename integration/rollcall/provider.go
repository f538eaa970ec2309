package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"
)

const expiryUsage = "expiry `time`: a duration such as 365d, a date or a time"

// fates describes the effect of deleting a provider on its people.
var fates = map[string]string{
	"": "kept as local users", "local": "kept as local users", "deactivate": "blocked, and deactivated after the delay",
	"move": "moved to the other provider",
}

func providerNoun() noun {
	const one = "Name displayName, Id id, State state, Authentication_credential_type @credential, Base_URL baseUrl, Token token, " +
		"Tokens @tokens, Profile profile, Deactivation_delay deactivationDelaySeconds, Users userCount, Groups groupCount, " +
		"Health usage.health, First_request usage.firstRequestAt, Last_request usage.lastRequestAt, Last_write usage.lastWriteAt, " +
		"Last_error usage.lastErrorAt, Deletion @deletion, Deleted_by_task deletion.task:, Users_after_deletion deletion.users, " +
		"Users_move_to deletion.moveTo, " +
		"Pending_deactivations_cancelled deletion.cancelPending, " +
		"Affected_watchlists deletion.watchlists, Restored restoration.doneAt, People_restored restoration.userCount, " +
		"Groups_restored restoration.groupCount, Not_as_before restoration.exceptionCount, Created createdAt, Changed modifiedAt, Version version"
	name := flag{"name", "displayName", "display `name`, unique in the tenant"}
	return noun{
		name: "provider", group: groupProvision, short: "Connect directories; see their health and state", columns: one,
		tables: []table{{"Matching attributes", "matchingIndexes",
			"ATTRIBUTE attribute, CASE_EXACT caseExact, STATE state, DONE done, PEOPLE total, SINCE since"}},
		actions: append([]action{
			{name: "list", op: "listProviders", short: "List the providers with their health",
				columns: "NAME displayName, STATE state, HEALTH @health, LAST_REQUEST @lastRequest, USERS userCount, GROUPS groupCount, " +
					"PENDING @pending, TO_APPLY @unapplied, ID id; PROFILE profile, BASE_URL baseUrl, DELAY deactivationDelaySeconds, CREATED createdAt",
				local: func(f *pflag.FlagSet) { f.Bool("deleted", false, "those that can be restored instead") },
				do:    listProviders, also: []string{"listDeletedProviders"}},
			{name: "create", op: "createProvider", short: "Add a SCIM provider; prints its base URL, and its token once", free: "name",
				example: `"Entra ID"`,
				long: "Adds a SCIM provider with the authentication credential type \"OAuth token\", and prints the values that the directory\n" +
					"needs: the base URL (in Entra ID the Tenant URL) and the token (the Secret Token). The token is shown only once.\n\n" +
					"If you lose it, create another with rollcall token create (\"Regenerate credentials\").",
				flags: []flag{
					name,
					{"profile", "profile", "`profile` of the directory, with its tolerances (default entra)"},
					{"delay", "deactivationDelaySeconds", "`time` between blocking and deactivating a person, such as 15m"},
					{"token-expires", "tokenExpiresAt", expiryUsage},
				}},
			{name: "show", op: "getProvider", short: "Show a provider"},
			{name: "rename", op: "updateProvider", short: "Change the display name", free: "name", example: `Demo "Entra ID"`, flags: []flag{name}},
			{name: "match", op: "updateProvider", short: "Name the attributes that its directory finds people by",
				example: "Demo --attributes employeeNumber",
				long: "Names up to two text attributes, such as employeeNumber or an attribute of an extension under its full name. A filter with\n" +
					"eq finds people by them in one read, like by userName, however many there are. The list replaces the previous one.\n\n" +
					"People who are there already are indexed in the background, beginning a minute later: rollcall provider show tells\n" +
					"how far it is. Until then the attribute is looked up in up to 10,000 people.",
				flags: []flag{{"attributes", "matchingAttributes", "`attributes`; none with \"\""}}},
			{name: "relink", op: "updateProvider", short: "Say whether a group that comes back takes its old place", example: "Demo --groups=false",
				long: "A group that is deleted and created again within 30 days, with the same object id as externalId, takes its old place in\n" +
					"mappings and watchlists by itself, unless this is switched off. rollcall group unlink undoes it for one group.",
				flags: []flag{{"groups", "relinkGroups", "groups that come back take their old place"}}},
			{name: "refusals", op: "listRefusals", short: "List requests of its directory that were refused again and again",
				columns: "LAST lastAt, COUNT count, METHOD method, TYPE resourceType, SCIM_ID scimId:, STATUS status, REASON scimType, " +
					"ATTRIBUTE attribute; MEMBERS members:, MEMBER_COUNT memberCount, FIRST firstAt, REQUEST requestId:"},
			{name: "unread", op: "listUnreadAttributes", short: "List attributes in its directory's requests that nobody reads",
				columns: "NAME name, BOOLEAN boolean, COUNT count, LAST lastAt"},
			{name: "go-live", op: "goLiveProvider", short: "End the setup; the guard holds back changes from a day later"},
			{name: "pause", op: "pauseProvider", short: "Pause a provider: its directory gets 503 until it is resumed"},
			{name: "resume", op: "resumeProvider", short: "Resume a paused provider"},
		}, deletionActions()...),
	}
}

// deletionActions delete providers and restore them.
func deletionActions() []action {
	return []action{
		{name: "delete", op: "deleteProvider", short: "Delete a provider and its groups", example: `Demo --users local --confirm Demo`,
			ask:   "Delete provider {displayName} with {groupCount group groups}? Its {userCount person_is people_are} {@fate}.",
			hint:  "To undo this within 30 days, enter: rollcall provider restore {id}",
			typed: "displayName", from: "getProvider", flags: []flag{
				{"users", "users", "`fate` of its people (default local)"},
				{"move-to", "moveTo", "`provider` that gets the people, with --users move"},
				{"cancel-pending", "cancelPending", "cancel pending deactivations; otherwise they go on"},
			}},
		{name: "restore", op: "restoreProvider", short: "Undo the deletion of a provider, within 30 days", example: "Demo",
			long: "Undoes the deletion of a provider, with its settings, tokens, mappings, groups and people. It is paused: when rollcall\n" +
				"provider show says that the restoration is done, continue with rollcall provider resume.\n\n" +
				"People stay as they are who were erased, or whose home was changed since. rollcall provider list --deleted\n" +
				"shows what can be restored.",
			hint:  "When its people are back (rollcall provider show {id}), enter: rollcall provider resume {id}",
			flags: []flag{{"as", "displayName", "another display `name`, if it is taken by now"}}},
	}
}

// listProviders lists the providers, or the deleted ones.
func listProviders(ctx context.Context, c *call) error {
	if c.flag("deleted") == "true" {
		c.op = operations()["listDeletedProviders"]
		c.act.columns = "NAME displayName, DELETED deletedAt, RESTORABLE_UNTIL restorableUntil, PEOPLE userCount, GROUPS groupCount, " +
			"PEOPLE_WERE deletion.users, WATCHLISTS deletion.watchlists, ID id; MOVED_TO deletion.moveTo, PROFILE profile, VERSION version"
	}
	return showList(ctx, c)
}

// tokensOf returns the number of a provider's usable tokens and the first expiry.
func (c *call) tokensOf(provider object) string {
	tokens := usableTokens(provider, "tokens")
	var first time.Time
	for _, t := range tokens {
		for _, end := range []string{"expiresAt", "retiresAt"} {
			at, err := time.Parse(time.RFC3339, text(t, end))
			if err == nil && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	usable := count(len(tokens), "usable token", "usable tokens")
	switch {
	case len(tokens) == 0:
		return "no usable token"
	case first.IsZero():
		return usable + ", no expiry"
	}
	return usable + ", first expiry " + c.showTime(first.Format(time.RFC3339))
}

// usage returns a member of a provider's usage, which lists do not have.
func (c *call) usage(ctx context.Context, provider object, member string) string {
	p, err := c.known(ctx, "getProvider", text(provider, "id"))
	if err != nil {
		return "?"
	}
	return text(p, "usage."+member)
}

// pendingOf returns the number of a provider's pending deactivations.
func (c *call) pendingOf(ctx context.Context, provider object) string {
	delay, err := c.known(ctx, "getDeactivationDelay", text(provider, "id"))
	if err != nil {
		return "?"
	}
	return text(delay, "pendingCount")
}

// unapplied returns whether a provider's mappings have changed since they were applied.
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
