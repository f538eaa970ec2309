// Package workflow is what Rollcall sets going outside its requests: wake-ups when a deactivation is due,
// events on a bus, messages to webhooks. Each is on AWS or on the internet, and has a twin in the process, on
// any clock. The table says what is due and what was sent: what comes early, late, twice or never does no
// harm. It decides nothing about users, nor what is sent, to whom and how often.
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
