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
	var jobs strings.Builder
	jobs.WriteString("| job | function | in a deployment | on one machine |\n|---|---|---|---|\n")
	for _, j := range follow.Jobs() {
		fmt.Fprintf(&jobs, "| `%s` | `%s` | every %s | every %s |\n", j.Name, j.Function, short(j.Every), short(j.Locally))
	}
	golden.Section(t, page, "jobs", jobs.String())
}

// short is a duration without its zeros.
func short(d fmt.Stringer) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return s
}
