package main

func deliveryNoun() noun {
	const one = "Id id, Webhook webhook, Event type, Entry entry, State state, Tries tries, Status status, Cause cause, Next_try dueAt, " +
		"Done doneAt"
	return noun{
		name: "delivery", group: groupRecords, short: "See what was sent to webhooks, and send it again", columns: one,
		actions: []action{
			{name: "list", op: "listDeliveries", short: "List the deliveries, the newest first",
				example: "--webhook Payroll --state dead --since 1d",
				columns: "WEBHOOK webhook, EVENT type, STATE state, TRIES tries, STATUS status, CAUSE cause, NEXT_TRY dueAt, DONE doneAt, ID id",
				flags: append(span(),
					flag{"webhook", "webhook", "of one `webhook`"}, flag{"state", "state", "only those in this `state`"})},
			{name: "show", op: "getDelivery", short: "Show a delivery"},
			{name: "replay", op: "replayDelivery", short: "Have a delivery sent again"},
		},
	}
}
