package adminapi

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"rollcall/shared/directory"
)

func guardRoutes() []route {
	return []route{
		{Route{get, "/providers/{id}/guard", "getGuard", readers}, nil, (*request).getGuard},
		{Route{put, "/providers/{id}/guard", "setGuard", administrators}, dryQuery, (*request).setGuard},
		{Route{get, "/providers/{id}/guard-events", "listGuardEvents", readers}, pageQuery, (*request).listGuardEvents},
		{Route{get, "/providers/{id}/guard-events/{id}", "getGuardEvent", readers}, nil, (*request).getGuardEvent},
		{Route{post, "/providers/{id}/guard-events/{id}:approve", "approveGuardEvent", administrators}, dryQuery,
			decideGuard(directory.GuardApproval)},
		{Route{post, "/providers/{id}/guard-events/{id}:reject", "rejectGuardEvent", administrators}, dryQuery,
			decideGuard(directory.GuardDisapproval)},
	}
}

type guard struct {
	WindowSeconds int64                  `json:"windowSeconds"`
	Minimum       int                    `json:"minimum"`
	Percent       int                    `json:"percent"`
	Limit         int                    `json:"limit"`
	MoveMinimum   int                    `json:"moveMinimum"`
	MovePercent   int                    `json:"movePercent"`
	MoveLimit     int                    `json:"moveLimit"`
	Mode          directory.GuardMode    `json:"mode"`
	UserCount     int                    `json:"userCount"`
	LeaverCount   int                    `json:"leaverCount"`
	MoveCount     int                    `json:"moveCount"`
	OpenEvent     directory.GuardEventID `json:"openEvent,omitempty"`
	OpenMoveEvent directory.GuardEventID `json:"openMoveEvent,omitempty"`
	Version       int64                  `json:"version"`
	DryRun        bool                   `json:"dryRun,omitempty"`
}

type guardEvent struct {
	ID            directory.GuardEventID  `json:"id"`
	Provider      directory.ProviderID    `json:"provider"`
	Kind          directory.GuardKind     `json:"kind"`
	State         directory.GuardDecision `json:"state"`
	At            instant                 `json:"at"`
	Since         instant                 `json:"since"`
	Count         int                     `json:"count"`
	Limit         int                     `json:"limit"`
	UserCount     int                     `json:"userCount"`
	Held          *int                    `json:"held,omitempty"` // of one open event only
	Common        []commonValue           `json:"common,omitempty"`
	Timeline      []guardMinute           `json:"timeline,omitempty"`
	ReminderCount int                     `json:"reminderCount,omitempty"`
	DecidedAt     *instant                `json:"decidedAt,omitempty"`
	DecidedBy     string                  `json:"decidedBy,omitempty"`
	Version       int64                   `json:"version"`
	DryRun        bool                    `json:"dryRun,omitempty"`
}

// commonValue is a value shared by the users that an event holds.
type commonValue struct {
	Attribute string `json:"attribute"`
	Value     string `json:"value"`
	Count     int    `json:"count"`
}

type guardMinute struct {
	At    instant `json:"at"`
	Count int     `json:"count"`
}

func viewGuardEvent(v directory.GuardEvent) guardEvent {
	return guardEvent{
		ID: v.ID, Provider: v.Provider, Kind: v.Kind, ReminderCount: v.Reminders, State: v.State, At: instant{v.At}, Since: instant{v.Since},
		Count: v.Count, Limit: v.Limit, UserCount: v.Users,
		DecidedAt: timeOrNil(v.DecidedAt), DecidedBy: v.DecidedBy, Version: v.Version,
	}
}

func (r *request) answerGuard(p directory.Provider) (answer, error) {
	s, err := r.as().Guards.Status(r.ctx(), p)
	return answer{version: p.Version, body: guard{
		WindowSeconds: int64(s.Window / time.Second), Minimum: s.Minimum, Percent: s.Percent, Limit: s.Limit,
		MoveMinimum: s.MoveMinimum, MovePercent: s.MovePercent, MoveLimit: s.MoveLimit, Mode: s.Mode, UserCount: s.Users, LeaverCount: s.Leavers,
		MoveCount: s.Moves,
		OpenEvent: p.Guard.Event, OpenMoveEvent: p.Guard.Moves.Event, Version: p.Version, DryRun: r.admin.DryRun,
	}}, err
}

