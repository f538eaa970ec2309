package main

func pendingNoun() noun {
	return noun{
		name: "pending", group: groupPeople, short: "List and cancel pending deactivations",
		actions: []action{
			{name: "list", op: "listPendingDeactivations", short: "List pending deactivations", example: "--provider Demo",
				columns: "DUE pending.dueAt, USER_NAME userName, NAME displayName, STATE @state, PROVIDER pending.provider, CAUSE pending.cause, " +
					"REQUESTED pending.requestedAt; WAITING_FOR pending.gates, ORGANIZATION organizationId, ID id",
				flags: []flag{
					{"provider", "provider", "only deactivations by this `provider`"}, {"gate", "gate", "only deactivations that wait for this `gate`"},
				}},
			{name: "export", op: "exportPendingDeactivations", short: "Export pending deactivations as CSV", example: "--out pending.csv",
				flags: []flag{
					{"provider", "provider", "only deactivations by this `provider`"}, {"gate", "gate", "only deactivations that wait for this `gate`"},
				}, local: outFlag, do: exportTable},
			{name: "cancel", op: "cancelPendingDeactivations", short: "Cancel pending deactivations", free: "users",
				example: `kim@contoso.example lee@contoso.example --reason "Sent by mistake"`,
				columns: "USER user, RESULT result, WHY detail, STATE @person", flags: []flag{
					{"users", "users", "`users`, separated by commas"}, {"keep-blocked", "keepBlocked", "keep the users blocked"},
				}},
		},
	}
}
