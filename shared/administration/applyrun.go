package administration

import (
	"context"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// ApplyProgress is an apply run with the sum of its ranges.
type ApplyProgress struct {
	directory.ApplyRun
	Tally directory.RunTally
	Total int // users to process in the present phase; for planning, those of the provider now
}

// Create begins an apply run by planning it. all also moves users who were moved by hand (method single).
// Errors: NotFound; Conflict (another run, named by the detail, is not over).
func (s ApplyRuns) Create(ctx context.Context, p directory.ProviderID, all bool) (ApplyProgress, error) {
	return s.createRun(ctx, p, directory.ApplyRun{All: all})
}

// createRun claims the provider for a new run, then stores it.
func (s ApplyRuns) createRun(ctx context.Context, id directory.ProviderID, n directory.ApplyRun) (ApplyProgress, error) {
	p, err := Providers(s).ByID(ctx, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	if p.State == directory.ProviderDeleting {
		return ApplyProgress{}, directory.Errorf(directory.Conflict, "the provider is being deleted")
	}
	if p.Restoring() {
		return ApplyProgress{}, directory.ErrRestoring()
	}
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	if m.Run != "" {
		r, err := s.ports.ApplyRuns.Run(ctx, s.tenant, id, m.Run)
		if err != nil && !directory.IsKind(err, directory.NotFound) {
			return ApplyProgress{}, err
		}
		if r.State.Working() {
			return ApplyProgress{}, errRunning(r.ID)
		}
	}
	now := s.rt.Time()
	n.ID = directory.RunID("r" + directory.LogEntry{At: now}.Position()[:9] + s.rt.NewID()[:16])
	n.Provider, n.State, n.Config, n.CreatedBy, n.Created, n.Version = id, directory.RunPlanning, p.ConfigVersion, s.admin.Actor.ID, now, 1
	users, err := s.ports.Users.ListUsers(ctx, s.tenant, id, directory.Page{Start: 1}, directory.UserWant{}, nil)
	if err != nil {
		return ApplyProgress{}, err
	}
	seen := m.Run
	if _, m, err = s.ports.Mappings.UpdateMappings(ctx, s.tenant, id,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, *directory.LogEntry, error) {
			if m.Run != seen {
				return p, m, nil, errRunning(m.Run)
			}
			m.Run, n.Config = n.ID, p.ConfigVersion
			e := s.entry(directory.ApplyClaimed)
			e.Target, e.Name = directory.RunTarget(id, n.ID), p.DisplayName
			return p, m, &e, nil
		}); err != nil {
		return ApplyProgress{}, err
	}
	r, err := s.ports.ApplyRuns.UpdateRun(ctx, s.tenant, id, n.ID, func(directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
		e := s.entry(directory.ApplyPlanned)
		e.Target, e.Name, e.Version = directory.RunTarget(id, n.ID), p.DisplayName, n.Version
		return n, &e, nil
	})
	return ApplyProgress{ApplyRun: r, Total: users.Total}, err
}

func errRunning(id directory.RunID) *directory.Error {
	return &directory.Error{Kind: directory.Conflict, Attr: "run", Detail: "another apply run of the provider is not over: " + string(id)}
}

// ByID reads a run with its progress.
// Errors: NotFound.
func (s ApplyRuns) ByID(ctx context.Context, p directory.ProviderID, id directory.RunID) (ApplyProgress, error) {
	provider, err := Providers(s).ByID(ctx, p)
	if err != nil {
		return ApplyProgress{}, err
	}
	r, err := s.ports.ApplyRuns.Run(ctx, s.tenant, p, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	return s.progress(ctx, provider, r)
}

func (s ApplyRuns) progress(ctx context.Context, p directory.Provider, r directory.ApplyRun) (ApplyProgress, error) {
	ranges, err := s.ports.ApplyRuns.Ranges(ctx, s.tenant, r.ID)
	if err != nil {
		return ApplyProgress{}, err
	}
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p.ID)
	if err != nil {
		return ApplyProgress{}, err
	}
	out := ApplyProgress{ApplyRun: r}
	out.State = r.StateAt(s.rt.Time(), p.ConfigVersion, m.Run)
	out.Tally = follow.SumOf(ranges)
	if err := s.name(ctx, p.ID, out.Tally.Samples); err != nil {
		return out, err
	}
	out.Total = out.Tally.Changes
	if r.State == directory.RunPlanning {
		users, err := s.ports.Users.ListUsers(ctx, s.tenant, p.ID, directory.Page{Start: 1}, directory.UserWant{}, nil)
		if err != nil {
			return out, err
		}
		out.Total = max(users.Total, out.Tally.Users)
	}
	return out, nil
}

// List reads runs of a provider, the newest first, before the given one, without their progress.
// Errors: NotFound (the provider).
func (s ApplyRuns) List(ctx context.Context, p directory.ProviderID, before directory.RunID, count int) ([]directory.ApplyRun, error) {
	provider, err := Providers(s).ByID(ctx, p)
	if err != nil {
		return nil, err
	}
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p)
	if err != nil {
		return nil, err
	}
	rs, err := s.ports.ApplyRuns.ListRuns(ctx, s.tenant, p, before, count)
	for i, r := range rs {
		rs[i].State = r.StateAt(s.rt.Time(), provider.ConfigVersion, m.Run)
	}
	return rs, err
}

