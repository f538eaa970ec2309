package entra

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ReadBack is a client that trusts no success: after every write it reads the resource and compares it with a model of
// its own. It writes in all forms that clients are known to use, mixed at random: both dialects of Entra, Okta's pushes,
// PUT, PATCH with and without paths, single requests and Bulk, repeated requests, and requests that must be refused and
// change nothing.
//
// BaseURL and Token are required. Each worker has people and groups of its own, whose names contain Population, so
// that several runs can share a provider.
type ReadBack struct {
	BaseURL, Token string
	Profile        string // of the provider: entra (also for an empty one), entra-gov, okta or generic
	Writes         int    // requests that write, over all workers
	Workers        int    // zero is 8
	Seed           uint64
	Population     string       // empty means "r<seed>"
	HTTP           *http.Client // nil is a client with enough idle connections
	Progress       func(done, total int)
}

// ReadBackReport is the outcome of a run. It is a success when Differences is zero.
type ReadBackReport struct {
	Writes      int            `json:"writes"`  // requests that write and were accepted
	Refused     int            `json:"refused"` // requests that had to be refused and were
	Repeated    int            `json:"repeated"`
	Reads       int            `json:"reads"`
	Forms       map[string]int `json:"forms"` // how often each form was sent
	Differences int            `json:"differences"`
	First       []Discrepancy  `json:"first,omitempty"` // the first ten
	Seconds     float64        `json:"seconds"`
}

// Discrepancy is a write whose outcome is not the one it reported.
type Discrepancy struct {
	Form    string `json:"form"`
	Request string `json:"request"`
	Status  int    `json:"status"`
	What    string `json:"what"`
	Want    string `json:"want"`
	Got     string `json:"got"`
}

// String renders the discrepancy on one line.
func (d Discrepancy) String() string {
	return fmt.Sprintf("%s: %s: status %d, %s: want %q, got %q", d.Form, d.Request, d.Status, d.What, d.Want, d.Got)
}

// maxDiscrepancies is how many discrepancies a report describes.
const maxDiscrepancies = 10

// Run writes and reads back until Writes requests were sent. The error is of the connection or the context.
func (b *ReadBack) Run(ctx context.Context) (ReadBackReport, error) {
	begin := time.Now()
	workers := b.Workers
	if workers <= 0 {
		workers = 8
	}
	population := b.Population
	if population == "" {
		population = fmt.Sprintf("r%d", b.Seed)
	}
	doer := b.HTTP
	if doer == nil {
		doer = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, IdleConnTimeout: 90 * time.Second}}
	}
	shared := &readBackRun{ReadBack: b, report: ReadBackReport{Forms: map[string]int{}}}
	g, ctx := errgroup.WithContext(ctx)
	for i := range workers {
		w := &readBackWorker{
			run: shared, r: rand.New(rand.NewPCG(b.Seed, uint64(i))),
			client: &client{http: doer, base: strings.TrimSuffix(b.BaseURL, "/"), token: b.Token, timeout: time.Minute},
			name:   fmt.Sprintf("%s-%d", population, i),
		}
		g.Go(func() error { return w.work(ctx) })
	}
	err := g.Wait()
	shared.report.Seconds = time.Since(begin).Seconds()
	return shared.report, err
}

// readBackRun is what the workers of a run share.
type readBackRun struct {
	*ReadBack
	mu     sync.Mutex
	sent   int
	report ReadBackReport
}

// next reports whether another write is due, and counts it.
func (s *readBackRun) next() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent >= s.Writes {
		return false
	}
	s.sent++
	if s.Progress != nil {
		s.Progress(s.sent, s.Writes)
	}
	return true
}

func (s *readBackRun) note(fn func(r *ReadBackReport)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(&s.report)
}

func (s *readBackRun) differ(d Discrepancy) {
	s.note(func(r *ReadBackReport) {
		r.Differences++
		if len(r.First) < maxDiscrepancies {
			r.First = append(r.First, d)
		}
	})
}

// wraps reports whether the profile unwraps texts that come as arrays or as objects, and lenient whether it passes over
// attributes that nobody reads.
func (s *readBackRun) wraps() bool   { return s.Profile == "" || strings.HasPrefix(s.Profile, "entra") }
func (s *readBackRun) lenient() bool { return s.Profile != "generic" }

// modelUser is what the server must show of a user.
type modelUser struct {
	id, userName string
	active       bool
	texts        map[string]string // by path
	typed        map[string]string // by attribute and type, as in "emails work"
	manager      string
}

func (u *modelUser) copy() *modelUser {
	c := *u
	c.texts, c.typed = maps.Clone(u.texts), maps.Clone(u.typed)
	return &c
}

// modelGroup is what the server must show of a group.
type modelGroup struct {
	id, displayName, externalId string
	members                     map[string]bool
}

func (g *modelGroup) copy() *modelGroup {
	c := *g
	c.members = maps.Clone(g.members)
	return &c
}

// flat returns the state of a user as text by name, to compare it with another.
func (u *modelUser) flat() map[string]string {
	out := map[string]string{"userName": u.userName, "active": fmt.Sprint(u.active)}
	maps.Copy(out, u.texts)
	maps.Copy(out, u.typed)
	if u.manager != "" {
		out["manager"] = u.manager
	}
	return out
}

func (g *modelGroup) flat() map[string]string {
	return map[string]string{"displayName": g.displayName, "externalId": g.externalId,
		"members": strings.Join(slices.Sorted(maps.Keys(g.members)), " ")}
}

// flatUser returns the state of a user's record in the form of modelUser.flat.
func flatUser(record map[string]any) map[string]string {
	out := map[string]string{"active": fmt.Sprint(record["active"])}
	for _, path := range append([]string{"userName"}, textPaths...) {
		if text, found := read(record, path); found {
			out[path] = text
		}
	}
	for _, attribute := range []string{"emails", "phoneNumbers"} {
		elements, _ := record[attribute].([]any)
		for _, e := range elements {
			element, _ := e.(map[string]any)
			key := fmt.Sprint(attribute, " ", element["type"])
			if _, twice := out[key]; twice {
				key += " again"
			}
			out[key] = fmt.Sprint(element["value"])
		}
	}
	if m := readManager(record); m != "" {
		out["manager"] = m
	}
	return out
}

func flatGroup(record map[string]any) map[string]string {
	var ids []string
	elements, _ := record["members"].([]any)
	for _, e := range elements {
		element, _ := e.(map[string]any)
		ids = append(ids, fmt.Sprint(element["value"]))
	}
	slices.Sort(ids)
	return map[string]string{"displayName": first(read(record, "displayName")), "externalId": first(read(record, "externalId")),
		"members": strings.Join(ids, " ")}
}

// differing returns the names whose texts differ, with both texts.
func differing(want, got map[string]string) (what, wanted, found string) {
	names := map[string]bool{}
	for name := range want {
		names[name] = true
	}
	for name := range got {
		names[name] = true
	}
	var a, b, c []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if want[name] != got[name] {
			a, b, c = append(a, name), append(b, want[name]), append(c, got[name])
		}
	}
	return strings.Join(a, ", "), strings.Join(b, " | "), strings.Join(c, " | ")
}
