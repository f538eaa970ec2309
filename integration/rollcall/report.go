package main

func reportNoun() noun {
	const row = "USER_NAME user.userName, STATE user.@state, KINDS kinds, SINCE since, DAYS days, PROVIDER user.provider, " +
		"ORGANIZATION user.organizationId; NAME user.displayName, ID user.id"
	provider := flag{"provider", "provider", "only of this `provider`"}
	return noun{
		name: "report", group: groupRecords, short: "Reports: drift, overrides, people deactivated long ago, unknown countries",
		actions: []action{
			{name: "drift", op: "reportDrift", short: "List people who differ from the directory or the mappings", example: "--provider Demo",
				columns: row, flags: []flag{provider}},
			{name: "overrides", op: "reportOverrides", short: "List people who are kept active although the directory disabled them",
				columns: row, flags: []flag{provider}},
			{name: "stale", op: "reportStale", short: "List people who were deactivated long ago", example: "--days 180", columns: row,
				flags: []flag{
					{"days", "days", "minimum number of `days` (default 90)"}, provider,
				}},
			{name: "country-values", op: "listCountryValues", short: "List values that directories send as a country but that are not one",
				columns: "PROVIDER provider, VALUE value, PEOPLE users:, SINCE firstAt",
				flags:   []flag{provider}},
		},
	}
}
