package follow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// count adds entries to the counts that the guard reads, and to the tallies.
func (c *course) count(ctx context.Context, t directory.TenantID, es []directory.LogEntry) error {
	fresh, err := c.s.ports.Counts.CountEntries(ctx, t, es)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range es {
		if err == nil && fresh[i] {
			c.fresh = append(c.fresh, e.ID)
		}
	}
	return err
}

// watched is a kind of change of a provider that its guard counts.
type watched struct {
	tenant   directory.TenantID
	provider directory.ProviderID
	kind     directory.GuardKind
}

// checkGuards evaluates the guards of providers after changes were counted, once for each kind of change. A tripped guard
// also holds the leavers among them whose request did not yet see it tripped.
func (c *course) checkGuards(ctx context.Context, es []directory.TenantEntry) []error {
	errs := make([]error, len(es))
	var order []watched
	changed := map[watched][]int{}
	for i, e := range es {
		if e.Entry.Provider == "" {
			continue
		}
		w := watched{e.Tenant, e.Entry.Provider, directory.GuardKindOf(e.Entry.Action)}
		if changed[w] == nil {
			order = append(order, w)
		}
		changed[w] = append(changed[w], i)
	}
	_ = forEach(ctx, order, func(ctx context.Context, w watched) error {
		var own []directory.LogEntry
		for _, i := range changed[w] {
			own = append(own, es[i].Entry)
		}
		p, err := c.checkGuard(ctx, w, own)
		for _, i := range changed[w] {
			if errs[i] = err; err == nil && w.kind == directory.GuardLeavers && p.Guard.Tripped() {
				errs[i] = c.s.reconcile(ctx, w.tenant, p, es[i].Entry.User, fromDecision(es[i].Entry))
			}
		}
		return nil
	})
	return errs
}

// checkGuard evaluates a guard, as of the latest change, unless all are from before its window and were counted by an
// earlier batch: they were evaluated then. It returns the provider then, the zero one when it was removed.
func (c *course) checkGuard(ctx context.Context, w watched, es []directory.LogEntry) (directory.Provider, error) {
	g, err := c.ground(ctx, w.tenant, w.provider)
	p := g.Provider
	if err != nil || p.ID == "" {
		return directory.Provider{}, err
	}
	if p.Guard.Of(w.kind).Tripped() {
		return p, nil
	}
	since := p.Guard.CountedSince(w.kind, c.s.rt.Time())
	es = slices.DeleteFunc(es, func(e directory.LogEntry) bool { return e.At.Before(since) && !slices.Contains(c.fresh, e.ID) })
	if len(es) == 0 {
		return p, nil
	}
	last := slices.MaxFunc(es, func(a, b directory.LogEntry) int { return a.At.Compare(b.At) })
	reading, err := c.s.evaluateGuardAt(ctx, w.tenant, p, w.kind, fromEntry(last), last.At)
	return reading.provider, err
}

// guardReading is the result of evaluating a guard: the provider then, the changes within the window and their limit.
type guardReading struct {
	provider     directory.Provider
	count, limit int
}

// evaluateGuard counts the changes of a kind within the window and trips the provider's guard, or only warns, when
// there are more than it allows. more is how many the caller is about to make.
func (s *Service) evaluateGuard(
	ctx context.Context, t directory.TenantID, p directory.Provider, kind directory.GuardKind, o origin, more int,
) (guardReading, error) {
	now := s.rt.Time()
	counts, err := s.ports.Counts.Counts(ctx, t, p.ID, p.Guard.CountedSince(kind, now))
	if err != nil {
		return guardReading{}, err
	}
	return s.judge(ctx, t, p, kind, o, now, p.Guard.CountOf(kind, now, counts)+more)
}

// evaluateGuardAt is evaluateGuard as of a change that is to be followed only now, perhaps long after its window.
func (s *Service) evaluateGuardAt(
	ctx context.Context, t directory.TenantID, p directory.Provider, kind directory.GuardKind, o origin, at time.Time,
) (guardReading, error) {
	if !at.Before(p.Guard.CountedSince(kind, s.rt.Time())) {
		return s.evaluateGuard(ctx, t, p, kind, o, 0)
	}
	minutes, err := s.ports.Counts.Timeline(ctx, t, p.ID, p.Guard.CountedSince(kind, at), at.Add(time.Millisecond))
	if err != nil {
		return guardReading{}, err
	}
	counts := map[directory.Action]int{}
	for _, m := range minutes {
		for a, n := range m.Counts {
			counts[a] += n
		}
	}
	return s.judge(ctx, t, p, kind, o, at, p.Guard.CountOf(kind, at, counts))
}

