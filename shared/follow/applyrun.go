package follow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// startRun starts a phase, or carries it out here when the deployment has no RunStarter.
func (s *Service) startRun(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	p, run, _ := directory.CutRunTarget(e.Target)
	ref := directory.RunRef{Tenant: t, Provider: p, Run: run, Phase: directory.PhaseApply}
	if e.Action == directory.ApplyPlanned {
		ref.Phase = directory.PhasePlan
	}
	if s.rt.Runs != nil {
		return s.rt.Runs.StartRun(ctx, ref)
	}
	return s.PlayRun(ctx, ref)
}

// PlayRun carries out a phase, and one that follows automatically, in this process, range by range.
func (s *Service) PlayRun(ctx context.Context, ref directory.RunRef) error {
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

// OpenRuns returns the unfinished phases of runs of all tenants, for a starting process to continue.
func (s *Service) OpenRuns(ctx context.Context) (out []directory.RunRef, err error) {
	err = find.EachTenant(ctx, s.ports.Tenants, func(t directory.Tenant) error {
		ps, err := s.ports.Providers.ListProviders(ctx, t.ID)
		if err != nil {
			return err
		}
		for _, p := range ps {
			m, err := s.ports.Mappings.MappingSet(ctx, t.ID, p.ID)
			if err != nil {
				return err
			}
			if m.Run == "" {
				continue
			}
			r, err := s.ports.ApplyRuns.Run(ctx, t.ID, p.ID, m.Run)
			if directory.IgnoreNotFound(err) != nil {
				return err
			}
			if phase := r.Phase(); phase != "" {
				out = append(out, directory.RunRef{Tenant: t.ID, Provider: p.ID, Run: r.ID, Phase: phase})
			}
		}
		return nil
	})
	return out, err
}

// stepPages is how many pages one step processes at most: about a thousand users.
const stepPages = 10

// BeginRun returns the ranges with work in a phase: none unless the run is in that phase.
func (s *Service) BeginRun(ctx context.Context, ref directory.RunRef) ([]int, error) {
	r, err := s.ports.ApplyRuns.Run(ctx, ref.Tenant, ref.Provider, ref.Run)
	if err != nil || r.Phase() != ref.Phase {
		return nil, directory.IgnoreNotFound(err)
	}
	ranges, err := s.ports.ApplyRuns.Ranges(ctx, ref.Tenant, ref.Run)
	if err != nil {
		return nil, err
	}
	var out []int
	for n := range directory.RunRanges {
		i := slices.IndexFunc(ranges, func(g directory.RunRange) bool { return g.N == n })
		switch {
		case ref.Phase == directory.PhasePlan && (i < 0 || !ranges[i].Done):
			out = append(out, n)
		case ref.Phase == directory.PhaseApply && i >= 0 && ranges[i].Tally.Changes > 0 &&
			!(ranges[i].Phase == directory.PhaseApply && ranges[i].Done):
			out = append(out, n)
		}
	}
	return out, nil
}

// runStep is one step of a run in one range.
type runStep struct {
	*resolver
	ref directory.RunRef
	run directory.ApplyRun
	at  directory.RunRange
}

// StepRun does the next step of a phase in a range, and reports whether the range is done. An interrupted or duplicate
// step is repeated without harm: its changes depend on the present state of users.
// Errors: Unavailable and other temporary ones: try again.
func (s *Service) StepRun(ctx context.Context, ref directory.RunRef, n int) (done bool, err error) {
	x := runStep{ref: ref}
	if x.run, err = s.ports.ApplyRuns.Run(ctx, ref.Tenant, ref.Provider, ref.Run); err != nil {
		return directory.IsKind(err, directory.NotFound), directory.IgnoreNotFound(err)
	}
	ranges, err := s.ports.ApplyRuns.Ranges(ctx, ref.Tenant, ref.Run)
	if err != nil {
		return false, err
	}
	x.at = directory.RunRange{N: n, Phase: directory.PhasePlan}
	if i := slices.IndexFunc(ranges, func(g directory.RunRange) bool { return g.N == n }); i >= 0 {
		x.at = ranges[i]
	}
	if x.at.Phase == directory.PhasePlan && ref.Phase == directory.PhaseApply {
		x.at.Phase, x.at.Cursor, x.at.Done = directory.PhaseApply, directory.PagesBefore(n), false
	}
	if x.resolver, err = s.resolver(ctx, ref.Tenant, ref.Provider, fromRun(ref.Run)); err != nil {
		return directory.IsKind(err, directory.NotFound), directory.IgnoreNotFound(err)
	}
	for range stepPages {
		if x.at.Done || x.run.Phase() != ref.Phase || x.run.State == directory.RunCancelling {
			return true, nil
		}
		switch {
		case ref.Phase == directory.PhaseApply:
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
		if x.run, err = s.ports.ApplyRuns.Run(ctx, ref.Tenant, ref.Provider, ref.Run); err != nil {
			return false, err
		}
	}
	return x.at.Done, nil
}

// save stores the progress of the range, unless another worker has stored some.
func (x *runStep) save(ctx context.Context) error {
	_, err := x.s.ports.ApplyRuns.UpdateRange(ctx, x.ref.Tenant, x.ref.Run, x.at.N, func(old directory.RunRange) (directory.RunRange, error) {
		if old.Version != x.at.Version {
			return old, directory.Errorf(directory.Unavailable, "another worker is on this range")
		}
		n := x.at
		n.Version++
		return n, nil
	})
	x.at.Version++
	return err
}

// page reads the page of the range after a key; false when there is none.
func (x *runStep) page(ctx context.Context, run directory.RunID, after string) (directory.RunPage, bool, error) {
	ps, err := x.s.ports.ApplyRuns.Pages(ctx, x.ref.Tenant, run, after, 1)
	if err != nil || len(ps) == 0 || ps[0].Range != x.at.N {
		return directory.RunPage{}, false, err
	}
	return ps[0], true, nil
}

// applyPage carries out the changes of the next page. The prepared changes are stored first, so that a repetition knows
// which were made.
func (x *runStep) applyPage(ctx context.Context) error {
	page, ok, err := x.page(ctx, x.ref.Run, x.at.Cursor)
	if err != nil || !ok {
		x.at.Done = x.at.Done || err == nil
		return err
	}
	x.at.Cursor = page.Key()
	if len(page.Rows) == 0 {
		return nil
	}
	open := func(r directory.RunRow) bool { return r.Result == "" }
	for slices.ContainsFunc(page.Rows, open) {
		for i := range page.Rows {
			if r := &page.Rows[i]; r.Result == "" && !r.Prepared {
				if err := x.prepare(ctx, r); err != nil {
					return err
				}
			}
		}
		if err := x.capUnseenMoves(ctx, page.Rows); err != nil {
			return err
		}
		if err := x.s.ports.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, page); err != nil {
			return err
		}
		for i := range page.Rows {
			if r := &page.Rows[i]; r.Result == "" {
				if err := x.commitRow(ctx, r); err != nil {
					return err
				}
			}
		}
	}
	if err := x.s.ports.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, page); err != nil {
		return err
	}
	countApplied(&x.at.Tally, page.Rows)
	return nil
}

