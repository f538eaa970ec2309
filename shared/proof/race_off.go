//go:build !race

package proof

// UnderRace says whether the race detector is on (race_on.go).
const UnderRace = false
