package directory

import "context"

// ApplyProgress is an apply run with what its ranges say together.
type ApplyProgress struct {
	ApplyRun
	Tally RunTally
	Total int // people to be looked at in the present phase; for planning, those of the provider now
}

// CreateRun begins an apply run by planning it. all also moves people who were moved by hand (method single).
// Errors: NotFound; Conflict (another run is not over, whose id the detail names).
func (s *Service) CreateRun(ctx context.Context, a Admin, p ProviderID, all bool) (ApplyProgress, error) {
	return s.createRun(ctx, a, p, ApplyRun{All: all})
}

// createRun claims the provider for a new run, then stores it.
func (s *Service) createRun(ctx context.Context, a Admin, id ProviderID, n ApplyRun) (ApplyProgress, error) {
	p, err := s.ProviderByID(ctx, a, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	if p.State == ProviderDeleting {
		return ApplyProgress{}, Errorf(Conflict, "the provider is being deleted")
	}
	m, err := s.Settings.Mappings(ctx, a.Tenant, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	if m.Run != "" {
		r, err := s.ApplyRuns.Run(ctx, a.Tenant, id, m.Run)
		if err != nil && !IsKind(err, NotFound) {
			return ApplyProgress{}, err
		}
		if r.State.working() {
			return ApplyProgress{}, errRunning(r.ID)
		}
	}
	now := s.Now()
	n.ID = RunID("r" + LogEntry{At: now}.Position()[:9] + s.newID()[:16])
	n.Provider, n.State, n.Config, n.CreatedBy, n.Created, n.Version = id, RunPlanning, p.ConfigVersion, a.Actor.ID, now, 1
	users, err := s.Users.ListUsers(ctx, a.Tenant, id, Page{Start: 1}, UserWant{}, nil)
	if err != nil || a.DryRun {
		return ApplyProgress{ApplyRun: n, Total: users.Total}, err
	}
	seen := m.Run
	if _, m, err = s.Settings.UpdateMappings(ctx, a.Tenant, id, func(p Provider, m Mappings) (Provider, Mappings, *LogEntry, error) {
		if m.Run != seen {
			return p, m, nil, errRunning(m.Run)
		}
		m.Run, n.Config = n.ID, p.ConfigVersion
		e := s.adminEntry(a, ApplyClaimed)
		e.Target, e.Name = runTarget(id, n.ID), p.DisplayName
		return p, m, &e, nil
	}); err != nil {
		return ApplyProgress{}, err
	}
	r, err := s.ApplyRuns.UpdateRun(ctx, a.Tenant, id, n.ID, func(ApplyRun) (ApplyRun, *LogEntry, error) {
		e := s.adminEntry(a, ApplyPlanned)
		e.Target, e.Name, e.Version = runTarget(id, n.ID), p.DisplayName, n.Version
		return n, &e, nil
	})
	return ApplyProgress{ApplyRun: r, Total: users.Total}, err
}

func errRunning(id RunID) *Error {
	return &Error{Kind: Conflict, Attr: "run", Detail: "another apply run of the provider is not over: " + string(id)}
}

// RunByID reads a run with its progress.
// Errors: NotFound.
func (s *Service) RunByID(ctx context.Context, a Admin, p ProviderID, id RunID) (ApplyProgress, error) {
	provider, err := s.ProviderByID(ctx, a, p)
	if err != nil {
		return ApplyProgress{}, err
	}
	r, err := s.ApplyRuns.Run(ctx, a.Tenant, p, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	return s.progress(ctx, a, provider, r)
}

func (s *Service) progress(ctx context.Context, a Admin, p Provider, r ApplyRun) (ApplyProgress, error) {
	ranges, err := s.ApplyRuns.Ranges(ctx, a.Tenant, r.ID)
	if err != nil {
		return ApplyProgress{}, err
	}
	out := ApplyProgress{ApplyRun: r}
	out.State = r.StateAt(s.Now(), p.ConfigVersion)
	for _, n := range ranges {
		out.Tally.add(n.Tally)
	}
	out.Total = out.Tally.Changes
	if r.State == RunPlanning {
		users, err := s.Users.ListUsers(ctx, a.Tenant, p.ID, Page{Start: 1}, UserWant{}, nil)
		if err != nil {
			return out, err
		}
		out.Total = max(users.Total, out.Tally.Users)
	}
	return out, nil
}

// ListRuns reads runs of a provider, the newest first, from before one on, without their progress.
// Errors: NotFound (the provider).
func (s *Service) ListRuns(ctx context.Context, a Admin, p ProviderID, before RunID, count int) ([]ApplyRun, error) {
	provider, err := s.ProviderByID(ctx, a, p)
	if err != nil {
		return nil, err
	}
	rs, err := s.ApplyRuns.ListRuns(ctx, a.Tenant, p, before, count)
	for i, r := range rs {
		rs[i].State = r.StateAt(s.Now(), provider.ConfigVersion)
	}
	return rs, err
}

// RunDiff reads changes of a run by ranges and ids from behind a position ("" from the first): at least count
// while there are as many, and where to go on, "" at the end. only may leave out.
// Errors: NotFound.
func (s *Service) RunDiff(ctx context.Context, a Admin, p ProviderID, id RunID, after string, count int, only func(RunRow) bool) (rows []RunRow, next string, err error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return nil, "", err
	}
	if _, err := s.ApplyRuns.Run(ctx, a.Tenant, p, id); err != nil {
		return nil, "", err
	}
	page, user := cutPosition(after)
	for seen := 0; seen < MaxWalk; {
		// The page of the position is read again: its last rows may be still to come.
		pages, err := s.ApplyRuns.Pages(ctx, a.Tenant, id, page, 10)
		if err != nil || len(pages) == 0 {
			return rows, "", err
		}
		for _, pg := range pages {
			for _, r := range pg.Rows {
				seen++
				if user != "" && r.User <= user || only != nil && !only(r) {
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

// cutPosition takes a position of RunDiff apart: the key of the page before, and the last user shown.
func cutPosition(p string) (page string, user UserID) {
	for i := range p {
		if p[i] == ' ' {
			return p[:i], UserID(p[i+1:])
		}
	}
	return p, ""
}

// StartRun applies a planned run; check sees it first. Changes of privileged roles take a confirmation, the display
// name of the provider, or under dual control the approval of a second administrator: the run waits for it.
// Errors: NotFound; Conflict (it is not planned, its plan expired, or there is a newer run); Invalid (not confirmed);
// what check returns.
func (s *Service) StartRun(ctx context.Context, a Admin, p ProviderID, id RunID, check func(ApplyRun) error) (ApplyProgress, error) {
	c, err := s.runCaution(ctx, a, p, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	m, err := s.Settings.Mappings(ctx, a.Tenant, p)
	if err != nil {
		return ApplyProgress{}, err
	}
	action, state := ApplyStarted, RunApplying
	if c.second {
		action, state = ApplyRequested, RunRequested
	}
	return s.changeRun(ctx, a, p, id, check, action, func(r *ApplyRun, config int64) error {
		if err := s.applicable(*r, RunPlanned, config, m.Run); err != nil {
			return err
		}
		if r.StartedBy = a.Actor.ID; state == RunApplying {
			r.Started = s.Now()
		}
		r.State = state
		return c.confirmed(a)
	})
}

// ApproveRun applies a run that waits for a second administrator.
// Errors: NotFound; Conflict (as StartRun); Forbidden (who asked for it); what check returns.
func (s *Service) ApproveRun(ctx context.Context, a Admin, p ProviderID, id RunID, check func(ApplyRun) error) (ApplyProgress, error) {
	m, err := s.Settings.Mappings(ctx, a.Tenant, p)
	if err != nil {
		return ApplyProgress{}, err
	}
	return s.changeRun(ctx, a, p, id, check, ApplyStarted, func(r *ApplyRun, config int64) error {
		if err := s.applicable(*r, RunRequested, config, m.Run); err != nil {
			return err
		}
		if r.StartedBy == a.Actor.ID {
			return errSecond
		}
		r.State, r.Started, r.ApprovedBy = RunApplying, s.Now(), a.Actor.ID
		return nil
	})
}

// applicable refuses a run that is not in a state, whose plan expired, or that is not the provider's newest.
func (s *Service) applicable(r ApplyRun, in RunState, config int64, newest RunID) error {
	switch st := r.StateAt(s.Now(), config); {
	case st == RunExpired && r.Config != config:
		return Errorf(Conflict, "the plan was made for configuration %d and the mappings changed since: plan again", r.Config)
	case st == RunExpired:
		return Errorf(Conflict, "the plan is older than 24 hours: plan again")
	case st == RunRequested && in == RunPlanned:
		return Errorf(Conflict, "the run waits for another administrator to approve it")
	case st != in:
		return Errorf(Conflict, "a run in state %s cannot be applied", st)
	case r.ID != newest:
		return &Error{Kind: Conflict, Attr: "run", Detail: "a newer run was planned: " + string(newest)}
	}
	return nil
}

// CancelRun discards a plan, or stops a run after the people now in work: what is done stays done.
// Errors: NotFound; Conflict (it is over); what check returns.
func (s *Service) CancelRun(ctx context.Context, a Admin, p ProviderID, id RunID, check func(ApplyRun) error) (ApplyProgress, error) {
	return s.changeRun(ctx, a, p, id, check, ApplyCancelled, func(r *ApplyRun, _ int64) error {
		switch r.State {
		case RunPlanning, RunApplying:
			r.State = RunCancelling
		case RunPlanned, RunRequested:
			r.State, r.Ended = RunCancelled, s.Now()
		case RunCancelling:
		default:
			return Errorf(Conflict, "a run in state %s is over", r.State)
		}
		return nil
	})
}

// UndoRun begins a run that takes back what a run changed, for everybody whose organization and roles are
// still as it left them; it is planned and then applied by itself. Privileged roles take what they take in StartRun.
// Errors: NotFound; Conflict (nothing was applied, or it was undone, or another run is not over); Invalid (not
// confirmed); what check returns.
func (s *Service) UndoRun(ctx context.Context, a Admin, p ProviderID, id RunID, check func(ApplyRun) error) (ApplyProgress, error) {
	r, err := s.RunByID(ctx, a, p, id)
	if err != nil {
		return ApplyProgress{}, err
	}
	if err := check(r.ApplyRun); err != nil {
		return ApplyProgress{}, err
	}
	if r.Started.IsZero() || r.State.working() || r.UndoneBy != "" {
		return ApplyProgress{}, Errorf(Conflict, "only a run that was applied, and not undone yet, can be undone")
	}
	c, err := s.runCaution(ctx, a, p, id)
	if err == nil {
		err = c.confirmed(a)
	}
	if err != nil {
		return ApplyProgress{}, err
	}
	return s.createRun(ctx, a, p, ApplyRun{Undoes: id})
}

func (s *Service) changeRun(ctx context.Context, a Admin, p ProviderID, id RunID, check func(ApplyRun) error, action Action, edit func(*ApplyRun, int64) error) (ApplyProgress, error) {
	provider, err := s.ProviderByID(ctx, a, p)
	if err != nil {
		return ApplyProgress{}, err
	}
	apply := func(old ApplyRun) (ApplyRun, *LogEntry, error) {
		if old.ID == "" {
			return old, nil, Errorf(NotFound, "no such apply run")
		}
		if err := check(old); err != nil {
			return old, nil, err
		}
		r := old
		if err := edit(&r, provider.ConfigVersion); err != nil || r == old {
			return old, nil, err
		}
		r.Version++
		e := s.adminEntry(a, action)
		e.Target, e.Name, e.Version = runTarget(p, id), provider.DisplayName, r.Version
		e.Changes = []Change{change("state", old.State, r.State)}
		return r, &e, nil
	}
	var r ApplyRun
	if a.DryRun {
		if r, err = s.ApplyRuns.Run(ctx, a.Tenant, p, id); err == nil {
			r, _, err = apply(r)
		}
	} else {
		r, err = s.ApplyRuns.UpdateRun(ctx, a.Tenant, p, id, apply)
	}
	if err != nil {
		return ApplyProgress{}, err
	}
	return s.progress(ctx, a, provider, r)
}
