package entra

import (
	"context"
	"fmt"
	"time"
)

// Story is the history of one population on a server: an initial cycle, intervals in which the directory changes and is
// provisioned, a restart of the job, and a comparison after each of them.
type Story struct {
	Job       *Job
	Directory Options
	Cycles    int // intervals after the initial cycle
	Cleanup   bool
	Log       func(string) // receives one line at a time; nil: no output
}

// Report is the outcome of a story. It is a success when Differences and Unresolved are empty.
type Report struct {
	Population  string           `json:"population"`
	Dialect     Dialect          `json:"dialect"`
	Others      Census           `json:"others"` // other records on the server, before the first cycle
	People      int              `json:"people"` // at the end
	Groups      int              `json:"groups"`
	Memberships int              `json:"memberships"`
	Cycles      []Cycle          `json:"cycles"`
	Differences []Difference     `json:"differences"`
	Unresolved  []Failure        `json:"unresolved"` // still failing after the repeated cycles
	Operations  []OperationStats `json:"operations"` // latencies in milliseconds
	Seconds     float64          `json:"seconds"`
}

// repeats is how many more cycles a failed object gets before it counts as unresolved. The real client waits between
// cycles; here, the first repetition must repair a lost response or a short overload.
const repeats = 3

// Run plays the story. After an error, the report covers the story up to the error.
func (s *Story) Run(ctx context.Context) (Report, error) {
	s.Job.start()
	begin := time.Now()
	d := Generate(s.Directory)
	r := &Report{Population: d.Population, Dialect: s.Job.Dialect, Differences: []Difference{}, Unresolved: []Failure{}}
	d, err := s.play(ctx, d, r)
	for _, g := range d.Groups {
		r.Memberships += len(g.Members)
	}
	r.People, r.Groups = len(d.People), len(d.Groups)
	r.Operations, r.Seconds = s.Job.Stats(), time.Since(begin).Seconds()
	return *r, err
}

func (s *Story) play(ctx context.Context, d *Directory, r *Report) (*Directory, error) {
	if err := s.Job.TestConnection(ctx); err != nil {
		return d, err
	}
	var err error
	if r.Others, err = s.Job.CountOthers(ctx, d); err != nil {
		return d, err
	}
	s.log("%s, %s dialect: %d people, %d groups; others on the server: %d users, %d groups",
		d.Population, r.Dialect, len(d.People), len(d.Groups), r.Others.Users, r.Others.Groups)
	if err := s.chapter(ctx, "initial cycle", d, r); err != nil {
		return d, err
	}
	for i := range s.Cycles {
		var changes Changes
		d, changes = d.Evolve(uint64(i) + 1)
		s.log("changes in the directory: %s", changes)
		if err := s.chapter(ctx, fmt.Sprintf("cycle %d", i+1), d, r); err != nil {
			return d, err
		}
	}
	s.Job.Restart()
	before := len(r.Cycles)
	if err := s.chapter(ctx, "restart", d, r); err != nil {
		return d, err
	}
	r.faithful(r.Cycles[before:])
	if s.Cleanup {
		empty := &Directory{Population: d.Population, seed: d.seed}
		return d, s.chapter(ctx, "clean-up", empty, r)
	}
	return d, nil
}

// chapter runs a cycle, repeats it while objects fail, and compares.
func (s *Story) chapter(ctx context.Context, name string, d *Directory, r *Report) error {
	var failures []Failure
	for try := 0; try == 0 || (len(failures) > 0 && try <= repeats); try++ {
		cycle, err := s.Job.Cycle(ctx, d)
		r.Cycles = append(r.Cycles, cycle)
		failures = cycle.Failures
		r.Differences = append(r.Differences, cycle.Differences...)
		s.log("%s: %s; %d failed, %d requests in %.1f s", name, cycle.summary(), len(failures), cycle.Requests, cycle.Seconds)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	r.Unresolved = append(r.Unresolved, failures...)
	differences, err := s.Job.Compare(ctx, d, r.Others)
	if err != nil {
		return fmt.Errorf("compare after %s: %w", name, err)
	}
	s.log("%s: %d differences", name, len(differences))
	for _, diff := range differences {
		diff.Attribute += " (after " + name + ")"
		r.Differences = append(r.Differences, diff)
	}
	return nil
}

// faithful checks the cycles after the restart: if the server returns what was written, there is nothing to write again
// except the memberships, which the client does not read.
func (r *Report) faithful(restarted []Cycle) {
	for _, what := range []string{"users created", "users updated", "users disabled", "users restored", "managers set", "groups created",
		"groups updated"} {
		n := 0
		for _, cycle := range restarted {
			n += cycle.Counts[what]
		}
		if n > 0 {
			r.Differences = append(r.Differences, Difference{Attribute: what + " again by a job that only restarted", Want: "0", Got: fmt.Sprint(n)})
		}
	}
}

func (s *Story) log(format string, args ...any) {
	if s.Log != nil {
		s.Log(fmt.Sprintf(format, args...))
	}
}
