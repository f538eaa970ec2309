package main

func settingsNoun() noun {
	const one = "Tenant displayName, Id id, Dual_control dualControl, End_requested_by dualControlEndedBy, " +
		"User_retention_(days) userRetentionDays, Log_retention_(days) logRetentionDays, Version version"
	return noun{
		name: "settings", group: groupTenant, short: "Show and change the tenant's settings", columns: one,
		actions: []action{
			{name: "show", op: "getSettings", short: "Show the tenant's settings"},
			{name: "set", op: "updateSettings", short: "Change settings; ending dual control needs two administrators", example: "--keep-users 120",
				flags: []flag{
					{"dual-control", "dualControl", "require the approval of a second administrator for privileged changes"},
					{"keep-users", "userRetentionDays", "`days` to keep personal data of deactivated people who are in no directory, " +
						"or default for the deployment's value"},
					{"keep-log", "logRetentionDays", "`days` to keep the log, at most the deployment's value, or default for that value"},
				}},
		},
	}
}
