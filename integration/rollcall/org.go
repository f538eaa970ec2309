package main

import (
	"context"
	"strings"
)

func orgNoun() noun {
	const one = "Name name, Id id, Earlier_names aliases, State state, Blocked blocked, People memberCount, Default_roles defaultRoles, " +
		"Parent parentId, External_reference externalRef:, Made_by_people_of provider, On_legal_hold held, Created createdAt, " +
		"Changed modifiedAt, Version version"
	settings := []flag{
		{"name", "name", "`name`, unique in the tenant"}, {"parent", "parentId", "`organization` above"},
		{"ref", "externalRef", "`reference` of your own"},
		{"default-roles", "defaultRoles", "`roles` of its people unless a mapping gives others"},
	}
	return noun{
		name: "org", group: groupPeople, short: "Make, rename, block and deactivate organizations", columns: one,
		actions: []action{
			{name: "list", op: "listOrganizations", short: "List or search organizations", example: "--search sales",
				columns: "NAME name, STATE state, BLOCKED blocked, PEOPLE memberCount, DEFAULT_ROLES defaultRoles, PARENT parentId; " +
					"CREATED createdAt, ID id", flags: []flag{
					{"search", "search", "`part` of a name"}, {"state", "state", "only those in this `state`"},
				}},
			{name: "show", op: "getOrganization", short: "Show an organization"},
			{name: "create", op: "createOrganization", short: "Make an organization", free: "name",
				example: `Engineering --default-roles "Agent User"`, flags: settings},
			{name: "change", op: "updateOrganization", short: "Rename or change an organization", example: "Engineering --name Research",
				flags: settings},
			{name: "block", op: "blockOrganization", short: "Deny sign-in to everybody in it"},
			{name: "unblock", op: "unblockOrganization", short: "End a block"},
			{name: "deactivate", op: "deactivateOrganization", short: "Deactivate an organization and its people", asks: askDeactivate},
			{name: "reactivate", op: "reactivateOrganization", short: "Let an organization take people again"},
			{name: "members", op: "listOrganizationMembers", short: "List its people", columns: people},
		},
	}
}

// askDeactivate names the people on legal hold, who keep the organization from being deactivated.
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
