//go:build race

package proof

// UnderRace says whether the race detector is on. It slows SQLite, which is C translated to Go, a hundredfold, and
// finds races between callers, which do not depend on sizes.
const UnderRace = true
