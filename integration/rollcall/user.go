package main

import "context"

// people are the columns of every list of people.
const people = "USER_NAME userName, NAME displayName, STATE @state, ORGANIZATION organizationId, PROVIDER provider; ROLES roles, " +
	"WATCHLISTS watchlists, DIRECTORY_SAYS directoryState, DEPARTMENT department, TITLE title, E-MAIL emails, CHANGED modifiedAt, ID id"

const userLines = "User_name userName, Name displayName, State @state, Id id, SCIM_id scimId:, Given_name name.givenName, " +
	"Family_name name.familyName, Title title, Department department, E-mail emails, Managed_by @origin, External_id externalId:, " +
	"Directory_says directoryState, Lifecycle lifecycle, May_sign_in maySignIn, Blocked_because adminBlock.reason, " +
	"Blocked_by adminBlock.by, Blocked adminBlock.at, Deactivation_requested pending.requestedAt, Deactivation_due pending.dueAt, " +
	"Waiting_for pending.gates, On_hold_for holds, Deactivated deactivatedAt, Organization organizationId, Pinned organizationPinned, " +
	"Roles roles, Watchlists watchlists, Groups groups, Country countryCode, Manager manager:user, Created createdAt, Changed modifiedAt, " +
	"Version version"

// explainAction shows why a user is in an organization and has roles.
var explainAction = action{
	name: "explain", op: "explainUser", short: "Explain why a user is in an organization and has roles", do: explain,
	also: []string{"getUser"},
	columns: "Organization is.organizationId, Because is.@source, Under_configuration is.configVersion, Pinned pinned, Method method, " +
		"Attribute attribute, Value value, By_current_rules wouldBe.organizationId, Reason reason",
	tables: []table{
		{"Organization mappings; the first that matches applies", "organizations",
			"PRIORITY priority, GROUPS groups:, ORGANIZATION organizationId, RESULT result"},
		{"Roles", "is.roleGrants", "ROLE id:role, BECAUSE @source, SINCE at"},
		{"Role mappings; all that match give", "roles", "GROUPS groups:, ROLES roles, RESULT result"},
	},
}

// profileFlags returns the flags of a local user's profile.
func profileFlags() []flag {
	return []flag{
		{"user-name", "userName", "`name` to sign in with, unique in the tenant"},
		{"display-name", "displayName", "`name` to show"},
		{"given-name", "name.givenName", "given `name`"},
		{"family-name", "name.familyName", "family `name`"},
		{"title", "title", "job `title`"},
		{"department", "department", "`department`"},
		{"email", "emails", "work `addresses`, separated by commas, the primary one first"},
	}
}

