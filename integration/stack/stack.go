// Package stack assembles the whole service in the test's process: the real handlers, rules and stores, with a clock
// and ids that the test controls.
package stack

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"rollcall/shared/administration"
	"rollcall/shared/app"
	"rollcall/shared/country"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/random"
	"rollcall/shared/scimapi"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/workflow"
)

// Origin is the public URL of every stack.
const Origin = "https://rollcall.example"

// Options are the choices of a stack; the zero value is SQLite in memory and the profile entra.
type Options struct {
	Ports      func(t testing.TB) directory.Ports
	Profile    string
	Extensions []directory.Extension
	IDs        func() string
	External   directory.External // its wake-ups, if it has any, are in place of the stack's
}

// Stack is a running service with one tenant and one provider.
type Stack struct {
	Service  *directorytest.Env
	Provider directory.Provider
	Token    string
	BaseURL  string
	Clock    *Clock
	Admin    administration.Admin // of the tenant
	Wakeups  *workflow.Local      // uses Clock; the test calls Fire or Wake
	Damaged  bool                 // the test has damaged the data, so that it is not checked at the end
	followed map[directory.EntryID]bool
	Log      *bytes.Buffer // everything the handlers logged; read it after the requests
	logger   *slog.Logger
}

// Clock is a clock that moves only by Advance.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// CountedIDs returns a generator of ids that count up, so that two stacks with the same history have the same ids and,
// because lists are ordered by id, lists in the same order. The last character is spare: that of an entry follows from its
// subject. Not for concurrent use.
func CountedIDs() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("%024d0", n)
	}
}

type lockedWriter struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// SQLite returns the ports of a new database in memory.
func SQLite(t testing.TB) directory.Ports {
	t.Helper()
	s, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Ports()
}

// New starts a stack.
func New(t testing.TB, o Options) *Stack {
	t.Helper()
	if o.Ports == nil {
		o.Ports = SQLite
	}
	if o.Profile == "" {
		o.Profile = "entra"
	}
	s := &Stack{Clock: &Clock{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}, Log: &bytes.Buffer{}}
	s.logger = app.NewLog(&lockedWriter{b: s.Log})
	ports := o.Ports(t)
	s.Wakeups, s.followed = workflow.NewLocal(s.Clock.Now), map[directory.EntryID]bool{}
	out := o.External
	if out.Wakeups == nil {
		out.Wakeups = s.Wakeups
	}
	s.Service = directorytest.New(ports, directory.Runtime{Now: s.Clock.Now, NewID: o.IDs, Country: country.Code,
		CountryTable: country.Version, External: out})
	tenant := directory.TenantID(random.ID()[:6]) // stores may be shared between tests
	s.Admin = administration.Admin{Tenant: tenant, Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1", Reason: "a test"}}
	ctx := context.Background()
	if _, err := s.Service.As(s.Admin).Tenants.Create(ctx, "Test"); err != nil {
		t.Fatal(err)
	}
	var err error
	s.Provider, s.Token, err = s.Service.As(s.Admin).Providers.Create(ctx,
		administration.NewProvider{DisplayName: "Test", Profile: o.Profile, Extensions: o.Extensions})
	if err != nil {
		t.Fatal(err)
	}
	s.BaseURL = Origin + scimapi.BasePath + string(s.Provider.ID)
	t.Cleanup(func() { s.sound(t, ports) })
	return s
}

// Wake fires the wake-ups that are due by the clock.
func (s *Stack) Wake(ctx context.Context) error {
	deactivate := app.Deactivate(s.Service.Follow, s.logger)
	return s.Wakeups.Fire(ctx, func(ctx context.Context) error { return deactivate(ctx, app.Wakeup{}) })
}

// Handler returns the SCIM handler as both doors wrap it.
func (s *Stack) Handler() http.Handler {
	return app.Middleware(scimapi.Handler(s.Service.Provisioning, scimapi.Options{Origin: Origin}), s.logger, "test", scimapi.Panicked)
}

// Door sends a request to the service.
type Door func(*http.Request) (*http.Response, error)

// Local returns the door of `rollcall serve`: the handler as net/http calls it.
func (s *Stack) Local() Door {
	h := s.Handler()
	return func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		if r.Body == nil {
			r.Body = http.NoBody
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result(), nil
	}
}

// Gateway returns the Lambda door: each request becomes an API Gateway event for the function that the route table names,
// and the function's result becomes the response.
func (s *Stack) Gateway() Door {
	o := scimapi.Options{Origin: Origin}
	functions := map[string]app.GatewayFunc{}
	for name, h := range map[string]http.Handler{
		"users": scimapi.Users(s.Service.Provisioning, o), "groups": scimapi.Groups(s.Service.Provisioning, o),
		"discovery": scimapi.Discovery(s.Service.Provisioning, o), "bulk": scimapi.Bulk(s.Service.Provisioning, o),
	} {
		functions[name] = app.Gateway(app.Middleware(h, s.logger, name, scimapi.Panicked))
	}
	return func(r *http.Request) (*http.Response, error) { return Invoke(functions[functionOf(r.URL.Path)], r) }
}

// Invoke has a function answer a request as API Gateway does.
func Invoke(f app.GatewayFunc, r *http.Request) (*http.Response, error) {
	e, err := Event(r)
	if err != nil {
		return nil, err
	}
	answer, err := f(r.Context(), e)
	if err != nil {
		return nil, err
	}
	return response(answer)
}

// Event turns a request into the event that API Gateway would send.
func Event(r *http.Request) (events.APIGatewayProxyRequest, error) {
	e := events.APIGatewayProxyRequest{
		HTTPMethod: r.Method, Path: r.URL.EscapedPath(), MultiValueHeaders: r.Header,
		MultiValueQueryStringParameters: r.URL.Query(),
	}
	e.RequestContext.DomainName = r.URL.Host
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return e, err
		}
		e.Body = string(body)
	}
	return e, nil
}

func response(a events.APIGatewayProxyResponse) (*http.Response, error) {
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return nil, err
		}
	}
	h := http.Header(a.MultiValueHeaders)
	return &http.Response{
		StatusCode: a.StatusCode, Status: fmt.Sprint(a.StatusCode, " ", http.StatusText(a.StatusCode)),
		Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}
