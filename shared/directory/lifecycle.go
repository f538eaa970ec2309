package directory

import (
	"slices"
	"time"
)

// The causes of a pending deactivation.
const (
	CauseDisable  = "scim-disable"
	CauseDelete   = "scim-delete"
	CauseProvider = "provider-deleted"
)

const (
	// DefaultDeactivationDelay is the delay between blocking and deactivating a user, unless an administrator chose another.
	DefaultDeactivationDelay = 15 * time.Minute
	// MaxDeactivationDelay is the longest such delay.
	MaxDeactivationDelay = 30 * 24 * time.Hour
	// minReprieve is the least time before a deactivation after an administrator opens its gate or changes its delay:
	// time to revert the decision.
	minReprieve = time.Minute
	// RestoreWindow is how long a deleted account can be restored by creating it again.
	RestoreWindow = 30 * 24 * time.Hour
)

// DeactivationRequest is a request that leads to a deactivation: its time and the settings that apply.
type DeactivationRequest struct {
	At        time.Time
	Delay     time.Duration
	Cause     string
	Provider  ProviderID
	RequestID RequestID
	Frozen    bool // the provider's guard has tripped
	Staged    bool // and the user is not even blocked until the review
}

// LifecycleIsActive reports whether the account is neither deactivated nor purged.
func (a Account) LifecycleIsActive() bool { return a.Lifecycle == "" || a.Lifecycle == LifecycleActive }

// MaySignIn reports whether the account itself lets the user sign in; its organization may still bar it (Organization.Bars).
func (a Account) MaySignIn() bool {
	return a.LifecycleIsActive() && a.AdminBlock == nil && (a.Pending == nil || a.Pending.Staged)
}

// ShownState is a person's state in one word, as administrators see and filter it.
type ShownState string

// The shown states, each with the text that consoles show.
const (
	ShownActive         ShownState = "active"
	ShownOverride       ShownState = "override"        // active by override: the directory disabled them
	ShownStaged         ShownState = "staged"          // active, awaiting the review of a guard
	ShownBlocked        ShownState = "blocked"         // by an administrator
	ShownPending        ShownState = "pending"         // blocked, deactivation at a time
	ShownLegalHold      ShownState = "legal-hold"      // blocked, deactivation when the last hold ends
	ShownAwaitingReview ShownState = "awaiting-review" // blocked, awaiting the review of a guard
	ShownOrgBlocked     ShownState = "organization-blocked"
	ShownRemoved        ShownState = "removed" // by the directory
	ShownDeactivated    ShownState = "deactivated"
	ShownErased         ShownState = "erased"
)

// ShownStates returns all shown states.
func ShownStates() []ShownState {
	return []ShownState{ShownActive, ShownOverride, ShownStaged, ShownBlocked, ShownPending, ShownLegalHold, ShownAwaitingReview,
		ShownOrgBlocked, ShownRemoved, ShownDeactivated, ShownErased}
}

// Shown returns u's shown state; barred says whether its organization keeps its people from signing in
// (Organization.Bars), which is shown where nothing about the person does.
func (u User) Shown(barred bool) ShownState {
	switch p := u.Pending; {
	case p != nil && !p.Staged && p.Frozen:
		return ShownAwaitingReview
	case p != nil && !p.Staged && len(u.Holds) > 0:
		return ShownLegalHold
	case p != nil && !p.Staged:
		return ShownPending
	case u.Lifecycle == LifecyclePurged:
		return ShownErased
	case u.Removed():
		return ShownRemoved
	case !u.LifecycleIsActive():
		return ShownDeactivated
	case u.AdminBlock != nil:
		return ShownBlocked
	case barred:
		return ShownOrgBlocked
	case p != nil:
		return ShownStaged
	case u.Overridden():
		return ShownOverride
	}
	return ShownActive
}

// Within reports whether s is the state wanted by a filter, or a kind of it: "active" selects everybody who is shown as
// active, "blocked" everybody who is shown as blocked, whatever the reason, and "awaiting-review" both kinds of waiting.
func (s ShownState) Within(want ShownState) bool {
	switch want {
	case ShownActive:
		return s == ShownActive || s == ShownOverride || s == ShownStaged
	case ShownBlocked:
		return s == ShownBlocked || s == ShownPending || s == ShownLegalHold || s == ShownAwaitingReview || s == ShownOrgBlocked
	case ShownAwaitingReview:
		return s == ShownAwaitingReview || s == ShownStaged
	}
	return s == want
}

// Open reports whether a pending deactivation waits only for its due time.
func (a Account) Open() bool {
	return a.Pending != nil && !a.Pending.Frozen && len(a.Holds) == 0
}

// Overridden reports whether the directory disabled a user whom an administrator keeps active.
func (u User) Overridden() bool {
	return u.DirectoryState() == DirectoryInactive && u.LifecycleIsActive() && u.Pending == nil
}

// Deactivated is u without access and licence.
func (u User) Deactivated(at time.Time) User {
	u.Lifecycle, u.Pending, u.DeactivatedAt = LifecycleDeactivated, nil, at
	return u
}

