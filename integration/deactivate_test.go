package integration_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/app"
	"rollcall/shared/directory"
)

// Each sample of functions/deactivate decodes strictly and deactivates the users who are due. The sweep deactivates only
// overdue users, and reports them with a metric, at error level.
func TestSampleWakeups(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../events/deactivate*.json")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		s := stack.New(t, stack.Options{})
		u := leaver(t, s, "anna")
		var log bytes.Buffer
		wake := app.Deactivate(s.Service.Follow, app.NewLog(&log))
		var event app.Wakeup
		decodeStrictly(t, file, &event)
		late := 15 * time.Minute
		if event.Sweep {
			late += 3 * time.Minute
		}
		for _, step := range []struct {
			clock time.Duration
			want  directory.Lifecycle
			acted string
		}{{late - time.Millisecond, "", "0"}, {time.Millisecond, directory.LifecycleDeactivated, "1"}, {0, directory.LifecycleDeactivated, "0"}} {
			log.Reset()
			s.Clock.Advance(step.clock)
			if err := wake(t.Context(), event); err != nil {
				t.Fatal(err)
			}
			v, err := s.Service.As(s.Admin).Users.ByID(t.Context(), directory.UserID(u))
			if err != nil || v.Lifecycle != step.want {
				t.Errorf("%s: %q, %v, want %q", file, v.Lifecycle, err, step.want)
			}
			member := `"deactivated":`
			if event.Sweep {
				member = `"SweptDeactivations":`
				var embedded struct {
					AWS struct {
						Timestamp         int64
						CloudWatchMetrics []struct {
							Namespace  string
							Dimensions [][]string
							Metrics    []struct{ Name, Unit string }
						}
					} `json:"_aws"`
				}
				if err := json.Unmarshal(log.Bytes(), &embedded); err != nil || len(embedded.AWS.CloudWatchMetrics) != 1 ||
					embedded.AWS.CloudWatchMetrics[0].Metrics[0].Name != "SweptDeactivations" {
					t.Errorf("%s logged no metric: %v %s", file, err, log.String())
				}
				if alarming := strings.Contains(log.String(), `"level":"ERROR"`); alarming != (step.acted == "1") {
					t.Errorf("%s: %s", file, log.String())
				}
			}
			if !strings.Contains(log.String(), member+step.acted) || strings.Contains(log.String(), "anna") {
				t.Errorf("%s logged %s, want %s%s", file, log.String(), member, step.acted)
			}
		}
	}
}

// leaver creates a user who leaves now, and returns the id.
func leaver(t *testing.T, s *stack.Stack, name string) string {
	t.Helper()
	c := newClient(t, s, s.Local())
	a := c.send("POST", "/Users", user(name))
	a.wants(t, "join", 201, "")
	c.send("PATCH", "/Users/"+a.id(), patch(op("replace", "active", false))).wants(t, "leave", 200, "")
	return a.id()
}
