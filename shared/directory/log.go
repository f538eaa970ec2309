package directory

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Action is the change that a log entry records.
type Action string

// The actions. Those of users and groups appear in the Sync Log, the others in the Audit Log.
const (
	UserCreated               Action = "user.created"
	UserUpdated               Action = "user.updated"
	UserEnabled               Action = "user.enabled"
	UserDisabled              Action = "user.disabled"
	UserDeleted               Action = "user.deleted"
	UserConverted             Action = "user.converted"
	UserRestored              Action = "user.restored"
	UserBlocked               Action = "user.blocked"
	UserUnblocked             Action = "user.unblocked"
	UserDeactivated           Action = "user.deactivated"
	UserReactivated           Action = "user.reactivated"
	UserDeactivationCancelled Action = "user.deactivation-cancelled"
	UserRescheduled           Action = "user.deactivation-rescheduled"
	UserHeldByGuard           Action = "user.deactivation-frozen"
	UserPurged                Action = "user.purged"
	HoldPlaced                Action = "legal-hold.placed"
	HoldReleased              Action = "legal-hold.released"
	HoldCreated               Action = "legal-hold.created"
	HoldClosed                Action = "legal-hold.closed"
	GuardWarned               Action = "guard.warned"
	GuardTripped              Action = "guard.tripped"
	GuardApproved             Action = "guard.approved"
	GuardRejected             Action = "guard.rejected"
	GuardReminded             Action = "guard.reminded"         // nobody has decided yet
	UserResolved              Action = "user.resolved"          // the rules changed organization, roles or watchlists
	UserReassigned            Action = "user.reassigned"        // as resolved, and the user was moved or lost a role, which the guard counts
	UserReassignmentHeld      Action = "user.reassignment-held" // the guard holds it for a review
	UserMoved                 Action = "user.moved"             // an administrator placed the user or changed roles
	GroupCreated              Action = "group.created"
	GroupUpdated              Action = "group.updated"
	GroupDeleted              Action = "group.deleted"
	MembersChanged            Action = "group.members-changed"
	ConflictOpened            Action = "conflict.opened"
	ConflictApproved          Action = "conflict.approved"
	ConflictClosed            Action = "conflict.resolved"
	TenantCreated             Action = "tenant.created"
	TenantUpdated             Action = "tenant.updated"
	TenantWasPaused           Action = "tenant.paused"
	TenantResumed             Action = "tenant.resumed"
	TenantRemoved             Action = "tenant.removed" // its users and keys are refused; erasing has begun
	TenantErased              Action = "tenant.erased"  // its records are erased; in the operators' log
	ProviderCreated           Action = "provider.created"
	ProviderUpdated           Action = "provider.updated"
	ProviderDeleted           Action = "provider.deleted"
	ProviderRestored          Action = "provider.restored"
	TokenCreated              Action = "token.created"
	TokenRevoked              Action = "token.revoked"
	TokenExpiring             Action = "token.expiring" //nolint:gosec // G101: a name, of a warning before its end
	APIKeyCreated             Action = "api-key.created"
	APIKeyRevoked             Action = "api-key.revoked"
	APIKeyExpiring            Action = "api-key.expiring" //nolint:gosec // G101: a name

	OrganizationCreated Action = "organization.created"
	OrganizationUpdated Action = "organization.updated"
	RolesUpdated        Action = "roles.updated"
	ProposalMade        Action = "proposal.made" // a change waits for a second person
	ProposalApproved    Action = "proposal.approved"
	ProposalRejected    Action = "proposal.rejected"
	APIKeyExceeds       Action = "api-key.created-beyond-maker" // with rights that the key it was made with lacks
	APIKeyConfirmed     Action = "api-key.confirmed"            // a second person said that it is somebody else's
	MappingsUpdated     Action = "mappings.updated"
	WatchlistUpdated    Action = "watchlist.updated"
	ApplyClaimed        Action = "apply.claimed" // a run became the provider's current one
	ApplyPlanned        Action = "apply.planned"
	ApplyRequested      Action = "apply.requested" // it waits for a second administrator
	ApplyStarted        Action = "apply.started"
	ApplyCancelled      Action = "apply.cancelled"
	ApplyEnded          Action = "apply.ended" // a phase ended
	CountryUnknown      Action = "country.unknown"
)

// ActorKind is the kind of principal that caused a change.
type ActorKind string

