package directory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"
)

// watch lets the guard of a provider look at a leave that was just counted. A guard that has tripped also
// gets hold of those whose request did not see it yet.
func (s *Service) watch(ctx context.Context, t TenantID, e LogEntry) error {
	if e.Provider == "" || e.Action != UserDisabled && e.Action != UserDeleted {
		return nil
	}
	p, err := s.Providers.Provider(ctx, t, e.Provider)
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !p.Guard.Tripped() {
		if p, err = s.tripIfMany(ctx, t, p, e); err != nil || !p.Guard.Tripped() {
			return err
		}
	}
	return s.reconcile(ctx, t, p, e.User, e)
}

// tripIfMany trips the provider's guard, or only warns, when more users left within its window than it
// allows.
func (s *Service) tripIfMany(ctx context.Context, t TenantID, p Provider, e LogEntry) (Provider, error) {
	since := later(s.Now().Add(-p.Guard.WindowOrDefault()), p.Guard.Since)
	if e.At.Before(since) {
		return p, nil // an entry that comes again, or very late
	}
	counts, err := s.Follow.Counts(ctx, t, p.ID, since)
	if err != nil {
		return p, err
	}
	n := leavers(counts)
	if n <= p.Guard.Limit(0) {
		return p, nil
	}
	page, err := s.Users.ListUsers(ctx, t, p.ID, Page{Start: 1}, UserWant{}, nil)
	if err != nil || n <= p.Guard.Limit(page.Total) {
		return p, err
	}
	now := s.Now()
	id := "v" + LogEntry{At: now}.Position()[:9] + s.newID()[:16]
	var out Provider
	_, err = s.Guards.UpdateGuard(ctx, t, p.ID, id, func(old Provider, v GuardEvent) (Provider, GuardEvent, *LogEntry, error) {
		out = old
		warns := old.onlyWarns(now)
		if old.Guard.Tripped() || warns && now.Sub(old.Guard.WarnedAt) < old.Guard.WindowOrDefault() {
			return old, v, nil, nil
		}
		v = GuardEvent{ID: id, Provider: p.ID, State: GuardOpen, At: now, Since: since, Count: n, Limit: old.Guard.Limit(page.Total), Users: page.Total, Version: 1}
		entry := LogEntry{ID: s.entryID(), At: now, Actor: Actor{Kind: ActorSystem, ID: string(e.ID)}, Action: GuardTripped, Audit: true, Rest: RestGuard}
		if warns {
			v.State, old.Guard.WarnedAt = GuardWarning, now
			entry.Action, entry.Rest = GuardWarned, RestNone
		} else {
			old.Guard.Event, old.Guard.From, old.Guard.Decided = id, since, ""
		}
		old.Version, old.Modified = old.Version+1, later(old.Modified, now)
		entry.Target, entry.Name, entry.Version = string(p.ID), old.DisplayName, old.Version
		entry.Changes = []Change{change("leavers", nil, n)}
		out = old
		return old, v, &entry, nil
	})
	if IsKind(err, NotFound) {
		return p, nil
	}
	return out, err
}

// applyGuard brings the pending deactivations of a provider in line with its guard, for the entry that
// tripped it or decided on it.
func (s *Service) applyGuard(ctx context.Context, t TenantID, because LogEntry) error {
	p, err := s.Providers.Provider(ctx, t, ProviderID(because.Target))
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil {
		return err
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

// GuardEvents reads the events of a provider's guard, the newest first, from before the given one.
// Errors: NotFound.
func (s *Service) GuardEvents(ctx context.Context, a Admin, id ProviderID, before string, count int) ([]GuardEvent, error) {
	if _, err := s.ProviderByID(ctx, a, id); err != nil {
		return nil, err
	}
	return s.Guards.GuardEvents(ctx, a.Tenant, id, before, count)
}

// guardEvent reads one event.
func (s *Service) guardEvent(ctx context.Context, t TenantID, p ProviderID, id string) (GuardEvent, error) {
	var v GuardEvent
	_, err := s.Guards.UpdateGuard(ctx, t, p, id, func(p Provider, old GuardEvent) (Provider, GuardEvent, *LogEntry, error) {
		v = old
		return p, old, nil, nil
	})
	if err == nil && v.ID == "" {
		err = Errorf(NotFound, "no such guard event")
	}
	return v, err
}

// Review is an event with what helps to decide on it.
type Review struct {
	GuardEvent
	Held   int      // deactivations that wait for the decision, at most MaxWalk
	Common []Common // what at least half of those held have in common, the commonest first
}

// GuardReview reads an event for a review.
// Errors: NotFound.
func (s *Service) GuardReview(ctx context.Context, a Admin, p ProviderID, id string) (Review, error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return Review{}, err
	}
	v, err := s.guardEvent(ctx, a.Tenant, p, id)
	if err != nil || v.State != GuardOpen {
		return Review{GuardEvent: v}, err
	}
	out := Review{GuardEvent: v}
	seen := map[Common]int{}
	q := PendingQuery{Provider: p, Gate: GateGuard, Count: 200}
	for out.Held < MaxWalk {
		us, next, err := s.Leavers.PendingUsers(ctx, a.Tenant, q)
		if err != nil {
			return out, err
		}
		for _, u := range us {
			for c := range commonOf(u.Attributes) {
				seen[c]++
			}
		}
		out.Held += len(us)
		if q.After = next; next == "" {
			break
		}
	}
	for c, n := range seen {
		if c.Count = n; n > 1 && 2*n >= out.Held {
			out.Common = append(out.Common, c)
		}
	}
	slices.SortFunc(out.Common, func(a, b Common) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Attr, b.Attr), cmp.Compare(a.Value, b.Value))
	})
	out.Common = out.Common[:min(len(out.Common), maxCommon)]
	return out, nil
}

