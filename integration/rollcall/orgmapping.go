package main

import (
	"context"
	"fmt"
)

// orgMethods describes the methods of placing people, in the words of the console.
var orgMethods = map[string]string{
	"single":    "single: create new users in the organization below",
	"groups":    "groups: map users to organizations using SCIM groups",
	"org-name":  `org-name: map users to organizations based on the provider's "orgName" attribute`,
	"attribute": "attribute: map users to organizations based on a custom attribute",
}

// applyHint is the next step after a change of mappings.
const applyHint = "{@applyHint}"

func orgMappingNoun() noun {
	const one = "Provider id:provider, Method @method, Organization organizationId, Attribute attribute, " +
		"Template_organization templateOrganizationId, Groups @groupUse, To_apply @toApply"
	const row = "PRIORITY priority, GROUPS groups, ORGANIZATION organizationId, DEACTIVATED invalidTarget, ID id"
	const entry = "Priority priority, Groups groups, Organization organizationId, Organization_is_deactivated invalidTarget, Id id"
	flags := []flag{{"groups", "groups", "`groups`, separated by commas"}, {"org", "organizationId", "`organization` of their members"}}
	return noun{
		name: "org-mapping", group: groupProvision, short: "Set how people of a provider get their organization", columns: one,
		tables: []table{{"Mappings; the first that matches applies", "mappings", row}},
		actions: []action{
			{name: "show", op: "getOrganizationMapping", short: "Show the method and the mappings"},
			{name: "set", op: "setOrganizationMapping", short: "Change the organization mapping method",
				example: "Demo --method groups --org Unassigned",
				long: "Changes the organization mapping method; settings that are not given keep their value:\n\n" +
					"  single     create new users in the organization of --org\n" +
					"  groups     map users to organizations using SCIM groups; --org is for unmapped users\n" +
					"  org-name   map users to organizations based on the provider's \"orgName\" attribute\n" +
					"  attribute  map users to organizations based on the attribute of --attribute\n\n" +
					"Groups are available after the directory has sent them.",
				merge: "getOrganizationMapping", settle: settleMethod, hint: applyHint, flags: []flag{
					{"method", "method", "`method` of placing people"},
					{"org", "organizationId", "`organization` for new or unmapped users"},
					{"attribute", "attribute", "`path` of the attribute, with --method attribute"},
					{"template", "templateOrganizationId", "template `organization`, whose parent and default roles new organizations get"},
				}},
			{name: "add", op: "createOrganizationMappingEntry", short: "Map groups to an organization, with the lowest priority",
				example: `Demo --groups "Sales,Marketing" --org Business`,
				columns: entry, flags: flags, hint: applyHint},
			{name: "change", op: "updateOrganizationMappingEntry", short: "Change a mapping, named by one of its groups",
				example: "Demo Sales --org Business", columns: entry, flags: flags, hint: applyHint},
			{name: "delete", op: "deleteOrganizationMappingEntry", short: "Delete a mapping, named by one of its groups", columns: entry,
				hint: applyHint,
				asks: askMapping("getOrganizationMapping")},
			{name: "reorder", op: "reorderOrganizationMapping", short: "Change the priorities: give all mappings in their new order", free: "order",
				example: "Demo Marketing Sales",
				hint:    applyHint, flags: []flag{{"order", "mappings", "all `mappings`, each by one of its groups; the first that matches applies"}}},
		},
	}
}

// settleMethod removes settings that belong to another method.
func settleMethod(body object) {
	if body["method"] != "attribute" {
		delete(body, "attribute")
	}
	if body["method"] == "single" || body["method"] == "groups" {
		delete(body, "templateOrganizationId")
	}
}

// askMapping returns the question before a mapping is deleted, with the number of members of its groups.
func askMapping(read string) func(context.Context, *call) (string, error) {
	return func(ctx context.Context, c *call) (string, error) {
		all, err := c.get(ctx, read, c.ids[0])
		if err != nil {
			return "", err
		}
		for _, m := range list(all, "mappings") {
			if text(m, "id") == c.ids[1] {
				entry, _ := m.(object)
				return fmt.Sprintf("Delete the mapping of %s? Its groups have %s, who change with the next apply run.",
					c.cell(ctx, entry, "groups"), count(membersOf(entry), "member", "members")), nil
			}
		}
		return "Delete the mapping?", nil // the API returns the error
	}
}

// groupUse describes how many groups are not mapped, in the words of the console.
func groupUse(mapping object) string {
	switch text(mapping, "groups.state") {
	case "none":
		return "There are no SCIM groups available: provision groups from the directory first"
	case "all-mapped":
		return "All SCIM groups are mapped"
	}
	return text(mapping, "groups.unmapped") + " of " + text(mapping, "groups.total") + " groups are not mapped"
}

// toApply describes whether the mappings have changed since they were applied.
func (c *call) toApply(ctx context.Context, mapping object) string {
	if text(mapping, "configVersion") == text(mapping, "appliedVersion") {
		return "nothing"
	}
	return fmt.Sprintf("configuration %s (last applied: %s); run: rollcall apply run %s", text(mapping, "configVersion"),
		text(mapping, "appliedVersion"),
		word(c.nameFor(ctx, "provider", text(mapping, "id"), "")))
}

// membersOf counts the members of the groups of a mapping.
func membersOf(entry object) int {
	n := 0
	for _, g := range list(entry, "groups") {
		var members int
		if _, err := fmt.Sscan(text(g, "memberCount"), &members); err == nil {
			n += members
		}
	}
	return n
}