// Reactivated is u active again, without a pending deactivation.
func (u User) Reactivated() User {
	u.Lifecycle, u.Pending, u.DeactivatedAt = "", nil, time.Time{}
	return u
}

// completeIfDue deactivates u if its deactivation is due and every gate is open.
func (u User) completeIfDue(now time.Time) User {
	if !u.Open() || now.Before(u.Pending.DueAt) {
		return u
	}
	return u.Deactivated(now)
}

// DeactivateIfDue is completeIfDue for a wake-up, which acts only on the generation it was scheduled for.
func (u User) DeactivateIfDue(generation int64, now time.Time) User {
	if u.Pending == nil || u.Pending.Generation != generation {
		return u
	}
	return u.completeIfDue(now)
}

// ScheduleDeactivation gives an active user a pending deactivation, which blocks the user unless it is staged. It does
// not change a user who has one or is deactivated.
func (u User) ScheduleDeactivation(d DeactivationRequest) User {
	if !u.LifecycleIsActive() || u.Pending != nil {
		return u
	}
	u.Pending = &PendingDeactivation{
		RequestedAt: d.At, DueAt: d.At.Add(d.Delay), Cause: d.Cause, Provider: d.Provider, RequestID: d.RequestID,
		Generation: u.Version + 1, Frozen: d.Frozen, Staged: d.Staged,
	}
	return u.completeIfDue(d.At)
}

// WithProfile applies the directory's profile. Only a change of active disables or enables, a repetition does not.
func (u User) WithProfile(p Profile, d DeactivationRequest) User {
	was := u.Active
	u.Profile = p
	switch {
	case was && !p.Active:
		return u.ScheduleDeactivation(d)
	case !was && p.Active:
		return u.Reactivated()
	}
	return u
}

// RemovedByDirectory is u after the directory deleted it: SCIM no longer shows it, and the account waits for
// deactivation like a disabled one.
func (u User) RemovedByDirectory(d DeactivationRequest) User {
	u.RemovedAt = d.At
	return u.ScheduleDeactivation(d)
}

// Restored is a removed user that the directory creates again, under a new SCIM id. It is reactivated unless it is
// created disabled.
func (u User) Restored(id ScimID, p Profile) User {
	u.RemovedAt, u.ScimID, u.Profile = time.Time{}, id, p
	if p.Active {
		return u.Reactivated()
	}
	return u
}

// RestorableAs reports whether creating a user with this externalId restores the removed user u.
func (u User) RestorableAs(externalID string, now time.Time) bool {
	return u.Removed() && u.Lifecycle != LifecyclePurged && u.ExternalID == externalID && IsObjectID(externalID) &&
		now.Sub(u.RemovedAt) <= RestoreWindow
}

// IsObjectID reports whether s looks like an object id of a directory, which is never given to another person, as a
// number or a name could be.
func IsObjectID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// MadeLocal is u as a local user, managed by administrators.
func (u User) MadeLocal() User {
	u.Provider, u.ScimID, u.RemovedAt, u.Manager, u.Active = "", "", time.Time{}, "", true
	return u
}

// localIfRemoved makes a removed user local: an administrator wants it to be used again, and no directory manages it.
func (u User) localIfRemoved() User {
	if u.Removed() {
		return u.MadeLocal()
	}
	return u
}

// blockedBy places an administrator's block, which no directory event lifts.
func (u User) blockedBy(b AdminBlock) User {
	if u.AdminBlock == nil {
		u.AdminBlock = &b
	}
	return u
}

// unblocked lifts an administrator's block and cancels a pending deactivation.
func (u User) unblocked() User {
	u.AdminBlock, u.Pending = nil, nil
	return u.localIfRemoved()
}

// PlacedOnHold places a legal hold of a matter. Errors: Conflict for a deactivated user.
func (u User) PlacedOnHold(matter MatterID) (User, error) {
	if !u.LifecycleIsActive() {
		return u, Errorf(Conflict, "Reactivate the user before adding them to a legal hold")
	}
	if !slices.Contains(u.Holds, matter) {
		u.Holds = append(slices.Clone(u.Holds), matter)
	}
	return u, nil
}

// ReleasedFromHold ends a legal hold. After the last one, an overdue deactivation completes immediately.
func (u User) ReleasedFromHold(matter MatterID, now time.Time) User {
	u.Holds = slices.DeleteFunc(slices.Clone(u.Holds), func(m MatterID) bool { return m == matter })
	if len(u.Holds) == 0 {
		u.Holds = nil
	}
	return u.completeIfDue(now)
}

// WithPending is u with its pending deactivation edited, under a new generation, so that earlier wake-ups do nothing.
// An edit that changes nothing keeps the generation.
func (u User) WithPending(edit func(*PendingDeactivation)) User {
	if u.Pending == nil {
		return u
	}
	p := *u.Pending
	edit(&p)
	if p == *u.Pending {
		return u
	}
	p.Generation = u.Version + 1
	u.Pending = &p
	return u
}

