package directory

import (
	"context"
	"slices"
	"strings"
)

// planPage resolves the next people of the range and stores who would change.
func (x *step) planPage(ctx context.Context) error {
	page := RunPage{Range: x.at.N, From: x.at.Cursor}
	people, next, err := x.s.ApplyRuns.People(ctx, x.ref.Tenant, x.ref.Provider, x.at.N, x.at.Cursor, runPage)
	if err != nil {
		return err
	}
	x.at.Cursor, x.at.Done = next, next == ""
	for _, v := range people {
		if !v.resolves() {
			continue
		}
		x.at.Tally.Users++
		row, changes, err := x.preview(ctx, v)
		if err != nil {
			return err
		}
		if changes {
			page.Rows = append(page.Rows, row)
		}
	}
	slices.SortFunc(page.Rows, func(a, b RunRow) int { return strings.Compare(string(a.User), string(b.User)) })
	x.at.Tally.plan(page.Rows)
	return x.s.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, page)
}

// preview is what applying would do to a person. It makes no organization: one that would be made is named.
func (x *step) preview(ctx context.Context, v UserView) (RunRow, bool, error) {
	if err := x.know(ctx, v.User); err != nil {
		return RunRow{}, false, err
	}
	d := x.rules.Resolve(v.User, v.Groups, x.run.occasion(), x.s.Now())
	if d.Create != "" {
		template := x.rules.Orgs[x.rules.Org.Template]
		id := OrgID(newOrg + d.Create)
		x.rules.Orgs[id] = Organization{ID: id, Name: d.Create, State: OrgActive, DefaultRoles: template.DefaultRoles}
		x.rules.Named[OrgNameKey(d.Create)] = id
		d = x.rules.Resolve(v.User, v.Groups, x.run.occasion(), x.s.Now())
	}
	row := x.row(v.User, d.Placement, sentence(d))
	if len(d.Missing) > 0 {
		row.Note = missing(d.Missing)
	}
	return row, !d.Same(v.Account.Placement()), nil
}

// row is the change of a person to a placement.
func (x *step) row(u User, to Placement, reason string) RunRow {
	r := RunRow{
		User: u.ID, Scim: u.ScimID, Name: u.UserName, Version: u.Version, Before: u.Account.Placement(), After: to, Reason: reason, Held: len(u.Holds) > 0,
	}
	r.LosesAll = len(r.Before.Grants) > 0 && len(to.Grants) == 0
	for _, id := range slices.Concat(r.Added(), r.Removed()) {
		role, _ := x.rules.Roles.Find(id)
		r.Privileged = r.Privileged || role.Privileged
	}
	return r
}

// planUndo looks at the next page of the run that is undone: whoever is still as it left them goes back.
func (x *step) planUndo(ctx context.Context) error {
	after := x.at.Cursor
	if after == "" {
		after = beforePages(x.at.N)
	}
	old, ok, err := x.page(ctx, x.run.Undoes, after)
	if err != nil || !ok {
		x.at.Done = x.at.Done || err == nil
		return err
	}
	page := RunPage{Range: x.at.N, From: old.From}
	for _, r := range old.Rows {
		if !r.Written {
			continue
		}
		x.at.Tally.Users++
		v, err := x.member(r.Scim)(ctx)
		if err != nil && !IsKind(err, NotFound) {
			return err
		}
		row := RunRow{User: r.User, Scim: r.Scim, Name: r.Name, Before: r.After, After: r.Before, Result: RowSkipped, Note: "no longer a user of the provider"}
		if err == nil {
			row = x.row(v.User, r.Before, "as it was before run "+string(x.run.Undoes))
			if !v.Account.Placement().equal(r.After) {
				row.Result, row.Note = RowSkipped, "organization or roles were changed since"
			}
		}
		page.Rows = append(page.Rows, row)
	}
	x.at.Tally.plan(page.Rows)
	x.at.Cursor = old.Key()
	return x.s.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, page)
}

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
