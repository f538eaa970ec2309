package main

import (
	"time"

	"rollcall/shared/directory"
)

// stateTexts describes the shown states, but for the one with a countdown.
var stateTexts = map[directory.ShownState]string{
	directory.ShownActive: "active", directory.ShownOverride: "active by override", directory.ShownStaged: "active (awaiting review)",
	directory.ShownBlocked: "blocked", directory.ShownOrgBlocked: "blocked (organization)",
	directory.ShownLegalHold: "blocked (legal hold)", directory.ShownAwaitingReview: "blocked (awaiting review)",
	directory.ShownRemoved: "removed by directory", directory.ShownDeactivated: "deactivated", directory.ShownErased: "erased",
}

// stateNames returns the values of --state.
func stateNames() []string {
	var names []string
	for _, s := range directory.ShownStates() {
		names = append(names, string(s))
	}
	return names
}

// shownState returns a person's state in one phrase.
func shownState(u object, now time.Time) string {
	state := directory.ShownState(text(u, "shownState"))
	if state != directory.ShownPending {
		return stateTexts[state]
	}
	due, err := time.Parse(time.RFC3339, text(u, "pending.dueAt"))
	if err != nil || !due.After(now) {
		return "blocked, deactivation is due"
	}
	return "blocked, deactivation in " + countdown(due.Sub(now))
}
