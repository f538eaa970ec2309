package main

import (
	"context"
	"strings"
)

func orgNoun() noun {
	const one = "Name name, Id id, Previous_names aliases, State state, Blocked blocked, People memberCount, Default_roles defaultRoles, " +
		"Parent parentId, External_reference externalRef:, Created_for_provider provider, On_legal_hold held, Created createdAt, " +
		"Changed modifiedAt, Version version"
	settings := []flag{
		{"name", "name", "`name`, unique in the tenant"}, {"parent", "parentId", "parent `organization`"},
		{"ref", "externalRef", "external `reference`, such as a number in another system"},
		{"default-roles", "defaultRoles", "`roles` of its people, unless a mapping gives other roles"},
	}
	return noun{
		name: "org", group: groupPeople, short: "Create, rename, block and deactivate organizations", columns: one,
		actions: []action{
			{name: "list", op: "listOrganizations", short: "List or search organizations", example: "--search sales",
				columns: "NAME name, STATE state, BLOCKED blocked, PEOPLE memberCount, DEFAULT_ROLES defaultRoles, PARENT parentId; " +
					"CREATED createdAt, ID id", flags: []flag{
					{"search", "search", "`part` of a name"}, {"state", "state", "only organizations in this `state`"},
				}},
			{name: "show", op: "getOrganization", short: "Show an organization"},
			{name: "create", op: "createOrganization", short: "Create an organization", free: "name",
				example: `Engineering --default-roles "Agent User"`, flags: settings},
			{name: "change", op: "updateOrganization", short: "Rename or change an organization", example: "Engineering --name Research",
				flags: settings},
			{name: "block", op: "blockOrganization", short: "Deny sign-in to all people in it", from: "getOrganization",
				ask: "Deny sign-in to {memberCount person people} in organization {name}?"},
			{name: "unblock", op: "unblockOrganization", short: "End a block"},
			{name: "deactivate", op: "deactivateOrganization", short: "Deactivate an organization and its people", asks: askDeactivate},
			{name: "reactivate", op: "reactivateOrganization", short: "Reactivate an organization, so that it accepts people again"},
			{name: "members", op: "listOrganizationMembers", short: "List its people", columns: people},
		},
	}
}

// askDeactivate refuses if people in the organization are on legal hold, and names them.
func askDeactivate(ctx context.Context, c *call) (string, error) {
	plan, err := c.request(ctx, true)
	if err != nil {
		return "", err
	}
	if held := texts(plan["held"]); len(held) > 0 {
		var names []string
		for _, id := range held {
			names = append(names, c.nameFor(ctx, "user", id, ""))
		}
		return "", failf(exitFailed, "%s on legal hold: %s. Move them to another organization first.",
			count(len(held), "person is", "people are"), strings.Join(names, ", "))
	}
	return c.question(ctx, "Deactivate organization {name} and {memberCount person people} in it?", plan), nil
}
