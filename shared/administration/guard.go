package administration

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// Events reads the events of a provider's guard, the newest first, before the given one.
// Errors: NotFound.
func (s Guards) Events(
	ctx context.Context, id directory.ProviderID, before directory.GuardEventID, count int,
) ([]directory.GuardEvent, error) {
	if _, err := Providers(s).ByID(ctx, id); err != nil {
		return nil, err
	}
	return s.ports.Guards.GuardEvents(ctx, s.tenant, id, before, count)
}

// Review is an event with information for its decision.
type Review struct {
	directory.GuardEvent
	Held     int                     // users waiting for the decision; at most MaxWalk leavers
	Shared   []directory.SharedValue // shared by at least half of the users examined, the commonest first
	Timeline []directory.Minute      // the counts from the beginning of the window to a day after the event
}

// Review reads an event for a review.
// Errors: NotFound.
func (s Guards) Review(ctx context.Context, p directory.ProviderID, id directory.GuardEventID) (Review, error) {
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return Review{}, err
	}
	v, err := s.ports.Guards.GuardEvent(ctx, s.tenant, p, id)
	if err != nil {
		return Review{}, err
	}
	out := Review{GuardEvent: v}
	if out.Timeline, err = s.guardTimeline(ctx, v); err != nil || v.State != directory.GuardOpen {
		return out, err
	}
	seen, examined := map[directory.SharedValue]int{}, 0
	err = s.heldBy(ctx, v, func(us []directory.User) error {
		examined += len(us)
		return s.countShared(ctx, us, examined <= maxGroupReads, seen)
	})
	if err != nil {
		return out, err
	}
	out.Held = examined
	if v.Kind == directory.GuardMoves {
		n, err := s.ports.Counts.Tallies(ctx, s.tenant, []string{directory.ReviewTally(v.ID)})
		if err != nil {
			return out, err
		}
		out.Held = max(examined, n[directory.ReviewTally(v.ID)])
	}
	for c, n := range seen {
		if n > 1 && (2*n >= examined || c.Attr == sharedGroups && 2*n >= min(examined, maxGroupReads)) {
			c.Count = n
			out.Shared = append(out.Shared, c)
		}
	}
	slices.SortFunc(out.Shared, func(a, b directory.SharedValue) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Attr, b.Attr), cmp.Compare(a.Value, b.Value))
	})
	out.Shared = out.Shared[:min(len(out.Shared), maxShared)]
	return out, nil
}

