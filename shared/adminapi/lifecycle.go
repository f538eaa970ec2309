package adminapi

import (
	"encoding/json"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

type adminBlock struct {
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

type pendingDeactivation struct {
	RequestedAt time.Time            `json:"requestedAt"`
	DueAt       time.Time            `json:"dueAt"`
	Cause       string               `json:"cause"`
	Provider    directory.ProviderID `json:"provider,omitempty"`
	Gates       []directory.Gate     `json:"gates"`
	Staged      bool                 `json:"staged,omitempty"`
}

func viewBlock(b *directory.AdminBlock) *adminBlock {
	if b == nil {
		return nil
	}
	return &adminBlock{b.At, b.By, b.Reason}
}

func viewPending(a directory.Account) *pendingDeactivation {
	p := a.Pending
	if p == nil {
		return nil
	}
	v := &pendingDeactivation{RequestedAt: p.RequestedAt, DueAt: p.DueAt, Cause: p.Cause, Provider: p.Provider, Staged: p.Staged}
	for _, g := range []directory.Gate{directory.GateTimer, directory.GateHold, directory.GateGuard} {
		if a.WaitsFor(g) {
			v.Gates = append(v.Gates, g)
		}
	}
	return v
}

// decideUser reads the reason and whatever else a decision about a user needs, and carries out the one that
// choose returns afterwards.
func (r *request) decideUser(also members, choose func() directory.Decision) (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	m := members{"reason": text(set(&r.admin.Actor.Reason), 1, 500)}
	for name, read := range also {
		m[name] = read
	}
	if err := r.read(m, "reason"); err != nil {
		return answer{}, err
	}
	u, err := r.as().Users.Decide(r.ctx(), id, func(u directory.User) error { return r.ifMatch(u.Version) }, choose())
	if err != nil {
		return answer{}, err
	}
	v := viewUser(u)
	v.DryRun = r.admin.DryRun
	return answer{version: u.Version, body: v}, nil
}

// decision is the operation of a decision that needs nothing but a reason.
func decision(d directory.Decision) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		return r.decideUser(nil, func() directory.Decision { return d })
	}
}

// either is the operation of a decision that a boolean member makes a wider one.
func either(member string, byDefault bool, plain, wider directory.Decision) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		wide := byDefault
		return r.decideUser(members{member: boolean(set(&wide))}, func() directory.Decision {
			if wide {
				return wider
			}
			return plain
		})
	}
}

// confirmed is the operation of a decision about a user that someone who is sure types the userName for.
func (r *request) confirmed(also members, required []string, do func(id directory.UserID, check func(directory.User) error, confirm string) (directory.User, error)) (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	var confirm string
	m := members{"reason": text(set(&r.admin.Actor.Reason), 1, 500), "confirm": text(set(&confirm), 1, 255)}
	for name, read := range also {
		m[name] = read
	}
	if err := r.read(m, append(required, "reason")...); err != nil {
		return answer{}, err
	}
	u, err := do(id, func(u directory.User) error { return r.ifMatch(u.Version) }, confirm)
	v := viewUser(u)
	v.DryRun = r.admin.DryRun
	return answer{version: u.Version, body: v}, err
}

func (r *request) eraseUser() (answer, error) {
	return r.confirmed(nil, []string{"confirm"}, func(id directory.UserID, check func(directory.User) error, confirm string) (directory.User, error) {
		return r.as().Users.Erase(r.ctx(), id, check, confirm)
	})
}

func (r *request) convertUser() (answer, error) {
	var p string
	return r.confirmed(members{"provider": text(set(&p), 1, 32)}, []string{"provider"}, func(id directory.UserID, check func(directory.User) error, confirm string) (directory.User, error) {
		return r.as().Users.Convert(r.ctx(), id, check, directory.ProviderID(p), confirm)
	})
}

// getTimeline reads the log of one user.
func (r *request) getTimeline() (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	if _, err := r.as().Users.ByID(r.ctx(), id); err != nil {
		return answer{}, err
	}
	return r.pageOfLog(r.as().Logs.Sync, administration.LogFilter{User: id})
}

func (r *request) listPending() (answer, error) {
	gate, err := r.choice("gate", string(directory.GateTimer), string(directory.GateHold), string(directory.GateGuard))
	if err != nil {
		return answer{}, err
	}
	q := directory.PendingQuery{Gate: directory.Gate(gate)}
	if q.Provider, err = r.ownProvider(); err != nil {
		return answer{}, err
	}
	if q.After, q.Count, err = r.pageQuery(); err != nil {
		return answer{}, err
	}
	us, next, err := r.as().Deactivations.Pending(r.ctx(), q)
	return answer{body: page[user]{Items: mapSlice(us, viewUser), NextCursor: r.cursor(next)}}, err
}

// userResult is what became of one user of several.
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

// forUsers does something to each of several users and tells what became of them. What the state of a user
// forbids stops nobody else; any other failure ends it.
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
		if n, q.After = n+len(us), next; next == "" {
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

// provider reads the provider that the path names.
func (r *request) provider() (directory.Provider, error) {
	id, err := r.providerID()
	if err != nil {
		return directory.Provider{}, err
	}
	return r.as().Providers.ByID(r.ctx(), id)
}