// judge trips the provider's guard, or only warns, if the changes of a kind within the window before a time are more than it
// allows.
func (s *Service) judge(
	ctx context.Context, t directory.TenantID, p directory.Provider, kind directory.GuardKind, o origin, at time.Time, count int,
) (guardReading, error) {
	reading := guardReading{p, count, p.Guard.LimitOf(kind, 0)}
	if reading.count <= reading.limit {
		return reading, nil
	}
	active, err := find.ActiveUsers(ctx, s.ports.Counts, t, p.ID)
	reading.limit = p.Guard.LimitOf(kind, active)
	if err != nil || reading.count <= reading.limit {
		return reading, err
	}
	now := s.rt.Time()
	found := directory.GuardEvent{
		ID:       directory.GuardEventID("v" + directory.PositionAt(now)[:9] + s.rt.NewID()[:16]),
		Provider: p.ID, Kind: kind, At: now, Since: directory.Latest(p.Guard.CountedSince(kind, at), p.Guard.Of(kind).DecidedAt),
		Count: reading.count, Limit: reading.limit, Users: active, Version: 1,
	}
	reading.provider, err = s.tripGuard(ctx, t, found, o)
	return reading, directory.IgnoreNotFound(err)
}

// tripGuard trips the guard with an event, or only warns while the provider is new, and returns the provider then. A
// guard that has tripped already is not changed.
func (s *Service) tripGuard(ctx context.Context, t directory.TenantID, v directory.GuardEvent, o origin) (p directory.Provider, err error) {
	_, err = s.ports.Guards.UpdateGuard(ctx, t, v.Provider, v.ID, func(old directory.Provider, none directory.GuardEvent) (
		directory.Provider, directory.GuardEvent, *directory.LogEntry, error,
	) {
		p = old
		state, warns := p.Guard.Of(v.Kind), old.GuardOnlyWarns(v.At)
		if state.Tripped() || warns && v.At.Sub(state.WarnedAt) < old.Guard.WindowOrDefault() {
			return old, none, nil, nil
		}
		e := directory.LogEntry{ID: s.rt.EntryID(), At: v.At, Actor: o.by, Action: directory.GuardTripped, Audit: true,
			Remaining: directory.RemainingGuard}
		e.Actor.RequestID, e.Actor.ClientRequestID = "", "" // many requests led to it
		v.State = directory.GuardOpen
		if warns {
			v.State, state.WarnedAt = directory.GuardWarning, v.At
			e.Action, e.Remaining = directory.GuardWarned, directory.RemainingNone
		} else {
			state.Event, state.From, state.Decided = v.ID, v.Since, ""
		}
		p.Version, p.Modified = old.Version+1, directory.Latest(old.Modified, v.At)
		e.Changes = []directory.Change{directory.NewChange(string(v.Kind), nil, v.Count)}
		return p, v, e.AboutGuard(p, v), nil
	})
	return p, err
}

// applyGuard applies an entry that tripped a guard, or decided on its event, to the users concerned.
func (x *portion) applyGuard(ctx context.Context) error {
	id, event := directory.GuardTarget(x.entry)
	p, err := x.s.ports.Providers.Provider(ctx, x.tenant, id)
	if err != nil {
		return x.gone(err)
	}
	if event != "" { // entries of earlier versions named none: they concern leavers
		v, err := x.s.ports.Guards.GuardEvent(ctx, x.tenant, id, event)
		if err != nil {
			return x.gone(err)
		}
		if v.Kind == directory.GuardMoves {
			return x.applyMoves(ctx, v)
		}
	}
	if x.entry.Action != directory.GuardTripped {
		return x.reconcileHeld(ctx, p)
	}
	if !p.Guard.Tripped() {
		x.finish()
		return nil
	}
	return x.holdLeavers(ctx, p, fromDecision(x.entry))
}

// reconcileHeld compares the leavers whom the guard holds with the guard as it is now.
func (x *portion) reconcileHeld(ctx context.Context, p directory.Provider) error {
	held := directory.PendingQuery{Provider: p.ID, Gate: directory.GateGuard}
	return x.eachPending(ctx, held, func(ctx context.Context, u directory.User) error {
		return x.s.reconcileUser(ctx, x.tenant, p, u, fromDecision(x.entry))
	})
}

// releaseLate applies the decision on an event to leavers that it has not reached: requests that read the provider just
// before the decision held them.
func (x *portion) releaseLate(ctx context.Context) error {
	id, _ := directory.GuardTarget(x.entry)
	p, err := x.s.ports.Providers.Provider(ctx, x.tenant, id)
	if err != nil || p.Guard.Tripped() {
		return x.gone(err)
	}
	return x.reconcileHeld(ctx, p)
}

