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

// minReprieve is how long a deactivation waits at least when its gate opens or its delay changes by an
// administrator's decision: time to take the decision back.
const minReprieve = time.Minute

// departure is a request that ends with a deactivation: when it came and under which settings.
type departure struct {
	at       time.Time
	delay    time.Duration
	cause    string
	provider ProviderID
	request  string
	frozen   bool // the provider's guard has tripped
	staged   bool // and lets nothing happen before the review
}

// deactivable reports whether the account is neither deactivated nor purged.
func (a Account) deactivable() bool { return a.Lifecycle == "" || a.Lifecycle == LifecycleActive }

// MaySignIn reports whether nothing about the account itself bars the user; the state of its organization
// is another question.
func (a Account) MaySignIn() bool {
	return a.deactivable() && a.AdminBlock == nil && (a.Pending == nil || a.Pending.Staged)
}

// Open reports whether nothing but time keeps a pending deactivation from completing.
func (a Account) Open() bool {
	return a.Pending != nil && !a.Pending.Frozen && len(a.Holds) == 0
}

// Overridden reports whether the directory disabled a user whom an administrator keeps active.
func (u User) Overridden() bool {
	return u.DirectoryState() == DirectoryInactive && u.deactivable() && u.Pending == nil
}

// deactivated takes access and licence away.
func (u User) deactivated(at time.Time) User {
	u.Lifecycle, u.Pending, u.DeactivatedAt = LifecycleDeactivated, nil, at
	return u
}

// reactivated brings a deactivated user back, and ends a pending deactivation.
func (u User) reactivated() User {
	u.Lifecycle, u.Pending, u.DeactivatedAt = "", nil, time.Time{}
	return u
}

// settled deactivates u if its deactivation is due and every gate is open.
func (u User) settled(now time.Time) User {
	if !u.Open() || now.Before(u.Pending.DueAt) {
		return u
	}
	return u.deactivated(now)
}

// fired is settled for a wake-up, which acts only on the generation it was made for.
func (u User) fired(generation int64, now time.Time) User {
	if u.Pending == nil || u.Pending.Generation != generation {
		return u
	}
	return u.settled(now)
}

// departed lets a user wait for deactivation: blocked from now on, unless that is staged. One who waits already, or is
// deactivated, stays as before.
func (u User) departed(d departure) User {
	if !u.deactivable() || u.Pending != nil {
		return u
	}
	u.Pending = &PendingDeactivation{
		RequestedAt: d.at, DueAt: d.at.Add(d.delay), Cause: d.cause, Provider: d.provider, RequestID: d.request,
		Generation: u.Version + 1, Frozen: d.frozen, Staged: d.staged,
	}
	return u.settled(d.at)
}

// said applies what the directory says about the user: the edges of active act, repetitions do not.
func (u User) said(p Profile, d departure) User {
	was := u.Active
	u.Profile = p
	switch {
	case was && !p.Active:
		return u.departed(d)
	case !was && p.Active:
		return u.reactivated()
	}
	return u
}

// removed is u after the directory deleted it: nothing of it is left over SCIM, the account inside waits
// for deactivation like a disabled one.
func (u User) removed(d departure) User {
	u.GoneAt = d.at
	return u.departed(d)
}

// restored is the account of a person whom the directory deleted and creates again: as enabled, under a
// new SCIM id and without what named others. One who is created disabled stays as before.
func (u User) restored(id ScimID, p Profile) User {
	u.GoneAt, u.ScimID, u.Profile = time.Time{}, id, p
	if p.Active {
		return u.reactivated()
	}
	return u
}

// restorable reports whether the creation of a person with this externalId means the gone user u.
func (u User) restorable(externalID string, now time.Time) bool {
	return u.Gone() && u.Lifecycle != LifecyclePurged && u.ExternalID == externalID && guidShaped(externalID) && now.Sub(u.GoneAt) <= RestoreWindow
}

