package adminapi

import (
	"strconv"
	"strings"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// causers are the subjects of the sentences about entries.
var causers = map[directory.Cause]string{
	directory.CauseDirectory: "The directory", directory.CauseAdministrator: "An administrator",
	directory.CauseOperator: "An operator",
	directory.CauseWakeup:   "The end of the delay", directory.CauseSweep: "The sweep", directory.CauseGuard: "The mass-change guard",
	directory.CauseApply: "An apply run", directory.CauseRetention: "A scheduled job",
	directory.CauseRule: "Rollcall, after an earlier change,",
}

// deeds are what an entry's action did, as the rest of a sentence.
var deeds = map[directory.Action]string{
	directory.UserCreated: "created the user", directory.UserUpdated: "changed the user", directory.UserEnabled: "enabled the user",
	directory.UserDisabled: "disabled the user", directory.UserDeleted: "deleted the user",
	directory.UserConverted: "changed who manages the user", directory.UserRestored: "created the deleted user again",
	directory.UserBlocked: "blocked the user", directory.UserUnblocked: "unblocked the user",
	directory.UserDeactivated: "deactivated the user", directory.UserReactivated: "reactivated the user",
	directory.UserDeactivationCancelled: "cancelled the user's deactivation", directory.UserRescheduled: "moved the user's deactivation",
	directory.UserHeldByGuard: "held back the user's deactivation until a review", directory.UserPurged: "erased the user's personal data",
	directory.HoldPlaced: "placed the user on legal hold", directory.HoldReleased: "released the user from a legal hold",
	directory.HoldCreated: "created a legal hold", directory.HoldClosed: "closed a legal hold",
	directory.GuardWarned: "warned of a mass change", directory.GuardTripped: "held back a mass change until a review",
	directory.GuardApproved: "let a mass change go on", directory.GuardRejected: "rejected a mass change",
	directory.GuardReminded:        "reminded of a mass change that waits for a review",
	directory.UserResolved:         "led to another organization, other roles or watchlists of the user",
	directory.UserReassigned:       "moved the user or took a role, which the guard counts",
	directory.UserReassignmentHeld: "would have moved the user, which waits for a review",
	directory.UserMoved:            "placed the user or changed their roles", directory.GroupCreated: "created the group",
	directory.GroupUpdated: "changed the group", directory.GroupDeleted: "deleted the group",
	directory.MembersChanged: "changed the members of the group", directory.ConflictOpened: "met a conflict, and changed nothing",
	directory.ConflictApproved: "approved the conversion of a local user in advance", directory.ConflictClosed: "ended a conflict",
	directory.TenantCreated: "created the tenant", directory.TenantUpdated: "changed settings of the tenant",
	directory.TenantWasPaused: "paused the tenant", directory.TenantResumed: "resumed the tenant",
	directory.TenantRemoved: "removed the tenant", directory.TenantErased: "erased the tenant's records",
	directory.ProviderCreated: "created the provider", directory.ProviderUpdated: "changed the provider",
	directory.ProviderDeleted: "deleted the provider", directory.ProviderRestored: "restored the deleted provider",
	directory.TokenCreated: "created a token", directory.TokenRevoked: "revoked a token",
	directory.TokenExpiring: "warned that a token ends soon", directory.APIKeyCreated: "created an API key",
	directory.APIKeyRevoked: "revoked an API key", directory.APIKeyExpiring: "warned that an API key ends soon",
	directory.OrganizationCreated: "created an organization", directory.OrganizationUpdated: "changed the organization",
	directory.RolesUpdated:     "changed the catalogue of roles",
	directory.ProposalMade:     "proposed a change, which a second person has to approve",
	directory.ProposalApproved: "approved a proposed change", directory.ProposalRejected: "rejected a proposed change",
	directory.APIKeyExceeds:   "created an API key with rights that its maker lacks",
	directory.APIKeyConfirmed: "confirmed that an API key is another person's", directory.MappingsUpdated: "changed mappings",
	directory.WatchlistUpdated: "changed a watchlist", directory.ApplyClaimed: "began an apply run",
	directory.ApplyPlanned:   "asked for a plan of an apply run",
	directory.ApplyRequested: "asked for an apply run, which a second person has to approve",
	directory.ApplyStarted:   "started an apply run", directory.ApplyCancelled: "cancelled an apply run",
	directory.ApplyEnded: "ended one of its phases", directory.CountryUnknown: "sent a country that is not known",
	directory.WebhookCreated: "created a webhook", directory.WebhookUpdated: "changed a webhook",
	directory.WebhookDeleted: "deleted a webhook",
	directory.WebhookRotated: "gave a webhook another secret", directory.WebhookTested: "sent a test event to a webhook",
	directory.DeliveryReplayed: "sent deliveries again", directory.TaskRetried: "had a task tried again",
	administration.LogExported: "exported the log",
}

// outcomes are what the effects of an entry mean, after the deed. An effect without one is in the deed already.
var outcomes = map[directory.Effect]string{
	directory.EffectBlocked: "sign-in is denied from then on", directory.EffectUnblocked: "sign-in is no longer denied",
	directory.EffectScheduled: "the deactivation is due", directory.EffectCancelled: "the deactivation is cancelled",
	directory.EffectHeld: "a legal hold delays it", directory.EffectFrozen: "it waits for a review",
	directory.EffectDeactivated: "the account is deactivated", directory.EffectReactivated: "the account is active again",
	directory.EffectConverted: "another home manages the user", directory.EffectMoved: "the organization changed",
	directory.EffectRoles: "roles changed", directory.EffectWatchlists: "watchlists changed",
	directory.EffectHeldBack: "a change of organization or roles waits for a review",
}

// sentence explains an entry to a person, without a name or value.
func sentence(e directory.LogEntry) string {
	out := causers[e.Cause()] + " " + deeds[e.Action]
	var after []string
	for _, effect := range e.Effects {
		text := outcomes[effect]
		if due, ok := e.Scheduled(); ok && effect == directory.EffectScheduled {
			text += " at " + due.UTC().Format(instantForm)
		}
		if text != "" && (effect != directory.EffectDeactivated || e.Action != directory.UserDeactivated) {
			after = append(after, text)
		}
	}
	if n := len(e.Added) + len(e.Removed); n > 0 {
		after = append(after, strconv.Itoa(len(e.Added))+" joined and "+strconv.Itoa(len(e.Removed))+" left")
	}
	if e.Result() == directory.ResultError {
		after = append(after, "the rest of the request was refused")
	}
	if len(after) == 0 {
		return out + "."
	}
	return out + ": " + strings.Join(after, "; ") + "."
}
