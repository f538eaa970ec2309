package follow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"rollcall/shared/directory"
)

// step is one piece of work that follows from log entries.
type step struct {
	name  string
	on    trigger
	again string // why repeating it does no harm
	run   func(*Service, context.Context, directory.TenantID, []directory.LogEntry) error
}

// steps returns all steps, in order. The table is built on first use, so that programs that follow no entries, such as
// the admin function, do not link the code of the steps.
func steps() []step {
	buildSteps.Do(func() {
		allSteps = []step{
			{"complete memberships", onRemaining(directory.RemainingMembers, directory.RemainingUser, directory.RemainingGroup),
				"the store does nothing for an entry it completed", each((*Service).complete)},
			{"drain a deleted provider", onRemaining(directory.RemainingProvider), "users and groups already handled are not found again",
				each((*Service).drainProvider)},
			{"bring back what a restored provider had", onRemaining(directory.RemainingRestore), "who is back already is skipped",
				each((*Service).restoreProvider)},
			{"reschedule deactivations", onRemaining(directory.RemainingDelay), "the same due time is no change", each((*Service).rescheduleAll)},
			{"release custodians", onRemaining(directory.RemainingMatter), "released custodians are skipped", each((*Service).releaseAll)},
			{"copy a tenant's state", onRemaining(directory.RemainingTenant), "providers in that state are skipped",
				each((*Service).SettleTenant)},
			{"apply the guard", onRemaining(directory.RemainingGuard), "each user is compared with the present guard",
				each((*Service).applyGuard)},
			{"schedule a wake-up", onEffects(directory.EffectScheduled), "a second wake-up finds nothing due", each((*Service).wake)},
			{"count", trigger{any: "every entry"}, "the store counts an entry once", (*Service).count},
			{"mark the chain as grown", trigger{any: "every entry"}, "the earliest mark counts", each((*Service).markGrown)},
			{"check the guard", onActions(directory.UserDisabled, directory.UserDeleted, directory.UserReassigned),
				"a tripped guard does not trip again", each((*Service).checkGuard)},
			{"link managers and place a user", trigger{
				actions: []directory.Action{directory.UserCreated, directory.UserEnabled, directory.UserRestored, directory.UserUpdated,
					directory.UserDisabled},
				effects: []directory.Effect{directory.EffectReactivated, directory.EffectConverted},
			}, "the rules decide by the stored records", each((*Service).followUser)},
			{"link a group that came back", onActions(directory.GroupCreated), "the old one is named no more", each((*Service).relinkGroup)},
			{"place members", onActions(directory.GroupCreated, directory.GroupUpdated, directory.MembersChanged), "as above",
				each((*Service).followMembers)},
			{"place users of a deleted group", onActions(directory.GroupDeleted), "as above", each((*Service).followGroupDeleted)},
			{"put users on a watchlist", onActions(directory.WatchlistUpdated), "as above", each((*Service).followWatchlist)},
			{"deactivate users of an organization", onActions(directory.OrganizationUpdated), "deactivated users are skipped",
				each((*Service).deactivateMembers)},
			{"convert mapped roles", onActions(directory.MappingsUpdated), "converted grants are skipped", each((*Service).followMappings)},
			{"index users by matching attributes", trigger{attribute: directory.AttrMatching}, "look-ups that are right stay as they are",
				each((*Service).indexUsers)},
			{"start an apply run", onActions(directory.ApplyPlanned, directory.ApplyStarted), "a started phase is not started again",
				each((*Service).startRun)},
			{"close the conflict of a converted user", onActions(directory.UserConverted), "a closed conflict is skipped",
				each((*Service).followConverted)},
			{"list a refused disable", trigger{attribute: directory.AttrRefused}, "a listed one is not listed twice",
				each((*Service).followRefusal)},
			{"store a former userName", trigger{actions: []directory.Action{directory.UserDeleted}, attribute: directory.AttrUserName},
				"an alias is stored under its key", each((*Service).rememberName)},
			{"hint at the same person", onActions(directory.UserCreated), "a hint is stored under its key", each((*Service).hintSamePerson)},
			{"warn of an unknown country", trigger{attribute: directory.AttrUnknownCountry}, "each value is warned of once",
				each((*Service).warnCountry)},
			{"send a test event", onActions(directory.WebhookTested), "a delivery is stored under its key", each((*Service).sendTest)},
			{"replay deliveries", onActions(directory.DeliveryReplayed), "a delivery replayed since is not changed", each((*Service).replay)},
			{"announce events", trigger{any: "entries that cause events"}, "the same events under the same ids", each((*Service).announce)},
			{"note a late entry for the chain", trigger{any: "entries that the chain has passed"}, "a position is noted once",
				each((*Service).noteLate)},
			{"erase a purged user from the log", onActions(directory.UserPurged), "erased entries are skipped", each((*Service).followPurged)},
		}
	})
	return allSteps
}

var (
	buildSteps sync.Once
	allSteps   []step
)

// each returns a step that calls one for each entry.
func each(
	one func(*Service, context.Context, directory.TenantID, directory.LogEntry) error,
) func(*Service, context.Context, directory.TenantID, []directory.LogEntry) error {
	return func(s *Service, ctx context.Context, t directory.TenantID, es []directory.LogEntry) error {
		for _, e := range es {
			if err := one(s, ctx, t, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// trigger selects the entries that start a step: those with one of its members.
type trigger struct {
	actions   []directory.Action
	effects   []directory.Effect
	remaining []directory.Remaining
	attribute string // among the changes
	any       string // every entry; describes those that the step acts on
}

func onActions(as ...directory.Action) trigger      { return trigger{actions: as} }
func onEffects(es ...directory.Effect) trigger      { return trigger{effects: es} }
func onRemaining(rs ...directory.Remaining) trigger { return trigger{remaining: rs} }
func changes(e directory.LogEntry, attribute string) bool {
	return slices.ContainsFunc(e.Changes, func(c directory.Change) bool { return c.Attr == attribute })
}

func (on trigger) matches(e directory.LogEntry) bool {
	return on.any != "" || slices.Contains(on.actions, e.Action) || e.Remaining != "" && slices.Contains(on.remaining, e.Remaining) ||
		slices.ContainsFunc(on.effects, func(x directory.Effect) bool { return slices.Contains(e.Effects, x) }) ||
		on.attribute != "" && changes(e, on.attribute)
}

// String describes the trigger in Markdown.
func (on trigger) String() string {
	if on.any != "" {
		return on.any
	}
	var parts []string
	for _, a := range on.actions {
		parts = append(parts, "`"+string(a)+"`")
	}
	for _, x := range on.effects {
		parts = append(parts, "effect `"+string(x)+"`")
	}
	for _, r := range on.remaining {
		parts = append(parts, "remaining `"+string(r)+"`")
	}
	if on.attribute != "" {
		parts = append(parts, "change of `"+on.attribute+"`")
	}
	return strings.Join(parts, ", ")
}

// Steps returns the table of steps in Markdown, as docs/architecture.md has it.
func Steps() string {
	var b strings.Builder
	b.WriteString("| step | starts with | why repeating it does no harm |\n|---|---|---|\n")
	for _, s := range steps() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.name, s.on, s.again)
	}
	return b.String()
}
