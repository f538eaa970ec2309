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

// Events returns the events an entry leads to, always the same ones in the same order. Entries about anything
// but users, groups and guards, and gates that only hold something back, lead to none.
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
		for _, effect := range e.Effects {
			typ, ok := effectEvents[effect]
			if !ok || slices.ContainsFunc(out, func(o directory.Event) bool { return o.Type == typ }) {
				continue
			}
			if ev := add(typ, string(e.User)); typ == directory.EventUserUpdated {
				ev.Changed = changedNames(e)
			}
		}
		for _, l := range leftAndJoined(e) {
			typ := directory.EventListAdded
			if l.left {
				typ = directory.EventListRemoved
			}
			add(typ, string(e.User)).Watchlist = l.event()
		}
		return out
	}
	switch e.Action {
	case directory.GuardTripped, directory.GuardWarned, directory.GuardReminded, directory.GuardApproved, directory.GuardRejected:
		p, id := directory.GuardTarget(e)
		add(directory.EventType(e.Action), string(id)).Provider = p
		return out
	case directory.GroupCreated:
		add(directory.EventGroupCreated, string(e.Group))
	case directory.GroupDeleted:
		add(directory.EventGroupDeleted, string(e.Group))
		return out
	}
	if e.Group == "" {
		return nil
	}
	if e.Action != directory.GroupCreated && slices.Contains(changedNames(e), directory.AttrDisplayName) {
		add(directory.EventGroupRenamed, string(e.Group))
	}
	if n := len(e.Added) + len(e.Removed); n > 0 {
		m := &directory.EventMembers{AddedCount: len(e.Added), RemovedCount: len(e.Removed)}
		if n <= directory.MaxEventMembers {
			m.Added, m.Removed = e.Added, e.Removed
		}
		add(directory.EventMembersChanged, string(e.Group)).Members = m
	}
	return out
}

// listChange is a watchlist that a user left or came to.
type listChange struct {
	directory.OnWatchlist
	left bool
}

// leftAndJoined are the watchlists that an entry's user left, then those the user came to.
func leftAndJoined(e directory.LogEntry) (out []listChange) {
	i := slices.IndexFunc(e.Changes, func(c directory.Change) bool { return c.Attr == directory.AttrWatchlistReasons })
	if i < 0 || !slices.Contains(e.Effects, directory.EffectWatchlists) {
		return nil
	}
	var before, after []directory.OnWatchlist
	_ = json.Unmarshal(e.Changes[i].Before, &before) // nothing once it was erased
	_ = json.Unmarshal(e.Changes[i].After, &after)
	beyond := func(a, b []directory.OnWatchlist, left bool) {
		for _, w := range a {
			if !slices.ContainsFunc(b, func(x directory.OnWatchlist) bool { return x.List == w.List }) {
				out = append(out, listChange{w, left})
			}
		}
	}
	beyond(before, after, true)
	beyond(after, before, false)
	return out
}

// event names no department: that is a value.
func (l listChange) event() *directory.EventWatchlist {
	reason, what, _ := strings.Cut(l.Why, ":")
	e := &directory.EventWatchlist{ID: l.List, Reason: reason}
	if reason == "group" {
		e.Group = directory.GroupID(what)
	}
	return e
}

// changedNames are the names of the attributes an entry changed, each once.
func changedNames(e directory.LogEntry) []string {
	var names []string
	for _, c := range e.Changes {
		if !slices.Contains(names, c.Attr) {
			names = append(names, c.Attr)
		}
	}
	return names
}
