//go:build race

package proof

// UnderRace is whether the race detector watches. It slows SQLite, which is C turned into Go, a hundredfold, and looks
// for callers that meet, not for sizes.
const UnderRace = true
