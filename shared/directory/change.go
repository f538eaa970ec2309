package directory

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// The attributes of account changes in the log.
const (
	attrLifecycle  = "lifecycle"
	attrAdminBlock = "adminBlock"
	attrPending    = "pending"
	attrHolds      = "holds"
	attrProvider   = "provider"
	attrRemoved    = "gone"
)

// pendingChange is a pending deactivation as the log shows it.
type pendingChange struct {
	DueAt      time.Time `json:"dueAt"`
	Cause      string    `json:"cause"`
	Generation int64     `json:"generation"`
	Frozen     bool      `json:"frozen,omitempty"`
	Staged     bool      `json:"staged,omitempty"`
	Held       bool      `json:"held,omitempty"`
}

func (p pendingChange) appendJSON(dst []byte) []byte {
	o := newObject(dst)
	o.time("dueAt", p.DueAt)
	o.text("cause", p.Cause)
	o.number("generation", p.Generation)
	o.flag("frozen", p.Frozen)
	o.flag("staged", p.Staged)
	o.flag("held", p.Held)
	return o.end()
}

func loggedPending(a Account) any {
	p := a.Pending
	if p == nil {
		return nil
	}
	return pendingChange{p.DueAt, p.Cause, p.Generation, p.Frozen, p.Staged, len(a.Holds) > 0}
}

// FinishChange completes a change of a user: it sets version and time, and adds to the entry the changes of account and
// placement and their effects. The entry is nil when nothing changed, neither the user nor in the entry.
func FinishChange(old, u User, e LogEntry) (User, *LogEntry, error) {
	placed, placing := placementChanges(old.Account, u.Account)
	e.Changes = slices.Concat(e.Changes, accountChanges(old, u), placed)
	if len(e.Changes) == 0 && u.Profile.Equal(old.Profile) {
		return old, nil, nil
	}
	u.Version, u.Modified = old.Version+1, Latest(old.Modified, e.At)
	if u.Overridden() != old.Overridden() {
		if u.OverriddenAt = (time.Time{}); u.Overridden() {
			u.OverriddenAt = e.At
		}
	}
	e = e.OfUser(u.ID)
	e.Name, e.Version, e.Effects = u.UserName, u.Version, effects(old, u)
	if u.Lifecycle != LifecyclePurged { // purging clears the placement, which is not an effect of its own
		e.Effects = append(e.Effects, placing...)
	}
	e.Changes = noteCountry(e.Changes, old, u)
	return u, &e, nil
}

// CreationEntry completes the entry of a new user; attributes are its changes for the log.
func CreationEntry(u User, e LogEntry, attributes []Change) LogEntry {
	if u.OrgID != "" {
		attributes = append(slices.Clip(attributes), NewChange(AttrOrganization, nil, u.OrgID))
	}
	if !u.LifecycleIsActive() {
		attributes = append(slices.Clip(attributes), NewChange(attrLifecycle, nil, u.Lifecycle))
	}
	e = e.OfUser(u.ID)
	e.Name, e.Version, e.Changes = u.UserName, u.Version, noteCountry(attributes, User{}, u)
	e.Effects = []Effect{EffectCreated}
	if !u.LifecycleIsActive() {
		e.Effects = append(e.Effects, EffectDeactivated)
	}
	return e
}

// accountChanges returns the differences between two states of an account, except those of the profile.
func accountChanges(old, u User) []Change {
	var out []Change
	note := func(differ bool, attr string, before, after any) {
		if differ {
			out = append(out, NewChange(attr, before, after))
		}
	}
	shown := func(set bool, v any) any {
		if !set {
			return nil
		}
		return v
	}
	before, after := cmp.Or(old.Lifecycle, LifecycleActive), cmp.Or(u.Lifecycle, LifecycleActive)
	// A change of provider also logs a lifecycle that is not active: the tallies of active users depend on it.
	note(before != after || old.Provider != u.Provider && !u.LifecycleIsActive(), attrLifecycle, before, after)
	note((old.AdminBlock == nil) != (u.AdminBlock == nil), attrAdminBlock, shown(old.AdminBlock != nil, true),
		shown(u.AdminBlock != nil, true))
	was, is := loggedPending(old.Account), loggedPending(u.Account)
	note(was != is, attrPending, was, is)
	note(!slices.Equal(old.Holds, u.Holds), attrHolds, shown(len(old.Holds) > 0, old.Holds), shown(len(u.Holds) > 0, u.Holds))
	note(old.Provider != u.Provider, attrProvider, shown(old.Provider != "", old.Provider), shown(u.Provider != "", u.Provider))
	note((old.Refused == nil) != (u.Refused == nil), AttrRefused, shown(old.Refused != nil, old.Refused), shown(u.Refused != nil, u.Refused))
	note(old.Removed() != u.Removed(), attrRemoved, shown(old.Removed(), true), shown(u.Removed(), true))
	return out
}

