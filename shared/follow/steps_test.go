package follow_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/shared/follow"
	"rollcall/shared/golden"
)

// docs/architecture.md shows the table of steps and the jobs as they are.
func TestStepsAreShown(t *testing.T) {
	const page = "../../docs/architecture.md"
	golden.Section(t, page, "steps", follow.Steps())
	golden.Section(t, page, "tasks", follow.Tasks())
	var jobs strings.Builder
	jobs.WriteString("| job | function | in a deployment | on one machine |\n|---|---|---|---|\n")
	for _, j := range follow.Jobs() {
		fmt.Fprintf(&jobs, "| `%s` | `%s` | every %s | every %s |\n", j.Name, j.Function, short(j.Every), short(j.Locally))
	}
	golden.Section(t, page, "jobs", jobs.String())
}

// The list of kinds that programs know which link no steps is that of the table.
func TestTaskKindsAreThoseOfTheTable(t *testing.T) {
	var want []string
	for _, line := range strings.Split(follow.Tasks(), "\n")[2:] {
		if cells := strings.Split(line, "`"); len(cells) > 1 {
			want = append(want, cells[1])
		}
	}
	if got := strings.Trim(fmt.Sprint(follow.TaskKinds()), "[]"); got != strings.Join(want, " ") {
		t.Errorf("got %s, want %s", got, want)
	}
}

// short is a duration without its zeros.
func short(d fmt.Stringer) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return s
}

func TestStepsAfterTheOnesTheyNeed(t *testing.T) {
	if wrong := follow.StepsBesideNeeded(); len(wrong) > 0 {
		t.Errorf("%q run at the same time as a step that they need", wrong)
	}
}