func (r *request) getGuard() (answer, error) {
	p, err := r.provider()
	if err != nil {
		return answer{}, err
	}
	return r.answerGuard(p)
}

// number reads a whole number from low to high.
func number(to func(int), low, high int) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		var n *float64
		if json.Unmarshal(raw, &n) != nil || n == nil || *n != math.Trunc(*n) || *n < float64(low) || *n > float64(high) {
			return refuse(at, "must be a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		}
		to(int(*n))
		return nil
	}
}

func (r *request) setGuard() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var g directory.GuardSettings
	err = r.read(members{
		"windowSeconds": number(func(n int) { g.Window = time.Duration(n) * time.Second }, 60, int(directory.MaxGuardWindow/time.Second)),
		"minimum":       number(set(&g.Minimum), 1, directory.MaxGuardMinimum),
		"percent":       number(set(&g.Percent), 1, 100),
		"moveMinimum":   number(set(&g.MoveMinimum), 1, directory.MaxGuardMinimum),
		"movePercent":   number(set(&g.MovePercent), 1, 100),
		"mode":          word(func(s string) { g.Mode = directory.GuardMode(s) }, string(directory.GuardBlocks), string(directory.GuardStages)),
	})
	if err != nil {
		return answer{}, err
	}
	p, err := r.as().Guards.Set(r.ctx(), id, r.checkProvider, g)
	if err != nil {
		return answer{}, err
	}
	return r.answerGuard(p)
}

func (r *request) listGuardEvents() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	before, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	vs, err := r.as().Guards.Events(r.ctx(), id, directory.GuardEventID(before), limit+1)
	if err != nil {
		return answer{}, err
	}
	next := ""
	if len(vs) > limit {
		vs = vs[:limit]
		next = string(vs[limit-1].ID)
	}
	return answer{body: page[guardEvent]{Items: mapSlice(vs, viewGuardEvent), NextCursor: r.cursor(next)}}, nil
}

// guardEventID returns the provider and the event in the path.
func (r *request) guardEventID() (directory.ProviderID, directory.GuardEventID, error) {
	p, err := r.providerID()
	if err != nil {
		return "", "", err
	}
	id, err := pathID[directory.GuardEventID](r, 1, "guard event")
	return p, id, err
}

func (r *request) getGuardEvent() (answer, error) {
	p, id, err := r.guardEventID()
	if err != nil {
		return answer{}, err
	}
	review, err := r.as().Guards.Review(r.ctx(), p, id)
	v := viewGuardEvent(review.GuardEvent)
	if review.State == directory.GuardOpen {
		v.Held = &review.Held
	}
	for _, c := range review.Shared {
		v.Common = append(v.Common, commonValue{c.Attr, c.Value, c.Count})
	}
	for _, m := range review.Timeline {
		v.Timeline = append(v.Timeline, guardMinute{instant{m.At}, m.Of(review.Kind)})
	}
	return answer{version: review.Version, body: v}, err
}

// decideGuard returns the operation that decides on an event. The users it holds are processed after the answer: 202.
func decideGuard(d directory.GuardDecision) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		p, id, err := r.guardEventID()
		if err != nil {
			return answer{}, err
		}
		if err := r.read(members{"reason": text(set(&r.admin.Actor.Reason), 1, 500)}, "reason"); err != nil {
			return answer{}, err
		}
		e, err := r.as().Guards.Decide(r.ctx(), p, id, func(e directory.GuardEvent) error { return r.ifMatch(e.Version) }, d)
		v := viewGuardEvent(e)
		v.DryRun = r.admin.DryRun
		return answer{status: http.StatusAccepted, version: e.Version, body: v}, err
	}
}
