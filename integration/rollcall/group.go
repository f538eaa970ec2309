package main

import (
	"context"
	"maps"
)

func groupNoun() noun {
	return noun{
		name: "group", group: groupProvision, short: "Show the groups that a directory sent, and their members",
		actions: []action{
			{name: "list", op: "listGroups", short: "List or search the groups of a provider", example: "Demo --unmapped organization",
				columns: "NAME displayName, MEMBERS memberCount, CHANGED modifiedAt; CREATED createdAt, ID id", flags: []flag{
					{"search", "search", "`part` of the name"},
					{"unmapped", "unmapped", "only groups that no mapping of this `kind` uses"},
				}},
			{name: "show", op: "getGroup", short: "Show a group, with the mappings and watchlists that use it",
				columns: "Name displayName, Id id, Provider provider, External_id externalId:, Members memberCount, Maps_to_organization @orgOf, " +
					"Maps_to_roles @rolesOf, Watchlists watchlists, Created createdAt, Changed modifiedAt, Version version",
				do: showGroup, also: []string{"getGroupUsage"}},
			{name: "unlink", op: "unlinkGroup", short: "Undo that a group took the place of a deleted one when it came back",
				columns: "Named_again displayName, Id id, Deleted_in_the_directory deleted",
				ask:     "Let mappings and watchlists name the deleted group again?"},
			{name: "members", op: "listGroupMembers", short: "List the members of a group",
				columns: "USER_NAME userName, NAME displayName, STATE @person, TYPE type; SCIM_ID id, ID userId:"},
		},
	}
}

// showGroup shows a group with the mappings and watchlists that use it.
func showGroup(ctx context.Context, c *call) error {
	group, err := c.get(ctx, c.op.id, c.ids...)
	if err != nil {
		return err
	}
	usage, err := c.get(ctx, "getGroupUsage", c.ids...)
	if err != nil {
		return err
	}
	maps.Copy(group, usage)
	return c.print(ctx, group)
}

// mappedTo returns the organization or the roles of a group's mapping; read is the operation that lists mappings.
func (c *call) mappedTo(ctx context.Context, group object, id, read, gives string) string {
	all, err := c.known(ctx, read, text(group, "provider"))
	if err != nil || group[id] == nil {
		return text(group, id)
	}
	for _, m := range list(all, "mappings") {
		if entry, ok := m.(object); ok && entry["id"] == group[id] {
			return c.cell(ctx, entry, gives)
		}
	}
	return text(group, id)
}
