package main

func pendingNoun() noun {
	return noun{
		name: "pending", group: groupPeople, short: "See and cancel pending deactivations: people who are blocked and wait",
		actions: []action{
			{name: "list", op: "listPendingDeactivations", short: "List the people who wait for deactivation", example: "--provider Demo",
				columns: "DUE pending.dueAt, USER_NAME userName, NAME displayName, STATE @state, PROVIDER pending.provider, CAUSE pending.cause, " +
					"ASKED pending.requestedAt; WAITS_FOR pending.gates, ORGANIZATION organizationId, ID id",
				flags: []flag{{"provider", "provider", "`provider` that asked for it"}, {"gate", "gate", "only those who wait for this `gate`"}}},
			{name: "cancel", op: "cancelPendingDeactivations", short: "Cancel deactivations", free: "users",
				example: `kim@contoso.example lee@contoso.example --reason "Sent by mistake"`,
				columns: "USER user, RESULT result, WHY detail, STATE @person", flags: []flag{
					{"users", "users", "`users`, separated by commas"}, {"keep-blocked", "keepBlocked", "they stay blocked"},
				}},
		},
	}
}
