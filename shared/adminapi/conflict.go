package adminapi

import (
	"maps"
	"strings"

	"rollcall/shared/directory"
)

func conflictRoutes() []route {
	return []route{
		{Route{get, "/conflicts", "listConflicts", readers}, []string{"cursor", "limit", "state"}, (*request).listConflicts},
		{Route{get, "/conflicts/{id}", "getConflict", readers}, nil, (*request).getConflict},
		{Route{post, "/conflicts/{id}:convert", "convertConflict", administrators}, dryQuery, (*request).convertConflict},
		{Route{post, "/conflicts/{id}:ignore", "ignoreConflict", administrators}, dryQuery, (*request).ignoreConflict},
		{Route{post, "/conflicts/{id}:rename", "renameConflict", administrators}, dryQuery, (*request).renameConflict},
		{Route{post, "/conflicts:pre-approve", "preApproveConflicts", administrators}, dryQuery, (*request).preApprove},
	}
}

// conflict is a directory.ConflictCase: most often a user that a directory could not create because another user has
// the userName.
type conflict struct {
	ID             directory.ConflictID    `json:"id"`
	State          directory.ConflictState `json:"state"`
	Provider       directory.ProviderID    `json:"provider"`
	Cause          string                  `json:"cause"`    // user-name, or a directory.ConflictCause
	UserName       string                  `json:"userName"` // for organizations: the name that was not created
	ExternalID     string                  `json:"externalId,omitempty"`
	Attempts       int                     `json:"attempts"`
	FirstAt        instant                 `json:"firstAt"`
	LastAt         instant                 `json:"lastAt"`
	UserID         directory.UserID        `json:"userId,omitempty"` // of a hint
	Attribute      string                  `json:"attribute,omitempty"`
	ScimType       string                  `json:"scimType,omitempty"`
	GroupID        directory.GroupID       `json:"groupId,omitempty"`
	Members        []directory.ScimID      `json:"members,omitempty"`
	MemberCount    int                     `json:"memberCount,omitempty"`
	HolderID       directory.UserID        `json:"holderId,omitempty"`
	HolderProvider directory.ProviderID    `json:"holderProvider,omitempty"`
	Holder         *user                   `json:"holder,omitempty"` // of one conflict only
	Version        int64                   `json:"version"`
	DryRun         bool                    `json:"dryRun,omitempty"`
}

func viewConflict(c directory.ConflictCase) conflict {
	cause := "user-name"
	if c.Cause != directory.ConflictOverUserName {
		cause = string(c.Cause)
	}
	return conflict{
		ID: c.ID, Cause: cause, State: c.State, Provider: c.Provider, UserName: c.UserName, ExternalID: c.ExternalID, Attempts: c.Count,
		FirstAt: instant{c.FirstAt}, LastAt: instant{c.LastAt}, UserID: c.User, Attribute: c.Attribute, ScimType: c.ScimType,
		GroupID: c.Group, Members: c.Members, MemberCount: c.MemberCount,
		HolderID: c.Holder, HolderProvider: c.HolderFrom,
		Version: c.Version,
	}
}

func (r *request) listConflicts() (answer, error) {
	state, err := r.choice("state", string(directory.ConflictOpen), string(directory.ConflictPreApproved), string(directory.ConflictIgnored),
		string(directory.ConflictConverted), string(directory.ConflictRenamed), string(directory.ConflictSucceeded))
	if err != nil {
		return answer{}, err
	}
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	cs, err := r.as().Conflicts.List(r.ctx(), directory.ConflictState(state), directory.ConflictID(after), limit+1)
	if err != nil {
		return answer{}, err
	}
	cs, next := pageAfter(cs, func(c directory.ConflictCase) string { return string(c.ID) }, after, limit)
	return answer{body: page[conflict]{Items: mapSlice(cs, viewConflict), NextCursor: r.cursor(next)}}, nil
}

