package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// startRun starts a phase, or carries it out at once where nobody else does.
func (s *Service) startRun(ctx context.Context, t TenantID, e LogEntry, phase RunPhase) error {
	p, run, _ := cutTarget(e.Target)
	ref := RunRef{t, p, run, phase}
	if s.starter != nil {
		return s.starter.StartRun(ctx, ref)
	}
	return s.PlayRun(ctx, ref)
}

// PlayRun carries out a phase, and the one that follows by itself, in this process, range by range.
func (s *Service) PlayRun(ctx context.Context, ref RunRef) error {
	for ref.Phase != "" {
		ranges, err := s.BeginRun(ctx, ref)
		if err != nil {
			return err
		}
		for _, n := range ranges {
			for done := false; !done; {
				if done, err = s.StepRun(ctx, ref, n); err != nil {
					return err
				}
			}
		}
		if ref.Phase, err = s.EndRun(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

// OpenRuns are the phases of runs of a tenant that steps should be under way for: what a process that starts
// has to go on with.
func (s *Service) OpenRuns(ctx context.Context, t TenantID) (out []RunRef, err error) {
	ps, err := s.Providers.ListProviders(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		m, err := s.Settings.Mappings(ctx, t, p.ID)
		if err != nil {
			return nil, err
		}
		if m.Run == "" {
			continue
		}
		r, err := s.ApplyRuns.Run(ctx, t, p.ID, m.Run)
		if err != nil && !IsKind(err, NotFound) {
			return nil, err
		}
		if phase := r.phase(); phase != "" {
			out = append(out, RunRef{t, p.ID, r.ID, phase})
		}
	}
	return out, nil
}

// stepPages is how many pages one step works through before it hands back: about a thousand people.
const stepPages = 10

// BeginRun says which ranges have work in a phase: none when the phase is over or was never due.
func (s *Service) BeginRun(ctx context.Context, ref RunRef) ([]int, error) {
	r, err := s.ApplyRuns.Run(ctx, ref.Tenant, ref.Provider, ref.Run)
	if err != nil || r.phase() != ref.Phase {
		return nil, ignoreGone(err)
	}
	ranges, err := s.ApplyRuns.Ranges(ctx, ref.Tenant, ref.Run)
	if err != nil {
		return nil, err
	}
	var out []int
	for n := range RunRanges {
		i := slices.IndexFunc(ranges, func(g RunRange) bool { return g.N == n })
		switch {
		case ref.Phase == PhasePlan && (i < 0 || !ranges[i].Done):
			out = append(out, n)
		case ref.Phase == PhaseApply && i >= 0 && ranges[i].Tally.Changes > 0 && !(ranges[i].Phase == PhaseApply && ranges[i].Done):
			out = append(out, n)
		}
	}
	return out, nil
}

// step is one step of a run in one range.
type step struct {
	*follower
	ref RunRef
	run ApplyRun
	at  RunRange
}

// StepRun does the next piece of a phase in a range, and reports whether the range is done. A step that was cut
// off at any point, or comes twice, is repeated without harm: what it does to people depends on what they are.
// Errors: Unavailable and what else may pass: try again.
func (s *Service) StepRun(ctx context.Context, ref RunRef, n int) (done bool, err error) {
	x := step{ref: ref}
	if x.run, err = s.ApplyRuns.Run(ctx, ref.Tenant, ref.Provider, ref.Run); err != nil {
		return IsKind(err, NotFound), ignoreGone(err)
	}
	ranges, err := s.ApplyRuns.Ranges(ctx, ref.Tenant, ref.Run)
	if err != nil {
		return false, err
	}
	x.at = RunRange{N: n, Phase: PhasePlan}
	if i := slices.IndexFunc(ranges, func(g RunRange) bool { return g.N == n }); i >= 0 {
		x.at = ranges[i]
	}
	if x.at.Phase == PhasePlan && ref.Phase == PhaseApply {
		x.at.Phase, x.at.Cursor, x.at.Done = PhaseApply, beforePages(n), false
	}
	because := LogEntry{ID: EntryID(ref.Run), Provider: ref.Provider, Actor: Actor{Kind: ActorSystem, ID: string(ref.Run)}}
	if x.follower, err = s.follower(ctx, ref.Tenant, ref.Provider, because); err != nil {
		return IsKind(err, NotFound), ignoreGone(err)
	}
	for range stepPages {
		if x.at.Done || x.run.phase() != ref.Phase || x.run.State == RunCancelling {
			return true, nil
		}
		switch {
		case ref.Phase == PhaseApply:
			err = x.applyPage(ctx)
		case x.run.Undoes != "":
			err = x.planUndo(ctx)
		default:
			err = x.planPage(ctx)
		}
		if err == nil {
			err = x.save(ctx)
		}
		if err != nil {
			return false, err
		}
		if x.run, err = s.ApplyRuns.Run(ctx, ref.Tenant, ref.Provider, ref.Run); err != nil {
			return false, err
		}
	}
	return x.at.Done, nil
}

// save stores how far the range is, unless another worker on it came further.
func (x *step) save(ctx context.Context) error {
	_, err := x.s.ApplyRuns.UpdateRange(ctx, x.ref.Tenant, x.ref.Run, x.at.N, func(old RunRange) (RunRange, error) {
		if old.Version != x.at.Version {
			return old, Errorf(Unavailable, "another worker is on this range")
		}
		n := x.at
		n.Version++
		return n, nil
	})
	x.at.Version++
	return err
}

// page reads the page of the range behind a key; false when there is none.
func (x *step) page(ctx context.Context, run RunID, after string) (RunPage, bool, error) {
	ps, err := x.s.ApplyRuns.Pages(ctx, x.ref.Tenant, run, after, 1)
	if err != nil || len(ps) == 0 || ps[0].Range != x.at.N {
		return RunPage{}, false, err
	}
	return ps[0], true, nil
}

// applyPage carries out the changes of the next page. What is to be done to whom is stored first, so that a
// repetition knows what it did.
func (x *step) applyPage(ctx context.Context) error {
	page, ok, err := x.page(ctx, x.ref.Run, x.at.Cursor)
	if err != nil || !ok {
		x.at.Done = x.at.Done || err == nil
		return err
	}
	x.at.Cursor = page.Key()
	if len(page.Rows) == 0 {
		return nil
	}
	open := func(r RunRow) bool { return r.Result == "" }
	for slices.ContainsFunc(page.Rows, open) {
		for i := range page.Rows {
			if r := &page.Rows[i]; r.Result == "" && !r.Intent {
				if err := x.intend(ctx, r); err != nil {
					return err
				}
			}
		}
		if err := x.restrain(ctx, page.Rows); err != nil {
			return err
		}
		if err := x.s.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, page); err != nil {
			return err
		}
		for i := range page.Rows {
			if r := &page.Rows[i]; r.Result == "" {
				if err := x.carryOut(ctx, r); err != nil {
					return err
				}
			}
		}
	}
	if err := x.s.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, page); err != nil {
		return err
	}
	x.at.Tally.apply(page.Rows)
	return nil
}

// intend resolves the person of a row again, as they are now.
func (x *step) intend(ctx context.Context, r *RunRow) error {
	r.Intent = true
	v, err := x.member(r.Scim)(ctx)
	if IsKind(err, NotFound) || err == nil && !v.resolves() {
		r.Result, r.Note = RowSkipped, "removed or deactivated since the preview"
		return nil
	}
	if err != nil {
		return err
	}
	if x.run.Undoes != "" {
		if !v.Account.Placement().equal(r.Before) {
			r.Result, r.Note = RowSkipped, "organization or roles were changed since"
		}
		r.Version = v.Version
		return nil
	}
	planned := r.After
	if r.Planned != nil {
		planned = *r.Planned
	}
	d, err := x.decide(ctx, v, x.run.occasion())
	if err != nil {
		return err
	}
	if d.Same(v.Account.Placement()) {
		r.Result, r.Note = RowUnchanged, "is as the rules say already"
		return nil
	}
	r.Version, r.Before, r.After, r.Reason = v.Version, v.Account.Placement(), d.Placement, sentence(d)
	if r.Planned = nil; !x.asPlanned(planned, d.Placement) {
		r.Planned = &planned
	}
	if r.Note = ""; len(d.Missing) > 0 {
		r.Note = missing(d.Missing)
	}
	return nil
}

// asPlanned reports whether p is what the preview showed.
func (x *step) asPlanned(planned, p Placement) bool {
	if name, made := strings.CutPrefix(string(planned.Org), newOrg); made {
		planned.Org = p.Org
		if OrgNameKey(x.rules.Orgs[p.Org].Name) != OrgNameKey(name) {
			return false
		}
	}
	return planned.Same(p)
}

// carryOut changes the person of a row as intended. When somebody else changed them meanwhile, the row has to
// be intended anew.
func (x *step) carryOut(ctx context.Context, r *RunRow) error {
	v, err := x.member(r.Scim)(ctx)
	if err == nil {
		_, err = x.s.Users.UpdateUser(ctx, x.ref.Tenant, v.User, func(old User) (User, *LogEntry, error) {
			if old.Version > r.Version && old.Account.Placement().equal(r.After) {
				return old, nil, nil // done before the step was cut off
			}
			if old.Version != r.Version || !old.resolves() || old.Provider != x.ref.Provider {
				return old, nil, errMoved
			}
			return x.s.systemChange(x.because, old, old.placed(r.After), UserResolved)
		})
	}
	switch {
	case errors.Is(err, errMoved):
		r.Intent = false
		return nil
	case IsKind(err, NotFound):
		r.Result, r.Note = RowSkipped, "removed since the preview"
		return nil
	case IsKind(err, Unavailable) || ctx.Err() != nil:
		return err
	case err != nil:
		r.Result, r.Note = RowError, "the user could not be changed: "+KindOf(err).String()
		return nil
	}
	r.Written, r.Result = true, RowApplied
	if r.Planned != nil {
		r.Result = RowDiffered
	}
	if r.Note != "" {
		r.Result = RowError
	}
	if x.run.Undoes != "" {
		return nil
	}
	return x.resolve(ctx, x.member(r.Scim), OnEvent) // the groups may have changed since they were read
}

// EndRun ends a phase when its ranges are done, or cannot be, and returns the phase that follows by itself.
func (s *Service) EndRun(ctx context.Context, ref RunRef) (next RunPhase, err error) {
	r, err := s.ApplyRuns.Run(ctx, ref.Tenant, ref.Provider, ref.Run)
	switch {
	case err != nil:
		return "", ignoreGone(err)
	case r.phase() == ref.Phase:
	case ref.Phase == PhaseApply && r.applied():
		return "", s.settleRun(ctx, ref, r)
	case ref.Phase == PhasePlan && r.Undoes != "": // ended before, but the answer was lost
		return r.phase(), nil
	default:
		return "", nil
	}
	left, err := s.BeginRun(ctx, ref)
	if err != nil {
		return "", err
	}
	ranges, err := s.ApplyRuns.Ranges(ctx, ref.Tenant, ref.Run)
	if err != nil {
		return "", err
	}
	var tally RunTally
	for _, g := range ranges {
		tally.add(g.Tally)
	}
	t, err := s.Tenants.Tenant(ctx, ref.Tenant)
	if err != nil {
		return "", err
	}
	r, err = s.ApplyRuns.UpdateRun(ctx, ref.Tenant, ref.Provider, ref.Run, func(old ApplyRun) (ApplyRun, *LogEntry, error) {
		if old.phase() != ref.Phase {
			return old, nil, nil
		}
		n := old.ended(ref.Phase, len(left), tally, t.DualControl && tally.Privileged > 0, s)
		n.Version++
		e := s.consequence(LogEntry{ID: EntryID(ref.Run)}, ApplyEnded)
		e.Audit, e.Target, e.Version, e.Changes = true, runTarget(ref.Provider, ref.Run), n.Version, []Change{change("state", old.State, n.State)}
		return n, &e, nil
	})
	if err != nil {
		return "", err
	}
	if r.applied() {
		return "", s.settleRun(ctx, ref, r)
	}
	return r.phase(), nil
}

// settleRun notes a run that was applied with its provider, or with the run it undid. The first one ends the
// provider's setup.
func (s *Service) settleRun(ctx context.Context, ref RunRef, r ApplyRun) error {
	if r.Undoes != "" {
		_, err := s.ApplyRuns.UpdateRun(ctx, ref.Tenant, ref.Provider, r.Undoes, func(old ApplyRun) (ApplyRun, *LogEntry, error) {
			old.UndoneBy = r.ID
			return old, nil, nil
		})
		return err
	}
	_, err := s.Providers.UpdateProvider(ctx, ref.Tenant, ref.Provider, func(old Provider) (Provider, *LogEntry, error) {
		if old.AppliedVersion >= r.Config && old.State != ProviderSetup {
			return old, nil, nil
		}
		p := old
		p.AppliedVersion, p.Version, p.Modified = max(old.AppliedVersion, r.Config), old.Version+1, later(old.Modified, s.Now())
		e := s.consequence(LogEntry{ID: EntryID(r.ID)}, ProviderUpdated)
		e.Audit, e.Target, e.Name, e.Version = true, string(p.ID), p.DisplayName, p.Version
		e.Changes = []Change{change("appliedVersion", old.AppliedVersion, p.AppliedVersion)}
		if p.State == ProviderSetup {
			p.State, p.LiveAt = ProviderLive, s.Now()
			e.Changes = append(e.Changes, change("state", old.State, p.State))
		}
		return p, &e, nil
	})
	return ignoreGone(err)
}
