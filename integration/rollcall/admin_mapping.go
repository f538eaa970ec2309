package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"
)

func orgVerbs() []adminVerb {
	list := columns("ID id, NAME name, STATE state, BLOCKED blocked, USERS memberCount, DEFAULT_ROLES defaultRoles, PARENT parentId")
	one := columns("Id id, Name name, Earlier_names aliases, State state, Blocked blocked, Users memberCount, Default_roles defaultRoles, Parent parentId, " +
		"External_reference externalRef, Made_by_people_of provider, On_legal_hold held, Created createdAt, Changed modifiedAt, Version version")
	const get, post, patch = http.MethodGet, http.MethodPost, http.MethodPatch
	settings := []adminFlag{
		{name: "name", member: "name", usage: "`name`, unique in the tenant"}, {name: "parent", member: "parentId", usage: "`id` of the organization above"},
		{name: "ref", member: "externalRef", usage: "`reference` of your own"}, {name: "default-roles", member: "defaultRoles", usage: "`ids` of roles, separated by commas", kind: listFlag},
	}
	required := append([]adminFlag{}, settings...)
	required[0].required = true
	return []adminVerb{
		{name: "list", summary: "list or search organizations", method: get, path: "/organizations", list: true, show: list, flags: []adminFlag{
			{name: "search", member: "search", usage: "`part` of a name"}, {name: "state", member: "state", usage: "`state`: active or deactivated"},
		}},
		{name: "show", args: "ORG", summary: "show an organization", method: get, path: "/organizations/%s", show: one},
		{name: "create", summary: "make an organization", method: post, path: "/organizations", show: one, flags: required},
		{name: "change", args: "ORG", summary: "rename or change an organization", method: patch, path: "/organizations/%s", show: one, flags: settings},
		{name: "block", args: "ORG", summary: "let nobody in it sign in", method: post, path: "/organizations/%s:block", show: one},
		{name: "unblock", args: "ORG", summary: "end a block", method: post, path: "/organizations/%s:unblock", show: one},
		{name: "deactivate", args: "ORG", summary: "end an organization and deactivate its people (-dry-run lists who is on hold)", method: post, path: "/organizations/%s:deactivate", show: one},
		{name: "reactivate", args: "ORG", summary: "let it take people again", method: post, path: "/organizations/%s:reactivate", show: one},
		{name: "members", args: "ORG", summary: "list its people", method: get, path: "/organizations/%s/members", list: true, show: columns("ID id, USER_NAME userName, NAME displayName, ROLES roles")},
	}
}

func roleVerbs() []adminVerb {
	list := columns("ID id, NAME name, PRIVILEGED privileged, USERS userCount, DESCRIPTION description")
	one := columns("Id id, Name name, Description description, Privileged privileged, Users userCount")
	settings := []adminFlag{
		{name: "name", member: "name", usage: "`name`"}, {name: "description", member: "description", usage: "what it `allows`"},
		{name: "privileged", member: "privileged", usage: "`true` if a mapping to it needs a confirmation", kind: boolFlag},
	}
	return []adminVerb{
		{name: "list", summary: "list the roles", method: http.MethodGet, path: "/roles", list: true, show: list},
		{name: "create", summary: "add a role", method: http.MethodPost, path: "/roles", show: one, flags: append([]adminFlag{{name: "id", member: "id", usage: "`id`; else made of the name"}}, settings...)},
		{name: "change", args: "ROLE", summary: "change a role", method: http.MethodPatch, path: "/roles/%s", show: one, flags: settings},
		{name: "delete", args: "ROLE", summary: "take a role out of the catalogue", method: http.MethodDelete, path: "/roles/%s", show: one},
	}
}

func watchlistVerbs() []adminVerb {
	list := columns("ID id, TYPE type, TITLE title, USERS memberCount, DEPARTMENTS departments")
	one := columns("Id id, Type type, Title title, Users memberCount, Groups groups, Departments departments, Included included, Excluded excluded, Version version")
	settings := []adminFlag{
		{name: "type", member: "type", usage: "`type`, such as departing or custom"}, {name: "title", member: "title", usage: "`title`"},
		{name: "groups", member: "groups", usage: "`ids` of groups, separated by commas", kind: listFlag},
		{name: "departments", member: "departments", usage: "`names` of departments, separated by commas", kind: listFlag},
		{name: "include", member: "included", usage: "`ids` of users, separated by commas", kind: listFlag},
		{name: "exclude", member: "excluded", usage: "`ids` of users, separated by commas", kind: listFlag},
	}
	return []adminVerb{
		{name: "list", summary: "list the watchlists", method: http.MethodGet, path: "/watchlists", list: true, show: list},
		{name: "show", args: "WATCHLIST", summary: "show a watchlist", method: http.MethodGet, path: "/watchlists/%s", show: one},
		{name: "create", summary: "make a watchlist", method: http.MethodPost, path: "/watchlists", show: one, flags: settings},
		{name: "change", args: "WATCHLIST", summary: "change a watchlist", method: http.MethodPatch, path: "/watchlists/%s", show: one, flags: settings},
		{name: "delete", args: "WATCHLIST", summary: "delete a watchlist", method: http.MethodDelete, path: "/watchlists/%s", show: one},
		{name: "members", args: "WATCHLIST", summary: "list its people", method: http.MethodGet, path: "/watchlists/%s/members", list: true, show: columns("ID id, USER_NAME userName, NAME displayName")},
	}
}

