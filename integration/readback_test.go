package integration_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"rollcall/integration/entra"
	"rollcall/integration/stack"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
)

// TestReadBack holds the service to its word: what it answers with success has happened, and what it refuses has changed
// nothing, in every form that clients are known to use.
func TestReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		profile string
		ports   func(testing.TB) directory.Ports
		writes  int
	}{
		{"SQLite, entra", "entra", stack.SQLite, proof.Size(3_000, 100_000)},
		{"SQLite, okta", "okta", stack.SQLite, proof.Size(1_000, 20_000)},
		{"SQLite, generic", "generic", stack.SQLite, proof.Size(1_000, 20_000)},
		{"DynamoDB, entra", "entra", stack.DynamoDB, proof.Size(150, 5_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Ports: c.ports, Profile: c.profile})
			run := entra.ReadBack{BaseURL: s.BaseURL, Token: s.Token, Profile: c.profile, Writes: c.writes, Seed: 1,
				HTTP: &http.Client{Transport: transport{s.Local()}}}
			report, err := run.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d writes, %d refused, %d repeated, %d reads, %d forms", report.Writes, report.Refused, report.Repeated, report.Reads,
				len(report.Forms))
			for _, d := range report.First {
				t.Error(d)
			}
			if report.Differences > 0 {
				t.Errorf("%d differences", report.Differences)
			}
		})
	}
}

// TestDayOfReadBack provisions a day as each client does, a cycle every 40 minutes, and reads back what each write wrote.
func TestDayOfReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect entra.Dialect
		profile string
	}{{entra.Legacy, "entra"}, {entra.Compliant, "entra"}, {entra.Legacy, "entra-gov"}, {entra.Okta, "okta"}} {
		t.Run(string(c.dialect)+" "+c.profile, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Profile: c.profile})
			job := &entra.Job{BaseURL: s.BaseURL, Token: s.Token, Dialect: c.dialect, ReadBack: true,
				HTTP: &http.Client{Transport: transport{s.Local()}}}
			story := entra.Story{Job: job, Directory: entra.Options{Users: 60, Groups: 8, Seed: 4}, Cycles: proof.Size(2, 36)}
			report, err := story.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n := len(report.Differences) + len(report.Unresolved); n > 0 {
				t.Fatalf("%d differences, first %v; unresolved %v", n, report.Differences[:min(3, len(report.Differences))], report.Unresolved)
			}
			for _, o := range report.Operations {
				if o.Operation == entra.OpReadBack && o.Requests > 0 {
					return
				}
			}
			t.Error("nothing was read back")
		})
	}
}

// pretender answers every fourth PATCH with success and does not carry it out.
type pretender struct {
	transport
	patches atomic.Int64
}

func (p *pretender) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch && p.patches.Add(1)%4 == 0 {
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
	}
	return p.transport.RoundTrip(r)
}

func TestReadBackSeesSuccessWithoutEffect(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	run := entra.ReadBack{BaseURL: s.BaseURL, Token: s.Token, Writes: 300, Seed: 1,
		HTTP: &http.Client{Transport: &pretender{transport: transport{s.Local()}}}}
	report, err := run.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Differences < 10 || len(report.First) != 10 {
		t.Errorf("%d differences were seen, %d described; some 60 PATCHes were not carried out", report.Differences, len(report.First))
	}
	job := &entra.Job{BaseURL: s.BaseURL, Token: s.Token, ReadBack: true,
		HTTP: &http.Client{Transport: &pretender{transport: transport{s.Local()}}}}
	cycle, err := job.Cycle(t.Context(), entra.Generate(entra.Options{Users: 40, Groups: 5, Seed: 9}))
	if err != nil {
		t.Fatal(err)
	}
	if len(cycle.Differences) == 0 {
		t.Error("a cycle saw no difference")
	}
}