// name sets the present names of the rows' users: of an erased one it is the id. Reads of users who are no longer the
// provider's take longer.
func (s ApplyRuns) name(ctx context.Context, p directory.ProviderID, rows []directory.RunRow) error {
	for i := range rows {
		r := &rows[i]
		v, err := s.ports.Users.ReadUser(ctx, s.tenant, p, r.Scim, directory.UserWant{}, nil)
		if directory.IsKind(err, directory.NotFound) {
			v, err = s.ports.Users.UserByID(ctx, s.tenant, r.User)
		}
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
		r.Name = v.UserName
	}
	return nil
}

// Diff reads at most count changes of a run that filter (nil: any) accepts, by range and id, after a position ("" from
// the first), and the position to continue after: "" at the end. A page is shorter after MaxWalk changes.
// Errors: NotFound.
func (s ApplyRuns) Diff(
	ctx context.Context, p directory.ProviderID, id directory.RunID, after string, count int, filter func(directory.RunRow) bool,
) (rows []directory.RunRow, next string, err error) {
	if rows, next, err = s.diff(ctx, p, id, after, count, filter); err == nil {
		err = s.name(ctx, p, rows)
	}
	return rows, next, err
}

func (s ApplyRuns) diff(
	ctx context.Context, p directory.ProviderID, id directory.RunID, after string, count int, filter func(directory.RunRow) bool,
) (rows []directory.RunRow, next string, err error) {
	if _, err := Providers(s).ByID(ctx, p); err != nil {
		return nil, "", err
	}
	if _, err := s.ports.ApplyRuns.Run(ctx, s.tenant, p, id); err != nil {
		return nil, "", err
	}
	page, user := cutPosition(after)
	for seen := 0; seen < directory.MaxWalk; {
		// The position may lie within its page: a page is read again for its remaining rows.
		pages, err := s.ports.ApplyRuns.Pages(ctx, s.tenant, id, page, 10)
		if err != nil || len(pages) == 0 {
			return rows, "", err
		}
		for _, pg := range pages {
			for _, r := range pg.Rows {
				seen++
				if user != "" && r.User <= user || filter != nil && !filter(r) {
					continue
				}
				if rows = append(rows, r); len(rows) == count {
					return rows, page + " " + string(r.User), nil
				}
			}
			page, user = pg.Key(), ""
		}
	}
	return rows, page, nil
}

// cutPosition splits a position of Diff: the key of the previous page, and the last user returned.
func cutPosition(p string) (string, directory.UserID) {
	page, user, _ := strings.Cut(p, " ")
	return page, directory.UserID(user)
}

// Start applies a planned run; check sees it first. Changes of privileged roles need a confirmation, the display name
// of the provider, or under dual control the approval of a second administrator, for which the run waits.
// Errors: NotFound; Conflict (it is not planned, its plan expired, or there is a newer run); Invalid (not confirmed);
// what check returns.
func (s ApplyRuns) Start(
	ctx context.Context, p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error,
) (ApplyProgress, error) {
	c, err := s.runApproval(ctx, p, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p)
	if err != nil {
		return ApplyProgress{}, err
	}
	action, state := directory.ApplyStarted, directory.RunApplying
	if c.secondAdmin {
		action, state = directory.ApplyRequested, directory.RunRequested
	}
	return s.changeRun(ctx, p, id, check, action, func(r *directory.ApplyRun, config int64) error {
		if err := s.requireApplicable(*r, directory.RunPlanned, config, m.Run); err != nil {
			return err
		}
		r.State, r.StartedBy = state, s.admin.Actor.ID
		if state == directory.RunApplying {
			r.Started = s.rt.Time()
		}
		return c.requireConfirmation(s.admin)
	})
}

