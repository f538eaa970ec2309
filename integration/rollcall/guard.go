package main

import "context"

func guardNoun() noun {
	const one = "Window windowSeconds, Minimum minimum, Percent percent, Limit limit, Moves_minimum moveMinimum, Moves_percent movePercent, " +
		"Moves_limit moveLimit, Mode mode, Active_people userCount, Leavers_in_the_window leaverCount, Moves_in_the_window moveCount, " +
		"Open_event openEvent, Open_move_event openMoveEvent, Version version"
	const event = "Id id, Kind kind, State state, At at, Since since, Count count, Limit limit, Active_people userCount, Held held:, " +
		"Reminders reminderCount, Decided decidedAt, Decided_by decidedBy, Version version"
	common := []table{{"In common", "common", "ATTRIBUTE attribute, VALUE value, PEOPLE count"},
		{"By minute", "timeline", "MINUTE at, PEOPLE count"}}
	const delay = "Delay deactivationDelaySeconds, Pending pendingCount, Version version"
	return noun{
		name: "guard", group: groupProvision, short: "Review the mass-change guard; set the deactivation delay", columns: event, tables: common,
		actions: []action{
			{name: "show", op: "getGuard", short: "Show a provider's mass-change guard", columns: one},
			{name: "set", op: "setGuard", short: "Change the guard; settings that are not given are kept", example: "Demo --minimum 50 --percent 10",
				columns: one, merge: "getGuard", flags: []flag{
					{"window", "windowSeconds", "`time` window in which leavers and moves are counted"},
					{"minimum", "minimum", "`number` of leavers that are always allowed"},
					{"percent", "percent", "`percent` of active people who may leave, if that is more"},
					{"move-minimum", "moveMinimum", "`number` of people who may always be moved or lose roles"},
					{"move-percent", "movePercent", "`percent` of active people who may be moved or lose roles, if that is more"},
					{"mode", "mode", "`mode` for leavers beyond the limit: block them, but do not deactivate them before the review (block), " +
						"or change nothing before the review (stage)"},
				}},
			{name: "events", op: "listGuardEvents", short: "List the guard's events, newest first",
				columns: "ID id, KIND kind, STATE state, AT at, COUNT count, LIMIT limit, ACTIVE_PEOPLE userCount, DECIDED decidedAt, BY decidedBy"},
			{name: "event", op: "getGuardEvent", short: "Show an event for review"},
			{name: "approve", op: "approveGuardEvent", short: "Approve the deactivations or moves that an event holds back",
				from: "getGuardEvent",
				ask:  "Approve? {held person_is people_are} held back, and will be deactivated when due, or moved."},
			{name: "reject", op: "rejectGuardEvent", short: "Reject them: the people stay active, or are not moved",
				from: "getGuardEvent",
				ask:  "Reject? {held person_is people_are} held back, and will stay active, or not be moved."},
			{name: "delay", op: "getDeactivationDelay", short: "Show the deactivation delay", columns: delay},
			{name: "set-delay", op: "setDeactivationDelay", short: "Change the deactivation delay", free: "delay", example: "Demo 1h",
				columns: delay, asks: askDelay, flags: []flag{
					{"delay", "deactivationDelaySeconds", "`time` between blocking and deactivating, such as 15m"},
					{"apply-to-pending", "applyToPending", "also for pending deactivations"},
				}},
		},
	}
}

// askDelay asks before pending deactivations get another due time.
func askDelay(ctx context.Context, c *call) (string, error) {
	if c.body["applyToPending"] != true {
		return "", nil
	}
	now, err := c.get(ctx, "getDeactivationDelay", c.ids...)
	return c.question(ctx, "Change the due time of {pendingCount pending_deactivation pending_deactivations}?", now), err
}
