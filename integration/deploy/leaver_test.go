//go:build deploy

package deploy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"rollcall/shared/directory"
	"rollcall/shared/workflow"
	"rollcall/shared/workflow/workflowtest"
)

// leaver is a person whom the directory disabled, and the job that must deactivate them.
type leaver struct {
	user directory.UserID
	due  time.Time
	job  directory.Job
}

// leave disables a new person of a provider whose delay is a second, and waits for the schedule of the due minute. With
// lost, it deletes the schedule before its time, so that only the sweep can deactivate the person.
func (d *deployment) leave(t *testing.T, lost bool) leaver {
	t.Helper()
	name := fmt.Sprintf("Leavers, schedule lost %v", lost)
	id, baseURL, token := d.provider(t, name)
	d.rollcall(t, "guard", "set-delay", string(id), "1s")
	userName := fmt.Sprintf("leaver-%v@example.com", lost)
	setActive(t, baseURL, token, person(t, baseURL, token, userName), false)
	users := d.listed(t, "user", "list", "--provider", string(id))
	if len(users) != 1 {
		t.Fatalf("the provider has %v", users)
	}
	l := leaver{user: directory.UserID(users[0]["id"].(string)), job: directory.JobWakeup}
	pending, _ := users[0]["pending"].(object)
	due, _ := pending["dueAt"].(string)
	var err error
	if l.due, err = time.Parse(time.RFC3339, due); err != nil || users[0]["lifecycle"] != "active" {
		t.Fatalf("after the disable: %v, %v", users[0], err)
	}
	s := d.schedule(t, l.due)
	if lost {
		l.job = directory.JobSweep
		_, err := scheduler.NewFromConfig(d.cloud.Config()).DeleteSchedule(t.Context(),
			&scheduler.DeleteScheduleInput{Name: s.Name, GroupName: s.GroupName})
		if err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// schedule waits for the schedule of a due time and checks it.
func (d *deployment) schedule(t *testing.T, due time.Time) (s *scheduler.GetScheduleOutput) {
	t.Helper()
	client := scheduler.NewFromConfig(d.cloud.Config())
	var minute time.Time
	eventually(t, "scheduled", 30*time.Second, func() bool {
		all, err := client.ListSchedules(t.Context(), &scheduler.ListSchedulesInput{GroupName: aws.String("Rollcall")})
		if err != nil {
			t.Fatal(err)
		}
		// The minute is rounded up from the time at which the wake-up was requested, which may be after the due time.
		for minute = workflow.Minute(due, due.Add(-time.Hour)); minute.Before(due.Add(3 * time.Minute)); minute = minute.Add(time.Minute) {
			name := workflow.ScheduleName(minute)
			if !slices.ContainsFunc(all.Schedules, func(s types.ScheduleSummary) bool { return *s.Name == name }) {
				continue
			}
			if s, err = client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: &name, GroupName: aws.String("Rollcall")}); err == nil {
				return true
			}
		}
		return false
	})
	if want := "at(" + minute.Format("2006-01-02T15:04:05") + ")"; *s.ScheduleExpression != want ||
		s.ActionAfterCompletion != types.ActionAfterCompletionDelete {
		t.Errorf("its time is %s, want %s; its action afterwards is %s", *s.ScheduleExpression, want, s.ActionAfterCompletion)
	}
	if want := `{"minute":"` + minute.Format(time.RFC3339) + `"}`; *s.Target.Input != want {
		t.Errorf("its input is %s, want %s", *s.Target.Input, want)
	}
	for what, arn := range map[string][2]string{
		"target":            {*s.Target.Arn, ":function:Rollcall-deactivate"},
		"role":              {*s.Target.RoleArn, ":role/"},
		"dead-letter queue": {*s.Target.DeadLetterConfig.Arn, ":sqs:"},
	} {
		if !strings.Contains(arn[0], arn[1]) {
			t.Errorf("its %s is %s", what, arn[0])
		}
	}
	return s
}

// woken waits until the wake-up has deactivated the person and the schedule is deleted.
func (d *deployment) woken(l leaver) func(*testing.T) {
	return func(t *testing.T) {
		d.deactivated(t, l, 3*time.Minute)
		client := scheduler.NewFromConfig(d.cloud.Config())
		eventually(t, "deleted", 30*time.Second, func() bool {
			all, err := client.ListSchedules(t.Context(), &scheduler.ListSchedulesInput{GroupName: aws.String("Rollcall")})
			if err != nil {
				t.Fatal(err)
			}
			return !slices.ContainsFunc(all.Schedules, func(s types.ScheduleSummary) bool {
				return *s.Name <= workflow.ScheduleName(time.Now().Add(-time.Minute))
			})
		})
	}
}

// swept checks that the sweep deactivates the person without a wake-up. The deployment sweeps every five minutes; here
// the sweep is invoked when the person is overdue by three.
func (d *deployment) swept(l leaver) func(*testing.T) {
	return func(t *testing.T) {
		eventually(t, "overdue", 4*time.Minute, func() bool { return time.Since(l.due) > 3*time.Minute+time.Second })
		if _, err := d.cloud.Invoke(t.Context(), "Rollcall-deactivate", object{"sweep": true}); err != nil {
			t.Fatal(err)
		}
		d.deactivated(t, l, 10*time.Second)
	}
}

// deactivated waits until a leaver is deactivated and checks that it was by the leaver's job.
func (d *deployment) deactivated(t *testing.T, l leaver, within time.Duration) {
	t.Helper()
	eventually(t, "deactivated", within, func() bool {
		return d.object(t, "user", "show", string(l.user))["lifecycle"] == "deactivated"
	})
	for _, e := range d.listed(t, "user", "timeline", string(l.user)) {
		actor, _ := e["actor"].(object)
		if effects, _ := e["effects"].([]any); slices.Contains(effects, any("deactivated")) {
			if actor["id"] != string(l.job) {
				t.Errorf("deactivated by %v, want %s", actor, l.job)
			}
			return
		}
	}
	t.Error("no entry records the deactivation")
}

// alarm requests the wake-ups of workflowtest from Scheduler, from two processes, and returns the test that they arrive:
// in a queue, with a schedule group of their own.
func (d *deployment) alarm(t *testing.T) func(*testing.T) {
	t.Helper()
	client, group := scheduler.NewFromConfig(d.cloud.Config()), "alarm"
	if _, err := client.CreateScheduleGroup(t.Context(), &scheduler.CreateScheduleGroupInput{Name: &group}); err != nil {
		t.Fatal(err)
	}
	queue, arn := d.queue(t, group)
	process := func() directory.Wakeups {
		return &workflow.Scheduler{Now: time.Now, Client: client, Group: group, Target: arn, Role: "arn:aws:iam::000000000000:role/alarm",
			DeadLetter: arn}
	}
	var woken []time.Time
	return workflowtest.Ask(t, workflowtest.Alarm{
		Processes: []directory.Wakeups{process(), process()}, Grain: time.Minute, Late: 30 * time.Second,
		Woken: func() []time.Time {
			for _, body := range d.taken(t, queue) {
				var wakeup struct{ Minute time.Time }
				if err := json.Unmarshal([]byte(body), &wakeup); err != nil || time.Now().Before(wakeup.Minute) {
					t.Errorf("woken before its time, or by %s: %v", body, err)
				}
				woken = append(woken, time.Now())
			}
			return woken
		},
		Left: func() int {
			all, err := client.ListSchedules(t.Context(), &scheduler.ListSchedulesInput{GroupName: &group})
			if err != nil {
				t.Fatal(err)
			}
			return len(all.Schedules)
		},
	})
}
