package main

func reportNoun() noun {
	const row = "USER_NAME user.userName, STATE user.@state, KINDS kinds, SINCE since, DAYS days, PROVIDER user.provider, " +
		"ORGANIZATION user.organizationId; NAME user.displayName, ID user.id"
	provider := flag{"provider", "provider", "of one `provider`"}
	return noun{
		name: "report", group: groupRecords, short: "See what is worth a look: overrides, drift, people deactivated long ago, unknown countries",
		actions: []action{
			{name: "drift", op: "reportDrift", short: "List people who are not as the directory and the mappings say", example: "--provider Demo",
				columns: row, flags: []flag{provider}},
			{name: "overrides", op: "reportOverrides", short: "List people whom the directory disabled and an administrator keeps active",
				columns: row, flags: []flag{provider}},
			{name: "stale", op: "reportStale", short: "List people who were deactivated long ago", example: "--days 180", columns: row,
				flags: []flag{
					{"days", "days", "at least so many `days` ago (default 90)"}, provider,
				}},
			{name: "country-values", op: "listCountryValues", short: "List what directories send as a country and is none",
				columns: "PROVIDER provider, VALUE value, PEOPLE users:, SINCE firstAt",
				flags:   []flag{provider}},
		},
	}
}
