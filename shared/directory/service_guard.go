package directory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// guarded is the kind of change that an action is to the guard, "" for none.
func guarded(a Action) GuardKind {
	switch a {
	case UserDisabled, UserDeleted:
		return GuardLeavers
	case UserReassigned:
		return GuardMoves
	}
	return ""
}

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

// aboutGuard fills in whom and what an entry about a guard's event is about.
func (e LogEntry) aboutGuard(p Provider, v GuardEvent) *LogEntry {
	e.Target, e.Name, e.Version = string(p.ID)+"/"+v.ID, p.DisplayName, v.Version
	return &e
}

// guardTarget is what an entry about a guard's event is about.
func guardTarget(e LogEntry) (ProviderID, string) {
	p, event, _ := strings.Cut(e.Target, "/")
	return ProviderID(p), event
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
	Held     int      // people that wait for the decision; of leavers at most MaxWalk
	Common   []Common // what at least half of those looked at have in common, the commonest first
	Timeline []Minute // what was counted, from the beginning of the window to a day after the event
}

// GuardReview reads an event for a review.
// Errors: NotFound.
func (s *Service) GuardReview(ctx context.Context, a Admin, p ProviderID, id string) (Review, error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return Review{}, err
	}
	v, err := s.guardEvent(ctx, a.Tenant, p, id)
	if err != nil {
		return Review{}, err
	}
	out := Review{GuardEvent: v}
	if out.Timeline, err = s.guardTimeline(ctx, a.Tenant, v); err != nil || v.State != GuardOpen {
		return out, err
	}
	seen, looked := map[Common]int{}, 0
	err = s.heldBy(ctx, a.Tenant, v, func(us []User) error {
		looked += len(us)
		return s.tellCommon(ctx, a.Tenant, us, looked <= maxGroupsLooked, seen)
	})
	if err != nil {
		return out, err
	}
	if out.Held = looked; v.Kind == GuardMoves {
		n, err := s.Follow.Tallies(ctx, a.Tenant, []string{reviewTally(v.ID)})
		if err != nil {
			return out, err
		}
		out.Held = max(looked, n[reviewTally(v.ID)])
	}
	for c, n := range seen {
		if of := looked; n > 1 && (2*n >= of || c.Attr == commonGroups && 2*n >= min(of, maxGroupsLooked)) {
			c.Count = n
			out.Common = append(out.Common, c)
		}
	}
	slices.SortFunc(out.Common, func(a, b Common) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Attr, b.Attr), cmp.Compare(a.Value, b.Value))
	})
	out.Common = out.Common[:min(len(out.Common), maxCommon)]
	return out, nil
}

// heldBy calls fn with those an open event holds, page by page, at most MaxWalk.
func (s *Service) heldBy(ctx context.Context, t TenantID, v GuardEvent, fn func([]User) error) error {
	pending := PendingQuery{Provider: v.Provider, Gate: GateGuard, Count: 200}
	search := UserSearch{Provider: v.Provider, Review: v.ID, Count: 200}
	for n := 0; n < MaxWalk; {
		var us []User
		var next string
		var err error
		if v.Kind == GuardMoves {
			us, next, err = s.Users.SearchUsers(ctx, t, search)
		} else {
			us, next, err = s.Leavers.PendingUsers(ctx, t, pending)
		}
		if err == nil {
			err = fn(us)
		}
		if n, pending.After, search.After = n+max(1, len(us)), next, next; err != nil || next == "" {
			return err
		}
	}
	return nil
}

// maxGroupsLooked is of how many people, the first ones, a review looks at the groups: a read each.
const maxGroupsLooked = 400

// commonGroups is the Attr of a group in common.
const commonGroups = "groups"

