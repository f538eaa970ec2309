// Package workflow does what happens outside requests: wake-ups for due deactivations, apply runs, long tasks, events on a
// bus, messages to webhooks. Most have one form for AWS and one in this process, on any clock. The table says what is due
// and what was sent, so that calls that are early, late, repeated or lost do no harm. Other packages decide about
// users, and what is sent, to whom and how often.
package workflow

import "time"

// soonest is the least time from now to a wake-up: a schedule in the past might never fire.
const soonest = 5 * time.Second

// Minute is the minute at whose start a wake-up for a time fires: rounded up, so that it is never early, and in the
// future.
func Minute(at, now time.Time) time.Time {
	if earliest := now.Add(soonest); at.Before(earliest) {
		at = earliest
	}
	return at.UTC().Add(time.Minute - 1).Truncate(time.Minute)
}