var (
	mappingUse    = "Groups groups.total, Not_mapped groups.unmapped, Groups_are groups.state, Configuration configVersion, Applied appliedVersion"
	groupsFlag    = adminFlag{name: "groups", member: "groups", usage: "`ids` of groups, separated by commas", kind: listFlag}
	orgTargetFlag = adminFlag{name: "org", member: "organizationId", usage: "`id` of the organization"}
)

func orgMappingVerbs() []adminVerb {
	one := columns("Provider id, Method method, Organization organizationId, Attribute attribute, Template templateOrganizationId, " + mappingUse + ", Mappings mappings")
	entry := columns("Id id, Priority priority, Groups groups, Organization organizationId, Target_is_deactivated invalidTarget")
	const base = "/providers/%s/organization-mapping"
	return []adminVerb{
		{name: "show", args: "PROVIDER", summary: "show method and mappings", method: http.MethodGet, path: base, show: one},
		{name: "set", args: "PROVIDER", summary: "choose the method; people move with apply", method: http.MethodPut, path: base, show: one, flags: []adminFlag{
			{name: "method", member: "method", usage: "`method`: single, groups, org-name or attribute", required: true}, orgTargetFlag,
			{name: "attribute", member: "attribute", usage: "`path` of the attribute, with method attribute"},
			{name: "template", member: "templateOrganizationId", usage: "`id` of the organization that new ones take after"},
		}},
		{name: "add", args: "PROVIDER", summary: "map groups to an organization, with the lowest priority", method: http.MethodPost, path: base + "/mappings", show: entry, flags: []adminFlag{groupsFlag, orgTargetFlag}},
		{name: "change", args: "PROVIDER MAPPING", summary: "change groups or target", method: http.MethodPatch, path: base + "/mappings/%s", show: entry, flags: []adminFlag{groupsFlag, orgTargetFlag}},
		{name: "delete", args: "PROVIDER MAPPING", summary: "delete a mapping", method: http.MethodDelete, path: base + "/mappings/%s", show: entry},
		{name: "reorder", args: "PROVIDER", summary: "put the mappings in an order, which is their priority", method: http.MethodPost, path: base + "/mappings:reorder", show: one, flags: []adminFlag{
			{name: "order", member: "mappings", usage: "`ids` of all mappings, the first wins", kind: listFlag, required: true},
		}},
	}
}

func roleMappingVerbs() []adminVerb {
	one := columns("Provider id, Mode mode, Only_the_directory_gives_roles strict, " + mappingUse + ", Mappings mappings, Proposals proposals")
	entry := columns("Id id, Groups groups, Roles roles, Missing_roles missingRoles, Privileged privileged, Waits_for_another_administrator_than proposedBy")
	roles := []adminFlag{
		groupsFlag, {name: "roles", member: "roles", usage: "`ids` of roles, separated by commas", kind: listFlag},
		{name: "confirm", member: "confirm", usage: "the `name` of a privileged role, to be sure"},
	}
	const base = "/providers/%s/role-mapping"
	return []adminVerb{
		{name: "show", args: "PROVIDER", summary: "show mode and mappings", method: http.MethodGet, path: base, show: one},
		{name: "set", args: "PROVIDER", summary: "choose where roles come from", method: http.MethodPut, path: base, show: one, flags: []adminFlag{
			{name: "mode", member: "mode", usage: "`mode`: manual or groups", required: true},
			{name: "strict", member: "strict", usage: "`true`: the directory is the only source of roles", kind: boolFlag},
			{name: "mapped-roles", member: "mappedRoles", usage: "what becomes of mapped `roles` with manual: keep (default) or remove"},
		}},
		{name: "add", args: "PROVIDER", summary: "map groups to roles", method: http.MethodPost, path: base + "/mappings", show: entry, flags: roles},
		{name: "change", args: "PROVIDER MAPPING", summary: "change groups or roles", method: http.MethodPatch, path: base + "/mappings/%s", show: entry, flags: roles},
		{name: "delete", args: "PROVIDER MAPPING", summary: "delete a mapping", method: http.MethodDelete, path: base + "/mappings/%s", show: entry},
		{name: "approve", args: "PROVIDER MAPPING", summary: "approve what another administrator proposed", method: http.MethodPost, path: base + "/proposals/%s:approve", show: entry},
		{name: "reject", args: "PROVIDER MAPPING", summary: "discard a proposal", method: http.MethodPost, path: base + "/proposals/%s:reject", show: entry},
	}
}

// explain prints why a user is in an organization and has roles.
func explain(ctx context.Context, c *adminCall, client *adminClient) error {
	x, err := client.send(ctx, http.MethodGet, c.path(c.verb.path), nil, nil)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(x)
	}
	name := func(id string) string { return orDash(member(x["names"], id)) }
	is := member(x, "is.organizationId")
	tw := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "Organization\t%s (%s)\nBecause\t%s\nUnder configuration\t%s\nThe rules say now\t%s: %s\n",
		name(is), orDash(is), orDash(member(x, "is.source")+" "+member(x, "is.group")), member(x, "is.configVersion"), name(member(x, "wouldBe.organizationId")), member(x, "reason"))
	for _, m := range list(x, "organizations") {
		fmt.Fprintf(tw, "Mapping %s\t%s -> %s: %s\n", member(m, "priority"), member(m, "groups"), name(member(m, "organizationId")), member(m, "result"))
	}
	is2, _ := x["is"].(map[string]any)
	for _, g := range list(is2, "roleGrants") {
		fmt.Fprintf(tw, "Role %s\t%s by %s since %s\n", member(g, "id"), member(g, "source"), orDash(member(g, "by")), member(g, "at"))
	}
	return tw.Flush()
}

func list(v map[string]any, name string) []any {
	l, _ := v[name].([]any)
	return l
}
