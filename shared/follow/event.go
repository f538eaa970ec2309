package follow

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"rollcall/shared/directory"
)

var effectEvents = map[directory.Effect]directory.EventType{
	directory.EffectCreated: directory.EventUserCreated, directory.EffectUpdated: directory.EventUserUpdated,
	directory.EffectRemoved: directory.EventUserRemoved,
	directory.EffectBlocked: directory.EventUserBlocked, directory.EffectUnblocked: directory.EventUserUnblocked,
	directory.EffectScheduled: directory.EventUserScheduled, directory.EffectCancelled: directory.EventUserCancelled,
	directory.EffectDeactivated: directory.EventUserDeactivated, directory.EffectReactivated: directory.EventUserReactivated,
	directory.EffectConverted: directory.EventUserUpdated, directory.EffectMoved: directory.EventUserUpdated,
	directory.EffectRoles: directory.EventUserUpdated,
}

// Events returns the events that an entry causes, always the same ones in the same order. Entries about anything but
// users, groups, guards, the block of an organization and the end of a token, and changes that are only held back, cause none.
func Events(t directory.TenantID, e directory.LogEntry) []directory.Event {
	var out []directory.Event
	add := func(typ directory.EventType, subject string) *directory.Event {
		out = append(out, directory.Event{
			ID: string(e.ID) + "-" + strconv.Itoa(len(out)), Type: typ, Time: e.At, Tenant: t, Provider: e.Provider,
			Subject: subject, Sequence: e.Version,
			Cause: directory.EventCause{Entry: e.ID, Kind: e.Actor.Kind, ID: e.Actor.ID, Request: e.Actor.RequestID},
		})
		return &out[len(out)-1]
	}
	if e.User != "" {
		userEvents(e, add)
		return out
	}
	switch e.Action {
	case directory.GuardTripped, directory.GuardWarned, directory.GuardReminded, directory.GuardApproved, directory.GuardRejected:
		p, id := directory.GuardTarget(e)
		add(directory.EventType(e.Action), string(id)).Provider = p
	case directory.OrganizationUpdated:
		for _, effect := range e.Effects { // one event, and none for each person: who is in it is the API's to say
			typ := directory.EventOrgBlocked
			if effect == directory.EffectUnblocked {
				typ = directory.EventOrgUnblocked
			}
			add(typ, e.Target).People = &e.People
		}
	case directory.TokenExpiring, directory.APIKeyExpiring:
		if p, id, at := expiring(e); !at.IsZero() {
			ev := add(directory.EventTokenExpiring, id)
			ev.Provider, ev.ExpiresAt = p, &at
		}
	default:
		if e.Group != "" {
			groupEvents(e, add)
		}
	}
	return out
}

// adder adds an event to those of an entry.
type adder func(typ directory.EventType, subject string) *directory.Event

func userEvents(e directory.LogEntry, add adder) {
	var seen []directory.EventType
	for _, effect := range e.Effects {
		typ, ok := effectEvents[effect]
		if !ok || slices.Contains(seen, typ) {
			continue
		}
		seen = append(seen, typ)
		ev := add(typ, string(e.User))
		if typ == directory.EventUserUpdated {
			ev.Changed = changedNames(e)
		}
	}
	for _, l := range listChanges(e) {
		typ := directory.EventListAdded
		if l.removed {
			typ = directory.EventListRemoved
		}
		add(typ, string(e.User)).Watchlist = l.event()
	}
}

func groupEvents(e directory.LogEntry, add adder) {
	switch {
	case e.Action == directory.GroupDeleted:
		add(directory.EventGroupDeleted, string(e.Group))
		return
	case e.Action == directory.GroupCreated:
		add(directory.EventGroupCreated, string(e.Group))
	case slices.Contains(changedNames(e), directory.AttrDisplayName):
		add(directory.EventGroupRenamed, string(e.Group))
	}
	if n := len(e.Added) + len(e.Removed); n > 0 {
		m := &directory.EventMembers{AddedCount: len(e.Added), RemovedCount: len(e.Removed)}
		if n <= directory.MaxEventMembers {
			m.Added, m.Removed = e.Added, e.Removed
		}
		add(directory.EventMembersChanged, string(e.Group)).Members = m
	}
}

// listChange is a watchlist that a user was added to or removed from.
type listChange struct {
	directory.OnWatchlist
	removed bool
}

// listChanges returns the watchlists that an entry's user was removed from, then those the user was added to.
func listChanges(e directory.LogEntry) (out []listChange) {
	i := slices.IndexFunc(e.Changes, func(c directory.Change) bool { return c.Attr == directory.AttrWatchlistReasons })
	if i < 0 || !slices.Contains(e.Effects, directory.EffectWatchlists) {
		return nil
	}
	var before, after []directory.OnWatchlist
	_ = json.Unmarshal(e.Changes[i].Before, &before) // empty in an erased entry
	_ = json.Unmarshal(e.Changes[i].After, &after)
	addMissing := func(from, in []directory.OnWatchlist, removed bool) {
		for _, w := range from {
			if !slices.ContainsFunc(in, func(x directory.OnWatchlist) bool { return x.List == w.List }) {
				out = append(out, listChange{w, removed})
			}
		}
	}
	addMissing(before, after, true)
	addMissing(after, before, false)
	return out
}

// event leaves out a department, since that is a personal value.
func (l listChange) event() *directory.EventWatchlist {
	reason, id, _ := strings.Cut(l.Why, ":")
	e := &directory.EventWatchlist{ID: l.List, Reason: reason}
	if reason == "group" {
		e.Group = directory.GroupID(id)
	}
	return e
}

// changedNames returns the names of the attributes that an entry changed, once each.
func changedNames(e directory.LogEntry) []string {
	var names []string
	for _, c := range e.Changes {
		if !slices.Contains(names, c.Attr) {
			names = append(names, c.Attr)
		}
	}
	return names
}