// Approve applies a run that waits for a second administrator.
// Errors: NotFound; Conflict (as Start); Forbidden (to the administrator who started it); what check returns.
func (s ApplyRuns) Approve(
	ctx context.Context, p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error,
) (ApplyProgress, error) {
	m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p)
	if err != nil {
		return ApplyProgress{}, err
	}
	same, err := s.samePerson(ctx)
	if err != nil {
		return ApplyProgress{}, err
	}
	return s.changeRun(ctx, p, id, check, directory.ApplyStarted, func(r *directory.ApplyRun, config int64) error {
		if err := s.requireApplicable(*r, directory.RunRequested, config, m.Run); err != nil {
			return err
		}
		if same(r.StartedBy, s.admin.Actor.ID) {
			return errNeedsSecondAdmin
		}
		r.State, r.Started, r.ApprovedBy = directory.RunApplying, s.rt.Time(), s.admin.Actor.ID
		return nil
	})
}

// requireApplicable refuses a run that is not in a state, whose plan expired, or that is not the provider's newest.
func (s ApplyRuns) requireApplicable(r directory.ApplyRun, in directory.RunState, config int64, newest directory.RunID) error {
	switch st := r.StateAt(s.rt.Time(), config, newest); {
	case st == directory.RunExpired && r.ID != newest:
		return &directory.Error{Kind: directory.Conflict, Attr: "run", Detail: "a newer run was planned: " + string(newest)}
	case st == directory.RunExpired && r.Config != config:
		return directory.Errorf(directory.Conflict, "the plan was made for configuration %d and the mappings changed since: plan again", r.Config)
	case st == directory.RunExpired:
		return directory.Errorf(directory.Conflict, "the plan is older than 24 hours: plan again")
	case st == directory.RunRequested && in == directory.RunPlanned:
		return directory.Errorf(directory.Conflict, "the run waits for another administrator to approve it")
	case st != in:
		return directory.Errorf(directory.Conflict, "a run in state %s cannot be applied", st)
	}
	return nil
}

// Cancel discards a plan, or stops a run after the users being processed; applied changes are kept.
// Errors: NotFound; Conflict (it is over); what check returns.
func (s ApplyRuns) Cancel(
	ctx context.Context, p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error,
) (ApplyProgress, error) {
	return s.changeRun(ctx, p, id, check, directory.ApplyCancelled, func(r *directory.ApplyRun, _ int64) error {
		switch r.State {
		case directory.RunPlanning, directory.RunApplying:
			r.State = directory.RunCancelling
		case directory.RunPlanned, directory.RunRequested:
			r.State, r.Ended = directory.RunCancelled, s.rt.Time()
		case directory.RunCancelling:
		default:
			return directory.Errorf(directory.Conflict, "a run in state %s is over", r.State)
		}
		return nil
	})
}

// Undo begins a run that reverts the changes of a run for users whose organization and roles have not changed since. It
// is planned and then applied automatically. Privileged roles need the same confirmation or approval as in Start.
// Errors: NotFound; Conflict (nothing was applied, or it was undone, or another run is not over); Invalid (not
// confirmed); what check returns.
func (s ApplyRuns) Undo(
	ctx context.Context, p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error,
) (ApplyProgress, error) {
	r, err := s.ByID(ctx, p, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	if err := check(r.ApplyRun); err != nil {
		return ApplyProgress{}, err
	}
	if r.Started.IsZero() || r.State.Working() || r.UndoneBy != "" {
		return ApplyProgress{}, directory.Errorf(directory.Conflict, "only a run that was applied, and not undone yet, can be undone")
	}
	c, err := s.runApproval(ctx, p, id)
	if err == nil {
		err = c.requireConfirmation(s.admin)
	}
	if err != nil {
		return ApplyProgress{}, err
	}
	return s.createRun(ctx, p, directory.ApplyRun{Undoes: id})
}

func (s ApplyRuns) changeRun(
	ctx context.Context, p directory.ProviderID, id directory.RunID, check func(directory.ApplyRun) error, action directory.Action,
	edit func(*directory.ApplyRun, int64) error,
) (ApplyProgress, error) {
	provider, err := Providers(s).ByID(ctx, p)
	if err != nil {
		return ApplyProgress{}, err
	}
	apply := func(old directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
		if old.ID == "" {
			return old, nil, directory.Errorf(directory.NotFound, "no such apply run")
		}
		if err := check(old); err != nil {
			return old, nil, err
		}
		r := old
		if err := edit(&r, provider.ConfigVersion); err != nil || r == old {
			return old, nil, err
		}
		r.Version++
		e := s.entry(action)
		e.Target, e.Name, e.Version = directory.RunTarget(p, id), provider.DisplayName, r.Version
		e.Changes = []directory.Change{directory.NewChange("state", old.State, r.State)}
		return r, &e, nil
	}
	r, err := s.ports.ApplyRuns.UpdateRun(ctx, s.tenant, p, id, apply)
	if err != nil {
		return ApplyProgress{}, err
	}
	return s.progress(ctx, provider, r)
}