// Rescheduled gives a pending deactivation another delay, counted from its request, but at least minReprieve after the
// change.
func (u User) Rescheduled(delay time.Duration, changed time.Time) User {
	return u.WithPending(func(p *PendingDeactivation) {
		p.DueAt = Latest(p.RequestedAt.Add(delay), changed.Add(minReprieve))
	})
}

// HeldByGuard is u with its pending deactivation held by the guard.
func (u User) HeldByGuard() User {
	return u.WithPending(func(p *PendingDeactivation) { p.Frozen = true })
}

// ReleasedByGuard ends the guard's hold: the user is blocked, and the due time is at least minReprieve from now.
func (u User) ReleasedByGuard(now time.Time) User {
	return u.WithPending(func(p *PendingDeactivation) {
		if soonest := now.Add(minReprieve); p.Frozen && p.DueAt.Before(soonest) {
			p.DueAt = soonest
		}
		p.Frozen, p.Staged = false, false
	})
}

// CancelledByReview cancels a deactivation that the guard held: the user is active by override, and a removed one
// belongs to the directory again, as disabled.
func (u User) CancelledByReview() User {
	if u.Pending == nil || !u.Pending.Frozen {
		return u
	}
	u.Pending = nil
	if u.Removed() {
		u.RemovedAt, u.Active, u.Manager = time.Time{}, false, ""
	}
	return u
}

// Purgeable reports whether a user's personal data is to be erased: deactivated for the retention, and not on hold. A
// user that the directory still has is never purged, since it may be enabled again.
func (u User) Purgeable(now time.Time, retention time.Duration) bool {
	return u.Lifecycle == LifecycleDeactivated && (u.Provider == "" || u.Removed()) && len(u.Holds) == 0 &&
		!u.DeactivatedAt.IsZero() && now.Sub(u.DeactivatedAt) >= retention
}

// Purged is the stub that remains: ids, provider and times.
func (u User) Purged() User {
	stub := User{ID: u.ID, ScimID: u.ScimID, Provider: u.Provider, RemovedAt: u.RemovedAt, Version: u.Version, Created: u.Created,
		Modified: u.Modified}
	stub.UserName = string(u.ID)
	stub.Lifecycle, stub.DeactivatedAt = LifecyclePurged, u.DeactivatedAt
	return stub
}

// Decide applies a decision to u; a decision already in effect changes nothing.
// Errors: Conflict when the state forbids it.
func (u User) Decide(d Decision, by AdminBlock) (User, Action, error) {
	now := by.At
	switch d {
	case DecideBlock:
		return u.blockedBy(by), UserBlocked, nil
	case DecideUnblock:
		return u.unblocked(), UserUnblocked, nil
	case DecideDeactivate, DecideDeactivateBlock:
		if len(u.Holds) > 0 {
			return u, "", Errorf(Conflict, "The user is on legal hold. Release the hold or block the user instead")
		}
		if u.LifecycleIsActive() {
			u = u.Deactivated(now)
		}
		if d == DecideDeactivateBlock {
			u = u.blockedBy(by)
		}
		return u, UserDeactivated, nil
	case DecideReactivate, DecideReactivateUnblock:
		if u.LifecycleIsActive() {
			return u, "", Errorf(Conflict, "the user is not deactivated")
		}
		u = u.Reactivated().localIfRemoved()
		if d == DecideReactivateUnblock {
			u.AdminBlock = nil
		}
		return u, UserReactivated, nil
	case DecideCancelDeactivation:
		if u.Pending == nil {
			return u, "", Errorf(Conflict, "no deactivation is pending")
		}
		u.Pending = nil
		return u.blockedBy(by), UserDeactivationCancelled, nil
	case DecideLocal:
		if u.Provider == "" {
			return u, "", Errorf(Conflict, "the user is local already")
		}
		return u.MadeLocal(), UserConverted, nil
	}
	return u, "", Errorf(Invalid, "unknown decision")
}

// Decision is an administrator's decision about one user's account.
type Decision string

// The decisions.
const (
	DecideBlock              Decision = "block"
	DecideUnblock            Decision = "unblock"
	DecideDeactivate         Decision = "deactivate"
	DecideDeactivateBlock    Decision = "deactivate-and-block"
	DecideReactivate         Decision = "reactivate"
	DecideReactivateUnblock  Decision = "reactivate-and-unblock"
	DecideCancelDeactivation Decision = "cancel-deactivation" // the user stays blocked, by the administrator
	DecideLocal              Decision = "convert-to-local"
)

// ConvertedTo makes a local user one of a provider: id, history and userName are kept, the organization is pinned, and
// the roles are kept as adopted.
func (u User) ConvertedTo(p Provider) User {
	if u.OrgID != "" {
		u.OrgSource, u.OrgPinned = SourceAdopted, true
	}
	u.RoleGrants = slices.Clone(u.RoleGrants)
	for i := range u.RoleGrants {
		u.RoleGrants[i].Source = SourceAdopted
	}
	u.Provider, u.ScimID, u.Profile, u.Active = p.ID, ScimID(u.ID), p.WithKeys(u.Profile), true
	return u
}
