package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"rollcall/shared/app"
	"rollcall/shared/directory"
)

// refusing is a starter that another function does not answer.
type refusing struct{ err error }

func (r refusing) StartDelivering(context.Context) error { return r.err }
func (r refusing) StartTasks(context.Context) error      { return r.err }

func TestStartsThatFailAreReported(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	refused := errors.New("no such function")
	out := app.Reported(app.NewLog(&lines), directory.External{Delivering: refusing{refused}, Tasks: refusing{refused}})
	if err := errors.Join(out.Delivering.StartDelivering(t.Context()), out.Tasks.StartTasks(t.Context())); !errors.Is(err, refused) {
		t.Errorf("the starter's error became %v", err)
	}
	for _, job := range []string{"deliver", "tasks"} {
		var line struct {
			Level, Job, Cause string
			UnstartedJobs     int
		}
		text, err := lines.ReadBytes('\n')
		if err != nil || json.Unmarshal(text, &line) != nil {
			t.Fatalf("%q is no line of the log: %v", text, err)
		}
		if line.Level != "WARN" || line.Job != job || line.Cause != refused.Error() || line.UnstartedJobs != 1 {
			t.Errorf("%s is logged as %s", job, text)
		}
	}
	out = app.Reported(app.NewLog(&lines), directory.External{Delivering: refusing{}, Tasks: refusing{}})
	if err := errors.Join(out.Delivering.StartDelivering(t.Context()), out.Tasks.StartTasks(t.Context())); err != nil || lines.Len() > 0 {
		t.Errorf("starts that succeed answer %v and log %s", err, lines.String())
	}
	if none := app.Reported(app.NewLog(&lines), directory.External{}); none.Delivering != nil || none.Tasks != nil {
		t.Error("a function that starts nothing was given a starter")
	}
}
