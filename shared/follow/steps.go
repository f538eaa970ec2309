package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"rollcall/shared/directory"
	"rollcall/shared/parallel"
)

// step is one piece of work that follows from log entries.
type step struct {
	name   string // as it is stored with work that is set aside
	on     trigger
	again  string   // why repeating it does no harm
	needs  []string // the steps before it without whose success for an entry it is not run for that one
	beside bool     // whether it runs at the same time as the one before it in the table
	// apart reports whether the step waits for other systems or takes long for an entry, and so is run after the others
	// were stored together; nil: for none.
	apart func(directory.LogEntry) bool
	// run does the work for entries of any tenants, and returns the error of each, nil when all succeeded.
	run func(*course, context.Context, []directory.TenantEntry) []error
}

// StepWake is the step that only saves time.
const StepWake = "schedule a wake-up"

const (
	stepComplete = "complete memberships"
	stepCount    = "count"
	stepPlace    = "place members"
	stepRelink   = "link a group that came back"
	stepRemind   = "remind of an open guard event"
	stepErase    = "erase a purged user from the log"
)

// steps returns all steps, in order. The table is built on first use, so that programs that follow no entries, such as
// the admin function, do not link the code of the steps.
func steps() []step {
	buildSteps.Do(func() {
		allSteps = slices.Concat(firstSteps(), peopleSteps(), otherSteps())
	})
	return allSteps
}

var (
	buildSteps sync.Once
	allSteps   []step
)

// firstSteps complete what a change left, count, and protect people and what they have access to.
func firstSteps() []step {
	return []step{
		{name: stepComplete, on: largeChange(), again: "the store does nothing for an entry it completed", run: each((*Service).complete)},
		{name: stepCount, on: trigger{any: "every entry"}, again: "the store counts an entry once", run: byTenant((*course).count)},
		{name: "mark the chain as grown", on: trigger{any: "every entry"}, again: "the earliest mark counts", beside: true,
			run: each((*Service).markGrown)},
		{name: "note a late entry for the chain", on: trigger{any: "entries that the chain has passed"},
			again: "a position is noted once", beside: true, run: byTenant((*course).noteLate)},
		{name: "check the guard", on: onActions(directory.UserDisabled, directory.UserDeleted, directory.UserReassigned),
			again: "a tripped guard does not trip again", needs: []string{stepCount}, run: (*course).checkGuards},
		{name: stepRemind, on: onActions(directory.GuardTripped), again: "each reminder is noted in the event", run: each((*Service).followTrip)},
		{name: stepTasks, on: trigger{any: "entries that start tasks (below)"}, again: "a task is stored under its key",
			needs: []string{stepComplete}, run: each((*Service).startLongWork)},
	}
}

// peopleSteps place users, and keep their names, references and conflicts.
func peopleSteps() []step {
	return []step{
		{name: "store a former userName", on: trigger{actions: []directory.Action{directory.UserDeleted}, attribute: directory.AttrUserName},
			again: "an alias is stored under its key", run: each((*Service).rememberName)},
		{name: "link managers and place a user", on: trigger{
			actions: []directory.Action{directory.UserCreated, directory.UserEnabled, directory.UserRestored, directory.UserUpdated,
				directory.UserDisabled},
			effects: []directory.Effect{directory.EffectReactivated, directory.EffectConverted},
		}, again: "the rules decide by the stored records", needs: []string{stepComplete}, run: byTenant((*course).followUsers)},
		{name: "hint at the same person", on: onActions(directory.UserCreated), again: "a hint is stored under its key",
			beside: true, run: atOnce((*Service).hintSamePerson)},
		{name: stepRelink, on: onActions(directory.GroupCreated), again: "the old one is named no more",
			needs: []string{stepComplete}, run: each((*Service).relinkGroup)},
		{name: stepPlace, on: onActions(directory.GroupCreated, directory.GroupUpdated, directory.MembersChanged), again: asAbove,
			needs: []string{stepComplete, stepRelink}, apart: ofMany, run: byTenant((*course).followMembers)},
		{name: "close the conflict of a converted user", on: onActions(directory.UserConverted), again: "a closed conflict is skipped",
			run: each((*Service).followConverted)},
		{name: "list a refused disable", on: trigger{attribute: directory.AttrRefused}, again: "a listed one is not listed twice",
			run: each((*Service).followRefusal)},
		{name: "warn of an unknown country", on: trigger{attribute: directory.AttrUnknownCountry}, again: "each value is warned of once",
			run: each((*Service).warnCountry)},
		{name: stepErase, on: onActions(directory.UserPurged), again: "erased entries are skipped",
			apart: always, run: each((*Service).followPurged)},
	}
}

