// Package workflowtest tests the promises of directory.Wakeups: package workflow runs it in the process, the deployment
// test on EventBridge Scheduler. It is for tests only.
package workflowtest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// Alarm is an implementation of directory.Wakeups on the machine's clock.
type Alarm struct {
	Processes []directory.Wakeups // one for each process; a single one if wake-ups are lost with the process
	Grain     time.Duration       // what times are rounded up to
	Late      time.Duration       // how long after such a time it may wake
	Woken     func() []time.Time  // when it woke so far, in order
	Left      func() int          // how many wake-ups are still to come
}

// scheduled are the wake-ups to schedule, after now. Several for the same time, or within one grain, wake once.
var scheduled = []struct {
	what  string
	after []time.Duration
}{
	{"once", []time.Duration{2 * time.Second}},
	{"the same moment again", []time.Duration{2 * time.Second, 2 * time.Second}},
	{"a moment later", []time.Duration{2*time.Second + time.Millisecond}},
	{"a time that is over", []time.Duration{-time.Hour}},
	{"in any order", []time.Duration{3 * time.Second, time.Second}},
}

// Ask schedules every wake-up of the table, from all processes at the same time, and returns a function that waits for
// them and checks: each scheduled time is followed by a wake-up no later than promised, there are no more wake-ups than
// different times, none comes before the first was due, and none is left.
func Ask(t *testing.T, a Alarm) func(*testing.T) {
	t.Helper()
	began := time.Now()
	var due []time.Time
	var all sync.WaitGroup
	for _, row := range scheduled {
		for _, after := range row.after {
			at := began.Add(after)
			due = append(due, at)
			for _, p := range a.Processes {
				all.Go(func() {
					if err := p.WakeAt(t.Context(), at); err != nil {
						t.Errorf("%s: %v", row.what, err)
					}
				})
			}
		}
	}
	all.Wait()
	slices.SortFunc(due, time.Time.Compare)
	due = slices.Compact(due)
	return func(t *testing.T) {
		last := due[len(due)-1].Add(a.Grain + a.Late)
		for time.Now().Before(last) && (a.Left() > 0 || len(a.Woken()) == 0) {
			time.Sleep(max(10*time.Millisecond, a.Grain/100))
		}
		woken := a.Woken()
		for _, at := range due {
			if at.Before(began) {
				at = began
			}
			i := slices.IndexFunc(woken, func(w time.Time) bool { return !w.Before(at) })
			if i < 0 || woken[i].After(at.Add(a.Grain+a.Late)) {
				t.Errorf("due %s after it was scheduled, woken at %v", at.Sub(began), since(began, woken))
			}
		}
		if len(woken) > len(due) {
			t.Errorf("%d different times woke %d times: %v", len(due), len(woken), since(began, woken))
		}
		if n := a.Left(); n > 0 {
			t.Errorf("%d wake-ups are left", n)
		}
	}
}

func since(began time.Time, times []time.Time) (out []time.Duration) {
	for _, at := range times {
		out = append(out, at.Sub(began))
	}
	return out
}
