package follow

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"rollcall/shared/directory"
)

// longWork is a kind of task: work that follows from an entry and is too long to be done where entries are followed.
type longWork struct {
	kind  directory.TaskKind // as it is stored and shown
	on    trigger
	of    string        // the kind of the record that it belongs to, the target or group of the entry
	again string        // why repeating a step does no harm
	wait  time.Duration // how long after the entry it begins

	// needed reports whether there may be something to do; nil: always.
	needed func(*Service, context.Context, directory.TenantID, directory.LogEntry) (bool, error)
	// step does at most a page of work more than portion.lasts allows, and moves the position last.
	step func(*portion, context.Context) error
}

// The kinds of tasks.
const (
	TaskComplete     directory.TaskKind = "complete-change"
	TaskGuard        directory.TaskKind = "apply-guard"
	TaskHeld         directory.TaskKind = "release-held"
	TaskOrganization directory.TaskKind = "deactivate-organization"
	TaskDeletion     directory.TaskKind = "delete-provider"
	TaskRestore      directory.TaskKind = "restore-provider"
	TaskDelay        directory.TaskKind = "change-delay"
	TaskMatter       directory.TaskKind = "close-matter"
	TaskTenant       directory.TaskKind = "settle-tenant"
	TaskGroup        directory.TaskKind = "delete-group"
	TaskWatchlist    directory.TaskKind = "change-watchlist"
	TaskRoles        directory.TaskKind = "convert-roles"
	TaskIndex        directory.TaskKind = "index-users"
	TaskReplay       directory.TaskKind = "replay-deliveries"
)

// TaskKinds returns the kinds in the order of the table, without linking the code of their steps.
func TaskKinds() []directory.TaskKind {
	return []directory.TaskKind{
		TaskComplete, TaskGuard, TaskHeld, TaskOrganization, TaskDeletion, TaskRestore, TaskDelay, TaskMatter,
		TaskTenant, TaskGroup, TaskWatchlist, TaskRoles, TaskIndex, TaskReplay,
	}
}

// longWorks returns all kinds of tasks. The table is built on first use, as that of the steps is.
func longWorks() []longWork {
	buildWorks.Do(func() {
		allWorks = []longWork{
			{kind: TaskComplete, on: largeChange(), of: "group or user",
				again: "the store does nothing twice, and the rules decide by the stored records", step: (*portion).completeChange},
			{kind: TaskGuard, on: onRemaining(directory.RemainingGuard), of: "guard event",
				again: "each user is compared with the present guard", step: (*portion).applyGuard},
			{kind: TaskHeld, on: onActions(directory.GuardApproved, directory.GuardRejected), of: "guard event", wait: requestsEnd,
				again: "each user is compared with the present guard", step: (*portion).releaseLate},
			{kind: TaskOrganization, on: onActions(directory.OrganizationUpdated), of: "organization",
				again: "deactivated users are skipped", needed: (*Service).isDeactivated, step: (*portion).deactivateMembers},
			{kind: TaskDeletion, on: onRemaining(directory.RemainingProvider), of: "provider",
				again: "users and groups already handled are not found again", step: (*portion).deleteProvider},
			{kind: TaskRestore, on: onRemaining(directory.RemainingRestore), of: "provider", again: "who is back already is skipped",
				step: (*portion).restoreProvider},
			{kind: TaskDelay, on: onRemaining(directory.RemainingDelay), of: "provider", again: "the same due time is no change",
				step: (*portion).rescheduleAll},
			{kind: TaskMatter, on: onRemaining(directory.RemainingMatter), of: "legal hold", again: "released custodians are skipped",
				step: (*portion).releaseAll},
			{kind: TaskTenant, on: onRemaining(directory.RemainingTenant), of: "tenant", again: "providers in that state are skipped",
				step: (*portion).settleTenant},
			{kind: TaskGroup, on: onActions(directory.GroupDeleted), of: "group", again: "the rules decide by the stored records",
				needed: (*Service).groupDecides, step: (*portion).followGroupDeleted},
			{kind: TaskWatchlist, on: onActions(directory.WatchlistUpdated), of: "watchlist", again: asAbove,
				step: (*portion).followWatchlist},
			{kind: TaskRoles, on: trigger{attribute: directory.AttrMappedRoles}, of: "provider", again: "converted grants are skipped",
				step: (*portion).followMappings},
			{kind: TaskIndex, on: trigger{attribute: directory.AttrMatching}, of: "provider", wait: requestsEnd,
				again: "look-ups that are right stay as they are", step: (*portion).indexUsers},
			{kind: TaskReplay, on: onActions(directory.DeliveryReplayed), of: "webhook",
				again: "a delivery replayed since is not changed", needed: (*Service).isSpan, step: (*portion).replaySpan},
		}
	})
	return allWorks
}

// workOf returns a kind of tasks, the zero one when another release has it.
func workOf(k directory.TaskKind) longWork {
	for _, w := range longWorks() {
		if w.kind == k {
			return w
		}
	}
	return longWork{}
}

var (
	buildWorks sync.Once
	allWorks   []longWork
)

// Tasks returns the table of the kinds of tasks in Markdown, as docs/architecture.md has it.
func Tasks() string {
	var b strings.Builder
	b.WriteString("| task | belongs to a | starts with | why repeating a step does no harm |\n|---|---|---|---|\n")
	for _, w := range longWorks() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", w.kind, w.of, w.on, w.again)
	}
	return b.String()
}
