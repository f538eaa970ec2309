package main

func roleNoun() noun {
	const one = "Name name, Id id, Description description, Privileged privileged, People userCount"
	settings := []flag{
		{"name", "name", "`name`"}, {"description", "description", "`text` that describes its permissions"},
		{"privileged", "privileged", "require a confirmation to grant it or map to it"},
	}
	return noun{
		name: "role", group: groupPeople, short: "Manage the catalogue of roles", columns: one,
		actions: []action{
			{name: "list", op: "listRoles", short: "List the roles",
				columns: "NAME name, PRIVILEGED privileged, PEOPLE userCount, DESCRIPTION description; ID id"},
			{name: "create", op: "createRole", short: "Add a role", free: "name", example: `"Fleet Observer" --description "Reads the fleet."`,
				flags: append([]flag{{"id", "id", "`id` (default: derived from the name)"}}, settings...)},
			{name: "change", op: "updateRole", short: "Change a role", example: `"Fleet Observer" --privileged`, flags: settings},
			{name: "delete", op: "deleteRole", short: "Remove a role from the catalogue",
				ask: "Delete role {name}? {userCount person_has people_have} it."},
		},
	}
}
