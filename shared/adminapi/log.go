package adminapi

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func logRoutes() []route {
	return []route{
		{Route{get, "/sync-log", "listSyncLog", logReaders}, append([]string{"userNames"}, logQuery...), (*request).listSyncLog},
		{Route{get, "/audit-log", "listAuditLog", orOperator(logReaders)}, logQuery, (*request).listAuditLog},
	}
}

// The limits of one entry and of a page: a change of 10,000 members, or a page of large users, would exceed the limit
// of a gateway (6 MB).
const (
	maxMembersShown = 100
	maxLogBytes     = 4 << 20
)

type logEntry struct {
	ID           directory.EntryID    `json:"id"`
	At           instant              `json:"at"`
	Action       directory.Action     `json:"action"`
	Actor        actor                `json:"actor"`
	Provider     directory.ProviderID `json:"provider,omitempty"`
	User         directory.UserID     `json:"user,omitempty"`
	Group        directory.GroupID    `json:"group,omitempty"`
	Target       string               `json:"target,omitempty"`
	Name         string               `json:"name,omitempty"`
	Changes      []logChange          `json:"changes"`
	Added        []directory.ScimID   `json:"added,omitempty"` // the first ones
	AddedCount   int                  `json:"addedCount,omitempty"`
	Removed      []directory.ScimID   `json:"removed,omitempty"`
	RemovedCount int                  `json:"removedCount,omitempty"`
	Version      int64                `json:"version,omitempty"`
	Unnumbered   bool                 `json:"unnumbered,omitempty"`
	Effects      []directory.Effect   `json:"effects"`
	People       int                  `json:"people,omitempty"`
	Result       directory.Result     `json:"result"`
	Cause        directory.Cause      `json:"cause"`
	Erased       bool                 `json:"erased,omitempty"`
	Explanation  string               `json:"explanation"`
	UserNameNow  string               `json:"userNameNow,omitempty"` // if asked for
}

type actor struct {
	Kind            directory.ActorKind `json:"kind"`
	ID              string              `json:"id,omitempty"`
	RequestID       directory.RequestID `json:"requestId,omitempty"`
	ClientRequestID directory.RequestID `json:"clientRequestId,omitempty"`
	Reason          string              `json:"reason,omitempty"`
}

type logChange struct {
	Attribute string          `json:"attribute"`
	Before    json.RawMessage `json:"before,omitempty"`
	After     json.RawMessage `json:"after,omitempty"`
}

func viewEntry(e directory.LogEntry) logEntry {
	return logEntry{
		ID: e.ID, At: instant{e.At}, Action: e.Action, Provider: e.Provider, User: e.User, Group: e.Group, Target: e.Target, Name: e.Name,
		Actor:   actor{e.Actor.Kind, e.Actor.ID, e.Actor.RequestID, e.Actor.ClientRequestID, e.Actor.Reason},
		Changes: mapSlice(e.Changes, func(c directory.Change) logChange { return logChange{c.Attr, c.Before, c.After} }),
		Added:   e.Added[:min(maxMembersShown, len(e.Added))], AddedCount: len(e.Added),
		Removed: e.Removed[:min(maxMembersShown, len(e.Removed))], RemovedCount: len(e.Removed),
		Version: e.Version, Unnumbered: e.Unnumbered, Effects: append([]directory.Effect{}, e.Effects...), People: e.People,
		Result: e.Result(), Cause: e.Cause(),
		Erased: len(e.Erased) > 0, Explanation: sentence(e),
	}
}

func actions() []directory.Action {
	return []directory.Action{
		directory.UserCreated, directory.UserUpdated, directory.UserEnabled, directory.UserDisabled, directory.UserDeleted,
		directory.UserConverted,
		directory.UserRestored, directory.UserBlocked, directory.UserUnblocked, directory.UserDeactivated, directory.UserReactivated,
		directory.UserDeactivationCancelled, directory.UserRescheduled, directory.UserHeldByGuard, directory.UserPurged, directory.UserResolved,
		directory.UserMoved,
		directory.HoldPlaced, directory.HoldReleased, directory.HoldCreated, directory.HoldClosed,
		directory.GuardWarned, directory.GuardTripped, directory.GuardApproved, directory.GuardRejected, directory.GuardReminded,
		directory.UserReassigned, directory.UserReassignmentHeld,
		directory.GroupCreated, directory.GroupUpdated, directory.GroupDeleted, directory.MembersChanged,
		directory.ConflictOpened, directory.ConflictApproved, directory.ConflictClosed,
		directory.TenantCreated, directory.TenantUpdated, directory.TenantWasPaused, directory.TenantResumed, directory.TenantRemoved,
		directory.TenantErased,
		directory.ProviderCreated, directory.ProviderUpdated, directory.ProviderDeleted, directory.ProviderRestored,
		directory.TokenCreated, directory.TokenRevoked, directory.TokenExpiring, directory.APIKeyCreated, directory.APIKeyExceeds,
		directory.APIKeyConfirmed, directory.APIKeyRevoked, directory.APIKeyExpiring,
		directory.ProposalMade, directory.ProposalApproved, directory.ProposalRejected,
		directory.OrganizationCreated, directory.OrganizationUpdated, directory.RolesUpdated, directory.MappingsUpdated,
		directory.WatchlistUpdated,
		directory.ApplyClaimed, directory.ApplyPlanned, directory.ApplyRequested, directory.ApplyStarted, directory.ApplyCancelled,
		directory.ApplyEnded, directory.CountryUnknown,
		directory.WebhookCreated, directory.WebhookUpdated, directory.WebhookDeleted, directory.WebhookRotated, directory.WebhookTested,
		directory.DeliveryReplayed, directory.TaskRetried, administration.LogExported,
	}
}

