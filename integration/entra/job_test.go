package entra_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/integration/entra"
)

func job(s *server, dialect entra.Dialect) *entra.Job {
	return &entra.Job{BaseURL: "http://server/scim/", Token: "good", Dialect: dialect, MemberBatch: 20, HTTP: &http.Client{Transport: s}}
}

func story(s *server, dialect entra.Dialect) *entra.Story {
	return &entra.Story{Job: job(s, dialect), Directory: entra.Options{Users: 210, Groups: 8, Seed: 5}, Cycles: 3}
}

func TestCorrectServerEndsEqual(t *testing.T) {
	t.Parallel()
	for _, dialect := range []entra.Dialect{entra.Legacy, entra.Compliant} {
		s := &server{}
		st := story(s, dialect)
		st.Cleanup = true
		r, err := st.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Differences) > 0 || len(r.Unresolved) > 0 {
			t.Fatalf("%s: %d differences, first %v; unresolved %v", dialect, len(r.Differences), r.Differences[:min(3, len(r.Differences))],
				r.Unresolved)
		}
		sum := map[string]int{}
		for _, c := range r.Cycles {
			for what, n := range c.Counts {
				sum[what] += n
			}
		}
		for _, what := range []string{"users created", "users matched", "users updated", "users disabled", "users restored", "users deleted",
			"managers set",
			"groups created", "groups matched", "groups updated", "groups deleted", "members added", "members removed"} {
			if sum[what] == 0 {
				t.Errorf("%s: no %s in the whole story", dialect, what)
			}
		}
		if len(s.records["Users"])+len(s.records["Groups"]) != 0 {
			t.Errorf("%s: left behind after the clean-up: %d users, %d groups", dialect, len(s.records["Users"]), len(s.records["Groups"]))
		}
	}
}

func TestEachDialectLooksLikeItself(t *testing.T) {
	t.Parallel()
	for dialect, forms := range map[entra.Dialect]struct{ has, hasNot []string }{
		entra.Legacy: {
			[]string{`{"op":"Replace","path":"active","value":"False"}`, `"path":"active","value":"True"`,
				`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"r`, `ADSCIM/2.0/Group`, `User:manager","value":"r`,
				`User:manager","value":""}`, `{"op":"Add","path":"`},
			[]string{`"op":"replace"`, `"value":false`, `members[value eq`}},
		entra.Compliant: {
			[]string{`{"op":"replace","path":"active","value":false}`, `"path":"active","value":true`,
				`{"op":"remove","path":"members[value eq \"r`, `{"op":"replace","value":{`, `"name.familyName":"`, `User:manager","value":{"value":"r`,
				`{"op":"remove","path":"` + enterprise + `:manager"}`},
			[]string{`"op":"Replace"`, `"op":"Add"`, `"False"`, `"$ref"`, `ADSCIM`}},
	} {
		s := &server{}
		if _, err := story(s, dialect).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := strings.Join(s.bodies, "\n")
		for _, form := range forms.has {
			if !strings.Contains(all, form) {
				t.Errorf("%s never sends %s", dialect, form)
			}
		}
		for _, form := range forms.hasNot {
			if strings.Contains(all, form) {
				t.Errorf("%s sends %s", dialect, form)
			}
		}
	}
}

func TestFaultyServerIsDetected(t *testing.T) {
	t.Parallel()
	for spoil, attribute := range map[string]string{
		"drop a member":         "members",
		"remove means all":      "members",
		"dangling members":      "members",
		"ignore the manager":    "manager",
		"lose a disable":        "active",
		"text booleans":         "active",
		"forget the department": enterprise + ":department",
		"shout names":           "displayName",
		"keep the deleted":      "user",
		"no way back":           "groups",
		"ghosts":                "/Users total",
		"total of the page":     "/Users total",
		"short pages":           "/Users page",
		"repeat a record":       "/Users page",
	} {
		t.Run(spoil, func(t *testing.T) {
			t.Parallel()
			r, err := story(&server{spoil: spoil}, entra.Legacy).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(r.Differences, func(d entra.Difference) bool { return strings.HasPrefix(d.Attribute, attribute+" (after ") }) {
				t.Errorf("no difference in %s among %d", attribute, len(r.Differences))
			}
		})
	}
	r, err := story(&server{spoil: "members all the same"}, entra.Legacy).Run(t.Context())
	if err != nil || !slices.ContainsFunc(r.Unresolved, func(f entra.Failure) bool {
		return strings.HasSuffix(f.Code, "MultipleEntriesInResponse")
	}) {
		t.Errorf("members despite exclusion: error %v, unresolved %v", err, r.Unresolved)
	}
	if _, err := story(&server{spoil: "404 for nothing"}, entra.Legacy).Run(t.Context()); !errors.Is(err, entra.ErrQuarantine) {
		t.Errorf("404 for an empty result: %v, want quarantine", err)
	}
}

