//go:build !race

package storetest

// underRace says that the race detector watches (race_on.go).
const underRace = false
