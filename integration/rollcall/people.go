package main

import (
	"slices"
	"strings"
	"time"
)

// shownStates lists the values of --state, each with the prefix of the shown states that it selects.
var shownStates = [][2]string{
	{"active", "active"}, {"override", "active by override"}, {"blocked", "blocked"}, {"pending", "blocked, deactivation"},
	{"legal-hold", "blocked (legal hold)"},
	{"awaiting-review", "blocked (awaiting review)"}, {"removed", "removed by directory"}, {"deactivated", "deactivated"},
}

func stateNames() []string {
	var names []string
	for _, s := range shownStates {
		names = append(names, s[0])
	}
	return names
}

// keepShown returns a filter of people by their shown state.
func keepShown(c *call) (func(object) bool, error) {
	want := c.flag("state")
	if want == "" {
		return nil, nil
	}
	i := slices.IndexFunc(shownStates, func(s [2]string) bool { return s[0] == want })
	if i < 0 {
		return nil, usagef("--state must be %s%s\n  Use --directory-state to filter by the state that the directory last sent.",
			orList(stateNames()), didYouMean(want, stateNames()))
	}
	return func(u object) bool { return strings.HasPrefix(shownState(u, c.now()), shownStates[i][1]) }, nil
}

// shownState returns a person's state in one phrase.
func shownState(u object, now time.Time) string {
	pending, isPending := u["pending"].(object)
	gates := texts(pending["gates"])
	switch {
	case isPending && pending["staged"] == true:
		return "active (awaiting review)"
	case slices.Contains(gates, "guard"):
		return "blocked (awaiting review)"
	case slices.Contains(gates, "hold"):
		return "blocked (legal hold)"
	case isPending:
		due, err := time.Parse(time.RFC3339, text(pending, "dueAt"))
		if err != nil || !due.After(now) {
			return "blocked, deactivation is due"
		}
		return "blocked, deactivation in " + countdown(due.Sub(now))
	case text(u, "lifecycle") == "purged":
		return "erased"
	case text(u, "directoryState") == "gone":
		return "removed by directory"
	case text(u, "lifecycle") == "deactivated":
		return "deactivated"
	case u["adminBlock"] != nil:
		return "blocked"
	case u["maySignIn"] == false:
		return "blocked (organization)"
	case u["override"] == true:
		return "active by override"
	}
	return "active"
}
