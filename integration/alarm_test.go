package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/adminapi"
	"rollcall/shared/administration"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/scimapi"
)

// refusal is the error with which the ports below refuse to read, nil while they do not.
type refusal struct {
	mu  sync.Mutex
	err error
}

func (r *refusal) set(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *refusal) get() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

type refusingTenants struct {
	directory.Tenants
	r *refusal
}

func (p refusingTenants) ListTenants(ctx context.Context, after directory.TenantID, n int) ([]directory.Tenant, error) {
	if err := p.r.get(); err != nil {
		return nil, err
	}
	return p.Tenants.ListTenants(ctx, after, n)
}

type refusingProviders struct {
	directory.Providers
	r *refusal
}

func (p refusingProviders) Provider(ctx context.Context, t directory.TenantID, id directory.ProviderID) (directory.Provider, error) {
	if err := p.r.get(); err != nil {
		return directory.Provider{}, err
	}
	return p.Providers.Provider(ctx, t, id)
}

// refusing returns ports that refuse some reads with r.
func refusing(ports directory.Ports, r *refusal) directory.Ports {
	ports.Tenants, ports.Providers = refusingTenants{ports.Tenants, r}, refusingProviders{ports.Providers, r}
	return ports
}

// refusals holds errors of a store, and whether a person must look at them.
var refusals = []struct {
	name  string
	err   error
	alarm bool
}{
	{"a busy table", directory.Errorf(directory.Unavailable, "the store is busy; try again"), false},
	{"a cancelled request", &directory.Error{Kind: directory.Unavailable, Detail: "the request was cancelled", Err: context.Canceled}, false},
	{"a full disk", &directory.Error{Kind: directory.Unavailable, Detail: "the database file cannot be written", Fault: true}, true},
	{"an unknown error", errors.New("no such table"), true},
}

// A 5xx is logged at level ERROR, which is an alarm, only if a person must act: in both APIs, through both doors.
func TestOnlyFaultsAreLoggedAsErrors(t *testing.T) {
	t.Parallel()
	var r refusal
	s := stack.New(t, stack.Options{Ports: func(t testing.TB) directory.Ports { return refusing(stack.SQLite(t), &r) }})
	_, key, err := s.Service.As(s.Admin).APIKeys.Create(t.Context(),
		administration.NewAPIKey{DisplayName: "first", Role: directory.RoleAdministrator})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	admin := adminapi.Handler(s.Service.Administration, adminapi.Options{Origin: stack.Origin, NewID: random.ID})
	scim := scimapi.Discovery(s.Service.Provisioning, scimapi.Options{Origin: stack.Origin})
	for _, api := range []struct {
		name, token, url string
		h                http.Handler
	}{
		{"SCIM", s.Token, s.BaseURL + "/ServiceProviderConfig", app.Middleware(scim, app.NewLog(&log), "test", scimapi.Panicked)},
		{"the admin API", key, stack.Origin + "/api/v1/providers/" + string(s.Provider.ID),
			app.Middleware(admin, app.NewLog(&log), "test", adminapi.Panicked)},
	} {
		local := func(r *http.Request) int {
			w := httptest.NewRecorder()
			api.h.ServeHTTP(w, r)
			return w.Code
		}
		gateway := func(r *http.Request) int {
			e, err := stack.Event(r)
			if err != nil {
				t.Fatal(err)
			}
			a, err := app.Gateway(api.h)(r.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			return a.StatusCode
		}
		for door, do := range map[string]func(*http.Request) int{"local": local, "gateway": gateway} {
			for _, c := range refusals {
				r.set(c.err)
				log.Reset()
				q := httptest.NewRequest(http.MethodGet, api.url, http.NoBody)
				q.Header.Set("Authorization", "Bearer "+api.token)
				status := do(q)
				r.set(nil)
				if logged := strings.Contains(log.String(), `"level":"ERROR"`); status < 500 || logged != c.alarm {
					t.Errorf("%s, %s, %s: status %d, %s", api.name, door, c.name, status, log.String())
				}
			}
		}
	}
}

// The same holds for the jobs of `rollcall serve`, which are all done again.
func TestOnlyFaultsOfJobsAreLoggedAsErrors(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var r refusal
			r.set(c.err)
			log := &lockedLog{}
			local := app.NewLocal(refusing(stack.SQLite(t), &r), 0, directory.External{}, app.NewLog(log))
			ctx, stop := context.WithCancel(t.Context())
			var work sync.WaitGroup
			work.Go(func() { local.Work(ctx) })
			jobs := []string{"apply", "seal", "purge", "erase"}
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				missing := false
				for _, j := range jobs {
					missing = missing || !strings.Contains(log.String(), `"msg":"`+j+`"`)
				}
				if !missing {
					break
				}
			}
			stop()
			work.Wait()
			text := log.String()
			for _, j := range jobs {
				if !strings.Contains(text, `"msg":"`+j+`"`) {
					t.Errorf("%s is not in the log:\n%s", j, text)
				}
			}
			for line := range strings.Lines(text) {
				if strings.Contains(line, `"level":"ERROR"`) != c.alarm {
					t.Errorf("%s", line)
				}
			}
		})
	}
}

// In AWS a job's error is an alarm of its function; one that passes by itself is only logged, and done at the next time.
func TestOnlyFaultsOfFunctionsAreErrors(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		var r refusal
		s := stack.New(t, stack.Options{Ports: func(t testing.TB) directory.Ports { return refusing(stack.SQLite(t), &r) }})
		var log bytes.Buffer
		r.set(c.err)
		_, err := app.ChangesOrWork(s.Service.Follow, app.NewLog(&log))(t.Context(), json.RawMessage(`{"do":"seal"}`))
		if (err != nil) != c.alarm || !c.alarm && !strings.Contains(log.String(), `"level":"WARN","msg":"seal"`) {
			t.Errorf("%s: the job ended with %v: %s", c.name, err, log.String())
		}
		log.Reset()
		err = app.Deactivate(s.Service.Follow, app.NewLog(&log))(t.Context(), app.Wakeup{Sweep: true})
		if (err != nil) != c.alarm || strings.Contains(log.String(), `"level":"ERROR"`) != c.alarm {
			t.Errorf("%s: the sweep ended with %v: %s", c.name, err, log.String())
		}
	}
}

// lockedLog is a log that a test reads while others write it.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
