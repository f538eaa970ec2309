package workflow_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/workflow"
	"rollcall/shared/workflow/workflowtest"
)

var nine = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func TestMinute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ at, now, want string }{
		{"09:15:00", "09:00:00", "09:15:00"},
		{"09:15:00.001", "09:00:00", "09:16:00"},
		{"09:14:59.999", "09:00:00", "09:15:00"},
		{"08:00:00", "09:00:00", "09:01:00"},
		{"09:01:00", "09:00:58", "09:02:00"}, // too near: it might be over
		{"09:01:00", "09:00:55", "09:01:00"},
	} {
		parse := func(s string) time.Time {
			at, err := time.Parse("2006-01-02 15:04:05", "2026-11-02 "+s)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		if got := workflow.Minute(parse(c.at), parse(c.now)); !got.Equal(parse(c.want)) {
			t.Errorf("due at %s, asked at %s: %v, want %s", c.at, c.now, got, c.want)
		}
	}
	if name := workflow.ScheduleName(nine.In(time.FixedZone("", 3600))); name != "due-20261102T0900" {
		t.Errorf("name %s", name)
	}
}

func TestLocalFiresWhenDue(t *testing.T) {
	t.Parallel()
	now, woken := nine, 0
	fail := errors.New("no")
	var failing error
	wake := func(context.Context) error { woken++; return failing }
	l := workflow.NewLocal(func() time.Time { return now })
	step := func(what string, after time.Duration, want int, err error) {
		t.Helper()
		now = nine.Add(after)
		if got := l.Fire(t.Context(), wake); !errors.Is(got, err) || woken != want {
			t.Errorf("%s: woken %d times, %v, want %d, %v", what, woken, got, want, err)
		}
	}
	for _, at := range []time.Duration{20 * time.Second, 10 * time.Second, 10 * time.Second, 30 * time.Second} {
		if err := l.WakeAt(t.Context(), nine.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	step("early", 9*time.Second, 0, nil)
	step("on time", 10*time.Second, 1, nil)
	step("asked twice, woken once", 11*time.Second, 1, nil)
	failing = fail
	step("two together, failing", 40*time.Second, 2, fail)
	failing = nil
	step("not yet again", 41*time.Second, 2, nil)
	step("again", 45*time.Second, 3, nil)
	step("nothing scheduled", time.Hour, 3, nil)
	if err := l.WakeAt(t.Context(), nine); err != nil {
		t.Fatal(err)
	}
	step("a time that is over", time.Hour, 4, nil)
}

// Run fires wake-ups scheduled before and while it runs.
func TestLocalRuns(t *testing.T) {
	t.Parallel()
	woken := make(chan struct{}, 10)
	l := workflow.NewLocal(time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	ask := func(after time.Duration) {
		if err := l.WakeAt(ctx, time.Now().Add(after)); err != nil {
			t.Error(err)
		}
	}
	ask(10 * time.Millisecond)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx, func(context.Context) error { woken <- struct{}{}; return nil }, func(err error) { t.Error(err) })
	}()
	<-woken
	ask(time.Hour)
	ask(10 * time.Millisecond)
	<-woken
	cancel()
	<-done
}

// Local keeps the promises of directory.Wakeups; the deployment test proves the same of EventBridge Scheduler.
func TestLocalIsAnAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, localIsAnAlarm)
}

func localIsAnAlarm(t *testing.T) {
	var mu sync.Mutex
	var woken []time.Time
	l := workflow.NewLocal(time.Now)
	go l.Run(t.Context(), func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		woken = append(woken, time.Now())
		return nil
	}, func(err error) { t.Error(err) })
	workflowtest.Ask(t, workflowtest.Alarm{
		Processes: []directory.Wakeups{l}, Late: 5 * time.Second, Left: l.Left,
		Woken: func() []time.Time {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(woken)
		},
	})(t)
}