// heldBy calls fn with the users that an open event holds, page by page, at most MaxWalk.
func (s Guards) heldBy(ctx context.Context, v directory.GuardEvent, fn func([]directory.User) error) error {
	pending := directory.PendingQuery{Provider: v.Provider, Gate: directory.GateGuard, Count: 200}
	search := directory.UserSearch{Provider: v.Provider, Review: v.ID, Count: 200}
	for n := 0; n < directory.MaxWalk; {
		var us []directory.User
		var next string
		var err error
		if v.Kind == directory.GuardMoves {
			us, next, err = s.ports.Users.SearchUsers(ctx, s.tenant, search)
		} else {
			us, next, err = s.ports.Leavers.PendingUsers(ctx, s.tenant, pending)
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

// maxGroupReads is for how many users a review reads the groups, which costs a read each.
const maxGroupReads = 400

// sharedGroups is the Attr of a shared group.
const sharedGroups = "groups"

// countShared counts the attribute values of users and, if asked for, their groups.
func (s Guards) countShared(ctx context.Context, us []directory.User, groups bool, seen map[directory.SharedValue]int) error {
	groupsOf := make([][]directory.GroupID, len(us))
	if groups {
		const parallelReads = 8
		var g errgroup.Group
		g.SetLimit(parallelReads)
		for i, u := range us {
			if u.Removed() {
				continue // in no group
			}
			g.Go(func() error {
				v, err := s.ports.Users.UserByID(ctx, s.tenant, u.ID)
				groupsOf[i] = v.Groups
				return directory.IgnoreNotFound(err)
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	for i, u := range us {
		for value := range sharedValues(u.Attributes) {
			seen[value]++
		}
		for _, id := range groupsOf[i] {
			seen[directory.SharedValue{Attr: sharedGroups, Value: string(id)}]++
		}
	}
	return nil
}

const maxShared = 10

// sharedValues returns the texts among a user's attributes that users can share: at the top level and one below it.
func sharedValues(attributes []byte) map[directory.SharedValue]bool {
	out := map[directory.SharedValue]bool{}
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
					out[directory.SharedValue{Attr: prefix + name, Value: text}] = true
				}
			case len(v) > 1 && v[0] == '{' && depth > 0:
				add(v, prefix+name+":", depth-1)
			}
		}
	}
	add(attributes, "", 1)
	return out
}

// guardTimeline reads the minutes around an event in which changes of its kind were counted.
func (s Guards) guardTimeline(ctx context.Context, v directory.GuardEvent) ([]directory.Minute, error) {
	ms, err := s.ports.Counts.Timeline(ctx, s.tenant, v.Provider, v.Since, v.At.Add(24*time.Hour))
	return slices.DeleteFunc(ms, func(m directory.Minute) bool { return m.Of(v.Kind) == 0 }), err
}

// Decide approves or rejects an open event. Approved leavers are deactivated when due, but not within a minute, and
// approved moves are made. Rejected leavers are active by override, removed ones belong to the directory again, and
// rejected moves are not made. This happens in the background (follow.Service.FollowBatch). Counting begins anew.
// Errors: NotFound; Conflict when the event is not open; what check returns.
func (s Guards) Decide(
	ctx context.Context, p directory.ProviderID, id directory.GuardEventID, check func(directory.GuardEvent) error, d directory.GuardDecision,
) (directory.GuardEvent, error) {
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return directory.GuardEvent{}, err
	}
	action := directory.GuardApproved
	if d == directory.GuardDisapproval {
		action = directory.GuardRejected
	}
	now := s.rt.Time()
	counts, err := s.ports.Counts.Counts(ctx, s.tenant, p, now.Truncate(time.Minute))
	if err != nil {
		return directory.GuardEvent{}, err
	}
	decide := func(rec directory.Provider, v directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
		if v.ID == "" {
			return rec, v, nil, directory.Errorf(directory.NotFound, "no such guard event")
		}
		if err := check(v); err != nil {
			return rec, v, nil, err
		}
		w := rec.Guard.Of(v.Kind)
		if v.State != directory.GuardOpen || w.Event != id {
			return rec, v, nil, directory.Errorf(directory.Conflict, "the event is decided, or was only a warning")
		}
		v.State, v.DecidedAt, v.DecidedBy, v.Version = d, now, s.admin.Actor.ID, v.Version+1
		*w = directory.GuardState{Decided: d, DecidedAt: now, WarnedAt: w.WarnedAt}
		w.Since, w.Before = now.Truncate(time.Minute), directory.CountOf(v.Kind, counts)
		rec.Version, rec.Modified = rec.Version+1, directory.Latest(rec.Modified, now)
		e := s.entry(action)
		e.Remaining, e.Changes = directory.RemainingGuard, []directory.Change{directory.NewChange("state", directory.GuardOpen, d)}
		return rec, v, e.AboutGuard(rec, v), nil
	}
	return s.ports.Guards.UpdateGuard(ctx, s.tenant, p, id, decide)
}

// GuardStatus is the present status of a guard.
type GuardStatus struct {
	directory.GuardSettings // those in force
	Limit                   int
	MoveLimit               int
	Users                   int // active users of the provider
	Leavers                 int // counted within the window
	Moves                   int
}

// Status reads how close a provider is to tripping its guard.
func (s Guards) Status(ctx context.Context, p directory.Provider) (GuardStatus, error) {
	out := GuardStatus{GuardSettings: p.Guard.InForce()}
	var err error
	if out.Leavers, err = s.counted(ctx, p, directory.GuardLeavers); err != nil {
		return out, err
	}
	if out.Moves, err = s.counted(ctx, p, directory.GuardMoves); err != nil {
		return out, err
	}
	out.Users, err = find.ActiveUsers(ctx, s.ports.Counts, s.tenant, p.ID)
	out.Limit, out.MoveLimit = p.Guard.Limit(out.Users), p.Guard.MoveLimit(out.Users)
	return out, err
}

// counted returns how many changes of a kind happened within the window.
func (s Guards) counted(ctx context.Context, p directory.Provider, kind directory.GuardKind) (int, error) {
	now := s.rt.Time()
	counts, err := s.ports.Counts.Counts(ctx, s.tenant, p.ID, p.Guard.CountedSince(kind, now))
	return p.Guard.CountOf(kind, now, counts), err
}

// Set changes the settings of a provider's guard.
// Errors: as Providers.Patch.
func (s Guards) Set(
	ctx context.Context, id directory.ProviderID, check func(directory.Provider) error, g directory.GuardSettings,
) (directory.Provider, error) {
	return s.updateProviderEntry(ctx, id, directory.ProviderUpdated,
		func(p directory.Provider, e *directory.LogEntry) (directory.Provider, error) {
			if err := check(p); err != nil {
				return p, err
			}
			if was := p.Guard.Settings(); was != g {
				e.Changes = []directory.Change{directory.NewChange("guard", was, g)}
			}
			p.Guard = p.Guard.WithSettings(g)
			return p, checkGuardSettings(g)
		})
}

func checkGuardSettings(s directory.GuardSettings) error {
	for _, x := range []struct {
		attr   string
		n, max int
	}{
		{"minimum", s.Minimum, directory.MaxGuardMinimum}, {"moveMinimum", s.MoveMinimum, directory.MaxGuardMinimum},
		{"percent", s.Percent, 100}, {"movePercent", s.MovePercent, 100},
	} {
		if x.n < 0 || x.n > x.max {
			return &directory.Error{Kind: directory.Invalid, Attr: x.attr, Detail: fmt.Sprintf("%s must be between 0 and %d", x.attr, x.max)}
		}
	}
	switch {
	case s.Window != 0 && (s.Window < time.Minute || s.Window > directory.MaxGuardWindow):
		return &directory.Error{Kind: directory.Invalid, Attr: "windowSeconds", Detail: "windowSeconds must be between a minute and a day"}
	case s.Mode != "" && s.Mode != directory.GuardBlocks && s.Mode != directory.GuardStages:
		return &directory.Error{Kind: directory.Invalid, Attr: "mode", Detail: "mode must be block or stage"}
	}
	return nil
}