// tellCommon counts what people have in common: attributes, and perhaps groups.
func (s *Service) tellCommon(ctx context.Context, t TenantID, us []User, groups bool, seen map[Common]int) error {
	var mu sync.Mutex
	return each(ctx, us, func(ctx context.Context, u User) error {
		common := commonOf(u.Attributes)
		if groups && !u.Gone() {
			v, err := s.Users.UserByID(ctx, t, u.ID)
			if err != nil {
				return ignoreGone(err)
			}
			for _, g := range v.Groups {
				common[Common{Attr: commonGroups, Value: string(g)}] = true
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for c := range common {
			seen[c]++
		}
		return nil
	})
}

// guardTimeline reads the minutes around an event in which anything of its kind was counted.
func (s *Service) guardTimeline(ctx context.Context, t TenantID, v GuardEvent) ([]Minute, error) {
	ms, err := s.Follow.Timeline(ctx, t, v.Provider, v.Since)
	until := v.At.Add(24 * time.Hour)
	return slices.DeleteFunc(ms, func(m Minute) bool { return m.At.After(until) || m.Of(v.Kind) == 0 }), err
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

// DecideGuard approves an open event, so that leavers are deactivated when they are due but not within a minute,
// and others are moved, or rejects it: then leavers stay active by override, those deleted are put back under the
// directory, and others stay where they are. They follow in the background (FollowEntry). Counting begins anew.
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
		w := rec.Guard.watch(v.Kind)
		if v.State != GuardOpen || w.Event != id {
			return rec, v, nil, Errorf(Conflict, "the event is decided, or was only a warning")
		}
		now := s.Now()
		v.State, v.DecidedAt, v.DecidedBy, v.Version = d, now, a.Actor.ID, v.Version+1
		*w = GuardWatch{Decided: d, DecidedAt: now, WarnedAt: w.WarnedAt}
		w.Since = now.Truncate(time.Minute).Add(time.Minute) // counts are kept by the minute
		rec.Version, rec.Modified = rec.Version+1, later(rec.Modified, now)
		e := s.adminEntry(a, action)
		e.Rest, e.Changes = RestGuard, []Change{change("state", GuardOpen, d)}
		out = v
		return rec, v, e.aboutGuard(rec, v), nil
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

// GuardStatus is a guard as it stands.
type GuardStatus struct {
	GuardSettings // those in force
	Limit         int
	MoveLimit     int
	Users         int // active ones of the provider
	Leavers       int // counted within the window
	Moves         int
}

// GuardStatus reads how near a provider is to tripping its guard.
func (s *Service) GuardStatus(ctx context.Context, a Admin, p Provider) (GuardStatus, error) {
	out := GuardStatus{GuardSettings: p.Guard.inForce()}
	for kind, n := range map[GuardKind]*int{GuardLeavers: &out.Leavers, GuardMoves: &out.Moves} {
		counts, err := s.Follow.Counts(ctx, a.Tenant, p.ID, later(s.Now().Add(-p.Guard.WindowOrDefault()), p.Guard.watch(kind).Since))
		if err != nil {
			return out, err
		}
		*n = changesOf(kind, counts)
	}
	var err error
	out.Users, err = s.activeUsers(ctx, a.Tenant, p.ID)
	out.Limit, out.MoveLimit = p.Guard.Limit(out.Users), p.Guard.MoveLimit(out.Users)
	return out, err
}

// Of is how many of the changes counted in the minute are of a kind.
func (m Minute) Of(kind GuardKind) int { return changesOf(kind, m.Counts) }

// changesOf are the counted entries that are of a kind.
func changesOf(kind GuardKind, counts map[Action]int) (n int) {
	for a, c := range counts {
		if guarded(a) == kind {
			n += c
		}
	}
	return n
}

// SetGuard changes the settings of a provider's guard.
// Errors: as PatchProvider.
func (s *Service) SetGuard(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, g GuardSettings) (Provider, error) {
	return s.updateProviderEntry(ctx, a, id, ProviderUpdated, func(p Provider, e *LogEntry) (Provider, error) {
		if err := check(p); err != nil {
			return p, err
		}
		if was := p.Guard.settings(); was != g {
			e.Changes = []Change{change("guard", was, g)}
		}
		p.Guard = p.Guard.with(g)
		return p, g.check()
	})
}
