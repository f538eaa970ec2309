package adminapi

import (
	"maps"

	"rollcall/shared/directory"
)

func decisionRoutes() []route {
	return []route{
		{Route{post, "/users/{id}:block", "blockUser", administrators}, dryQuery, decideHandler(directory.DecideBlock)},
		{Route{post, "/users/{id}:unblock", "unblockUser", unblockers}, dryQuery, decideHandler(directory.DecideUnblock)},
		{Route{post, "/users/{id}:deactivate", "deactivateUser", administrators}, dryQuery,
			decideWithOption("block", false, directory.DecideDeactivate, directory.DecideDeactivateBlock)},
		{Route{post, "/users/{id}:reactivate", "reactivateUser", administrators}, dryQuery,
			decideWithOption("unblock", true, directory.DecideReactivate, directory.DecideReactivateUnblock)},
		{Route{post, "/users/{id}:cancel-deactivation", "cancelDeactivation", unblockers}, dryQuery,
			decideHandler(directory.DecideCancelDeactivation)},
		{Route{post, "/users/{id}:convert-to-local", "convertUserToLocal", administrators}, dryQuery, decideHandler(directory.DecideLocal)},
		{Route{post, "/users/{id}:convert-to-provisioned", "convertUserToProvisioned", administrators}, dryQuery, (*request).convertUser},
		{Route{post, "/users/{id}:erase", "eraseUser", administrators}, dryQuery, (*request).eraseUser},
	}
}

type adminBlock struct {
	At     instant `json:"at"`
	By     string  `json:"by,omitempty"`
	Reason string  `json:"reason,omitempty"`
}

type pendingDeactivation struct {
	RequestedAt instant              `json:"requestedAt"`
	DueAt       instant              `json:"dueAt"`
	Cause       string               `json:"cause"`
	Provider    directory.ProviderID `json:"provider,omitempty"`
	Gates       []directory.Gate     `json:"gates"`
	Staged      bool                 `json:"staged,omitempty"`
}

func viewBlock(b *directory.AdminBlock) *adminBlock {
	if b == nil {
		return nil
	}
	return &adminBlock{instant{b.At}, b.By, b.Reason}
}

func viewPending(a directory.Account) *pendingDeactivation {
	p := a.Pending
	if p == nil {
		return nil
	}
	v := &pendingDeactivation{RequestedAt: instant{p.RequestedAt}, DueAt: instant{p.DueAt}, Cause: p.Cause, Provider: p.Provider,
		Staged: p.Staged}
	for _, g := range []directory.Gate{directory.GateTimer, directory.GateHold, directory.GateGuard} {
		if a.WaitsFor(g) {
			v.Gates = append(v.Gates, g)
		}
	}
	return v
}

// decideUser reads the reason and the other members that a decision about a user needs, and then makes the decision
// that choose returns.
func (r *request) decideUser(also members, choose func() directory.Decision) (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	m := members{"reason": text(set(&r.admin.Actor.Reason), 1, 500)}
	maps.Copy(m, also)
	if err := r.read(m, "reason"); err != nil {
		return answer{}, err
	}
	u, err := r.as().Users.Decide(r.ctx(), id, func(u directory.User) error { return r.ifMatch(u.Version) }, choose())
	if err != nil {
		return answer{}, err
	}
	v, err := r.seeUser(u)
	return answer{version: u.Version, body: v}, err
}

// decideHandler returns the operation of a decision that needs only a reason.
func decideHandler(d directory.Decision) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		return r.decideUser(nil, func() directory.Decision { return d })
	}
}

// decideWithOption returns the operation of a decision that a boolean member extends.
func decideWithOption(member string, byDefault bool, plain, wider directory.Decision) func(*request) (answer, error) {
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

// withConfirmation handles a decision about a user that requires typing the userName.
func (r *request) withConfirmation(
	also members, required []string, do func(id directory.UserID, check func(directory.User) error, confirm string) (directory.User, error),
) (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	var confirm string
	m := members{"reason": text(set(&r.admin.Actor.Reason), 1, 500), "confirm": phrase(set(&confirm))}
	maps.Copy(m, also)
	if err := r.read(m, append(required, "reason")...); err != nil {
		return answer{}, err
	}
	u, err := do(id, func(u directory.User) error { return r.ifMatch(u.Version) }, confirm)
	if err != nil {
		return answer{}, err
	}
	v, err := r.seeUser(u)
	return answer{version: u.Version, body: v}, err
}

func (r *request) eraseUser() (answer, error) {
	return r.withConfirmation(nil, []string{"confirm"},
		func(id directory.UserID, check func(directory.User) error, confirm string) (directory.User, error) {
			return r.as().Users.Erase(r.ctx(), id, check, confirm)
		})
}

func (r *request) convertUser() (answer, error) {
	var p string
	return r.withConfirmation(members{"provider": text(set(&p), 1, 32)}, []string{"provider"},
		func(id directory.UserID, check func(directory.User) error, confirm string) (directory.User, error) {
			return r.as().Users.Convert(r.ctx(), id, check, directory.ProviderID(p), confirm)
		})
}