func userNoun() noun {
	return noun{
		name: "user", group: groupPeople, short: "Find, create, block, move, deactivate and reactivate people", columns: userLines,
		actions: []action{
			{name: "list", op: "searchUsers", short: "List or search people", example: "--state blocked --org Engineering", columns: people,
				flags: []flag{
					{"search", "search", "`text`: the beginning of a user name, a work e-mail address, or an external id"},
					{"provider", "provider", "only people of this `provider`, or local for those without one"},
					{"state", "shownState", "shown `state`: " + orList(stateNames()) +
						"; active and blocked select every kind of them"},
					{"may-sign-in", "maySignIn", "only people who may sign in; with =false, only others"},
					{"lifecycle", "lifecycle", "`state` of the account: active, deactivated or purged"},
					{"directory-state", "state", "`state` that the directory last sent: active, inactive, gone (removed there) or none"},
					{"org", "organization", "only people of this `organization`"},
					{"role", "role", "only people with this `role`"},
					{"watchlist", "watchlist", "only people on this `watchlist`"},
					{"review", "review", "only people whose move waits for this guard `event`"},
				}},
			{name: "show", op: "getUser", short: "Show a user"},
			{name: "create", op: "createUser", short: "Create a local user, which no directory manages", free: "user-name",
				example: "admin@contoso.example", flags: profileFlags()},
			{name: "change", op: "updateUser", short: "Change the profile of a local user", example: `admin@contoso.example --title "Administrator"`,
				flags: profileFlags()},
			{name: "block", op: "blockUser", short: "Deny sign-in until unblocked"},
			{name: "unblock", op: "unblockUser", short: "Unblock a user and cancel a pending deactivation"},
			{name: "deactivate", op: "deactivateUser", short: "Deactivate a user immediately",
				long: "Deactivates a user immediately, without the delay.\n\n" +
					"If the directory later disables and enables the user, the user is active again; --block prevents this.",
				asks: askDeactivateUser, flags: []flag{{"block", "block", "also block the user"}}},
			{name: "reactivate", op: "reactivateUser", short: "Reactivate a deactivated user",
				flags: []flag{{"unblock", "unblock", "also remove an administrator's block (default true)"}}},
			{name: "cancel-deactivation", op: "cancelDeactivation", short: "Cancel a pending deactivation; the user stays blocked"},
			explainAction,
			{name: "move", op: "moveUser", short: "Move a user to an organization", free: "org",
				example: "kim@contoso.example Engineering --pin", flags: []flag{
					{"org", "organizationId", "`organization` to move to"}, {"pin", "pin", "keep the user there, whatever the mappings say"},
				}},
			{name: "pin", op: "pinOrganization", short: "Keep a user in their organization, whatever the mappings say"},
			{name: "unpin", op: "unpinOrganization", short: "Let the mappings decide about a user again"},
			{name: "roles", op: "listRoleGrants", short: "List the roles of a user with the source of each",
				columns: "ROLE id:role, BECAUSE @source, SINCE at"},
			{name: "grant", op: "grantRole", short: "Assign a role to a user", free: "role", example: `kim@contoso.example "Agent User"`,
				asks:  askGrant,
				flags: []flag{{"role", "role", "`role` to assign"}}},
			{name: "revoke", op: "revokeRole", short: "Remove a role that an administrator assigned", example: `kim@contoso.example "Agent User"`,
				asks: askRevoke},
			{name: "timeline", op: "getUserTimeline", short: "Show the history of a user",
				columns: "TIME at, ACTION action, EFFECTS effects, BY @by, REASON actor.reason; CHANGES @changes, EXPLANATION explanation, " +
					"CAUSE cause, ID id"},
			{name: "convert-to-local", op: "convertUserToLocal", short: "Convert a user to a local user, which no directory manages"},
			{name: "convert-to-provisioned", op: "convertUserToProvisioned",
				short:   "Convert a local user to a user of a provider, which then manages it",
				example: `kim@contoso.example --provider Demo --reason Migration`,
				flags:   []flag{{"provider", "provider", "`provider` that gets the user"}}},
			{name: "erase", op: "eraseUser", short: "Erase the personal data of a deactivated user, also in the log",
				ask: "Erase all personal data of {userName}? This cannot be undone.", typed: "userName", from: "getUser"},
		},
	}
}

// askGrant asks before a privileged role is assigned.
func askGrant(ctx context.Context, c *call) (string, error) {
	names, err := c.privileged(ctx, c.body["role"])
	if err != nil || len(names) == 0 {
		return "", err
	}
	return "Assign the privileged role " + names[0] + " to " + c.nameFor(ctx, "user", c.ids[0], "") + "?", nil
}

func askDeactivateUser(ctx context.Context, c *call) (string, error) {
	return "Deactivate " + c.nameFor(ctx, "user", c.ids[0], "") + " immediately?", nil
}

func askRevoke(ctx context.Context, c *call) (string, error) {
	return "Remove the role " + c.nameFor(ctx, "role", c.ids[1], "") + " from " + c.nameFor(ctx, "user", c.ids[0], "") + "?", nil
}

// explain shows why a user is in an organization and has roles.
func explain(ctx context.Context, c *call) error {
	x, err := c.get(ctx, c.op.id, c.ids...)
	if err != nil {
		return err
	}
	return c.printOne(ctx, c.act.columns, c.act.tables, x)
}
