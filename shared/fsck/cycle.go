package fsck

import (
	"maps"
	"slices"

	"rollcall/shared/directory"
)

// Cycles returns the groups that contain themselves, directly or through others, in order. nested has the groups that
// each group contains.
func Cycles(nested map[directory.ScimID][]directory.ScimID) []directory.ScimID {
	var out []directory.ScimID
	for _, g := range slices.Sorted(maps.Keys(nested)) {
		seen, todo := map[directory.ScimID]bool{}, slices.Clone(nested[g])
		for len(todo) > 0 && !seen[g] {
			next := todo[len(todo)-1]
			if todo = todo[:len(todo)-1]; !seen[next] {
				seen[next] = true
				todo = append(todo, nested[next]...)
			}
		}
		if seen[g] {
			out = append(out, g)
		}
	}
	return out
}
