package directory

import (
	"encoding/json"
	"time"
)

// Action is what an entry of the log says was done.
type Action string

// The actions. Those of users and groups appear in the Sync Log, the others in the Audit Log.
const (
	UserCreated     Action = "user.created"
	UserUpdated     Action = "user.updated"
	UserEnabled     Action = "user.enabled"
	UserDisabled    Action = "user.disabled"
	UserDeleted     Action = "user.deleted"
	UserConverted   Action = "user.converted"
	GroupCreated    Action = "group.created"
	GroupUpdated    Action = "group.updated"
	GroupDeleted    Action = "group.deleted"
	MembersChanged  Action = "group.members-changed"
	ConflictOpened  Action = "conflict.opened"
	ConflictClosed  Action = "conflict.resolved"
	TenantCreated   Action = "tenant.created"
	ProviderCreated Action = "provider.created"
	ProviderUpdated Action = "provider.updated"
	ProviderDeleted Action = "provider.deleted"
	TokenCreated    Action = "token.created"
	TokenRevoked    Action = "token.revoked"
	APIKeyCreated   Action = "api-key.created"
	APIKeyRevoked   Action = "api-key.revoked"
)

// ActorKind is what kind of principal caused a change.
type ActorKind string

// The kinds of actors.
const (
	ActorProvider ActorKind = "provider" // a provisioning client; ID is the id of its token
	ActorAPIKey   ActorKind = "api-key"  // an administrator; ID is the id of the key
	ActorOperator ActorKind = "operator"
	ActorSystem   ActorKind = "system" // Rollcall itself; ID names the entry or job that led to it
)

// Actor is who caused a change, and by which request.
type Actor struct {
	Kind            ActorKind
	ID              string
	RequestID       string // ours
	ClientRequestID string // the client's own id for it, when it sent one
	Reason          string `json:",omitempty"` // what the administrator gave as the reason
}

// Change is one attribute's change. Before and After are JSON; nil means unassigned.
type Change struct {
	Attr   string
	Before json.RawMessage `json:",omitempty"`
	After  json.RawMessage `json:",omitempty"`
}

// LogEntry is one effective change: written in the same transaction as the change, and never without.
// Everything that follows from a change is derived from its entry, keyed by its ID.
type LogEntry struct {
	ID       EntryID
	At       time.Time
	Provider ProviderID `json:",omitempty"` // "" for changes of the tenant itself
	Actor    Actor
	Action   Action
	User     UserID   `json:",omitempty"`
	Group    GroupID  `json:",omitempty"`
	Target   string   `json:",omitempty"` // id of what was changed when it is neither user nor group
	Name     string   `json:",omitempty"` // userName or displayName at the time
	Changes  []Change `json:",omitempty"`
	Added    []ScimID `json:",omitempty"` // members
	Removed  []ScimID `json:",omitempty"`
	Version  int64    `json:",omitempty"` // of the user or group after the change
	// Audit marks what administrators did to anything but users and groups: it is shown in the Audit Log.
	Audit bool `json:",omitempty"`
	// Rest says that the entry's effects on other records are not all applied yet: functions/changes
	// completes them. What SCIM shows is right from the first moment.
	Rest Rest `json:",omitempty"`
}

// Rest names the work an entry leaves to be completed after its transaction.
type Rest string

// The kinds of rest.
const (
	RestNone     Rest = ""
	RestMembers  Rest = "members"  // membership rows of a large change
	RestUser     Rest = "user"     // references to a deleted user
	RestGroup    Rest = "group"    // membership rows of a deleted group
	RestProvider Rest = "provider" // users and groups of a deleted provider
)

// LogQuery selects log entries, newest first.
type LogQuery struct {
	Provider ProviderID // "" for the tenant's own entries
	User     UserID     // entries of one user, in place of Provider
	Group    GroupID    // entries of one group, in place of Provider
	Since    time.Time  // inclusive; zero: from the first
	Until    time.Time  // exclusive; zero: to the last
	Before   string     // position from an earlier page: LogEntry.Position of its last entry
	Count    int
}

// Position is where an entry stands in the order of its time, for paging.
func (e LogEntry) Position() string {
	return e.At.UTC().Format("20060102T150405.000Z") + "." + string(e.ID)
}