// otherSteps start what others carry out, and depend on systems outside the process.
func otherSteps() []step {
	return []step{
		{name: "start an apply run", on: onActions(directory.ApplyPlanned, directory.ApplyStarted),
			again: "a started phase is not started again", apart: always, run: each((*Service).startRun)},
		{name: "send a test event", on: onActions(directory.WebhookTested), again: "a delivery is stored under its key",
			run: each((*Service).sendTest)},
		{name: "resume a webhook", on: onActions(directory.WebhookUpdated), again: "its queue is looked at once more",
			run: each((*Service).resumeWebhook)},
		{name: "replay a delivery", on: onActions(directory.DeliveryReplayed), again: "a delivery replayed since is not changed",
			run: each((*Service).replay)},
		{name: "retry a task", on: onActions(directory.TaskRetried), again: "only a task that waits since before is tried again",
			run: each((*Service).retryTask)},
		{name: "deliver events to webhooks", on: trigger{any: "entries that cause events"}, again: "a delivery is stored under its key",
			run: byTenant((*course).deliverEvents)},
		{name: "publish events", on: trigger{any: "entries that cause events"}, again: "the same events under the same ids",
			apart: always, run: whole((*Service).publish)},
		{name: StepWake, on: onEffects(directory.EffectScheduled), again: "a second wake-up finds nothing due",
			apart: always, run: whole((*Service).wake)},
	}
}

const asAbove = "as above"

func always(directory.LogEntry) bool { return true }

// ofMany reports whether an entry has so many members that others should not wait for all of them.
func ofMany(e directory.LogEntry) bool { return len(e.Added)+len(e.Removed) > 20 }

// course is the following of a batch.
type course struct {
	s       *Service
	batch   []directory.TenantEntry
	wanted  func(at int, step string) bool
	failed  []Failure
	grounds grounds
	taken   []int // the places of entries that a task completes, which also runs the steps that need that

	mu    sync.Mutex
	fresh []directory.EntryID // counted by this batch
}

// starts reports whether the step is to be run for an entry, apart from others or not.
func (c *course) starts(st step, at int, apart bool) bool {
	e := c.batch[at]
	if slices.Contains(c.taken, at) && slices.Contains(st.needs, stepComplete) {
		return false
	}
	return e.Unreadable == nil && !e.Entry.Unnumbered && st.on.matches(e.Entry) && apart == (st.apart != nil && st.apart(e.Entry)) &&
		(c.wanted == nil || c.wanted(at, st.name))
}

// any reports whether there is a step to run.
func (c *course) any(apart bool) bool {
	for i := range c.batch {
		if slices.ContainsFunc(steps(), func(st step) bool { return c.starts(st, i, apart) }) {
			return true
		}
	}
	return false
}

// run runs the steps apart from others, or the others.
func (c *course) run(ctx context.Context, apart bool) {
	c.forgetGrounds()
	for all := steps(); len(all) > 0; {
		n := 1
		for n < len(all) && all[n].beside {
			n++
		}
		c.runBeside(ctx, all[:n], apart)
		all = all[n:]
	}
}

// turn is a step with the entries of a batch that it is run for.
type turn struct {
	step
	es   []directory.TenantEntry
	of   []int // the places of es in the batch
	errs []error
}

// runBeside runs steps at the same time.
func (c *course) runBeside(ctx context.Context, together []step, apart bool) {
	var turns []*turn
	for _, st := range together {
		if x := c.turn(st, apart); len(x.es) > 0 {
			turns = append(turns, x)
		}
	}
	_ = parallel.Each(ctx, len(together), len(turns), func(ctx context.Context, i int) error {
		x := turns[i]
		x.errs = x.run(c, ctx, x.es)
		return nil
	})
	for _, x := range turns {
		for k, err := range x.errs {
			switch {
			case errors.Is(err, errTaskGoesOn):
				c.taken = append(c.taken, x.of[k])
			case err != nil:
				c.failed = append(c.failed, Failure{x.of[k], x.name, err})
			}
		}
		if x.name == stepRelink {
			c.forgetGrounds() // mappings may have changed
		}
	}
}