// The kinds of actors.
const (
	ActorProvider ActorKind = "provider" // a provisioning client; ID is the id of its token
	ActorAPIKey   ActorKind = "api-key"  // an administrator; ID is the id of the key
	ActorOperator ActorKind = "operator"
	ActorSystem   ActorKind = "system" // Rollcall itself; ID names the entry or job that led to it
)

// Origin is the kind of thing that caused an entry; Actor.ID names the thing.
type Origin string

// The origins. Those of providers and persons follow from the kind of actor.
const (
	OriginProvider Origin = "provider"
	OriginPerson   Origin = "person"
	OriginEntry    Origin = "entry" // it follows from another entry
	OriginRun      Origin = "run"   // an apply run
	OriginJob      Origin = "job"   // a background job
)

// Job is a piece of background work; it is the actor in the log.
type Job string

// The jobs.
const (
	JobWakeup    Job = "wake-up" // of a due minute
	JobSweep     Job = "sweep"
	JobRetry     Job = "retry" // of steps that were set aside
	JobDeliver   Job = "deliver"
	JobSeal      Job = "seal"
	JobPurge     Job = "purge"
	JobRetain    Job = "retain"    // of expired log entries
	JobDrop      Job = "drop"      // of expired deliveries
	JobErase     Job = "erase"     // of removed tenants
	JobTasks     Job = "tasks"     // steps of long work
	JobCountries Job = "countries" // of users whose country the table did not know before
	JobBootstrap Job = "bootstrap" // of a deployment
)

var causeOfJob = map[Job]Cause{
	JobWakeup: CauseWakeup, JobSweep: CauseSweep, JobPurge: CauseRetention, JobRetry: CauseRule, JobDeliver: CauseRule,
	JobSeal: CauseRule, JobErase: CauseOperator, JobTasks: CauseRule,
	JobBootstrap: CauseRule, JobCountries: CauseRule, JobRetain: CauseRetention, JobDrop: CauseRetention,
}

// Actor is who caused a change, and by which request.
type Actor struct {
	Kind            ActorKind
	ID              string
	Origin          Origin    `json:",omitempty"` // of the system's entries
	RequestID       RequestID // ours
	ClientRequestID RequestID // the client's own id for it, when it sent one
	Reason          string    `json:",omitempty"` // given by the administrator
}

// EntryActor is the system following an entry, under the request of that entry.
func EntryActor(cause LogEntry) Actor {
	a := cause.Actor
	a.Kind, a.ID, a.Origin, a.Reason = ActorSystem, string(cause.ID), OriginEntry, ""
	return a
}

// RunActor is the system carrying out an apply run.
func RunActor(id RunID) Actor { return Actor{Kind: ActorSystem, ID: string(id), Origin: OriginRun} }

// JobActor is the system doing background work.
func JobActor(j Job) Actor { return Actor{Kind: ActorSystem, ID: string(j), Origin: OriginJob} }

// From returns the origin of the actor's entry.
func (a Actor) From() Origin {
	switch {
	case a.Kind == ActorProvider:
		return OriginProvider
	case a.Kind == ActorAPIKey || a.Kind == ActorOperator:
		return OriginPerson
	case a.Origin != "":
		return a.Origin
	}
	return originOfID(a.ID)
}

// originOfID is the origin of an entry from before entries stored it.
func originOfID(id string) Origin {
	if _, job := causeOfJob[Job(id)]; job {
		return OriginJob
	}
	if strings.HasPrefix(id, "r") {
		return OriginRun
	}
	return OriginEntry
}

// Effect is one thing a change did to a user, in the words of the Sync Log and of the events.
type Effect string

// The effects.
const (
	EffectCreated     Effect = "created"
	EffectUpdated     Effect = "updated" // attributes
	EffectRemoved     Effect = "removed" // by the directory
	EffectBlocked     Effect = "blocked" // may no longer sign in
	EffectUnblocked   Effect = "unblocked"
	EffectScheduled   Effect = "deactivation-scheduled"
	EffectCancelled   Effect = "deactivation-cancelled"
	EffectHeld        Effect = "deactivation-held"
	EffectFrozen      Effect = "deactivation-frozen"
	EffectDeactivated Effect = "deactivated"
	EffectReactivated Effect = "reactivated"
	EffectConverted   Effect = "converted" // the managing provider changed
	EffectMoved       Effect = "organization-changed"
	EffectRoles       Effect = "roles-changed"
	EffectWatchlists  Effect = "watchlists-changed"
	EffectHeldBack    Effect = "reassignment-held"
)

