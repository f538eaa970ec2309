package directory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

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

// guardTimeline reads the minutes around an event in which anything of its kind was counted.
func (s *Service) guardTimeline(ctx context.Context, t TenantID, v GuardEvent) ([]Minute, error) {
	ms, err := s.Follow.Timeline(ctx, t, v.Provider, v.Since)
	until := v.At.Add(24 * time.Hour)
	return slices.DeleteFunc(ms, func(m Minute) bool { return m.At.After(until) || m.Of(v.Kind) == 0 }), err
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