// readFilter reads the parameters of both logs.
func (r *request) readFilter() (f administration.LogFilter, err error) {
	if f.Provider, err = r.ownProvider(); err != nil {
		return f, err
	}
	words := mapSlice(actions(), func(a directory.Action) string { return string(a) })
	action, err := r.choice("action", words...)
	if err != nil {
		return f, err
	}
	effect, err := r.choice("effect", mapSlice(directory.Effects(), func(e directory.Effect) string { return string(e) })...)
	if err != nil {
		return f, err
	}
	result, err := r.choice("result", string(directory.ResultSuccess), string(directory.ResultConflict), string(directory.ResultError))
	if err != nil {
		return f, err
	}
	f.Action, f.Effect, f.Result = directory.Action(action), directory.Effect(effect), directory.Result(result)
	var at directory.UserSearch
	if err := r.readPlaces(&at); err != nil {
		return f, err
	}
	cause, err := r.choice("cause", mapSlice(directory.Causes(), func(c directory.Cause) string { return string(c) })...)
	if err != nil {
		return f, err
	}
	f.Org, f.Role, f.Cause = at.Org, at.Role, directory.Cause(cause)
	if f.Text, err = r.searchText(); err != nil {
		return f, err
	}
	user, err := idQuery[directory.UserID](r, "user")
	if err != nil {
		return f, err
	}
	group, err := idQuery[directory.GroupID](r, "group")
	if err != nil {
		return f, err
	}
	f.User, f.Group = user, group
	f.Since, f.Until, err = r.spanQuery()
	return f, err
}

// idQuery returns a parameter that must be an id, or "".
func idQuery[T ~string](r *request, name string) (T, error) {
	v := r.query.Get(name)
	if r.query.Has(name) && !wellFormed(v) {
		return "", invalid(fieldError{name, "must be an id"})
	}
	return T(v), nil
}

// spanQuery returns the parameters since and until.
func (r *request) spanQuery() (since, until time.Time, err error) {
	for _, p := range []struct {
		name string
		to   *time.Time
	}{{"since", &since}, {"until", &until}} {
		if !r.query.Has(p.name) {
			continue
		}
		t, ok := parseTime(r.query.Get(p.name))
		if !ok {
			return since, until, invalid(fieldError{p.name, "must be a time such as 2027-01-31T12:00:00Z"})
		}
		*p.to = clampTime(t)
	}
	return since, until, nil
}

// clampTime returns t, or the end of the log when that is earlier.
func clampTime(t time.Time) time.Time {
	if t.After(endOfLog) {
		return endOfLog
	}
	return t
}

// endOfLog is later than any entry, and early enough for positions in the log, which sort up to the year 5188.
var endOfLog = time.Date(5000, 1, 1, 0, 0, 0, 0, time.UTC)

type readLog func(ctx context.Context, f administration.LogFilter, before string, count int) ([]directory.LogEntry, string, error)

func (r *request) listLog(read readLog) (answer, error) {
	f, err := r.readFilter()
	if err != nil {
		return answer{}, err
	}
	return r.pageOfLog(read, f)
}

// pageOfLog reads a page of the entries that a filter selects.
func (r *request) pageOfLog(read readLog, f administration.LogFilter) (answer, error) {
	before, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	es, next, err := read(r.ctx(), f, before, limit)
	if err != nil {
		return answer{}, err
	}
	names, err := r.userNames(es)
	if err != nil {
		return answer{}, err
	}
	out := page[json.RawMessage]{Items: []json.RawMessage{}}
	size := 0
	for i, e := range es {
		v := viewEntry(e)
		v.UserNameNow = names[e.User]
		item := encode(v)
		size += len(item)
		if size > maxLogBytes && i > 0 {
			next = es[i-1].Position()
			break
		}
		out.Items = append(out.Items, slices.Clip(item))
	}
	out.NextCursor = r.cursor(next)
	return answer{body: out}, nil
}

// userNames returns the present userNames of the users of entries, if they are asked for: one read for each user.
func (r *request) userNames(es []directory.LogEntry) (map[directory.UserID]string, error) {
	asked, err := r.choice("userNames", "true", "false")
	if err != nil || asked != "true" {
		return nil, err
	}
	names := map[directory.UserID]string{}
	for _, e := range es {
		if _, known := names[e.User]; known || e.User == "" {
			continue
		}
		v, err := r.as().Users.ByID(r.ctx(), e.User)
		if directory.IgnoreNotFound(err) != nil {
			return nil, err
		}
		names[e.User] = v.UserName
	}
	return names, nil
}

func (r *request) listSyncLog() (answer, error) { return r.listLog(r.as().Logs.Sync) }

func (r *request) listAuditLog() (answer, error) { return r.listLog(r.as().Logs.Audit) }