// guidShaped reports whether s looks like an object id of a directory, which names one person for ever: a
// number or a name could be given to another person.
func guidShaped(s string) bool {
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

// local is u managed by administrators from now on.
func (u User) local() User {
	u.Provider, u.ScimID, u.GoneAt, u.Manager, u.Active = "", "", time.Time{}, "", true
	return u
}

// unmanagedLocal makes a user whom the directory deleted a local one: an administrator wants it to be
// used again, and nobody else would manage it.
func (u User) unmanagedLocal() User {
	if u.Gone() {
		return u.local()
	}
	return u
}

// blocked places an administrator's block, which no directory event lifts.
func (u User) blocked(b AdminBlock) User {
	if u.AdminBlock == nil {
		u.AdminBlock = &b
	}
	return u
}

// unblocked lifts an administrator's block and cancels a pending deactivation.
func (u User) unblocked() User {
	u.AdminBlock, u.Pending = nil, nil
	return u.unmanagedLocal()
}

// held places a legal hold of a matter. Errors: Conflict for a deactivated user.
func (u User) held(matter string) (User, error) {
	if !u.deactivable() {
		return u, Errorf(Conflict, "Reactivate the user before adding them to a legal hold")
	}
	if !slices.Contains(u.Holds, matter) {
		u.Holds = append(slices.Clone(u.Holds), matter)
	}
	return u, nil
}

// released ends a legal hold: the last one opens the gate, and what is overdue happens at once.
func (u User) released(matter string, now time.Time) User {
	u.Holds = slices.DeleteFunc(slices.Clone(u.Holds), func(m string) bool { return m == matter })
	if len(u.Holds) == 0 {
		u.Holds = nil
	}
	return u.settled(now)
}

// pendingAs is u with its pending deactivation edited, under a new generation: wake-ups made before find
// nothing. An edit that changes nothing keeps the generation.
func (u User) pendingAs(edit func(*PendingDeactivation)) User {
	if u.Pending == nil {
		return u
	}
	p := *u.Pending
	if edit(&p); p == *u.Pending {
		return u
	}
	p.Generation = u.Version + 1
	u.Pending = &p
	return u
}

// rescheduled gives a pending deactivation another delay, counted from its request; not sooner than a
// minute after the change of the delay.
func (u User) rescheduled(delay time.Duration, changed time.Time) User {
	return u.pendingAs(func(p *PendingDeactivation) {
		p.DueAt = later(p.RequestedAt.Add(delay), changed.Add(minReprieve))
	})
}

// frozen lets the guard hold a pending deactivation.
func (u User) frozen() User {
	return u.pendingAs(func(p *PendingDeactivation) { p.Frozen = true })
}

// thawed ends the guard's hold: blocked now if it was not, and due as before, but not at once.
func (u User) thawed(now time.Time) User {
	return u.pendingAs(func(p *PendingDeactivation) {
		if soonest := now.Add(minReprieve); p.Frozen && p.DueAt.Before(soonest) {
			p.DueAt = soonest
		}
		p.Frozen, p.Staged = false, false
	})
}

// spared undoes a leave that the guard held: active by override, and back under the directory, as disabled,
// if that had deleted the user.
func (u User) spared() User {
	if u.Pending == nil || !u.Pending.Frozen {
		return u
	}
	u.Pending = nil
	if u.Gone() {
		u.GoneAt, u.Active, u.Manager = time.Time{}, false, ""
	}
	return u
}

// purgeable reports whether a user's personal data is to be erased: deactivated for long enough, and not to
// come back by itself. A deactivated user whom the directory still knows never is.
func (u User) purgeable(now time.Time, retention time.Duration) bool {
	return u.Lifecycle == LifecycleDeactivated && (u.Provider == "" || u.Gone()) && len(u.Holds) == 0 &&
		!u.DeactivatedAt.IsZero() && now.Sub(u.DeactivatedAt) >= retention
}

// purged is the stub that is left: the id, where it came from and when it ended.
func (u User) purged() User {
	stub := User{ID: u.ID, ScimID: u.ScimID, Provider: u.Provider, GoneAt: u.GoneAt, Version: u.Version, Created: u.Created, Modified: u.Modified}
	stub.UserName = string(u.ID)
	stub.Lifecycle, stub.DeactivatedAt = LifecyclePurged, u.DeactivatedAt
	return stub
}

// decide applies a decision to u; what is so already changes nothing.
// Errors: Conflict when the state forbids it.
func (u User) decide(d Decision, by AdminBlock) (User, Action, error) {
	now := by.At
	switch d {
	case DecideBlock:
		return u.blocked(by), UserBlocked, nil
	case DecideUnblock:
		return u.unblocked(), UserUnblocked, nil
	case DecideDeactivate, DecideDeactivateBlock:
		if len(u.Holds) > 0 {
			return u, "", Errorf(Conflict, "The user is on legal hold. Release the hold or block the user instead")
		}
		if u.deactivable() {
			u = u.deactivated(now)
		}
		if d == DecideDeactivateBlock {
			u = u.blocked(by)
		}
		return u, UserDeactivated, nil
	case DecideReactivate, DecideReactivateUnblock:
		if u.deactivable() {
			return u, "", Errorf(Conflict, "the user is not deactivated")
		}
		u = u.reactivated().unmanagedLocal()
		if d == DecideReactivateUnblock {
			u.AdminBlock = nil
		}
		return u, UserReactivated, nil
	case DecideCancelDeactivation:
		if u.Pending == nil {
			return u, "", Errorf(Conflict, "no deactivation is pending")
		}
		u.Pending = nil
		return u.blocked(by), UserSpared, nil
	case DecideLocal:
		if u.Provider == "" {
			return u, "", Errorf(Conflict, "the user is local already")
		}
		return u.local(), UserConverted, nil
	}
	return u, "", Errorf(Invalid, "unknown decision")
}

// Decision is what an administrator decides about one user's account.
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

// adoptedBy makes a local user one of a provider: id, history and userName stay, the organization is pinned, and the
// present roles stay, as adopted.
func (u User) adoptedBy(p ProviderID) User {
	if u.OrgID != "" {
		u.OrgSource, u.OrgPinned = SourceAdopted, true
	}
	u.RoleGrants = slices.Clone(u.RoleGrants)
	for i := range u.RoleGrants {
		u.RoleGrants[i].Source = SourceAdopted
	}
	u.Provider, u.ScimID, u.Active = p, ScimID(u.ID), true
	return u
}
