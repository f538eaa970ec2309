package main

func settingsNoun() noun {
	const one = "Tenant displayName, Id id, Dual_control dualControl, End_asked_for_by dualControlEndedBy, " +
		"People_are_kept_(days) userRetentionDays, Log_is_kept_(days) logRetentionDays, Version version"
	return noun{
		name: "settings", group: groupTenant, short: "Show and change the tenant's settings", columns: one,
		actions: []action{
			{name: "show", op: "getSettings", short: "Show the tenant's settings"},
			{name: "set", op: "updateSettings", short: "Change settings; ending dual control takes two administrators", example: "--keep-users 120",
				flags: []flag{
					{"dual-control", "dualControl", "privileged changes wait for a second administrator"},
					{"keep-users", "userRetentionDays", "`days` that the personal data of deactivated people is kept whom no directory knows any more; " +
						"default for the deployment's"},
					{"keep-log", "logRetentionDays", "`days` the log is kept, at most as long as the deployment keeps it; default for the deployment's"},
				}},
		},
	}
}