// prepare resolves the user of a row again, in its present state.
func (x *runStep) prepare(ctx context.Context, r *directory.RunRow) error {
	r.Prepared = true
	v, err := x.member(r.Scim)(ctx)
	if directory.IsKind(err, directory.NotFound) || err == nil && !v.FollowsRules() {
		r.Result, r.Note = directory.RowSkipped, "removed or deactivated since the preview"
		return nil
	}
	if err != nil {
		return err
	}
	if x.run.Undoes != "" {
		if !v.Account.Placement().Equal(r.Before) {
			r.Result, r.Note = directory.RowSkipped, "organization or roles were changed since"
		}
		r.Version = v.Version
		return nil
	}
	planned := r.After
	if r.Planned != nil {
		planned = *r.Planned
	}
	d, err := x.resolution(ctx, v, x.run.Occasion())
	if err != nil {
		return err
	}
	if d.Same(v.Account.Placement()) {
		r.Result, r.Note = directory.RowUnchanged, "already as the rules say"
		return nil
	}
	r.Version, r.Before, r.After, r.Reason = v.Version, v.Account.Placement(), d.Placement, reasonText(d)
	r.Planned, r.Note = nil, ""
	if !x.asPlanned(planned, d.Placement) {
		r.Planned = &planned
	}
	if len(d.Missing) > 0 {
		r.Note = missingRoles(d.Missing)
	}
	return nil
}

// asPlanned reports whether p is the planned placement.
func (x *runStep) asPlanned(planned, p directory.Placement) bool {
	if name, created := strings.CutPrefix(string(planned.Org), directory.NewOrgPrefix); created {
		planned.Org = p.Org
		if directory.OrgNameKey(x.rules.Orgs[p.Org].Name) != directory.OrgNameKey(name) {
			return false
		}
	}
	return planned.Same(p)
}

// commitRow changes the user of a row as prepared. If the user has changed since, the row has to be prepared again.
func (x *runStep) commitRow(ctx context.Context, r *directory.RunRow) error {
	v, err := x.member(r.Scim)(ctx)
	if err == nil {
		_, err = x.s.ports.Users.UpdateUser(ctx, x.ref.Tenant, v.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
			if old.Version > r.Version && old.Account.Placement().Equal(r.After) {
				return old, nil, nil // done by an interrupted step
			}
			if old.Version != r.Version || !old.FollowsRules() || old.Provider != x.ref.Provider {
				return old, nil, errUserChanged
			}
			return x.s.finish(x.origin, old, old.WithPlacement(r.After), directory.UserResolved)
		})
	}
	switch {
	case errors.Is(err, errUserChanged):
		r.Prepared = false
		return nil
	case directory.IsKind(err, directory.NotFound):
		r.Result, r.Note = directory.RowSkipped, "removed since the preview"
		return nil
	case directory.IsKind(err, directory.Unavailable) || ctx.Err() != nil:
		return err
	case err != nil:
		r.Result, r.Note = directory.RowError, "the user could not be changed: "+directory.KindOf(err).String()
		return nil
	}
	r.Written, r.Result = true, directory.RowApplied
	if r.Planned != nil {
		r.Result = directory.RowDiffered
	}
	if r.Note != "" {
		r.Result = directory.RowError
	}
	if x.run.Undoes != "" {
		return nil
	}
	return x.resolve(ctx, x.member(r.Scim), directory.OnEvent) // the groups may have changed since they were read
}

