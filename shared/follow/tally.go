package follow

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// rangeSamples is how many changes a range offers as samples of its run, runSamples how many a run shows without paging.
const rangeSamples, runSamples = 5, 20

// SumOf returns the counts of a run with the ranges.
func SumOf(ranges []directory.RunRange) (sum directory.RunTally) {
	for _, g := range ranges {
		addTally(&sum, g.Tally)
	}
	trim(&sum, runSamples)
	return sum
}

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
		if rowSize(r) <= sampleBytes {
			one.Samples = append(one.Samples, r)
		}
		if len(one.Samples) > 4*rangeSamples {
			trim(&one, rangeSamples)
		}
	}
	addTally(t, one)
	trim(t, rangeSamples)
}

// addTally adds the counts of o to t.
func addTally(t *directory.RunTally, o directory.RunTally) {
	for _, p := range []struct {
		to *int
		n  int
	}{
		{&t.Users, o.Users}, {&t.Changes, o.Changes}, {&t.Moves, o.Moves}, {&t.RoleChanges, o.RoleChanges}, {&t.Privileged, o.Privileged},
		{&t.LoseAll, o.LoseAll}, {&t.Held, o.Held}, {&t.Done, o.Done}, {&t.Applied, o.Applied}, {&t.Unchanged, o.Unchanged},
		{&t.Differed, o.Differed}, {&t.Skipped, o.Skipped}, {&t.Guarded, o.Guarded}, {&t.Errors, o.Errors},
	} {
		*p.to += p.n
	}
	sum := func(to *map[string]int, from map[string]int, others string) {
		for k, n := range from {
			if *to == nil {
				*to = map[string]int{}
			}
			(*to)[k] += n
		}
		keepHeaviest(*to, others)
	}
	sum(&t.Orgs, o.Orgs, directory.OtherKeys+">"+directory.OtherKeys)
	sum(&t.RolesAdded, o.RolesAdded, directory.OtherKeys)
	sum(&t.RolesRemoved, o.RolesRemoved, directory.OtherKeys)
	sum(&t.RolesKept, o.RolesKept, directory.OtherKeys)
	sum(&t.Reasons, o.Reasons, directory.OtherKeys)
	t.Samples = append(t.Samples, o.Samples...)
}

// A tally counts so many keys by themselves, of so many bytes together, and has no samples longer than sampleBytes: so
// that of a range has at most 160 KB.
const heaviestKeys, heaviestBytes, sampleBytes = directory.MaxRoles, 16 << 10, 12 << 10

// keepHeaviest sums all but the keys with the largest counts under the key of others.
func keepHeaviest(counts map[string]int, others string) {
	bytes := 0
	for k := range counts {
		bytes += len(k)
	}
	if len(counts) <= heaviestKeys && bytes <= heaviestBytes {
		return
	}
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	bytes, rest, kept := 0, 0, 0
	for _, k := range keys {
		if k != others && kept < heaviestKeys && bytes+len(k) <= heaviestBytes {
			bytes, kept = bytes+len(k), kept+1
			continue
		}
		rest += counts[k]
		delete(counts, k)
	}
	counts[others] = rest
}

// trim keeps the n samples of the greatest weight.
func trim(t *directory.RunTally, n int) {
	slices.SortStableFunc(t.Samples, func(a, b directory.RunRow) int { return weight(b) - weight(a) })
	t.Samples = t.Samples[:min(n, len(t.Samples))]
}

// weight orders previews: privileged changes first.
func weight(r directory.RunRow) int {
	n := 0
	for i, yes := range []bool{r.Held, r.LosesAll, r.Privileged} {
		if yes {
			n |= 1 << i
		}
	}
	return n
}

// rowSize is about how many bytes the row has when it is stored.
func rowSize(r directory.RunRow) int {
	placed := []directory.Placement{r.Before, r.After}
	if r.Planned != nil {
		placed = append(placed, *r.Planned)
	}
	n := rowBytes + len(r.Reason) + len(r.Note)
	for _, p := range placed {
		n += len(p.Org) + len(p.Source) + len(p.Group)
		for _, g := range p.Grants {
			n += grantBytes + len(g.Role) + len(g.Source) + len(g.By)
		}
	}
	return n
}

// What a stored row and a grant in it take beside their texts.
const rowBytes, grantBytes = 400, 90

// PageBytes is about how long a page may be: while its changes are carried out, it gets half as long again, and
// no store needs to keep more than 400 KB together.
const PageBytes = 120_000

// SplitPage cuts a page into parts of at most PageBytes: at least one.
func SplitPage(p directory.RunPage) []directory.RunPage {
	parts, bytes := []directory.RunPage{{Range: p.Range, From: p.From, Part: p.Part}}, 0
	for _, r := range p.Rows {
		last := &parts[len(parts)-1]
		if bytes += rowSize(r); bytes > PageBytes && len(last.Rows) > 0 {
			parts, bytes = append(parts, directory.RunPage{Range: p.Range, From: p.From, Part: last.Part + 1}), rowSize(r)
			last = &parts[len(parts)-1]
		}
		last.Rows = append(last.Rows, r)
	}
	return parts
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