// turn returns a step with its entries. Those without the success of a step that it needs have failed.
func (c *course) turn(st step, apart bool) *turn {
	x := &turn{step: st}
	for i, e := range c.batch {
		if !c.starts(st, i, apart) {
			continue
		}
		if slices.ContainsFunc(c.failed, func(f Failure) bool { return f.At == i && slices.Contains(st.needs, f.Step) }) {
			err := directory.Errorf(directory.Unavailable, "a step before it has to succeed first")
			c.failed = append(c.failed, Failure{i, st.name, err})
			continue
		}
		x.es, x.of = append(x.es, e), append(x.of, i)
	}
	return x
}

// whole returns a step that needs nothing of the course.
func whole(
	all func(*Service, context.Context, []directory.TenantEntry) []error,
) func(*course, context.Context, []directory.TenantEntry) []error {
	return func(c *course, ctx context.Context, es []directory.TenantEntry) []error { return all(c.s, ctx, es) }
}

// each returns a step that calls one for each entry.
func each(
	one func(*Service, context.Context, directory.TenantID, directory.LogEntry) error,
) func(*course, context.Context, []directory.TenantEntry) []error {
	return func(c *course, ctx context.Context, es []directory.TenantEntry) []error {
		errs := make([]error, len(es))
		for i, e := range es {
			errs[i] = one(c.s, ctx, e.Tenant, e.Entry)
		}
		return errs
	}
}

// atOnce returns a step that calls one for each entry, for several at the same time: they are about different records.
func atOnce(
	one func(*Service, context.Context, directory.TenantID, directory.LogEntry) error,
) func(*course, context.Context, []directory.TenantEntry) []error {
	return func(c *course, ctx context.Context, es []directory.TenantEntry) []error {
		errs := make([]error, len(es))
		_ = parallel.Each(ctx, parallelLooks, len(es), func(ctx context.Context, i int) error {
			errs[i] = one(c.s, ctx, es[i].Tenant, es[i].Entry)
			return nil
		})
		return errs
	}
}

// byTenant returns a step that calls some with the entries of each tenant together, or one by one when that fails; for
// several tenants at the same time.
func byTenant(
	some func(*course, context.Context, directory.TenantID, []directory.LogEntry) error,
) func(*course, context.Context, []directory.TenantEntry) []error {
	return func(c *course, ctx context.Context, es []directory.TenantEntry) []error {
		errs, tenants, own := make([]error, len(es)), []directory.TenantID(nil), map[directory.TenantID][]int{}
		for i, e := range es {
			if own[e.Tenant] == nil {
				tenants = append(tenants, e.Tenant)
			}
			own[e.Tenant] = append(own[e.Tenant], i)
		}
		_ = parallel.Each(ctx, parallelChanges, len(tenants), func(ctx context.Context, at int) error {
			t := tenants[at]
			var together []directory.LogEntry
			for _, i := range own[t] {
				together = append(together, es[i].Entry)
			}
			err := some(c, ctx, t, together)
			for k, i := range own[t] {
				if errs[i] = err; err != nil && len(together) > 1 {
					errs[i] = some(c, ctx, t, together[k:k+1])
				}
			}
			return nil
		})
		return errs
	}
}

// trigger selects the entries that start a step: those with one of its members.
type trigger struct {
	actions   []directory.Action
	effects   []directory.Effect
	remaining []directory.Remaining
	members   int    // more of them added and removed
	attribute string // among the changes
	any       string // every entry; describes those that the step acts on
}

func onActions(as ...directory.Action) trigger      { return trigger{actions: as} }
func onEffects(es ...directory.Effect) trigger      { return trigger{effects: es} }
func onRemaining(rs ...directory.Remaining) trigger { return trigger{remaining: rs} }

// largeChange selects the changes that may leave much to be done: what did not fit in their transactions, and what follows
// for many members.
func largeChange() trigger {
	return trigger{remaining: []directory.Remaining{directory.RemainingMembers, directory.RemainingUser, directory.RemainingGroup},
		members: stepRecords}
}

func changes(e directory.LogEntry, attribute string) bool {
	return slices.ContainsFunc(e.Changes, func(c directory.Change) bool { return c.Attr == attribute })
}

func (on trigger) matches(e directory.LogEntry) bool {
	return on.any != "" || slices.Contains(on.actions, e.Action) || e.Remaining != "" && slices.Contains(on.remaining, e.Remaining) ||
		on.members > 0 && len(e.Added)+len(e.Removed) > on.members ||
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
	if on.members > 0 {
		parts = append(parts, fmt.Sprintf("more than %d members", on.members))
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
	b.WriteString("| number | changes of groups; before all other steps | an entry that has its number keeps it |\n")
	for _, s := range steps() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.name, s.on, s.again)
	}
	return b.String()
}
