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

// newOrg marks an organization that applying will make, by its name.
const newOrg = "new:"

// occasion is what applying the run is to its people.
func (r ApplyRun) occasion() Occasion {
	if r.All {
		return OnApplyAll
	}
	return OnApply
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

// Added are the roles the person gets.
func (r RunRow) Added() []RoleID { return rolesBeyond(r.After.Grants, r.Before.Grants) }

// Removed are the roles the person loses.
func (r RunRow) Removed() []RoleID { return rolesBeyond(r.Before.Grants, r.After.Grants) }

// Kept are the roles given by hand that stay.
func (r RunRow) Kept() (out []RoleID) {
	for _, g := range r.After.Grants {
		if g.Source == SourceManual || g.Source == SourceAdopted {
			out = append(out, g.Role)
		}
	}
	return out
}

// rolesBeyond are the roles in a that are not in b, once each.
func rolesBeyond(a, b []RoleGrant) (out []RoleID) {
	for _, g := range a {
		has := func(h RoleGrant) bool { return h.Role == g.Role }
		if !slices.ContainsFunc(b, has) && !slices.Contains(out, g.Role) {
			out = append(out, g.Role)
		}
	}
	return out
}

// plan counts changes that were planned.
func (t *RunTally) plan(rows []RunRow) {
	one := RunTally{Orgs: map[string]int{}, RolesAdded: map[string]int{}, RolesRemoved: map[string]int{}, RolesKept: map[string]int{}, Reasons: map[string]int{}}
	for _, r := range rows {
		if r.Result != "" { // an exception of an undo
			one.Skipped++
			continue
		}
		one.Changes++
		one.Reasons[r.Reason]++
		if r.Before.Org != r.After.Org {
			one.Moves++
			one.Orgs[string(r.Before.Org)+">"+string(r.After.Org)]++
		}
		added, removed := r.Added(), r.Removed()
		if len(added)+len(removed) > 0 {
			one.RoleChanges++
		}
		for _, p := range []struct {
			in    map[string]int
			roles []RoleID
		}{{one.RolesAdded, added}, {one.RolesRemoved, removed}, {one.RolesKept, r.Kept()}} {
			for _, id := range p.roles {
				p.in[string(id)]++
			}
		}
		for _, f := range []struct {
			yes bool
			n   *int
		}{{r.Privileged, &one.Privileged}, {r.LosesAll, &one.LoseAll}, {r.Held, &one.Held}} {
			if f.yes {
				*f.n++
			}
		}
		if one.Samples = append(one.Samples, r); len(one.Samples) > 4*rangeSamples {
			one.trim(rangeSamples)
		}
	}
	t.add(one)
	t.trim(rangeSamples)
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

// equal reports whether two placements are the same to the last detail.
func (p Placement) equal(q Placement) bool {
	return p.Org == q.Org && p.Source == q.Source && p.Group == q.Group && p.Config == q.Config &&
		slices.EqualFunc(p.Grants, q.Grants, func(a, b RoleGrant) bool {
			return a.same(b) && a.By == b.By && a.Config == b.Config && a.At.Equal(b.At)
		})
}
