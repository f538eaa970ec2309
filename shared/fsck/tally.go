package fsck

import (
	"maps"
	"slices"

	"rollcall/shared/directory"
)

// Tallies are the numbers of people that the tallies of a tenant should have, by their keys.
type Tallies map[string]int

// AddUser adds a user, whatever its state.
func (t Tallies) AddUser(u directory.User) {
	_, e, err := directory.FinishChange(directory.User{}, u, directory.LogEntry{Provider: u.Provider})
	if err == nil && e != nil {
		t.add(*e, 1)
	}
}

// Without takes back an entry that is not counted yet.
func (t Tallies) Without(e directory.LogEntry) { t.add(e, -1) }

func (t Tallies) add(e directory.LogEntry, sign int) {
	for key, n := range e.Tally() {
		t[key] += sign * n
	}
}

// Differ returns the keys whose numbers differ, in order.
func (t Tallies) Differ(have Tallies) []string {
	var out []string
	for key := range maps.Keys(have) {
		if t[key] != have[key] {
			out = append(out, key)
		}
	}
	for key, n := range t {
		if _, known := have[key]; !known && n != 0 {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}