const maxCommon = 10

// commonOf returns the texts among a user's attributes that people can have in common: at the top level
// and one below it.
func commonOf(attributes []byte) map[Common]bool {
	out := map[Common]bool{}
	var add func(raw []byte, prefix string, depth int)
	add = func(raw []byte, prefix string, depth int) {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return
		}
		for name, v := range members {
			switch v = bytes.TrimSpace(v); {
			case len(v) > 1 && v[0] == '"':
				var text string
				if json.Unmarshal(v, &text) == nil && text != "" {
					out[Common{Attr: prefix + name, Value: text}] = true
				}
			case len(v) > 1 && v[0] == '{' && depth > 0:
				add(v, prefix+name+":", depth-1)
			}
		}
	}
	add(attributes, "", 1)
	return out
}

// DecideGuard approves an open event, so that those held are deactivated when they are due but not within a
// minute, or rejects it, so that they stay active by override and those deleted are put back under the
// directory. They follow in the background (FollowEntry). Counting begins anew.
// Errors: NotFound; Conflict when the event is not open; what check returns.
func (s *Service) DecideGuard(ctx context.Context, a Admin, p ProviderID, id string, check func(GuardEvent) error, d GuardDecision) (GuardEvent, error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return GuardEvent{}, err
	}
	action := GuardApproved
	if d == GuardDisapproval {
		action = GuardRejected
	}
	var out GuardEvent
	decide := func(rec Provider, v GuardEvent) (Provider, GuardEvent, *LogEntry, error) {
		out = v
		if v.ID == "" {
			return rec, v, nil, Errorf(NotFound, "no such guard event")
		}
		if err := check(v); err != nil {
			return rec, v, nil, err
		}
		if v.State != GuardOpen || rec.Guard.Event != id {
			return rec, v, nil, Errorf(Conflict, "the event is decided, or was only a warning")
		}
		now := s.Now()
		v.State, v.DecidedAt, v.DecidedBy, v.Version = d, now, a.Actor.ID, v.Version+1
		rec.Guard.Event, rec.Guard.From, rec.Guard.Decided, rec.Guard.DecidedAt = "", time.Time{}, d, now
		rec.Guard.Since = now.Truncate(time.Minute).Add(time.Minute) // counts are kept by the minute
		rec.Version, rec.Modified = rec.Version+1, later(rec.Modified, now)
		e := s.adminEntry(a, action)
		e.Target, e.Name, e.Version, e.Rest = string(p), rec.DisplayName, rec.Version, RestGuard
		e.Changes = []Change{change("state", GuardOpen, d)}
		out = v
		return rec, v, &e, nil
	}
	if !a.DryRun {
		return s.Guards.UpdateGuard(ctx, a.Tenant, p, id, decide)
	}
	_, err := s.Guards.UpdateGuard(ctx, a.Tenant, p, id, func(rec Provider, v GuardEvent) (Provider, GuardEvent, *LogEntry, error) {
		_, _, _, err := decide(rec, v)
		return rec, v, nil, err
	})
	return out, err
}

// GuardStatus is a guard as it stands.
type GuardStatus struct {
	GuardSettings // those in force
	Limit         int
	Users         int // of the provider
	Leavers       int // counted within the window
}

// GuardStatus reads how near a provider is to tripping its guard.
func (s *Service) GuardStatus(ctx context.Context, a Admin, p Provider) (GuardStatus, error) {
	counts, err := s.Follow.Counts(ctx, a.Tenant, p.ID, later(s.Now().Add(-p.Guard.WindowOrDefault()), p.Guard.Since))
	if err != nil {
		return GuardStatus{}, err
	}
	n, err := s.CountProvider(ctx, a, p.ID)
	g := p.Guard.inForce()
	return GuardStatus{g, p.Guard.Limit(n.Users), n.Users, leavers(counts)}, err
}

// leavers are the entries that the guard counts.
func leavers(counts map[Action]int) int { return counts[UserDisabled] + counts[UserDeleted] }

// GuardSettings are the settings of a provider's guard; 0 stands for the default.
type GuardSettings struct {
	Window  time.Duration
	Minimum int
	Percent int
}

// SetGuard changes the settings of a provider's guard.
// Errors: as PatchProvider.
func (s *Service) SetGuard(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, g GuardSettings) (Provider, error) {
	return s.updateProviderEntry(ctx, a, id, ProviderUpdated, func(p Provider, e *LogEntry) (Provider, error) {
		if err := check(p); err != nil {
			return p, err
		}
		was := GuardSettings{p.Guard.Window, p.Guard.Minimum, p.Guard.Percent}
		if was != g {
			e.Changes = []Change{change("guard", was, g)}
		}
		p.Guard.Window, p.Guard.Minimum, p.Guard.Percent = g.Window, g.Minimum, g.Percent
		return p, p.Guard.check()
	})
}