// LogEntry records one effective change and is written in its transaction. Everything that follows from a change is
// derived from its entry, keyed by its ID.
type LogEntry struct {
	ID       EntryID
	At       time.Time
	Provider ProviderID `json:",omitempty"` // "" for changes of the tenant itself
	Actor    Actor
	Action   Action
	User     UserID   `json:",omitempty"`
	Group    GroupID  `json:",omitempty"`
	Target   string   `json:",omitempty"` // id of the changed record when it is neither user nor group
	Name     string   `json:",omitempty"` // userName or displayName at the time
	Changes  []Change `json:",omitempty"`
	Added    []ScimID `json:",omitempty"` // members
	Removed  []ScimID `json:",omitempty"`
	// Version is that of the user or other record after the change; of a change of a group, its number among the changes of
	// the group that have an entry: from 1 on, without gaps, in their order. 0: not given.
	Version int64    `json:",omitempty"`
	Effects []Effect `json:",omitempty"` // on the user, or on the people of an organization
	People  int      `json:",omitempty"` // how many those of the organization are
	// Audit marks an administrator's change of anything but users and groups, shown in the Audit Log.
	Audit bool `json:",omitempty"`
	// Remaining says which effects on other records functions/changes has still to apply. SCIM shows them
	// immediately.
	Remaining Remaining `json:"Rest,omitempty"`
	// Unnumbered says that the entry, of a change of a group, gets its Version when it is followed (Log.NumberEntries).
	Unnumbered bool `json:"-"`
	// Erased is set once the entry's names, values and reason were erased: their blinded hash (chain.go).
	Erased Digest `json:",omitempty"`
}

// OfUser returns the entry as one about a user, with the id that it has as such.
func (e LogEntry) OfUser(id UserID) LogEntry {
	e.User, e.ID = id, e.ID.beside(string(id))
	return e
}

// OfGroup returns the entry as one about a group, with the id that it has as such.
func (e LogEntry) OfGroup(id GroupID) LogEntry {
	e.Group, e.ID = id, e.ID.beside(string(id))
	return e
}

// Remaining names the work that an entry leaves for after its transaction.
type Remaining string

// The kinds of remaining work.
const (
	RemainingNone     Remaining = ""
	RemainingMembers  Remaining = "members"  // membership rows of a large change
	RemainingUser     Remaining = "user"     // references to a deleted user
	RemainingGroup    Remaining = "group"    // membership rows of a deleted group
	RemainingProvider Remaining = "provider" // users and groups of a deleted provider
	RemainingRestore  Remaining = "restore"  // those of a restored one
	RemainingDelay    Remaining = "delay"    // pending deactivations that get another delay
	RemainingMatter   Remaining = "matter"   // custodians of a closed matter
	RemainingTenant   Remaining = "tenant"   // providers of a tenant that is paused, resumed or removed
	RemainingGuard    Remaining = "guard"    // pending deactivations that a guard holds or releases
)

// LogQuery selects log entries, newest first.
type LogQuery struct {
	Provider ProviderID // "" for the tenant's own entries
	User     UserID     // entries of one user, instead of Provider
	Group    GroupID    // entries of one group, instead of Provider
	Since    time.Time  // inclusive; zero: from the first
	Until    time.Time  // exclusive; zero: to the last
	Before   string     // position from an earlier page: LogEntry.Position of its last entry
	Count    int
}

// Position orders entries by time, for paging: the milliseconds since 1970 as nine digits of base 36, which sort as the
// times do until the year 5188, and the entry's id.
func (e LogEntry) Position() string {
	const digits = 9
	at := strconv.FormatInt(max(0, e.At.UnixMilli()), 36)
	return "000000000"[:max(0, digits-len(at))] + at + "." + string(e.ID)
}

// EntryOfPosition returns the provider, the time and the id of the entry at a position; zeros for what is no position.
func EntryOfPosition(p ProviderID, position string) LogEntry {
	digits, id, _ := strings.Cut(position, ".")
	ms, err := strconv.ParseInt(digits, 36, 64)
	if err != nil {
		return LogEntry{}
	}
	return LogEntry{ID: EntryID(id), At: time.UnixMilli(ms).UTC(), Provider: p}
}

// TenantEntry is an entry of a tenant's log. Of one that cannot be read, Unreadable says why, and the entry has only its
// provider, time and id.
type TenantEntry struct {
	Tenant     TenantID
	Entry      LogEntry
	Unreadable error
}

