package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/find"
	"rollcall/shared/proof"
	"rollcall/shared/random"
	"rollcall/shared/scimapi"
)

// TestLogIsFollowedAtFullSpeed creates people, changes and disables some over HTTP as fast as it can while the log is
// followed. Then all is followed: counts and tallies are those of the log, the guard has tripped, and holds everybody who
// was disabled.
func TestLogIsFollowedAtFullSpeed(t *testing.T) {
	t.Parallel()
	people := proof.Size(400, 30_000)
	leavers := people / 6
	h := &webhookEnv{T: t, Stack: stack.New(t, stack.Options{})}
	_, err := h.Service.Providers.UpdateProvider(t.Context(), h.Admin.Tenant, h.Provider.ID,
		func(p directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			p.State, p.LiveAt = directory.ProviderLive, h.Clock.Now()
			return p, &directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: h.Clock.Now(), Action: directory.ProviderUpdated,
				Audit: true, Target: string(p.ID)}, nil
		})
	h.must(err)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		app.FollowLog(t.Context(), h.Service.Follow, app.NewLog(t.Output()))
	}()
	t.Cleanup(func() { <-followed })
	ids := make([]string, people)
	send := func(n int, do func(i int) (method, path, body string)) {
		var all sync.WaitGroup
		for k := range 4 {
			all.Go(func() {
				for i := k; i < n; i += 4 {
					h.Clock.Advance(time.Millisecond)
					method, path, body := do(i)
					r := httptest.NewRequest(method, scimapi.BasePath+string(h.Provider.ID)+path, strings.NewReader(body))
					r.Header.Set("Authorization", "Bearer "+h.Token)
					r.Header.Set("Content-Type", "application/scim+json")
					w := httptest.NewRecorder()
					h.Handler().ServeHTTP(w, r)
					if w.Code >= http.StatusBadRequest {
						t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
					}
					if method == http.MethodPost {
						_, rest, _ := strings.Cut(w.Body.String(), `"id":"`)
						ids[i], _, _ = strings.Cut(rest, `"`)
					}
				}
			})
		}
		all.Wait()
	}
	patch := func(value string) func(i int) (string, string, string) {
		return func(i int) (string, string, string) {
			return http.MethodPatch, "/Users/" + ids[i], `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + value + `]}`
		}
	}
	send(people, func(i int) (string, string, string) {
		return http.MethodPost, "/Users", fmt.Sprintf(
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u%06d","active":true}`, i)
	})
	h.Clock.Advance(48 * time.Hour) // the guard does more than warn
	send(people, patch(`{"op":"replace","path":"title","value":"Director"}`))
	send(leavers, patch(`{"op":"replace","path":"active","value":false}`))

	counts := func() map[directory.Action]int {
		got, err := h.Service.Counts.Counts(t.Context(), h.Admin.Tenant, h.Provider.ID, time.Time{})
		h.must(err)
		return got
	}
	held := func() (n int) {
		h.must(find.EachUser(t.Context(), h.Service.Users, h.Admin.Tenant, directory.UserSearch{Provider: h.Provider.ID},
			func(u directory.User) error {
				if u.Pending != nil && u.Pending.Frozen {
					n++
				}
				return nil
			}))
		return n
	}
	const lost = 5 * time.Minute // what is not followed by then never will be
	for end := time.Now().Add(lost); time.Now().Before(end) && (counts()[directory.UserDisabled] < leavers || held() < leavers); {
		h.must(h.Service.RunTasks(t.Context(), never)) // who left before the guard tripped is held by a task
		time.Sleep(10 * time.Millisecond)
	}
	got := counts()
	h.want("people counted", got[directory.UserCreated], people)
	h.want("changes counted", got[directory.UserUpdated], people)
	h.want("leavers counted", got[directory.UserDisabled], leavers)
	active, err := find.ActiveUsers(t.Context(), h.Service.Counts, h.Admin.Tenant, h.Provider.ID)
	h.must(err)
	h.want("active users", active, people)
	p, err := h.Service.Providers.Provider(t.Context(), h.Admin.Tenant, h.Provider.ID)
	h.must(err)
	event, err := h.Service.Guards.GuardEvent(t.Context(), h.Admin.Tenant, h.Provider.ID, p.Guard.Event)
	h.must(err)
	if event.Count <= event.Limit || event.Count > event.Limit+100 { // it looks once a batch
		t.Errorf("the guard tripped at %d with a limit of %d", event.Count, event.Limit)
	}
}
