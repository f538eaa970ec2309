//go:build !race

package proof

// UnderRace is whether the race detector watches (race_on.go).
const UnderRace = false
