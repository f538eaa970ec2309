package directory

import "context"

const beyondGuard = "changed since the preview, and the mass-change guard allows no more such changes: plan again"

// restrain skips the changes of a page that nobody saw in the preview and that are more than the provider's guard
// allows within its window (Guard.MoveLimit). Allowances are claimed in the run's record, so that ranges together get
// no more; of a step that was cut off right behind its claim they are lost.
func (x *step) restrain(ctx context.Context, rows []RunRow) error {
	unseen := func(r RunRow) bool {
		return r.Result == "" && r.Planned != nil && !r.Allowed && r.Before.displacedBy(r.After)
	}
	n := 0
	for _, r := range rows {
		if unseen(r) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	active, err := x.s.activeUsers(ctx, x.ref.Tenant, x.ref.Provider)
	if err != nil {
		return err
	}
	allowed := 0
	if _, err = x.s.ApplyRuns.UpdateRun(ctx, x.ref.Tenant, x.ref.Provider, x.ref.Run, func(old ApplyRun) (ApplyRun, *LogEntry, error) {
		allowed = min(n, max(0, x.provider.Guard.MoveLimit(active)-old.Unseen))
		old.Unseen += allowed
		return old, nil, nil
	}); err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		switch {
		case !unseen(*r):
		case allowed > 0:
			allowed--
			r.Allowed = true
		default:
			r.Result, r.Note = RowSkipped, beyondGuard
		}
	}
	return nil
}
