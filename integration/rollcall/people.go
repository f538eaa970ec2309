package main

import (
	"context"
	"slices"
	"strings"
	"time"
)

// shownStates lists the values of --state, each with a part of the shown states that it selects.
var shownStates = [][2]string{
	{"active", "active"}, {"override", "by override"}, {"blocked", "blocked"}, {"pending", "blocked, deactivation"},
	{"legal-hold", "(legal hold)"}, {"awaiting-review", "(awaiting review)"}, {"removed", "removed by directory"},
	{"deactivated", "deactivated"},
}

func stateNames() []string {
	var names []string
	for _, s := range shownStates {
		names = append(names, s[0])
	}
	return names
}

// keepShown returns a filter of people by their shown state.
func keepShown(ctx context.Context, c *call) (func(object) bool, error) {
	want := c.flag("state")
	if want == "" {
		return nil, nil
	}
	i := slices.IndexFunc(shownStates, func(s [2]string) bool { return s[0] == want })
	if i < 0 {
		return nil, usagef("--state must be %s%s\n  Use --directory-state to filter by the state that the directory last sent.",
			orList(stateNames()), didYouMean(want, stateNames()))
	}
	return func(u object) bool {
		return strings.Contains(c.shownState(ctx, u), shownStates[i][1])
	}, nil
}

// shownState returns a person's state in one phrase, also that their organization denies them to sign in.
func (c *call) shownState(ctx context.Context, u object) string {
	state := accountState(u, c.now())
	if strings.HasPrefix(state, "active") && c.orgDenies(ctx, u) {
		return "blocked (organization)"
	}
	return state
}

// orgDenies reports whether a person's organization is blocked or deactivated. An organization that cannot be read counts
// as neither.
func (c *call) orgDenies(ctx context.Context, u object) bool {
	id := text(u, "organizationId")
	if id == "" {
		return false
	}
	org, err := c.known(ctx, "getOrganization", id)
	return err == nil && (org["blocked"] == true || text(org, "state") == "deactivated")
}

// accountState returns the state of a person's account in one phrase.
func accountState(u object, now time.Time) string {
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
	case u["override"] == true:
		return "active by override"
	}
	return "active"
}