func TestLostWritesAreRepeated(t *testing.T) {
	t.Parallel()
	for spoil, what := range map[string]string{"shout names": "users updated again", "ignore the manager": "managers set again",
		"lose a disable": "users disabled again"} {
		r, err := story(&server{spoil: spoil}, entra.Compliant).Run(t.Context())
		if err != nil || !slices.ContainsFunc(r.Differences, func(d entra.Difference) bool { return strings.HasPrefix(d.Attribute, what) }) {
			t.Errorf("%s: %v; no difference %q", spoil, err, what)
		}
	}
}

func TestOtherPopulationsAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := &server{}
	for _, population := range []string{"first", "second"} {
		st := story(s, entra.Compliant)
		st.Directory.Population = population
		r, err := st.Run(t.Context())
		if err != nil || len(r.Differences) > 0 || len(r.Unresolved) > 0 {
			t.Fatalf("%s: %v, differences %v, unresolved %v", population, err, r.Differences, r.Unresolved)
		}
		if none := r.Others == (entra.Census{}); none != (population == "first") {
			t.Errorf("%s found other records: %+v", population, r.Others)
		}
	}
}

func TestLostResponsesAreRepairedInLaterCycles(t *testing.T) {
	t.Parallel()
	lost := map[string]bool{} // requests whose first response was lost, which happens to every write
	s := &server{}
	s.lose = func(r *http.Request) bool {
		key := r.Method + r.URL.Path
		if r.Method == http.MethodGet || len(lost) > 60 || lost[key] {
			return false
		}
		lost[key] = true
		return true
	}
	r, err := story(s, entra.Legacy).Run(t.Context())
	if err != nil || len(r.Differences) > 0 || len(r.Unresolved) > 0 {
		t.Fatalf("%v, differences %v, unresolved %v", err, r.Differences, r.Unresolved)
	}
	if first := r.Cycles[0]; len(first.Failures) == 0 || first.Failures[0].Code != "WebExceptionProtocolError" {
		t.Errorf("failures of the first cycle: %v", first.Failures)
	}
	if r.Cycles[1].Counts["users matched"] == 0 {
		t.Error("the user whose POST response was lost was not matched by the next cycle")
	}
}

func TestServerErrorsWaitForTheNextCycle(t *testing.T) {
	t.Parallel()
	s := &server{}
	refused := 0
	s.refuse = func(r *http.Request) *refusal {
		if r.Method == http.MethodPost && refused < 9 {
			refused++
			return &refusal{status: 500 + refused%3*2} // 500, 502, 504
		}
		return nil
	}
	d := entra.Generate(entra.Options{Users: 30, Seed: 1})
	j := job(s, entra.Legacy)
	cycle, err := j.Cycle(t.Context(), d)
	if err != nil || len(cycle.Failures) != 9 || cycle.Failures[0].Code != "InternalServerError" || cycle.Failures[0].Object == "" {
		t.Fatalf("%v, %d failures: %+v", err, len(cycle.Failures), cycle.Failures)
	}
	cycle, err = j.Cycle(t.Context(), d)
	if err != nil || len(cycle.Failures) != 0 || cycle.Counts["users created"] != 9 {
		t.Fatalf("second cycle: %v, %+v", err, cycle)
	}
	cycle, err = j.Cycle(t.Context(), d)
	if err != nil || cycle.Requests != 0 || cycle.Initial {
		t.Errorf("third cycle, nothing changed: %v, %+v", err, cycle)
	}
}

func TestRetryAfterPausesTheJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		var at []time.Time
		s.refuse = func(r *http.Request) *refusal {
			if at = append(at, time.Now()); len(at) == 10 {
				return &refusal{429, "7"}
			}
			if len(at) == 20 {
				return &refusal{503, time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)}
			}
			return nil
		}
		j := job(s, entra.Legacy)
		j.Concurrency = 1
		begin := time.Now()
		cycle, err := j.Cycle(t.Context(), entra.Generate(entra.Options{Users: 30, Seed: 1}))
		if err != nil || len(cycle.Failures) != 0 {
			t.Fatalf("%v, %+v", err, cycle.Failures)
		}
		if d := at[10].Sub(at[9]); d != 7*time.Second {
			t.Errorf("paused %v after Retry-After: 7", d)
		}
		if d := time.Since(begin); d != 67*time.Second {
			t.Errorf("the cycle took %v, want 7 s and a minute, the longest pause", d)
		}
	})
}

