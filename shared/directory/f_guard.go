package directory

import (
	"context"
	"slices"
	"time"
)

// watch lets the guard of a provider look at a change that was just counted. A guard that has tripped also
// gets hold of leavers whose request did not see it yet.
func (s *Service) watch(ctx context.Context, t TenantID, e LogEntry) error {
	kind := guarded(e.Action)
	if e.Provider == "" || kind == "" {
		return nil
	}
	p, err := s.Providers.Provider(ctx, t, e.Provider)
	if err != nil {
		return ignoreGone(err)
	}
	w := p.Guard.watch(kind)
	if !w.Tripped() {
		since := later(s.Now().Add(-p.Guard.WindowOrDefault()), w.Since)
		if e.At.Before(since) {
			return nil // an entry that comes again, or very late
		}
		var l look
		if l, err = s.lookAt(ctx, t, p, kind, e.ID, 0); err != nil {
			return err
		}
		p = l.provider
	}
	if kind != GuardLeavers || !p.Guard.Tripped() {
		return nil
	}
	return s.reconcile(ctx, t, p, e.User, e)
}

// look is what a guard saw: the provider as it is then, the changes within the window and their limit.
type look struct {
	provider     Provider
	count, limit int
}

// lookAt counts the changes of a kind within the window and trips the provider's guard, or only warns, when
// there are more than it allows. more are those that the caller wants to make.
func (s *Service) lookAt(ctx context.Context, t TenantID, p Provider, kind GuardKind, because EntryID, more int) (look, error) {
	now := s.Now()
	since := later(now.Add(-p.Guard.WindowOrDefault()), p.Guard.watch(kind).Since)
	counts, err := s.Follow.Counts(ctx, t, p.ID, since)
	if err != nil {
		return look{}, err
	}
	l := look{p, changesOf(kind, counts) + more, p.Guard.limit(kind, 0)}
	if l.count <= l.limit {
		return l, nil
	}
	active, err := s.activeUsers(ctx, t, p.ID)
	if l.limit = p.Guard.limit(kind, active); err != nil || l.count <= l.limit {
		return l, err
	}
	id := "v" + LogEntry{At: now}.Position()[:9] + s.newID()[:16]
	_, err = s.Guards.UpdateGuard(ctx, t, p.ID, id, func(old Provider, v GuardEvent) (Provider, GuardEvent, *LogEntry, error) {
		l.provider = old
		w, warns := old.Guard.watch(kind), old.onlyWarns(now)
		if w.Tripped() || warns && now.Sub(w.WarnedAt) < old.Guard.WindowOrDefault() {
			return old, v, nil, nil
		}
		v = GuardEvent{ID: id, Provider: p.ID, Kind: kind, State: GuardOpen, At: now, Since: since, Count: l.count, Limit: l.limit, Users: active, Version: 1}
		entry := LogEntry{ID: s.entryID(), At: now, Actor: Actor{Kind: ActorSystem, ID: string(because)}, Action: GuardTripped, Audit: true, Rest: RestGuard}
		if warns {
			v.State, w.WarnedAt = GuardWarning, now
			entry.Action, entry.Rest = GuardWarned, RestNone
		} else {
			w.Event, w.From, w.Decided = id, since, ""
		}
		old.Version, old.Modified = old.Version+1, later(old.Modified, now)
		entry.Changes = []Change{change(string(kind), nil, l.count)}
		l.provider = old
		return old, v, entry.aboutGuard(old, v), nil
	})
	return l, ignoreGone(err)
}

// activeUsers is how many of a provider's users are not deactivated, as far as their entries are followed.
func (s *Service) activeUsers(ctx context.Context, t TenantID, p ProviderID) (int, error) {
	n, err := s.Follow.Tallies(ctx, t, []string{activeTally(p)})
	return n[activeTally(p)], err
}

