package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

type refusingChains struct {
	directory.Chains
	r *refusal
}

func (p refusingChains) GrownChains(
	ctx context.Context, now time.Time, after directory.GrownChain, n int,
) ([]directory.GrownChain, error) {
	if err := p.r.get(); err != nil {
		return nil, err
	}
	return p.Chains.GrownChains(ctx, now, after, n)
}

// refusing returns ports that refuse some reads with r.
func refusing(ports directory.Ports, r *refusal) directory.Ports {
	ports.Tenants, ports.Providers = refusingTenants{ports.Tenants, r}, refusingProviders{ports.Providers, r}
	ports.Chains = refusingChains{ports.Chains, r}
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

// adminAPI returns the admin API of a stack as it is deployed, and a key of an administrator.
func adminAPI(t *testing.T, s *stack.Stack, log io.Writer) (h http.Handler, key string) {
	t.Helper()
	_, key, err := s.Service.As(s.Admin).APIKeys.Create(t.Context(),
		administration.NewAPIKey{DisplayName: "first", Role: directory.RoleAdministrator})
	if err != nil {
		t.Fatal(err)
	}
	h = adminapi.Handler(s.Service.Administration, adminapi.Options{Origin: stack.Origin, NewID: random.ID})
	return app.Middleware(h, app.NewLog(log), "test", adminapi.Panicked), key
}

// doors returns both doors to a handler.
func doors(h http.Handler) map[string]stack.Door {
	return map[string]stack.Door{
		"local": func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Result(), nil
		},
		"gateway": func(r *http.Request) (*http.Response, error) { return stack.Invoke(app.Gateway(h), r) },
	}
}

// A 5xx is logged at level ERROR, which is an alarm, only if a person must act: in both APIs, through both doors.
func TestOnlyFaultsAreLoggedAsErrors(t *testing.T) {
	t.Parallel()
	var r refusal
	s := stack.New(t, stack.Options{Ports: func(t testing.TB) directory.Ports { return refusing(stack.SQLite(t), &r) }})
	var log bytes.Buffer
	admin, key := adminAPI(t, s, &log)
	scim := scimapi.Discovery(s.Service.Provisioning, scimapi.Options{Origin: stack.Origin})
	for _, api := range []struct {
		name, token, url string
		h                http.Handler
	}{
		{"SCIM", s.Token, s.BaseURL + "/ServiceProviderConfig", app.Middleware(scim, app.NewLog(&log), "test", scimapi.Panicked)},
		{"the admin API", key, stack.Origin + "/api/v1/providers/" + string(s.Provider.ID), admin},
	} {
		for door, do := range doors(api.h) {
			for _, c := range refusals {
				r.set(c.err)
				log.Reset()
				q := httptest.NewRequest(http.MethodGet, api.url, http.NoBody)
				q.Header.Set("Authorization", "Bearer "+api.token)
				res, err := do(q)
				r.set(nil)
				if err != nil {
					t.Fatal(err)
				}
				if logged := strings.Contains(log.String(), `"level":"ERROR"`); res.StatusCode < 500 || logged != c.alarm {
					t.Errorf("%s, %s, %s: status %d, %s", api.name, door, c.name, res.StatusCode, log.String())
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
			jobs := []string{"apply", "seal", "purge", "retain", "countries", "erase"}
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
		_, err := app.Jobs(s.Service.Follow, app.NewLog(&log))(t.Context(), app.JobEvent{Work: app.Work{Do: directory.JobSeal}})
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

// The admin API reads bodies as SCIM does: no encoding but UTF-8, whatever the media type says, and no compression.
func TestEncodingsOfAdminBodies(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	h, key := adminAPI(t, s, io.Discard)
	n := 0
	for door, do := range doors(h) {
		for _, c := range []struct {
			name, media, encoding, before string
			status                        int
		}{
			{"plain", "application/json", "", "", 201},
			{"identity", "application/json", "Identity", "", 201},
			{"gzip", "application/json", "gzip", "", 415},
			{"several encodings", "application/json", "identity, gzip", "", 415},
			{"a charset that does not matter", "application/json; charset=ISO-8859-1", "", "", 201},
			{"a charset in another spelling", "Application/JSON;CHARSET=utf8", "", "", 201},
			{"text in ISO 8859-1", "application/json; charset=ISO-8859-1", "", "\xe4", 400},
			{"a byte order mark", "application/json", "", "\ufeff", 201},
			{"two byte order marks", "application/json", "", "\ufeff\ufeff", 400},
			{"another media type", "text/json", "", "", 415},
		} {
			n++
			body := c.before + fmt.Sprintf(`{"userName":"kim%d"}`, n)
			r := httptest.NewRequest(http.MethodPost, stack.Origin+"/api/v1/users", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+key)
			r.Header.Set("Content-Type", c.media)
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			res, err := do(r)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if c.encoding != "" && c.status == http.StatusUnsupportedMediaType {
				want = "identity"
			}
			if got := res.Header.Get("Accept-Encoding"); res.StatusCode != c.status || got != want {
				t.Errorf("%s, %s: %d with Accept-Encoding %q, want %d with %q", door, c.name, res.StatusCode, got, c.status, want)
			}
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
