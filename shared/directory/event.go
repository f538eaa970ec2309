package directory

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EventType is what an event says has happened, as it stands on the bus and in webhooks.
type EventType string

// The events. Each has a JSON Schema in events/schemas.
const (
	EventUserCreated     EventType = "user.created"
	EventUserUpdated     EventType = "user.updated"
	EventUserBlocked     EventType = "user.blocked"
	EventUserUnblocked   EventType = "user.unblocked"
	EventUserScheduled   EventType = "user.deactivation-scheduled"
	EventUserCancelled   EventType = "user.deactivation-cancelled"
	EventUserDeactivated EventType = "user.deactivated"
	EventUserReactivated EventType = "user.reactivated"
	EventUserRemoved     EventType = "user.removed"
	EventListAdded       EventType = "watchlist.member-added"
	EventListRemoved     EventType = "watchlist.member-removed"
	EventGroupCreated    EventType = "group.created"
	EventGroupRenamed    EventType = "group.renamed"
	EventGroupDeleted    EventType = "group.deleted"
	EventMembersChanged  EventType = "group.members-changed"
	EventGuardTripped    EventType = "guard.tripped"
	EventGuardWarned     EventType = "guard.warned"
	EventGuardReminded   EventType = "guard.reminded"
	EventGuardApproved   EventType = "guard.approved"
	EventGuardRejected   EventType = "guard.rejected"
	EventTest            EventType = "webhook.test" // sent when an administrator asks for it, never on the bus
)

// EventTypes returns every event that changes lead to.
func EventTypes() []EventType {
	return []EventType{
		EventUserCreated, EventUserUpdated, EventUserBlocked, EventUserUnblocked, EventUserScheduled, EventUserCancelled,
		EventUserDeactivated, EventUserReactivated, EventUserRemoved,
		EventListAdded, EventListRemoved,
		EventGroupCreated, EventGroupRenamed, EventGroupDeleted, EventMembersChanged,
		EventGuardTripped, EventGuardWarned, EventGuardReminded, EventGuardApproved, EventGuardRejected,
	}
}

// MaxEventMembers is how many members an event names; of a larger change it says only how many.
const MaxEventMembers = 100

// Event is one thing that happened to a user or group. It holds ids and names of attributes, nobody's name
// and no value: who may know more asks the API. Consumers drop an event whose Sequence is below the last
// one they saw of the subject, and one whose ID they know.
type Event struct {
	ID       string        `json:"id"` // the entry's id and the event's place in it: the same whenever it is sent
	Type     EventType     `json:"type"`
	Time     time.Time     `json:"time"`
	Tenant   TenantID      `json:"tenant"`
	Provider ProviderID    `json:"provider,omitempty"` // "" for local users
	Subject  string        `json:"subject"`            // UserID, GroupID, or the id of a guard event
	Sequence int64         `json:"sequence"`           // the subject's version after the change
	Cause    EventCause    `json:"cause"`
	Changed  []string      `json:"changed,omitempty"` // names of attributes
	Members  *EventMembers `json:"members,omitempty"`

	Watchlist *EventWatchlist `json:"watchlist,omitempty"`
}

// EventWatchlist is a watchlist that a user came to or left, and why the user is, or was, on it.
type EventWatchlist struct {
	ID     WatchlistID `json:"id"`
	Reason string      `json:"reason"`          // group, department or included
	Group  GroupID     `json:"group,omitempty"` // with reason group
}

// EventCause says who or what led to an event, by ids that the Sync Log explains.
type EventCause struct {
	Entry   EntryID   `json:"entry"`
	Kind    ActorKind `json:"kind"`
	ID      string    `json:"id,omitempty"`
	Request string    `json:"request,omitempty"`
}

// EventMembers are the members that joined and left a group. The lists are left out when the change is
// larger than MaxEventMembers.
type EventMembers struct {
	AddedCount   int      `json:"addedCount"`
	RemovedCount int      `json:"removedCount"`
	Added        []ScimID `json:"added,omitempty"`
	Removed      []ScimID `json:"removed,omitempty"`
}

var effectEvents = map[Effect]EventType{
	EffectCreated: EventUserCreated, EffectUpdated: EventUserUpdated, EffectRemoved: EventUserRemoved,
	EffectBlocked: EventUserBlocked, EffectUnblocked: EventUserUnblocked,
	EffectScheduled: EventUserScheduled, EffectCancelled: EventUserCancelled,
	EffectDeactivated: EventUserDeactivated, EffectReactivated: EventUserReactivated,
	EffectConverted: EventUserUpdated, EffectMoved: EventUserUpdated, EffectRoles: EventUserUpdated,
}

