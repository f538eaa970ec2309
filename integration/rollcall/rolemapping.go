package main

import (
	"context"
	"fmt"
	"slices"

	"rollcall/shared/directory"
)

// roleModes describes the sources of roles, in the words of the console.
var roleModes = map[string]string{"manual": "manual: administrators assign roles", "groups": "groups: map SCIM groups to roles"}

func roleMappingNoun() noun {
	const one = "Provider id:provider, Mode @mode, Only_the_directory_gives_roles strict, Groups @groupUse, To_apply @toApply"
	const row = "GROUPS groups, ROLES roles, MISSING_ROLES missingRoles, PRIVILEGED privileged"
	const entry = "Groups groups, Roles roles, Missing_roles missingRoles, Privileged privileged, Id id, " +
		"Awaits_approval_(proposed_by) proposedBy"
	tables := []table{{"Mappings; all that match give their roles", "mappings", row + ", ID id"},
		{"Proposals, awaiting approval by another administrator", "proposals", row + ", BY proposedBy, ID id"}}
	flags := []flag{
		{"groups", "groups", "`groups`, separated by commas"}, {"roles", "roles", "`roles` of their members, separated by commas"},
	}
	return noun{
		name: "role-mapping", group: groupProvision, short: "Set how people of a provider get their roles", columns: one, tables: tables,
		actions: []action{
			{name: "show", op: "getRoleMapping", short: "Show the mode and the mappings"},
			{name: "set", op: "setRoleMapping", short: "Change the role mapping mode", example: "Demo --mode groups",
				long: "Changes the role mapping mode; settings that are not given keep their value:\n\n" +
					"  manual  administrators assign roles\n" +
					"  groups  map SCIM groups to roles; unmapped users have the default roles of their organization",
				merge: "getRoleMapping", settle: settleMode, asks: askMode, hint: applyHint, flags: []flag{
					{"mode", "mode", "`source` of roles"},
					{"strict", "strict", "the directory is the only source of roles: also remove roles that administrators assigned"},
					{"mapped-roles", "mappedRoles", "whether to `keep` (default) or remove mapped roles, with --mode manual"},
				}},
			{name: "add", op: "createRoleMappingEntry", short: "Map groups to roles",
				example: `Demo --groups Sales --roles "Agent User,Desktop User"`, columns: entry, flags: flags, hint: applyHint},
			{name: "change", op: "updateRoleMappingEntry", short: "Change a mapping, named by one of its groups",
				example: `Demo Sales --roles "Agent User"`, columns: entry, flags: flags, hint: applyHint},
			{name: "delete", op: "deleteRoleMappingEntry", short: "Delete a mapping, named by one of its groups", columns: entry,
				asks: askMapping("getRoleMapping"), hint: applyHint},
			{name: "approve", op: "approveRoleMappingEntry", short: "Approve a mapping that another administrator proposed",
				columns: entry, hint: applyHint},
			{name: "reject", op: "rejectRoleMappingEntry", short: "Reject a proposed mapping", columns: entry},
		},
	}
}

// settleMode removes a setting that does not belong to the mode.
func settleMode(body object) {
	if body["mode"] == string(directory.RolesManual) {
		delete(body, "strict")
	}
}

// askMode asks before mapped roles are removed.
func askMode(ctx context.Context, c *call) (string, error) {
	if c.body["mappedRoles"] != "remove" {
		return "", nil
	}
	now, err := c.get(ctx, "getRoleMapping", c.ids...)
	if err != nil || text(now, "mode") != string(directory.RolesGroups) {
		return "", err
	}
	people := 0
	for _, m := range list(now, "mappings") {
		entry, _ := m.(object)
		people += membersOf(entry)
	}
	return fmt.Sprintf("Remove the mapped roles from people immediately? The mapped groups have %s.", count(people, "member", "members")), nil
}

// privileged returns the names of the privileged roles among the ids.
func (c *call) privileged(ctx context.Context, ids ...any) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	roles, err := c.candidates(ctx, kinds["role"], "", "", maxCandidates)
	var names []string
	for _, r := range roles {
		if slices.Contains(ids, any(r.id)) && r.item["privileged"] == true {
			names = append(names, printable(r.label()))
		}
	}
	return names, err
}