// applyGuard carries out what the entry that tripped a guard, or decided on it, means for those it concerns.
func (s *Service) applyGuard(ctx context.Context, t TenantID, because LogEntry) error {
	id, event := guardTarget(because)
	p, err := s.Providers.Provider(ctx, t, id)
	if err != nil {
		return ignoreGone(err)
	}
	if event != "" {
		v, err := s.guardEvent(ctx, t, id, event)
		if err != nil {
			return ignoreGone(err)
		}
		if v.Kind == GuardMoves {
			return s.applyMoves(ctx, t, v, because)
		}
	}
	if because.Action != GuardTripped {
		return s.eachPending(ctx, t, PendingQuery{Provider: p.ID, Gate: GateGuard}, func(ctx context.Context, u User) error {
			return s.reconcileUser(ctx, t, p, u, because)
		})
	}
	if !p.Guard.Tripped() {
		return nil
	}
	// From the log and not from the index, which may lack those who left a moment ago.
	for before := ""; ; {
		const batch = 200
		es, err := s.Log.Entries(ctx, t, LogQuery{Provider: p.ID, Since: p.Guard.From, Before: before, Count: batch})
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(es), func(e LogEntry) bool { return !slices.Contains(e.Effects, EffectScheduled) })
		if err := each(ctx, left, func(ctx context.Context, e LogEntry) error { return s.reconcile(ctx, t, p, e.User, because) }); err != nil || len(es) < batch {
			return err
		}
		before = es[len(es)-1].Position()
	}
}

// applyMoves resolves again whom an approved event held back. Who was held back by a rejected one stays until
// the next event, or Apply. A process that is cut off is followed by one that goes on there.
func (s *Service) applyMoves(ctx context.Context, t TenantID, v GuardEvent, because LogEntry) error {
	if v.State != GuardApproval {
		return nil
	}
	because.Provider = v.Provider
	f, err := s.follower(ctx, t, v.Provider, because)
	if err != nil {
		return ignoreGone(err)
	}
	f.approved = true
	id := "approval " + v.ID
	task, err := s.Tasks.Task(ctx, t, id)
	if err != nil || !task.DoneAt.IsZero() {
		return err
	}
	q := UserSearch{Provider: v.Provider, Review: v.ID, After: task.After}
	return s.resume(ctx, t, id, q, func() bool { return false }, func(u User) error {
		return f.resolve(ctx, f.user(u.ID), OnEvent)
	})
}

func (s *Service) reconcile(ctx context.Context, t TenantID, p Provider, id UserID, because LogEntry) error {
	v, err := s.Users.UserByID(ctx, t, id)
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.reconcileUser(ctx, t, p, v.User, because)
}

// reconcileUser freezes a pending deactivation that the provider's guard holds, and lets go or spares one
// that it no longer holds.
func (s *Service) reconcileUser(ctx context.Context, t TenantID, p Provider, u User, because LogEntry) error {
	if u.Pending == nil || u.Pending.Provider != p.ID {
		return nil
	}
	switch {
	case p.Guard.Tripped():
		if u.Pending.Frozen || u.Pending.RequestedAt.Before(p.Guard.From) {
			return nil
		}
		return s.changePending(ctx, t, u, because, UserFrozen, User.frozen)
	case !u.Pending.Frozen:
		return nil
	case p.Guard.Decided == GuardDisapproval:
		err := s.changePending(ctx, t, u, because, UserSpared, User.spared)
		if _, taken := asTaken(err); taken {
			return nil // somebody has the userName by now: the user stays as it is, and listed
		}
		return err
	}
	return s.changePending(ctx, t, u, because, UserRescheduled, func(u User) User { return u.thawed(p.Guard.DecidedAt) })
}

// remind announces an open event again when nobody has decided on it for long.
func (s *Service) remind(ctx context.Context, t TenantID, p ProviderID, event string) error {
	_, err := s.Guards.UpdateGuard(ctx, t, p, event, func(rec Provider, v GuardEvent) (Provider, GuardEvent, *LogEntry, error) {
		now := s.Now()
		n := v.overdue(now)
		if v.ID == "" || n <= v.Reminders {
			return rec, v, nil, nil
		}
		v.Reminders, v.Version = n, v.Version+1
		e := LogEntry{ID: s.entryID(), At: now, Actor: Actor{Kind: ActorSystem, ID: string(JobSweep)}, Action: GuardReminded, Audit: true}
		e.Changes = []Change{change("hours", nil, int(reminders[n-1]/time.Hour))}
		return rec, v, e.aboutGuard(rec, v), nil
	})
	return ignoreGone(err)
}
