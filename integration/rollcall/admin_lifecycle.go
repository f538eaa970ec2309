package main

import "net/http"

// reason is the flag of every decision.
var reason = adminFlag{name: "reason", member: "reason", usage: "`why`; goes into the log", required: true}

// decideUserVerbs are the decisions about a user.
func decideUserVerbs(one []column) []adminVerb {
	verb := func(name, summary string, more ...adminFlag) adminVerb {
		return adminVerb{name: name, args: "USER", summary: summary, method: http.MethodPost, path: "/users/%s:" + name, show: one, flags: append([]adminFlag{reason}, more...)}
	}
	return []adminVerb{
		verb("block", "deny sign-in until unblocked"),
		verb("unblock", "lift the block; cancels a pending deactivation"),
		verb("deactivate", "deactivate at once", adminFlag{name: "block", member: "block", usage: "`true`: also block", kind: boolFlag}),
		verb("reactivate", "bring a deactivated user back", adminFlag{name: "unblock", member: "unblock", usage: "`false`: keep an administrator's block", kind: boolFlag}),
		verb("cancel-deactivation", "cancel a pending deactivation; the user stays blocked"),
		verb("convert-to-local", "make a local user of one a directory manages"),
		verb("convert-to-provisioned", "make a local user one of a provider",
			adminFlag{name: "provider", member: "provider", usage: "`id` of the provider", required: true},
			adminFlag{name: "confirm", member: "confirm", usage: "the user `name`, for a user with privileged roles"}),
		verb("erase", "erase what is kept about a deactivated user, also in the log",
			adminFlag{name: "confirm", member: "confirm", usage: "the user `name`, to be sure", required: true}),
		{name: "timeline", args: "USER", summary: "show what happened to a user", method: http.MethodGet, path: "/users/%s/timeline", list: true,
			show: columns("AT at, ACTION action, EFFECTS effects, BY actor.kind, WHO actor.id, REASON actor.reason")},
	}
}

func pendingVerbs() []adminVerb {
	list := columns("DUE pending.dueAt, USER id, USER_NAME userName, WAITS_FOR pending.gates, CAUSE pending.cause, PROVIDER pending.provider, ASKED pending.requestedAt")
	results := columns("USER user, RESULT result, WHY detail")
	return []adminVerb{
		{name: "list", summary: "list who waits for deactivation", method: http.MethodGet, path: "/pending-deactivations", list: true, show: list, flags: []adminFlag{
			{name: "provider", member: "provider", usage: "`id` of the provider that asked for it"},
			{name: "gate", member: "gate", usage: "what it `waits` for: timer, hold or guard"},
		}},
		{name: "cancel", summary: "cancel deactivations", method: http.MethodPost, path: "/pending-deactivations:cancel", items: true, show: results, flags: []adminFlag{
			reason, {name: "users", member: "users", usage: "user `ids`, separated by commas", kind: listFlag, required: true},
			{name: "keep-blocked", member: "keepBlocked", usage: "`true`: they stay blocked", kind: boolFlag},
		}},
	}
}

func holdVerbs() []adminVerb {
	list := columns("ID id, NAME name, REFERENCE reference, STATE state, CREATED createdAt, CLOSED closedAt")
	one := columns("Id id, Name name, Reference reference, State state, Created createdAt, Closed closedAt, Deactivated_at_once plan.counts.deactivated, " +
		"Countdown_resumes plan.counts.resumes, Awaits_review plan.counts.review, Held_by_another_matter plan.counts.held, Stays plan.counts.stays, Version version")
	custodians := columns("USER user, PLACED placedAt, BY placedBy, RELEASED releasedAt, RELEASED_BY releasedBy")
	const get, post = http.MethodGet, http.MethodPost
	return []adminVerb{
		{name: "list", summary: "list matters", method: get, path: "/legal-holds", list: true, show: list},
		{name: "show", args: "MATTER", summary: "show a matter", method: get, path: "/legal-holds/%s", show: one},
		{name: "create", summary: "create a matter", method: post, path: "/legal-holds", show: one, flags: []adminFlag{
			{name: "name", member: "name", usage: "`name` of the matter", required: true}, {name: "reference", member: "reference", usage: "`reference`, such as a case number"},
		}},
		{name: "custodians", args: "MATTER", summary: "list who is, or was, on hold", method: get, path: "/legal-holds/%s/custodians", list: true, show: custodians},
		{name: "place", args: "MATTER", summary: "place users on hold", method: post, path: "/legal-holds/%s/custodians", items: true, show: columns("USER user, RESULT result, WHY detail"), flags: []adminFlag{
			{name: "users", member: "users", usage: "user `ids`, separated by commas", kind: listFlag, required: true}, {name: "reason", member: "reason", usage: "`why`; goes into the log"},
		}},
		{name: "release", args: "MATTER USER", summary: "release a user; -dry-run shows what that means", method: post, path: "/legal-holds/%s/custodians/%s:release",
			show: columns("User user, Outcome outcome, Released releasedAt"), flags: []adminFlag{reason}},
		{name: "close", args: "MATTER", summary: "release everybody; -dry-run shows what that means", method: post, path: "/legal-holds/%s:close", show: one, flags: []adminFlag{reason}},
	}
}

