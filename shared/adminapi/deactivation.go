package adminapi

import (
	"encoding/json"
	"time"

	"rollcall/shared/directory"
)

func deactivationRoutes() []route {
	return []route{
		{Route{get, "/pending-deactivations", "listPendingDeactivations", userReaders}, []string{"cursor", "limit", "provider", "gate"},
			(*request).listPending},
		{Route{get, "/pending-deactivations:export", "exportPendingDeactivations", userReaders}, []string{"provider", "gate"},
			(*request).exportPending},
		{Route{post, "/pending-deactivations:cancel", "cancelPendingDeactivations", administrators}, dryQuery, (*request).cancelPending},
		{Route{get, "/providers/{id}/deactivation-delay", "getDeactivationDelay", readers}, nil, (*request).getDelay},
		{Route{put, "/providers/{id}/deactivation-delay", "setDeactivationDelay", administrators}, dryQuery, (*request).setDelay},
	}
}

// pendingQuery reads the filter of pending deactivations.
func (r *request) pendingQuery() (q directory.PendingQuery, err error) {
	gate, err := r.choice("gate", string(directory.GateTimer), string(directory.GateHold), string(directory.GateGuard))
	if err != nil {
		return q, err
	}
	q.Gate = directory.Gate(gate)
	q.Provider, err = r.ownProvider()
	return q, err
}

func (r *request) listPending() (answer, error) {
	q, err := r.pendingQuery()
	if err != nil {
		return answer{}, err
	}
	if q.After, q.Count, err = r.pageQuery(); err != nil {
		return answer{}, err
	}
	us, next, err := r.as().Deactivations.Pending(r.ctx(), q)
	return r.pageOfUsers(us, next, err)
}

// userResult is the result for one user of several.
type userResult struct {
	User   directory.UserID `json:"user"`
	Result string           `json:"result"`
	Detail string           `json:"detail,omitempty"`
}

type userResults struct {
	Items  []userResult `json:"items"`
	DryRun bool         `json:"dryRun,omitempty"`
}

const maxSomeUsers = 100

// someUsers reads a list of user ids.
func someUsers(to func([]directory.UserID)) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		var ids []directory.UserID
		if json.Unmarshal(raw, &ids) != nil || len(ids) < 1 || len(ids) > maxSomeUsers {
			return refuse(at, "must be a list of 1 to 100 user ids")
		}
		for _, id := range ids {
			if !wellFormed(string(id)) {
				return refuse(at, "must be a list of user ids")
			}
		}
		to(ids)
		return nil
	}
}

// forUsers calls do for each user and returns the results. If the state of one user forbids it, the others still
// follow; any other error ends it.
func (r *request) forUsers(ids []directory.UserID, do func(directory.UserID) error) (answer, error) {
	out := userResults{Items: make([]userResult, len(ids)), DryRun: r.admin.DryRun}
	for i, id := range ids {
		out.Items[i] = userResult{User: id, Result: "done"}
		switch err := do(id); {
		case directory.IsKind(err, directory.NotFound):
			out.Items[i].Result = "not-found"
		case directory.IsKind(err, directory.Conflict):
			out.Items[i].Result, out.Items[i].Detail = "refused", toProblem(err).Detail
		case err != nil:
			return answer{}, err
		}
	}
	return answer{body: out}, nil
}

func (r *request) cancelPending() (answer, error) {
	var ids []directory.UserID
	keep := false
	err := r.read(members{
		"users": someUsers(set(&ids)), "reason": text(set(&r.admin.Actor.Reason), 1, 500), "keepBlocked": boolean(set(&keep)),
	}, "users", "reason")
	if err != nil {
		return answer{}, err
	}
	d := directory.DecideUnblock
	if keep {
		d = directory.DecideCancelDeactivation
	}
	return r.forUsers(ids, func(id directory.UserID) error {
		_, err := r.as().Users.Decide(r.ctx(), id, func(u directory.User) error {
			if u.Pending == nil {
				return directory.Errorf(directory.Conflict, "no deactivation is pending")
			}
			return nil
		}, d)
		return err
	})
}

type deactivationDelay struct {
	Seconds      int64 `json:"deactivationDelaySeconds"`
	PendingCount int   `json:"pendingCount"`
	Version      int64 `json:"version"`
	DryRun       bool  `json:"dryRun,omitempty"`
}

func (r *request) answerDelay(p directory.Provider) (answer, error) {
	n := 0
	for q := (directory.PendingQuery{Provider: p.ID, Count: 1000}); n < directory.MaxWalk; {
		us, next, err := r.as().Deactivations.Pending(r.ctx(), q)
		if err != nil {
			return answer{}, err
		}
		n, q.After = n+len(us), next
		if next == "" {
			break
		}
	}
	return answer{version: p.Version, body: deactivationDelay{int64(p.DeactivationDelay / time.Second), n, p.Version, r.admin.DryRun}}, nil
}

func (r *request) getDelay() (answer, error) {
	p, err := r.provider()
	if err != nil {
		return answer{}, err
	}
	return r.answerDelay(p)
}

func (r *request) setDelay() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var delay time.Duration
	pending := false
	err = r.read(members{
		"deactivationDelaySeconds": seconds(set(&delay), directory.MaxDeactivationDelay), "applyToPending": boolean(set(&pending)),
	}, "deactivationDelaySeconds")
	if err != nil {
		return answer{}, err
	}
	p, err := r.as().Deactivations.SetDelay(r.ctx(), id, r.checkProvider, delay, pending)
	if err != nil {
		return answer{}, err
	}
	return r.answerDelay(p)
}
