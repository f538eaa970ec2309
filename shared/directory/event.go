package directory

import (
	"time"
)

// EventType is the kind of an event, as named on the bus and in webhooks.
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
	EventOrgBlocked      EventType = "organization.blocked"
	EventOrgUnblocked    EventType = "organization.unblocked"
	EventGuardTripped    EventType = "guard.tripped"
	EventGuardWarned     EventType = "guard.warned"
	EventGuardReminded   EventType = "guard.reminded"
	EventGuardApproved   EventType = "guard.approved"
	EventGuardRejected   EventType = "guard.rejected"
	EventTokenExpiring   EventType = "token.expiring" //nolint:gosec // G101: a name; also of API keys
	EventTest            EventType = "webhook.test"   // sent when an administrator asks for it, never on the bus
)

// EventTypes returns every type of event that a change can cause.
func EventTypes() []EventType {
	return []EventType{
		EventUserCreated, EventUserUpdated, EventUserBlocked, EventUserUnblocked, EventUserScheduled, EventUserCancelled,
		EventUserDeactivated, EventUserReactivated, EventUserRemoved,
		EventListAdded, EventListRemoved,
		EventGroupCreated, EventGroupRenamed, EventGroupDeleted, EventMembersChanged,
		EventOrgBlocked, EventOrgUnblocked,
		EventGuardTripped, EventGuardWarned, EventGuardReminded, EventGuardApproved, EventGuardRejected,
		EventTokenExpiring,
	}
}

// MaxEventMembers is how many members an event names; a larger change has only the counts.
const MaxEventMembers = 100

// Event is one thing that happened to a user, a group or an organization. It holds ids and names of attributes but no personal data:
// consumers read that from the API, if they may. They drop an event whose ID they know, and one whose Sequence is below
// the last one of its subject; but each EventMembersChanged is applied, since it is a difference: of those that name a
// member, the one with the highest Sequence counts. Sequences of a group have no gaps, so that one that is missing shows.
type Event struct {
	ID       string        `json:"id"` // the entry's id and the event's place in it: the same each time it is sent
	Type     EventType     `json:"type"`
	Time     time.Time     `json:"time"`
	Tenant   TenantID      `json:"tenant"`
	Provider ProviderID    `json:"provider,omitempty"` // "" for local users
	Subject  string        `json:"subject"`            // UserID, GroupID, OrgID, CredentialID, or the id of a guard event
	Sequence int64         `json:"sequence,omitempty"` // LogEntry.Version: it grows with the changes of the subject; 0 if it is not in order
	Cause    EventCause    `json:"cause"`
	Changed  []string      `json:"changed,omitempty"` // names of attributes
	Members  *EventMembers `json:"members,omitempty"`

	Watchlist *EventWatchlist `json:"watchlist,omitempty"`
	People    *int            `json:"people,omitempty"` // how many an organization has that was blocked or unblocked
	ExpiresAt *time.Time      `json:"expiresAt,omitempty"`
}

// EventWatchlist is a watchlist that a user was added to or removed from, and why the user is, or was, on it.
type EventWatchlist struct {
	ID     WatchlistID `json:"id"`
	Reason string      `json:"reason"`          // group, department or included
	Group  GroupID     `json:"group,omitempty"` // with reason group
}

// EventCause identifies the cause of an event by ids from the Sync Log.
type EventCause struct {
	Entry   EntryID   `json:"entry"`
	Kind    ActorKind `json:"kind"`
	ID      string    `json:"id,omitempty"`
	Request RequestID `json:"request,omitempty"`
}

// EventMembers are the members added to and removed from a group. The lists are left out when the change is
// larger than MaxEventMembers.
type EventMembers struct {
	AddedCount   int      `json:"addedCount"`
	RemovedCount int      `json:"removedCount"`
	Added        []ScimID `json:"added,omitempty"`
	Removed      []ScimID `json:"removed,omitempty"`
}

// Effects returns every effect an entry can list.
func Effects() []Effect {
	return []Effect{
		EffectCreated, EffectUpdated, EffectRemoved, EffectBlocked, EffectUnblocked, EffectScheduled, EffectCancelled, EffectHeld, EffectFrozen,
		EffectDeactivated, EffectReactivated, EffectConverted, EffectMoved, EffectRoles, EffectWatchlists, EffectHeldBack,
	}
}
