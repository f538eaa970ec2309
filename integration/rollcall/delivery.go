package main

func deliveryNoun() noun {
	const one = "Id id, Webhook webhook, Event type, Entry entry, State state, Tries tries, Status status, Cause cause, Next_try dueAt, " +
		"Done doneAt"
	return noun{
		name: "delivery", group: groupRecords, short: "See deliveries to webhooks, and repeat them", columns: one,
		actions: []action{
			{name: "list", op: "listDeliveries", short: "List the deliveries, newest first",
				example: "--webhook Payroll --state dead --since 1d",
				columns: "WEBHOOK webhook, EVENT type, STATE state, TRIES tries, STATUS status, CAUSE cause, NEXT_TRY dueAt, DONE doneAt, ID id",
				flags: append(span(),
					flag{"webhook", "webhook", "only deliveries to this `webhook`"}, flag{"state", "state", "only deliveries in this `state`"})},
			{name: "show", op: "getDelivery", short: "Show a delivery"},
			{name: "replay", op: "replayDelivery", short: "Send a delivery again"},
		},
	}
}
