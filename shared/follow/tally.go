package follow

import (
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// rangeSamples is how many changes a range offers as samples of its run.
const rangeSamples = 5

// countPlanned counts planned changes.
func countPlanned(t *directory.RunTally, rows []directory.RunRow) {
	one := directory.RunTally{Orgs: map[string]int{}, RolesAdded: map[string]int{}, RolesRemoved: map[string]int{},
		RolesKept: map[string]int{}, Reasons: map[string]int{}}
	for _, r := range rows {
		if r.Result != "" { // skipped by an undo
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
			roles []directory.RoleID
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
		one.Samples = append(one.Samples, r)
		if len(one.Samples) > 4*rangeSamples {
			one.Trim(rangeSamples)
		}
	}
	t.Add(one)
	t.Trim(rangeSamples)
}

// countApplied counts the results of a page.
func countApplied(t *directory.RunTally, rows []directory.RunRow) {
	for _, r := range rows {
		switch r.Result {
		case directory.RowApplied:
			t.Applied++
		case directory.RowDiffered:
			t.Differed++
		case directory.RowUnchanged:
			t.Unchanged++
		case directory.RowError:
			t.Errors++
		case directory.RowSkipped:
			if !r.Prepared { // counted when it was planned
				continue
			}
			t.Skipped++
			if r.Note == beyondGuard {
				t.Guarded++
			}
		}
		t.Done++
	}
}

// reasonText is a reason as previews count it: without the details of one user.
func reasonText(d directory.Resolution) string {
	if len(d.Missing) > 0 {
		return d.Reason + "; some roles no longer exist"
	}
	return d.Reason
}

// missingRoles is the note of a user who could not be given some roles.
func missingRoles(roles []directory.RoleID) string {
	var names []string
	for _, id := range roles {
		names = append(names, string(id))
	}
	slices.Sort(names)
	return "these roles no longer exist and were not given: " + strings.Join(slices.Compact(names), ", ")
}

// beyondGuard is the note of a change that the preview did not show and that the guard did not allow.
const beyondGuard = "changed since the preview, and the mass-change guard allows no more such changes: plan again"
