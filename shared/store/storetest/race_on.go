//go:build race

package storetest

// underRace says that the race detector watches. It slows SQLite, which is C turned into Go, a hundredfold,
// and looks for callers that meet, not for sizes: the large chapter and most histories are left to a run
// without it.
const underRace = true
