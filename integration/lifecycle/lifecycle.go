// Package lifecycle tests leavers on both stores: against a model, with random histories of two writers, crashes after
// every store call, unreliable wake-ups, and races. It has tests only.
package lifecycle
