package main

func taskNoun() noun {
	const one = "Id id, Kind kind, State state, About targetKind, Record target:, Entry entry, Progress @progress, Failures failures, " +
		"Cause cause, Next_step dueAt, Started createdAt, Changed changedAt, Done doneAt"
	return noun{
		name: "task", group: groupRecords, short: "See long work in the background, and try again what failed", columns: one,
		actions: []action{
			{name: "list", op: "listTasks", short: "List long work, newest first", example: "--state waiting",
				columns: "KIND kind, STATE state, PROGRESS @progress, RECORD target:, CAUSE cause, NEXT_STEP dueAt, DONE doneAt, ID id",
				flags: []flag{
					{"state", "state", "only tasks in this `state`: running, waiting (for a person) or done"},
					{"kind", "kind", "only tasks of this `kind`"}}},
			{name: "show", op: "getTask", short: "Show a task"},
			{name: "retry", op: "retryTask", short: "Try a task again that waits for a person",
				long: "A task that failed ten times in a row waits for a person. When the cause is mended, this has it tried again."},
		},
	}
}

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