// AppendJSON appends the entry as encoding/json would write it, without reflection and without checking
// again that Before and After are JSON: a log entry is written with every change.
func (e LogEntry) AppendJSON(dst []byte) []byte {
	o := newObject(dst)
	o.text("ID", string(e.ID))
	o.text("At", e.At.Format(time.RFC3339Nano))
	o.text("Provider", string(e.Provider))
	outer := o.open("Actor")
	o.text("Kind", string(e.Actor.Kind))
	o.text("ID", e.Actor.ID)
	o.text("Origin", string(e.Actor.Origin))
	o.text("RequestID", string(e.Actor.RequestID))
	o.text("ClientRequestID", string(e.Actor.ClientRequestID))
	o.text("Reason", e.Actor.Reason)
	o.close(outer)
	o.text("Action", string(e.Action))
	o.text("User", string(e.User))
	o.text("Group", string(e.Group))
	o.text("Target", e.Target)
	o.text("Name", e.Name)
	appendObjects(&o, "Changes", e.Changes, func(o *object, c Change) {
		o.name("Attr")
		o.dst = appendText(o.dst, c.Attr)
		o.raw("Before", c.Before)
		o.raw("After", c.After)
	})
	appendTexts(&o, "Added", e.Added)
	appendTexts(&o, "Removed", e.Removed)
	o.number("Version", e.Version)
	appendTexts(&o, "Effects", e.Effects)
	o.number("People", int64(e.People))
	o.flag("Audit", e.Audit)
	o.text("Rest", string(e.Remaining))
	o.text("Erased", hex.EncodeToString(e.Erased))
	return o.end()
}

// Result is the outcome of the change that an entry records.
type Result string

// The results. Entries record changes that were made, so most are a success.
const (
	ResultSuccess  Result = "success"
	ResultConflict Result = "conflict"
	ResultError    Result = "error" // what the request asked for was refused, but for a disable (C22)
)

// Result is the outcome of the change that the entry records.
func (e LogEntry) Result() Result {
	if e.Action == ConflictOpened {
		return ResultConflict
	}
	for _, c := range e.Changes {
		if c.Attr == AttrRefused && len(c.After) > 0 {
			return ResultError
		}
	}
	return ResultSuccess
}

// Cause classifies what caused an entry.
type Cause string

// The causes.
const (
	CauseDirectory     Cause = "directory"
	CauseAdministrator Cause = "administrator"
	CauseOperator      Cause = "operator"
	CauseWakeup        Cause = "wake-up"
	CauseSweep         Cause = "sweep"
	CauseGuard         Cause = "guard"
	CauseApply         Cause = "apply"
	CauseRetention     Cause = "retention"
	CauseRule          Cause = "rule" // it follows from another entry
)

// Causes returns every cause.
func Causes() []Cause {
	return []Cause{CauseDirectory, CauseAdministrator, CauseOperator, CauseWakeup, CauseSweep, CauseGuard, CauseApply, CauseRetention,
		CauseRule}
}

// Cause classifies what caused the entry.
func (e LogEntry) Cause() Cause {
	switch e.Actor.From() {
	case OriginProvider:
		return CauseDirectory
	case OriginPerson:
		if e.Actor.Kind == ActorOperator {
			return CauseOperator
		}
		return CauseAdministrator
	}
	guardActions := []Action{GuardTripped, GuardWarned, GuardReminded, UserHeldByGuard, UserReassignmentHeld, UserDeactivationCancelled}
	switch {
	case slices.Contains(guardActions, e.Action):
		return CauseGuard
	case e.Actor.From() == OriginRun:
		return CauseApply
	case e.Actor.From() == OriginJob:
		return causeOfJob[Job(e.Actor.ID)]
	}
	return CauseRule
}

// Tallies reports whether an attribute's value is tallied under a key before or after the entry.
func (e LogEntry) Tallies(attr, key string) bool {
	return slices.ContainsFunc(e.Changes, func(c Change) bool {
		return c.Attr == attr && (slices.Contains(tallyKeys(attr, c.Before), key) || slices.Contains(tallyKeys(attr, c.After), key))
	})
}

// ChangesRules reports whether the entry's transaction changes what resolving a user or announcing an event reads besides
// the provider: mappings, roles, organizations, watchlists, webhooks.
func (e LogEntry) ChangesRules() bool {
	switch e.Action {
	case MappingsUpdated, RolesUpdated, OrganizationCreated, OrganizationUpdated, WatchlistUpdated, WebhookCreated, WebhookUpdated,
		WebhookRotated, WebhookDeleted,
		ProviderRestored:
		return true
	}
	return false
}

// SyncEntry reports whether an entry belongs in the Sync Log: it is about a user or group.
func (e LogEntry) SyncEntry() bool { return e.User != "" || e.Group != "" }
