// Package workflow wakes Rollcall when a deactivation is due: by EventBridge Scheduler in AWS, and by a twin
// in the process on any clock. A wake-up is only an alarm clock: the table says what is due, so one that comes
// early, late, twice or never does no harm. It decides nothing about users.
package workflow

import "time"

// soonest is how far ahead a wake-up is asked for at least: a schedule in the past might never come.
const soonest = 5 * time.Second

// Minute is the minute at whose beginning a wake-up for a time comes: rounded up, so that it is not early for
// anybody, and not over yet.
func Minute(at, now time.Time) time.Time {
	if earliest := now.Add(soonest); at.Before(earliest) {
		at = earliest
	}
	return at.UTC().Add(time.Minute - 1).Truncate(time.Minute)
}