// effects returns the effects of a change on a user.
func effects(old, u User) []Effect {
	var out []Effect
	note := func(happened bool, e Effect) {
		if happened {
			out = append(out, e)
		}
	}
	ended, returned := old.LifecycleIsActive() && !u.LifecycleIsActive(), !old.LifecycleIsActive() && u.LifecycleIsActive()
	note(u.Removed() && !old.Removed(), EffectRemoved)
	note(!u.Profile.sameAttributes(old.Profile) && u.Lifecycle != LifecyclePurged, EffectUpdated)
	note(u.Provider != old.Provider, EffectConverted)
	note(returned, EffectReactivated)
	note(old.MaySignIn() && !u.MaySignIn() && !ended, EffectBlocked)
	note(!old.MaySignIn() && u.MaySignIn() && !returned, EffectUnblocked)
	is, was := u.Pending, old.Pending
	note(is != nil && (was == nil || !was.DueAt.Equal(is.DueAt) || u.Open() && !old.Open()), EffectScheduled)
	note(is == nil && was != nil && !ended, EffectCancelled)
	note(is != nil && len(u.Holds) > 0 && (was == nil || len(old.Holds) == 0), EffectHeld)
	note(is != nil && is.Frozen && (was == nil || !was.Frozen), EffectFrozen)
	note(ended && u.Lifecycle == LifecycleDeactivated, EffectDeactivated)
	return out
}

// sameAttributes reports whether two profiles are equal except for active.
func (p Profile) sameAttributes(q Profile) bool {
	p.Active = q.Active
	return p.Equal(q)
}

// Scheduled returns the due time of the deactivation that the entry scheduled, moved, or resumed by opening its last
// other gate, and false when it did none of these.
func (e LogEntry) Scheduled() (time.Time, bool) {
	if !slices.Contains(e.Effects, EffectScheduled) {
		return time.Time{}, false
	}
	i := slices.IndexFunc(e.Changes, func(c Change) bool { return c.Attr == attrPending })
	if i < 0 {
		return time.Time{}, false
	}
	var p pendingChange
	err := json.Unmarshal(e.Changes[i].After, &p)
	return p.DueAt, err == nil && !p.DueAt.IsZero()
}

// NewChange is one change for the log; nil means unassigned. It panics on values without a JSON form.
func NewChange(attr string, before, after any) Change {
	text := func(v any) json.RawMessage {
		switch v := v.(type) {
		case nil:
			return nil
		case pendingChange: // written with every disable and enable
			return v.appendJSON(make([]byte, 0, 128))
		}
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // callers pass plain values
		}
		return b
	}
	return Change{Attr: attr, Before: text(before), After: text(after)}
}

// OrNil returns nil, which NewChange logs as unassigned, for the empty string.
func OrNil[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return s
}

// Change is one attribute's change. Before and After are JSON; nil means unassigned.
type Change struct {
	Attr   string
	Before json.RawMessage `json:",omitempty"`
	After  json.RawMessage `json:",omitempty"`
}

// placementChanges returns the changes of organization, roles and watchlists between two accounts, and their effects.
func placementChanges(before, after Account) (changes []Change, effects []Effect) {
	if before.OrgID != after.OrgID {
		changes = append(changes, NewChange(AttrOrganization, OrNil(before.OrgID), OrNil(after.OrgID)))
		effects = append(effects, EffectMoved)
	}
	if before.OrgSource != after.OrgSource {
		changes = append(changes, NewChange(AttrOrganizationSource, loggedSource(before), loggedSource(after)))
	}
	if before.OrgPinned != after.OrgPinned {
		changes = append(changes, NewChange(AttrPinned, before.OrgPinned, after.OrgPinned))
	}
	if !slices.EqualFunc(before.RoleGrants, after.RoleGrants, RoleGrant.SameAs) {
		changes = append(changes, NewChange(AttrRoleGrants, loggedGrants(before.RoleGrants), loggedGrants(after.RoleGrants)))
		effects = append(effects, EffectRoles)
	}
	if before.Review != after.Review {
		changes = append(changes, NewChange(AttrReview, OrNil(before.Review), OrNil(after.Review)))
		if after.Review != "" {
			effects = append(effects, EffectHeldBack)
		}
	}
	if !slices.Equal(before.Watchlists, after.Watchlists) {
		if ids, now := watchlistIDs(before.Watchlists), watchlistIDs(after.Watchlists); !slices.Equal(ids, now) {
			changes = append(changes, NewChange(AttrWatchlists, ids, now))
			effects = append(effects, EffectWatchlists)
		}
		changes = append(changes, NewChange(AttrWatchlistReasons, before.Watchlists, after.Watchlists))
	}
	return changes, effects
}

// loggedGrant is a role in a log entry.
type loggedGrant struct {
	Role   RoleID `json:"role"`
	Source string `json:"source"`
}

// loggedSource is the reason for an account's organization in a log entry.
func loggedSource(a Account) any {
	if a.OrgSource == "" {
		return nil
	}
	out := map[string]any{"source": a.OrgSource, "configVersion": a.OrgConfig}
	if a.OrgGroup != "" {
		out["group"] = a.OrgGroup
	}
	return out
}

func loggedGrants(grants []RoleGrant) []loggedGrant {
	out := make([]loggedGrant, len(grants))
	for i, g := range grants {
		out[i] = loggedGrant{g.Role, g.Source}
	}
	return out
}

func watchlistIDs(ws []OnWatchlist) []WatchlistID {
	out := make([]WatchlistID, len(ws))
	for i, w := range ws {
		out[i] = w.List
	}
	return out
}

// The attributes in log entries of data that Rollcall itself keeps about a user.
const (
	AttrOrganization       = "organization"       // an id
	AttrOrganizationSource = "organizationSource" // the source, and the group that decided
	AttrRoleGrants         = "roleGrants"         // roles with their sources
	AttrWatchlists         = "watchlists"         // ids
	AttrPinned             = "organizationPinned"
	AttrReview             = "reassignmentHeld" // a guard event
	AttrWatchlistReasons   = "watchlistReasons" // ids, each with its reason
)

// Latest returns the later of two times.
func Latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
