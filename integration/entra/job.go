package entra

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Job is one provisioning job of Entra ID: it provisions a directory to a SCIM server, cycle by cycle, and remembers
// between cycles what it has linked and sent. BaseURL and Token are required. Methods must not run concurrently; within
// a cycle the job sends Concurrency requests in parallel.
type Job struct {
	BaseURL, Token string
	Dialect        Dialect       // zero is Legacy
	Concurrency    int           // zero is 8
	Rate           float64       // requests per second over all workers; zero is no limit
	Timeout        time.Duration // of one request; zero is the 60 s of the real client
	MemberBatch    int           // members per PATCH; zero is 100
	ReadBack       bool          // read every written resource back and compare it with what was sent
	HTTP           *http.Client  // nil is a client with enough idle connections
	Progress       func(Progress)

	once    sync.Once
	client  *client
	mu      sync.Mutex // guards the fields below while workers run
	users   map[string]*userLink
	groups  map[string]*groupLink
	running *Cycle
	done    int
}

// Progress is the progress of a phase of a cycle. It is reported once for each object, never concurrently.
type Progress struct {
	Phase       string
	Done, Total int
	Requests    int // since the job began
	Failures    int // in this cycle
}

// userLink is what the job knows about a person: the linked record, if id is set; otherwise the person was skipped,
// because they are disabled and not on the server.
type userLink struct {
	id        string
	processed string // fingerprint of the source state that the server has; empty: try again
	managerID string // SCIM id the record is known to hold
}

type groupLink struct {
	id        string
	processed string
	sent      map[string]bool // object ids of members the server is known to hold
}

// Cycle is the record of one provisioning cycle.
type Cycle struct {
	Initial  bool           `json:"initial"`
	Requests int            `json:"requests"`
	Counts   map[string]int `json:"counts"`
	Failures []Failure      `json:"failures,omitempty"`
	// Differences are between what was written with success and what was read afterwards (Job.ReadBack).
	Differences []Difference `json:"differences,omitempty"`
	Seconds     float64      `json:"seconds"`
}

// Stats returns counts and latencies of all requests since the job began, one element for each kind.
func (j *Job) Stats() []OperationStats {
	j.start()
	return j.client.recorder.stats()
}

// Restart forgets all links and all that was sent, as "Restart provisioning" does: the next cycle is an initial one that
// matches every object again.
func (j *Job) Restart() {
	j.users, j.groups = map[string]*userLink{}, map[string]*groupLink{}
}

func (j *Job) start() {
	j.once.Do(func() {
		if j.Dialect == "" {
			j.Dialect = Legacy
		}
		if j.Concurrency <= 0 {
			j.Concurrency = 8
		}
		if j.MemberBatch <= 0 {
			j.MemberBatch = 100
		}
		if j.Timeout <= 0 {
			j.Timeout = time.Minute
		}
		doer := j.HTTP
		if doer == nil {
			doer = &http.Client{
				Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: j.Concurrency, IdleConnTimeout: 90 * time.Second},
			}
		}
		j.client = &client{http: doer, base: strings.TrimSuffix(j.BaseURL, "/"), token: j.Token, timeout: j.Timeout}
		if j.Rate > 0 {
			j.client.interval = time.Duration(float64(time.Second) / j.Rate)
		}
		j.Restart()
	})
}

// TestConnection sends the same requests as the portal's button: queries for objects that cannot exist, which must
// return an empty list, and a page of one. ErrQuarantine means that the server refused the credentials or is not a SCIM
// endpoint.
func (j *Job) TestConnection(ctx context.Context) error {
	j.start()
	queries := []string{
		"/Users?" + filter("userName eq %s", randomGUID()),
		"/Groups?excludedAttributes=members&" + filter("displayName eq %s", randomGUID()),
		"/Users?startIndex=1&count=1",
	}
	for i, q := range queries {
		p, err := j.client.list(ctx, OpTest, q)
		if err != nil {
			return err
		}
		if i < 2 && (p.total != 0 || len(p.resources) != 0) {
			return &Failure{Operation: OpTest, Code: incompatible, Status: http.StatusOK, Detail: "an object that cannot exist was found",
				quarantine: true}
		}
	}
	return nil
}

