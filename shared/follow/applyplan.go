package follow

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// planPage resolves the next users of the range and stores the changes.
func (x *runStep) planPage(ctx context.Context) error {
	page := directory.RunPage{Range: x.at.N, From: x.at.Cursor}
	users, next, err := x.s.ports.ApplyRuns.People(ctx, x.ref.Tenant, x.ref.Provider, x.at.N, x.at.Cursor, directory.RunPageSize)
	if err != nil {
		return err
	}
	x.at.Cursor, x.at.Done = next, next == ""
	for _, v := range users {
		if !v.FollowsRules() {
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
	slices.SortFunc(page.Rows, func(a, b directory.RunRow) int { return strings.Compare(string(a.User), string(b.User)) })
	countPlanned(&x.at.Tally, page.Rows)
	return x.putPlanned(ctx, page)
}

// putPlanned stores a planned page in parts, and empties those that an interrupted step stored in addition.
func (x *runStep) putPlanned(ctx context.Context, page directory.RunPage) error {
	parts := SplitPage(page)
	for _, part := range parts {
		if err := x.s.ports.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, part); err != nil {
			return err
		}
	}
	for last := parts[len(parts)-1]; ; {
		old, ok, err := x.page(ctx, x.ref.Run, last.Key())
		if err != nil || !ok || old.From != page.From {
			return err
		}
		last, old.Rows = old, nil
		if err := x.s.ports.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, old); err != nil {
			return err
		}
	}
}

// preview returns the change that applying would make to a user. It creates no organization, but names it.
func (x *runStep) preview(ctx context.Context, v directory.UserView) (directory.RunRow, bool, error) {
	if err := x.loadOrganizations(ctx, v.User); err != nil {
		return directory.RunRow{}, false, err
	}
	d := x.rules.Resolve(v.User, v.Groups, x.run.Occasion(), x.s.rt.Time())
	if d.Create != "" {
		template := x.rules.Orgs[x.rules.Org.Template]
		id := directory.OrgID(directory.NewOrgPrefix + d.Create)
		x.rules.Orgs[id] = directory.Organization{ID: id, Name: d.Create, State: directory.OrgActive, DefaultRoles: template.DefaultRoles}
		x.rules.Named[directory.OrgNameKey(d.Create)] = id
		d = x.rules.Resolve(v.User, v.Groups, x.run.Occasion(), x.s.rt.Time())
	}
	row := x.row(v.User, d.Placement, reasonText(d))
	if len(d.Missing) > 0 {
		row.Note = missingRoles(d.Missing)
	}
	return row, !d.Same(v.Account.Placement()), nil
}

// row is the change of a user to a placement.
func (x *runStep) row(u directory.User, to directory.Placement, reason string) directory.RunRow {
	r := directory.RunRow{
		User: u.ID, Scim: u.ScimID, Version: u.Version, Before: u.Account.Placement(), After: to, Reason: reason,
		Held: len(u.Holds) > 0,
	}
	r.LosesAll = len(r.Before.Grants) > 0 && len(to.Grants) == 0
	for _, id := range slices.Concat(r.Added(), r.Removed()) {
		role, _ := x.rules.Roles.Find(id)
		r.Privileged = r.Privileged || role.Privileged
	}
	return r
}

// planUndo plans to revert the next page of the undone run, for users whose placement has not changed since.
func (x *runStep) planUndo(ctx context.Context) error {
	after := x.at.Cursor
	if after == "" {
		after = directory.PagesBefore(x.at.N)
	}
	old, ok, err := x.page(ctx, x.run.Undoes, after)
	if err != nil || !ok {
		x.at.Done = x.at.Done || err == nil
		return err
	}
	page := directory.RunPage{Range: x.at.N, From: old.From, Part: old.Part}
	for _, r := range old.Rows {
		if !r.Written {
			continue
		}
		x.at.Tally.Users++
		v, err := x.member(r.Scim)(ctx)
		if err != nil && !directory.IsKind(err, directory.NotFound) {
			return err
		}
		row := directory.RunRow{
			User: r.User, Scim: r.Scim, Before: r.After, After: r.Before, Result: directory.RowSkipped,
			Note: "no longer a user of the provider",
		}
		if err == nil {
			row = x.row(v.User, r.Before, "as it was before run "+string(x.run.Undoes))
			if !v.Account.Placement().Equal(r.After) {
				row.Result, row.Note = directory.RowSkipped, "organization or roles were changed since"
			}
		}
		page.Rows = append(page.Rows, row)
	}
	countPlanned(&x.at.Tally, page.Rows)
	x.at.Cursor = old.Key()
	return x.s.ports.ApplyRuns.PutPage(ctx, x.ref.Tenant, x.ref.Run, page)
}

// capUnseenMoves skips the changes of a page that the preview did not show and that exceed the limit of the provider's
// guard (Guard.MoveLimit). Allowances are claimed in the run's record, so that all ranges share the limit; a step
// interrupted right after its claim loses them.
func (x *runStep) capUnseenMoves(ctx context.Context, rows []directory.RunRow) error {
	unseen := func(r directory.RunRow) bool {
		return r.Result == "" && r.Planned != nil && !r.Allowed && r.Before.LosesAccessTo(r.After)
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
	active, err := find.ActiveUsers(ctx, x.s.ports.Counts, x.ref.Tenant, x.ref.Provider)
	if err != nil {
		return err
	}
	allowed := 0
	if _, err = x.s.ports.ApplyRuns.UpdateRun(ctx, x.ref.Tenant, x.ref.Provider, x.ref.Run,
		func(old directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
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
			r.Result, r.Note = directory.RowSkipped, beyondGuard
		}
	}
	return nil
}