func TestEndlessRefusalFailsTheObject(t *testing.T) {
	t.Parallel()
	for header, attempts := range map[string]int{"0": 6, "": 1} {
		s := &server{}
		tries := 0
		s.refuse = func(r *http.Request) *refusal {
			if r.Method != http.MethodPost {
				return nil
			}
			tries++
			return &refusal{429, header}
		}
		cycle, err := job(s, entra.Legacy).Cycle(t.Context(), entra.Generate(entra.Options{Users: 1, Seed: 1}))
		if err != nil || tries != attempts || len(cycle.Failures) != 1 || cycle.Failures[0].Code != "TooManyRequests" {
			t.Errorf("Retry-After %q: %v, %d attempts, %+v", header, err, tries, cycle.Failures)
		}
	}
}

func TestRateIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := job(&server{}, entra.Legacy)
		j.Rate = 25
		begin := time.Now()
		cycle, err := j.Cycle(t.Context(), entra.Generate(entra.Options{Users: 30, Seed: 1}))
		if err != nil {
			t.Fatal(err)
		}
		if d, want := time.Since(begin), time.Duration(cycle.Requests-1)*40*time.Millisecond; d != want {
			t.Errorf("%d requests took %v, want %v", cycle.Requests, d, want)
		}
	})
}

func TestRefusedTokenIsQuarantine(t *testing.T) {
	t.Parallel()
	j := job(&server{}, entra.Legacy)
	j.Token = "revoked"
	if err := j.TestConnection(t.Context()); !errors.Is(err, entra.ErrQuarantine) {
		t.Errorf("test connection: %v", err)
	}
	s := &server{}
	calls := 0
	s.refuse = func(*http.Request) *refusal {
		if calls++; calls > 20 {
			return &refusal{status: 401}
		}
		return nil
	}
	cycle, err := job(s, entra.Legacy).Cycle(t.Context(), entra.Generate(entra.Options{Users: 300, Seed: 1}))
	if !errors.Is(err, entra.ErrQuarantine) || calls > 30 || len(cycle.Failures) == 0 {
		t.Errorf("revoked in the middle: %v after %d calls", err, calls)
	}
}

func TestTwoRecordsForOneMatchAreDuplicates(t *testing.T) {
	t.Parallel()
	d := entra.Generate(entra.Options{Users: 1, Seed: 1})
	twin := object{"id": "a", "userName": d.People[0].UserPrincipalName}
	s := &server{records: map[string][]object{"Users": {twin, clone(twin)}, "Groups": {}}}
	cycle, err := job(s, entra.Legacy).Cycle(t.Context(), d)
	if err != nil || len(cycle.Failures) != 1 || cycle.Failures[0].Code != "DuplicateTargetEntries" {
		t.Errorf("%v, %+v", err, cycle.Failures)
	}
}

func TestCancelledCycleStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &server{}
	calls := 0
	s.refuse = func(*http.Request) *refusal {
		if calls++; calls == 20 {
			cancel()
		}
		return nil
	}
	if _, err := job(s, entra.Legacy).Cycle(ctx, entra.Generate(entra.Options{Users: 300, Seed: 1})); !errors.Is(err, context.Canceled) ||
		calls > 40 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestProgressAndStatsCountEverything(t *testing.T) {
	t.Parallel()
	j := job(&server{}, entra.Compliant)
	last := map[string]entra.Progress{}
	j.Progress = func(p entra.Progress) { last[p.Phase] = p }
	cycle, err := j.Cycle(t.Context(), entra.Generate(entra.Options{Users: 60, Groups: 4, Seed: 1}))
	if err != nil {
		t.Fatal(err)
	}
	for _, phase := range []string{"users", "managers", "groups", "members"} {
		if p := last[phase]; p.Total == 0 || p.Done != p.Total {
			t.Errorf("%s ended at %+v", phase, p)
		}
	}
	requests := 0
	for _, o := range j.Stats() {
		requests += o.Requests
		if o.P50 > o.P90 || o.P90 > o.P99 || o.P99 > o.Max || o.Failed > 0 {
			t.Errorf("%+v", o)
		}
	}
	if requests != cycle.Requests || requests == 0 {
		t.Errorf("stats hold %d requests, the cycle made %d", requests, cycle.Requests)
	}
}