func guardVerbs() []adminVerb {
	one := columns("Window_(s) windowSeconds, Minimum minimum, Percent percent, Limit limit, Moves_minimum moveMinimum, Moves_percent movePercent, Moves_limit moveLimit, Mode mode, " +
		"Active_users userCount, Leavers_in_the_window leaverCount, Moves_in_the_window moveCount, Open_event openEvent, Open_event_of_moves openMoveEvent, Version version")
	list := columns("ID id, KIND kind, STATE state, AT at, COUNT count, LIMIT limit, USERS userCount, DECIDED decidedAt, BY decidedBy")
	event := columns("Id id, Kind kind, State state, At at, Since since, Count count, Limit limit, Active_users userCount, Held held, In_common common, By_minute timeline, Reminders reminderCount, Decided decidedAt, By decidedBy, Version version")
	delay := columns("Delay_(s) deactivationDelaySeconds, Pending pendingCount, Version version")
	const get, post, put = http.MethodGet, http.MethodPost, http.MethodPut
	return []adminVerb{
		{name: "show", args: "PROVIDER", summary: "show a provider's mass-change guard", method: get, path: "/providers/%s/guard", show: one},
		{name: "set", args: "PROVIDER", summary: "change it; what is not given gets its default", method: put, path: "/providers/%s/guard", show: one, flags: []adminFlag{
			{name: "window", member: "windowSeconds", usage: "`time` over which leavers and moves are counted", kind: durationFlag},
			{name: "minimum", member: "minimum", usage: "`number` of leavers that is always allowed", kind: numberFlag},
			{name: "percent", member: "percent", usage: "`percent` of the active users that is allowed, if that is more", kind: numberFlag},
			{name: "move-minimum", member: "moveMinimum", usage: "`number` of people that events may always move, or take roles from", kind: numberFlag},
			{name: "move-percent", member: "movePercent", usage: "`percent` of the active users, if that is more", kind: numberFlag},
			{name: "mode", member: "mode", usage: "`what` becomes of leavers once it trips: block (default), or stage: nothing before the review"},
		}},
		{name: "events", args: "PROVIDER", summary: "list what it found", method: get, path: "/providers/%s/guard-events", list: true, show: list},
		{name: "event", args: "PROVIDER EVENT", summary: "show an event for its review", method: get, path: "/providers/%s/guard-events/%s", show: event},
		{name: "approve", args: "PROVIDER EVENT", summary: "let the deactivations, or moves, happen", method: post, path: "/providers/%s/guard-events/%s:approve", show: event, flags: []adminFlag{reason}},
		{name: "reject", args: "PROVIDER EVENT", summary: "keep the users active, or where they are", method: post, path: "/providers/%s/guard-events/%s:reject", show: event, flags: []adminFlag{reason}},
		{name: "delay", args: "PROVIDER", summary: "show the deactivation delay", method: get, path: "/providers/%s/deactivation-delay", show: delay},
		{name: "set-delay", args: "PROVIDER", summary: "change the deactivation delay", method: put, path: "/providers/%s/deactivation-delay", show: delay, flags: []adminFlag{
			{name: "delay", member: "deactivationDelaySeconds", usage: "`time` between blocking and deactivating, such as 15m", kind: durationFlag, required: true},
			{name: "apply-to-pending", member: "applyToPending", usage: "`true`: also for those who wait already", kind: boolFlag},
		}},
	}
}