func randomGUID() string {
	t := strings.ToLower(rand.Text() + rand.Text())
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:32]
}

// Cycle provisions the directory: everything in the first cycle and after Restart, later only changed objects and those
// that failed before. Failed objects are in the record and tried again by the next cycle; if the response of a create
// was lost, the matching query then finds the object. The error is ErrQuarantine or the context's; the record is valid in
// any case.
func (j *Job) Cycle(ctx context.Context, d *Directory) (Cycle, error) {
	j.start()
	begin, before := time.Now(), j.client.recorder.requests()
	cycle := Cycle{Initial: len(j.users) == 0 && len(j.groups) == 0, Counts: map[string]int{}}
	j.running = &cycle
	var err error
	if cycle.Initial {
		err = j.TestConnection(ctx)
	}
	for _, phase := range []func(context.Context, *Directory) error{j.deletions, j.people, j.managers, j.groupObjects, j.members} {
		if err == nil {
			err = phase(ctx, d)
		}
	}
	cycle.Requests = j.client.recorder.requests() - before
	cycle.Seconds = time.Since(begin).Seconds()
	return cycle, err
}

// each runs fn for all items, Concurrency at a time. A Failure is kept in the record of the cycle; quarantine and the end
// of the context stop it.
func each[T any](ctx context.Context, j *Job, phase string, items []T, object func(T) string, fn func(context.Context, T) error) error {
	if len(items) == 0 {
		return ctx.Err()
	}
	j.done = 0
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(j.Concurrency)
	for _, item := range items {
		if inner.Err() != nil {
			break
		}
		g.Go(func() error {
			err := fn(inner, item)
			return j.finished(phase, len(items), object(item), err)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func (j *Job) finished(phase string, total int, object string, err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var f *Failure
	if errors.As(err, &f) {
		failure := *f
		failure.Object = object
		j.running.Failures = append(j.running.Failures, failure)
		if !f.quarantine {
			err = nil
		}
	}
	j.done++
	if j.Progress != nil {
		j.Progress(Progress{Phase: phase, Done: j.done, Total: total, Requests: j.client.recorder.requests(), Failures: len(j.running.Failures)})
	}
	return err
}

func (j *Job) count(what string, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.running.Counts[what] += n
}

// deletions removes objects that are no longer in the directory: hard-deleted people and deleted groups.
func (j *Job) deletions(ctx context.Context, d *Directory) error {
	present := map[string]bool{}
	for i := range d.People {
		present[d.People[i].ObjectID] = true
	}
	for i := range d.Groups {
		present[d.Groups[i].ObjectID] = true
	}
	type target struct{ object, path string }
	var targets []target
	for object, link := range j.users {
		switch {
		case present[object]:
		case link.id == "":
			delete(j.users, object)
		default:
			targets = append(targets, target{object, "/Users/" + url.PathEscape(link.id)})
		}
	}
	for object, link := range j.groups {
		if !present[object] {
			targets = append(targets, target{object, "/Groups/" + url.PathEscape(link.id)})
		}
	}
	slices.SortFunc(targets, func(a, b target) int { return strings.Compare(a.object, b.object) })
	return each(ctx, j, "deletions", targets, func(t target) string { return t.object }, func(ctx context.Context, t target) error {
		op, what := OpUserDelete, "users deleted"
		if strings.HasPrefix(t.path, "/Groups/") {
			op, what = OpGroupDelete, "groups deleted"
		}
		// A repeated DELETE gets 404 when the response to the first was lost.
		if _, err := j.client.call(ctx, op, http.MethodDelete, t.path, nil, http.StatusNoContent, http.StatusNotFound); err != nil {
			return err
		}
		j.count(what, 1)
		j.forget(t.object)
		return nil
	})
}

// forget drops a deleted object and its memberships.
func (j *Job) forget(object string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.users, object)
	delete(j.groups, object)
	for _, g := range j.groups {
		delete(g.sent, object)
	}
}

func (j *Job) user(object string) *userLink {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.users[object]
}

func (j *Job) linkUser(object string, link *userLink) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.users[object] = link
}