// Effects returns every effect an entry can list.
func Effects() []Effect {
	return []Effect{
		EffectCreated, EffectUpdated, EffectRemoved, EffectBlocked, EffectUnblocked, EffectScheduled, EffectCancelled, EffectHeld, EffectFrozen,
		EffectDeactivated, EffectReactivated, EffectConverted, EffectMoved, EffectRoles, EffectWatchlists, EffectHeldBack,
	}
}

// Events returns the events an entry leads to, always the same ones in the same order. Entries about anything
// but users, groups and guards, and gates that only hold something back, lead to none.
func Events(t TenantID, e LogEntry) []Event {
	var out []Event
	add := func(typ EventType, subject string) *Event {
		out = append(out, Event{
			ID: string(e.ID) + "-" + strconv.Itoa(len(out)), Type: typ, Time: e.At, Tenant: t, Provider: e.Provider,
			Subject: subject, Sequence: e.Version,
			Cause: EventCause{Entry: e.ID, Kind: e.Actor.Kind, ID: e.Actor.ID, Request: e.Actor.RequestID},
		})
		return &out[len(out)-1]
	}
	if e.User != "" {
		for _, effect := range e.Effects {
			typ, ok := effectEvents[effect]
			if !ok || slices.ContainsFunc(out, func(o Event) bool { return o.Type == typ }) {
				continue
			}
			if ev := add(typ, string(e.User)); typ == EventUserUpdated {
				ev.Changed = changedNames(e)
			}
		}
		for _, l := range leftAndJoined(e) {
			typ := EventListAdded
			if l.left {
				typ = EventListRemoved
			}
			add(typ, string(e.User)).Watchlist = l.event()
		}
		return out
	}
	switch e.Action {
	case GuardTripped, GuardWarned, GuardReminded, GuardApproved, GuardRejected:
		p, event := guardTarget(e)
		add(EventType(e.Action), event).Provider = p
		return out
	case GroupCreated:
		add(EventGroupCreated, string(e.Group))
	case GroupDeleted:
		add(EventGroupDeleted, string(e.Group))
		return out
	}
	if e.Group == "" {
		return nil
	}
	if e.Action != GroupCreated && slices.Contains(changedNames(e), AttrDisplayName) {
		add(EventGroupRenamed, string(e.Group))
	}
	if n := len(e.Added) + len(e.Removed); n > 0 {
		m := &EventMembers{AddedCount: len(e.Added), RemovedCount: len(e.Removed)}
		if n <= MaxEventMembers {
			m.Added, m.Removed = e.Added, e.Removed
		}
		add(EventMembersChanged, string(e.Group)).Members = m
	}
	return out
}

// listChange is a watchlist that a user left or came to.
type listChange struct {
	Watched
	left bool
}

// leftAndJoined are the watchlists that an entry's user left, then those the user came to.
func leftAndJoined(e LogEntry) (out []listChange) {
	i := slices.IndexFunc(e.Changes, func(c Change) bool { return c.Attr == attrWatchlistReasons })
	if i < 0 || !slices.Contains(e.Effects, EffectWatchlists) {
		return nil
	}
	var before, after []Watched
	_ = json.Unmarshal(e.Changes[i].Before, &before) // nothing once it was erased
	_ = json.Unmarshal(e.Changes[i].After, &after)
	beyond := func(a, b []Watched, left bool) {
		for _, w := range a {
			if !slices.ContainsFunc(b, func(x Watched) bool { return x.List == w.List }) {
				out = append(out, listChange{w, left})
			}
		}
	}
	beyond(before, after, true)
	beyond(after, before, false)
	return out
}

// event names no department: that is a value.
func (l listChange) event() *EventWatchlist {
	reason, what, _ := strings.Cut(l.Why, ":")
	e := &EventWatchlist{ID: l.List, Reason: reason}
	if reason == "group" {
		e.Group = GroupID(what)
	}
	return e
}

// changedNames are the names of the attributes an entry changed, each once.
func changedNames(e LogEntry) []string {
	var names []string
	for _, c := range e.Changes {
		if !slices.Contains(names, c.Attr) {
			names = append(names, c.Attr)
		}
	}
	return names
}
