package sqlite_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest/sample"
)

// small are the tables that a statement of the background may read from end to end: they do not grow with the people, the
// log or what is to be sent.
var small = []string{"CONSTANT", "followed", "erasures", "providers", "tenants"}

// No statement of the feed, the guard or a job, or of a step of an entry, reads a large table from end to end.
func TestBackgroundScansNoLargeTable(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Memory)
	x := sample.New(t, s.Ports())
	now := time.Now()
	env := directorytest.New(s.Ports(), directory.Runtime{Now: func() time.Time { return now }})
	queries := map[string]bool{}
	s.Trace(func(query string) { queries[query] = true })
	for n := 1; n > 0; {
		var err error
		if n, err = env.FollowNew(t.Context(), func(failed []follow.Failure) {
			for _, f := range failed {
				t.Errorf("%s: %v", f.Step, f.Err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for _, j := range follow.Jobs() {
			var again follow.StepsError
			if err := j.Run(t.Context(), env.Follow, func() bool { return false }); err != nil && !errors.As(err, &again) {
				t.Errorf("%s: %v", j.Name, err)
			}
		}
		now = now.Add(40 * 24 * time.Hour)
	}
	if _, err := s.Ports().Counts.Timeline(t.Context(), x.Tenant, x.P, now.Add(-time.Hour), now); err != nil {
		t.Error(err)
	}
	s.Trace(nil)
	for _, query := range slices.Sorted(maps.Keys(queries)) {
		if word, _, _ := strings.Cut(strings.TrimSpace(query), " "); !slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "INSERT"}, word) {
			continue
		}
		plan, err := s.Plan(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
		for _, line := range plan {
			table, scans := strings.CutPrefix(line, "SCAN ")
			if name, _, _ := strings.Cut(table, " "); scans && !slices.Contains(small, name) {
				t.Errorf("%s\n  %s", query, line)
			}
		}
	}
	if len(queries) < 40 {
		t.Errorf("%d statements: the background has changed", len(queries))
	}
}