func (r *request) getConflict() (answer, error) {
	id, err := pathID[directory.ConflictID](r, 0, "conflict")
	if err != nil {
		return answer{}, err
	}
	c, err := r.as().Conflicts.ByID(r.ctx(), id)
	if err != nil {
		return answer{}, err
	}
	v := viewConflict(c)
	holder, err := r.as().Users.ByID(r.ctx(), c.Holder)
	switch {
	case err == nil:
		u, err := r.seeUser(holder.User)
		if err != nil {
			return answer{}, err
		}
		v.Holder = &u
	case !directory.IsKind(err, directory.NotFound):
		return answer{}, err
	}
	return answer{version: c.Version, body: v}, nil
}

// decide reads the reason and the other members that a decision needs, and makes the decision.
func (r *request) decide(
	also members, required []string,
	do func(id directory.ConflictID, check func(directory.ConflictCase) error) (directory.ConflictCase, *directory.User, error),
) (answer, error) {
	id, err := pathID[directory.ConflictID](r, 0, "conflict")
	if err != nil {
		return answer{}, err
	}
	m := members{"reason": text(set(&r.admin.Actor.Reason), 1, 500)}
	maps.Copy(m, also)
	if err := r.read(m, append(required, "reason")...); err != nil {
		return answer{}, err
	}
	c, holder, err := do(id, func(c directory.ConflictCase) error { return r.ifMatch(c.Version) })
	if err != nil {
		return answer{}, err
	}
	v := viewConflict(c)
	v.DryRun = r.admin.DryRun
	if holder != nil {
		u, err := r.seeUser(*holder)
		if err != nil {
			return answer{}, err
		}
		u.DryRun = false // the conflict says it
		v.Holder = &u
	}
	return answer{version: c.Version, body: v}, nil
}

func (r *request) convertConflict() (answer, error) {
	return r.decide(nil, nil,
		func(id directory.ConflictID, check func(directory.ConflictCase) error) (directory.ConflictCase, *directory.User, error) {
			c, u, err := r.as().Conflicts.Convert(r.ctx(), id, check)
			return c, &u, err
		})
}

func (r *request) ignoreConflict() (answer, error) {
	return r.decide(nil, nil,
		func(id directory.ConflictID, check func(directory.ConflictCase) error) (directory.ConflictCase, *directory.User, error) {
			c, err := r.as().Conflicts.Ignore(r.ctx(), id, check)
			return c, nil, err
		})
}

func (r *request) renameConflict() (answer, error) {
	var userName string
	return r.decide(members{"userName": text(set(&userName), 1, 255)}, []string{"userName"},
		func(id directory.ConflictID, check func(directory.ConflictCase) error) (directory.ConflictCase, *directory.User, error) {
			c, u, err := r.as().Conflicts.Rename(r.ctx(), id, check, strings.TrimSpace(userName))
			return c, &u, err
		})
}

type approvalResult struct {
	UserName string `json:"userName"`
	Result   string `json:"result"`
	Detail   string `json:"detail,omitempty"`
}

// preApprove approves conversions by userName. A name that cannot be approved does not affect the others.
func (r *request) preApprove() (answer, error) {
	var p string
	var names []string
	err := r.read(members{
		"provider": text(set(&p), 1, 32), "userNames": list(200, text(func(s string) { names = append(names, strings.TrimSpace(s)) }, 1, 255)),
		"reason": text(set(&r.admin.Actor.Reason), 1, 500),
	}, "provider", "userNames", "reason")
	if err == nil && len(names) == 0 {
		err = invalid(fieldError{"userNames", "must have at least one element"})
	}
	if err != nil {
		return answer{}, err
	}
	out := struct {
		Items  []approvalResult `json:"items"`
		DryRun bool             `json:"dryRun,omitempty"`
	}{DryRun: r.admin.DryRun}
	for _, name := range names {
		row := approvalResult{UserName: name, Result: "done"}
		switch err := r.as().Conflicts.PreApprove(r.ctx(), directory.ProviderID(p), name); {
		case directory.IsKind(err, directory.NotFound):
			row.Result = "not-found"
		case directory.IsKind(err, directory.Conflict):
			row.Result, row.Detail = "refused", toProblem(err).Detail
		case err != nil:
			return answer{}, err
		}
		out.Items = append(out.Items, row)
	}
	return answer{body: out}, nil
}