// EndRun ends a phase when its ranges are done or have failed, and returns the phase that follows automatically.
func (s *Service) EndRun(ctx context.Context, ref directory.RunRef) (next directory.RunPhase, err error) {
	r, err := s.ports.ApplyRuns.Run(ctx, ref.Tenant, ref.Provider, ref.Run)
	switch {
	case err != nil:
		return "", directory.IgnoreNotFound(err)
	case r.Phase() == ref.Phase:
	case ref.Phase == directory.PhaseApply && r.Applied():
		return "", s.settleRun(ctx, ref, r)
	case ref.Phase == directory.PhasePlan && r.Undoes != "": // ended before, but the answer was lost
		return r.Phase(), nil
	default:
		return "", nil
	}
	unfinished, err := s.BeginRun(ctx, ref)
	if err != nil {
		return "", err
	}
	ranges, err := s.ports.ApplyRuns.Ranges(ctx, ref.Tenant, ref.Run)
	if err != nil {
		return "", err
	}
	tally := SumOf(ranges)
	t, err := s.ports.Tenants.Tenant(ctx, ref.Tenant)
	if err != nil {
		return "", err
	}
	r, err = s.ports.ApplyRuns.UpdateRun(ctx, ref.Tenant, ref.Provider, ref.Run,
		func(old directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
			if old.Phase() != ref.Phase {
				return old, nil, nil
			}
			n := endPhase(old, ref.Phase, len(unfinished), tally, t.DualControl && tally.Privileged > 0, s.rt.Time())
			n.Version++
			e := s.entry(fromRun(ref.Run), directory.ApplyEnded)
			e.Audit, e.Target, e.Version = true, directory.RunTarget(ref.Provider, ref.Run), n.Version
			e.Changes = []directory.Change{directory.NewChange("state", old.State, n.State)}
			return n, &e, nil
		})
	if err != nil {
		return "", err
	}
	if r.Applied() {
		return "", s.settleRun(ctx, ref, r)
	}
	return r.Phase(), nil
}

// settleRun records an applied run in its provider or, for an undo, in the undone run. The first applied run ends the
// provider's setup.
func (s *Service) settleRun(ctx context.Context, ref directory.RunRef, r directory.ApplyRun) error {
	if r.Undoes != "" {
		_, err := s.ports.ApplyRuns.UpdateRun(ctx, ref.Tenant, ref.Provider, r.Undoes,
			func(old directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
				old.UndoneBy = r.ID
				return old, nil, nil
			})
		return err
	}
	_, err := s.ports.Providers.UpdateProvider(ctx, ref.Tenant, ref.Provider,
		func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			if old.AppliedVersion >= r.Config && old.State != directory.ProviderSetup {
				return old, nil, nil
			}
			p := old
			p.AppliedVersion, p.Version, p.Modified = max(old.AppliedVersion, r.Config), old.Version+1, directory.Latest(old.Modified, s.rt.Time())
			e := s.entry(fromRun(r.ID), directory.ProviderUpdated)
			e.Audit, e.Target, e.Name, e.Version = true, string(p.ID), p.DisplayName, p.Version
			e.Changes = []directory.Change{directory.NewChange("appliedVersion", old.AppliedVersion, p.AppliedVersion)}
			if p.State == directory.ProviderSetup {
				p.State, p.LiveAt = directory.ProviderLive, s.rt.Time()
				e.Changes = append(e.Changes, directory.NewChange("state", old.State, p.State))
			}
			return p, &e, nil
		})
	return directory.IgnoreNotFound(err)
}

// endPhase is the run after a phase; with secondAdmin, an undo waits for a second administrator.
func endPhase(
	r directory.ApplyRun, phase directory.RunPhase, unfinished int, tally directory.RunTally, secondAdmin bool, now time.Time,
) directory.ApplyRun {
	switch {
	case r.State == directory.RunCancelling:
		r.State, r.Ended = directory.RunCancelled, now
	case unfinished > 0:
		r.State, r.Ended, r.Failure = directory.RunFailed, now, "some users could not be processed; start another run"
	case phase == directory.PhasePlan && r.Undoes != "" && secondAdmin:
		r.State, r.Planned, r.StartedBy = directory.RunRequested, now, r.CreatedBy
	case phase == directory.PhasePlan && r.Undoes != "":
		r.State, r.Planned, r.Started, r.StartedBy = directory.RunApplying, now, now, r.CreatedBy
	case phase == directory.PhasePlan:
		r.State, r.Planned = directory.RunPlanned, now
	case tally.Errors > 0:
		r.State, r.Ended = directory.RunWithErrors, now
	default:
		r.State, r.Ended = directory.RunCompleted, now
	}
	return r
}