// holdLeavers holds the users who left since the window of a tripped guard began. It reads the log instead of the
// index, which may lack users who left a moment ago.
func (x *portion) holdLeavers(ctx context.Context, p directory.Provider, o origin) error {
	return x.walk(ctx, func(ctx context.Context, before string) (string, bool, error) {
		const batch = 200
		q := directory.LogQuery{Provider: p.ID, Since: p.Guard.From, Before: before, Count: batch}
		es, err := x.s.ports.Log.Entries(ctx, x.tenant, q)
		if err != nil || len(es) == 0 {
			return "", true, err
		}
		left := slices.DeleteFunc(slices.Clone(es), func(e directory.LogEntry) bool {
			return !slices.Contains(e.Effects, directory.EffectScheduled)
		})
		err = forEach(ctx, left, func(ctx context.Context, e directory.LogEntry) error {
			return x.s.reconcile(ctx, x.tenant, p, e.User, o)
		})
		x.did(len(es))
		x.Done += len(left)
		return es[len(es)-1].Position(), len(es) < batch, err
	})
}

// applyMoves resolves again the users whose moves an approved event held. Those held by a rejected one are not moved
// until their next event or an apply run.
func (x *portion) applyMoves(ctx context.Context, v directory.GuardEvent) error {
	if v.State != directory.GuardApproval {
		x.finish()
		return nil
	}
	r, err := x.s.resolver(ctx, x.tenant, v.Provider, fromEntry(x.entry))
	if err != nil {
		return x.gone(err)
	}
	r.approved = true
	return x.eachUser(ctx, directory.UserSearch{Provider: v.Provider, Review: v.ID}, false, func(ctx context.Context, u directory.User) error {
		return r.resolve(ctx, r.user(u.ID), directory.OnEvent)
	})
}

func (s *Service) reconcile(ctx context.Context, t directory.TenantID, p directory.Provider, id directory.UserID, o origin) error {
	v, err := s.ports.Users.UserByID(ctx, t, id)
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	return s.reconcileUser(ctx, t, p, v.User, o)
}

// reconcileUser holds a pending deactivation if the provider's guard holds it, and otherwise releases or cancels it.
func (s *Service) reconcileUser(ctx context.Context, t directory.TenantID, p directory.Provider, u directory.User, o origin) error {
	if u.Pending == nil || u.Pending.Provider != p.ID {
		return nil
	}
	switch {
	case p.Guard.Tripped():
		if u.Pending.Frozen || u.Pending.RequestedAt.Before(p.Guard.From) {
			return nil
		}
		return s.changePending(ctx, t, u, o, directory.UserHeldByGuard, directory.User.HeldByGuard)
	case !u.Pending.Frozen:
		return nil
	case p.Guard.Decided == directory.GuardDisapproval:
		err := s.changePending(ctx, t, u, o, directory.UserDeactivationCancelled, directory.User.CancelledByReview)
		if _, taken := directory.AsTaken(err); taken {
			return nil // another user now has the userName: the user is not changed, and remains listed
		}
		return err
	}
	return s.changePending(ctx, t, u, o, directory.UserRescheduled, func(u directory.User) directory.User {
		return u.ReleasedByGuard(p.Guard.DecidedAt)
	})
}

// followTrip announces an open event again at its times.
func (s *Service) followTrip(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	p, id := directory.GuardTarget(e)
	if id == "" {
		return nil // of an earlier version: the sweep reminds
	}
	if err := s.remind(ctx, t, p, id); err != nil {
		return err
	}
	v, err := s.ports.Guards.GuardEvent(ctx, t, p, id)
	if err != nil || v.State != directory.GuardOpen {
		return directory.IgnoreNotFound(err)
	}
	n := remindersDue(v, s.rt.Time())
	if n == len(reminderTimes) {
		return nil
	}
	return s.doLater(ctx, t, e, stepRemind, fmt.Sprint("remind ", n, " ", e.ID), v.At.Add(reminderTimes[n]))
}

// remind announces again an open event that has been undecided for long.
func (s *Service) remind(ctx context.Context, t directory.TenantID, p directory.ProviderID, event directory.GuardEventID) error {
	_, err := s.ports.Guards.UpdateGuard(ctx, t, p, event, func(rec directory.Provider, v directory.GuardEvent) (
		directory.Provider, directory.GuardEvent, *directory.LogEntry, error,
	) {
		e := s.entry(fromJob(directory.JobSweep), directory.GuardReminded)
		n := remindersDue(v, e.At)
		if v.ID == "" || n <= v.Reminders {
			return rec, v, nil, nil
		}
		v.Reminders, v.Version = n, v.Version+1
		e.Audit, e.Changes = true, []directory.Change{directory.NewChange("hours", nil, int(reminderTimes[n-1]/time.Hour))}
		return rec, v, e.AboutGuard(rec, v), nil
	})
	return directory.IgnoreNotFound(err)
}

// reminderTimes are when an open event is announced again.
var reminderTimes = []time.Duration{time.Hour, 4 * time.Hour, 24 * time.Hour}

// remindersDue is how many reminders an event should have led to.
func remindersDue(v directory.GuardEvent, now time.Time) int {
	n := 0
	for v.State == directory.GuardOpen && n < len(reminderTimes) && now.Sub(v.At) >= reminderTimes[n] {
		n++
	}
	return n
}
