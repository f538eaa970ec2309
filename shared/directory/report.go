package directory

import (
	"slices"
	"time"
)

// Report is a selection of users for administrators.
type Report string

// The reports.
const (
	ReportDrift     Report = "drift"     // users who differ from what the directory and the rules say
	ReportOverrides Report = "overrides" // disabled by the directory, kept active by an administrator
	ReportStale     Report = "stale"     // deactivated long ago
)

// Drift is one way in which a user differs from what the directory and the rules say.
type Drift string

// The kinds of drift.
const (
	DriftOverride    Drift = "override"
	DriftBlocked     Drift = "blocked" // by an administrator, though the directory says active
	DriftPinned      Drift = "organization-pinned"
	DriftMoved       Drift = "organization-by-hand"
	DriftRoles       Drift = "roles-by-hand"
	DriftReview      Drift = "awaiting-review" // the guard holds a move or the loss of a role
	DriftDeactivated Drift = "deactivated"     // of the stale report
)

// DriftOf returns the ways in which u differs from what the directory and the rules say; none for a local or removed
// user.
func DriftOf(u User) (out []Drift) {
	if u.Provider == "" || u.Removed() {
		return nil
	}
	note := func(is bool, d Drift) {
		if is {
			out = append(out, d)
		}
	}
	note(u.Overridden(), DriftOverride)
	note(u.AdminBlock != nil && u.Active, DriftBlocked)
	note(u.OrgPinned, DriftPinned)
	note(!u.OrgPinned && byHand(u.OrgSource), DriftMoved)
	note(slices.ContainsFunc(u.RoleGrants, RoleGrant.ByHand), DriftRoles)
	note(u.Review != "", DriftReview)
	return out
}

// kinds returns why the report names u, none when it does not.
func (r Report) kinds(u User, before time.Time) []Drift {
	switch {
	case r == ReportDrift:
		return DriftOf(u)
	case r == ReportOverrides && u.Overridden():
		return []Drift{DriftOverride}
	case r == ReportStale && u.Lifecycle == LifecycleDeactivated && u.DeactivatedAt.Before(before):
		return []Drift{DriftDeactivated}
	}
	return nil
}

// Row returns why the report names u, and since when that is so, if known.
func (r Report) Row(u User, before time.Time) (kinds []Drift, since time.Time) {
	since = u.OverriddenAt
	if r == ReportStale {
		since = u.DeactivatedAt
	}
	return r.kinds(u, before), since
}
