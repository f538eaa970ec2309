package integration_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/keys"
	"rollcall/shared/provisioning"
	"rollcall/shared/workflow"
)

// receiver is an application that receives a webhook and verifies each event as Standard Webhooks specifies. It shares no
// code with the signing side.
type receiver struct {
	*testing.T
	*httptest.Server
	mu      sync.Mutex
	secrets []string // at least one must match the signature
	status  int
	got     []directory.Event // as they arrived
	signed  []int             // number of signatures of each event
	clock   func() time.Time
}

func newReceiver(t *testing.T, clock func() time.Time) *receiver {
	t.Helper()
	r := &receiver{T: t, status: http.StatusNoContent, clock: clock}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(q.Body)
	if err != nil {
		r.Error(err)
	}
	signatures := strings.Fields(q.Header.Get("Webhook-Signature"))
	for _, secret := range r.secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) < 24 || len(key) > 64 {
			r.Errorf("secret of %d bytes, %v", len(key), err)
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", q.Header.Get("Webhook-Id"), q.Header.Get("Webhook-Timestamp"), body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !slices.Contains(signatures, want) {
			r.Errorf("no signature by a secret among %q", signatures)
		}
	}
	sent, err := strconv.ParseInt(q.Header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || sent != r.clock().Unix() {
		r.Errorf("timestamp %d, want now", sent)
	}
	var e directory.Event
	if err := json.Unmarshal(body, &e); err != nil || e.ID != q.Header.Get("Webhook-Id") ||
		q.Header.Get("Content-Type") != "application/json" {
		r.Errorf("event %s: %v", body, err)
	}
	r.got, r.signed = append(r.got, e), append(r.signed, len(signatures))
	w.WriteHeader(r.status)
}

func (r *receiver) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, e := range r.got {
		out = append(out, string(e.Type))
	}
	r.got, r.signed = nil, nil
	slices.Sort(out)
	return out
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// webhookEnv is a stack that sends webhooks to this machine, and events to a bus in the process.
type webhookEnv struct {
	*testing.T
	*stack.Stack
	bus *workflow.LocalBus
	out directory.External
}

func newWebhookEnv(t *testing.T, ports func(testing.TB) directory.Ports) *webhookEnv {
	t.Helper()
	return newPatientEnv(t, ports, time.Second)
}

// newPatientEnv is newWebhookEnv with the time that a receiver may take.
func newPatientEnv(t *testing.T, ports func(testing.TB) directory.Ports, timeout time.Duration) *webhookEnv {
	t.Helper()
	k, err := keys.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	bus := &workflow.LocalBus{}
	out := directory.External{Bus: bus, Sender: workflow.NewWebhooks(workflow.WebhookConfig{Loopback: true, Timeout: timeout}),
		Secrets: k, Signer: k}
	return &webhookEnv{T: t, Stack: stack.New(t, stack.Options{Ports: ports, External: out}), bus: bus, out: out}
}

func (h *webhookEnv) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// follow follows new entries.
func (h *webhookEnv) follow() {
	h.Helper()
	for {
		n, err := h.Service.FollowNew(h.Context(), func([]follow.Failure) {})
		h.must(err)
		if n == 0 {
			return
		}
	}
}

// retry tries the work set aside that is due, and returns what failed again.
func (h *webhookEnv) retry() (again follow.StepsError) {
	h.Helper()
	if err := h.Service.RetryDue(h.Context(), never); !errors.As(err, &again) {
		h.must(err)
	}
	return again
}

func (h *webhookEnv) setAside() []directory.Delivery {
	h.Helper()
	ds, err := h.Service.SetAsides.ListSetAside(h.Context(), h.Admin.Tenant, "", 1000)
	h.must(err)
	return ds
}

// deliver follows new entries, tries the work set aside and sends the deliveries that are due.
func (h *webhookEnv) deliver() int {
	h.Helper()
	h.follow()
	_ = h.retry()
	return h.send()
}

// send sends the deliveries that are due.
func (h *webhookEnv) send() int {
	h.Helper()
	did, err := h.Service.DeliverDue(h.Context(), never)
	h.must(err)
	return did.Tried
}

func never() bool { return false }

func (h *webhookEnv) webhook(url string, types ...directory.EventType) (directory.Webhook, string) {
	h.Helper()
	w, secret, err := h.Service.As(h.Admin).Webhooks.Create(h.Context(), administration.NewWebhook{DisplayName: "App", URL: url, Types: types})
	h.must(err)
	return w, secret
}

func (h *webhookEnv) user(name string) directory.User {
	h.Helper()
	h.Clock.Advance(time.Millisecond)
	u, err := h.Service.CreateUser(h.Context(), h.caller(), "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return directory.Profile{UserName: name, Active: true}, nil, nil
	})
	h.must(err)
	return u
}

func (h *webhookEnv) caller() provisioning.Caller {
	return provisioning.Caller{Provider: h.Provider.ID, Token: h.Token, RequestID: "r1"}
}

func (h *webhookEnv) active(u directory.User, active bool) {
	h.Helper()
	h.Clock.Advance(time.Millisecond)
	_, _, err := h.Service.UpdateUser(h.Context(), h.caller(), u.ScimID, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			old.Profile.Active = active
			return old.Profile, []directory.Change{{Attr: "active", After: json.RawMessage(fmt.Sprint(active))}}, nil
		})
	h.must(err)
}

func (h *webhookEnv) deliveries(f administration.DeliveryFilter) []directory.Delivery {
	h.Helper()
	ds, _, err := h.Service.As(h.Admin).Deliveries.List(h.Context(), f, "", 1000)
	h.must(err)
	return ds
}

func (h *webhookEnv) want(what string, got, want any) {
	h.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		h.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestWebhookGetsSubscribedTypes(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	all, some := newReceiver(t, h.Clock.Now), newReceiver(t, h.Clock.Now)
	_, secret := h.webhook(all.URL)
	all.secrets = []string{secret}
	h.webhook(some.URL, directory.EventUserBlocked)
	u := h.user("kim")
	h.active(u, false)
	h.deliver()
	h.want("all", all.take(), "[user.blocked user.created user.deactivation-scheduled]")
	h.want("some", some.take(), "[user.blocked]")
	h.want("nothing twice", h.deliver(), 0)
	h.must(h.Service.FollowEntry(h.Context(), h.Admin.Tenant, h.newest(u)))
	h.want("nothing for an entry followed again", h.deliver(), 0)
	for _, d := range h.deliveries(administration.DeliveryFilter{State: directory.DeliveryDelivered}) {
		if d.Tries != 1 || d.Status != 204 || d.DoneAt.IsZero() || strings.Contains(string(d.Body), "kim") {
			t.Errorf("delivery %+v", d)
		}
	}
}

func (h *webhookEnv) newest(u directory.User) directory.LogEntry {
	h.Helper()
	es, err := h.Service.Log.Entries(h.Context(), h.Admin.Tenant, directory.LogQuery{User: u.ID, Count: 1})
	h.must(err)
	return es[0]
}

func TestWebhookSecretsRotate(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	r := newReceiver(t, h.Clock.Now)
	w, first := h.webhook(r.URL)
	nothing := func(directory.Webhook) error { return nil }
	_, second, err := h.Service.As(h.Admin).Webhooks.Rotate(h.Context(), w.ID, nothing, time.Hour)
	h.must(err)
	r.secrets = []string{first, second}
	h.user("a")
	h.deliver()
	h.want("signatures in the overlap", r.signed, "[2]")
	h.Clock.Advance(time.Hour)
	r.secrets = []string{second}
	h.user("b")
	h.deliver()
	h.want("signatures after it", r.signed, "[2 1]")
	stored, err := h.Service.Webhooks.Webhook(h.Context(), h.Admin.Tenant, w.ID)
	h.must(err)
	if text := fmt.Sprintf("%+v %s", stored, stored.Secrets[0].Encrypted); strings.Contains(text, second[10:]) {
		t.Error("a secret is stored in the clear")
	}
}

// A webhook that is down is tried for 72 hours with growing pauses, not with every waiting delivery, then given up. A
// replay sends deliveries again, by id or by time.
func TestWebhookIsTriedGivenUpAndReplayed(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	r, healthy := newReceiver(t, h.Clock.Now), newReceiver(t, h.Clock.Now)
	w, _ := h.webhook(r.URL)
	r.answers(503)
	start := h.Clock.Now()
	for i := range 12 {
		h.user(fmt.Sprint("u", i))
	}
	h.follow()
	h.webhook(healthy.URL)
	h.user("last")
	h.deliver()
	h.want("the other webhook", healthy.take(), "[user.created]")
	if n := len(r.take()); n > 8 {
		t.Errorf("%d tries of a webhook that is down, want at most one for each worker", n)
	}
	last := h.deliveries(administration.DeliveryFilter{Webhook: w.ID})[0].ID
	var tries []int
	for h.Clock.Now().Before(start.Add(100 * time.Hour)) {
		h.Clock.Advance(10 * time.Minute)
		h.deliver()
		tries = append(tries, len(r.take()))
	}
	dead := h.deliveries(administration.DeliveryFilter{Webhook: w.ID, State: directory.DeliveryDead})
	h.want("dead", len(dead), 13)
	for _, d := range dead {
		if after := d.DoneAt.Sub(d.CreatedAt); after > follow.GiveUpAfter+time.Hour || after < 30*time.Hour || d.Status != 503 ||
			d.Cause != directory.CauseStatus {
			t.Errorf("given up after %v: %s tries %d, status %d, cause %s", after, d.ID, d.Tries, d.Status, d.Cause)
		}
	}
	if slices.Max(tries[6:]) > 13 {
		t.Errorf("tries in ten minutes: %v", tries)
	}
	r.answers(200)
	h.Clock.Advance(time.Second)
	h.must(h.Service.As(h.Admin).Deliveries.Replay(h.Context(), administration.ReplayOf{Delivery: last}))
	h.deliver()
	h.want("replay of one", r.take(), "[user.created]")
	h.must(h.Service.As(h.Admin).Deliveries.Replay(h.Context(),
		administration.ReplayOf{Webhook: w.ID, Since: start, Until: start.Add(5 * time.Millisecond)}))
	h.follow()
	h.must(h.Service.RunTasks(h.Context(), never))
	for h.deliver() > 0 {
	}
	h.want("replay by time", len(r.take()), 4)
	err := h.Service.As(h.Admin).Deliveries.Replay(h.Context(), administration.ReplayOf{Delivery: "dnone"})
	h.want("replay of none", directory.IsKind(err, directory.NotFound), true)
}

func TestWebhookIsTestedPausedAndEnded(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	r := newReceiver(t, h.Clock.Now)
	w, _ := h.webhook(r.URL, directory.EventUserRemoved)
	_, err := h.Service.As(h.Admin).Webhooks.Test(h.Context(), w.ID)
	h.must(err)
	h.deliver()
	h.want("test", r.take(), "[webhook.test]")
	paused, active, all := directory.WebhookPaused, directory.WebhookActive, []directory.EventType{}
	patch := func(p administration.WebhookPatch) {
		_, err := h.Service.As(h.Admin).Webhooks.Patch(h.Context(), w.ID, func(directory.Webhook) error { return nil }, p)
		h.must(err)
	}
	patch(administration.WebhookPatch{Types: &all})
	h.user("a")
	h.follow()
	patch(administration.WebhookPatch{State: &paused})
	h.user("b")
	h.deliver()
	h.want("while paused", r.take(), "[]")
	patch(administration.WebhookPatch{State: &active})
	h.deliver()
	h.want("after it", r.take(), "[user.created]")
	r.answers(http.StatusGone)
	h.user("c")
	h.deliver()
	r.take()
	h.user("d")
	h.deliver()
	h.want("after 410", r.take(), "[]")
	got, err := h.Service.Webhooks.Webhook(h.Context(), h.Admin.Tenant, w.ID)
	h.must(err)
	h.want("state", got.State, directory.WebhookEnded)
	entries, _, err := h.Service.As(h.Admin).Logs.Audit(h.Context(), administration.LogFilter{Action: directory.WebhookUpdated}, "", 1)
	h.must(err)
	_, err = h.Service.As(h.Admin).Deliveries.ByID(h.Context(), directory.DeliveryID(entries[0].Actor.ID))
	h.must(err) // the entry names the delivery that was answered 410
}

// What waits for a webhook that failed for hours is sent at once when it is resumed, changed or tested. Its first failure
// costs the first pause, however many tries were under way.
func TestWebhookIsResumedAfterItFailed(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	r, moved := newReceiver(t, h.Clock.Now), newReceiver(t, h.Clock.Now)
	w, _ := h.webhook(r.URL)
	as := h.Service.As(h.Admin).Webhooks
	patch := func(p administration.WebhookPatch) {
		_, err := as.Patch(h.Context(), w.ID, func(directory.Webhook) error { return nil }, p)
		h.must(err)
	}
	paused, active, name := directory.WebhookPaused, directory.WebhookActive, "Payroll"
	for i, c := range []struct {
		what   string
		change func()
		to     *receiver
		want   string
	}{
		{"renamed", func() { patch(administration.WebhookPatch{DisplayName: &name}) }, r, "[user.created user.created]"},
		{"tested", func() { _, err := as.Test(h.Context(), w.ID); h.must(err) }, r, "[user.created user.created webhook.test]"},
		{"resumed", func() { patch(administration.WebhookPatch{State: &active}) }, r, "[user.created user.created]"},
		{"moved", func() { patch(administration.WebhookPatch{URL: &moved.URL}) }, moved, "[user.created user.created]"},
	} {
		r.answers(503)
		h.user(fmt.Sprint("a", i))
		h.user(fmt.Sprint("b", i))
		h.want("tries at the same time", h.deliver(), 2)
		h.Clock.Advance(5 * time.Second)
		h.want("tries after the first pause", h.deliver(), 1)
		for range 13 { // until both have failed so often that they wait for hours
			h.Clock.Advance(10 * time.Minute)
			h.deliver()
		}
		if c.what == "resumed" {
			patch(administration.WebhookPatch{State: &paused})
			h.deliver()
		}
		r.answers(204)
		h.want("tries before it is "+c.what, h.deliver(), 0)
		r.take()
		c.change()
		h.deliver()
		h.want("sent when it is "+c.what, c.to.take(), c.want)
	}
}

// Deleting a webhook touches none of its deliveries, however many wait: they are shown as given up, and nobody asks for
// them again.
func TestDeletedWebhookLeavesItsDeliveries(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	r, other := newReceiver(t, h.Clock.Now), newReceiver(t, h.Clock.Now)
	w, _ := h.webhook(r.URL)
	h.webhook(other.URL)
	for i := range 5 {
		h.user(fmt.Sprint("u", i))
	}
	h.follow()
	_, err := h.Service.As(h.Admin).Webhooks.Delete(h.Context(), w.ID, func(directory.Webhook) error { return nil })
	h.must(err)
	h.want("pending", len(h.deliveries(administration.DeliveryFilter{State: directory.DeliveryPending})), 5)
	dead := h.deliveries(administration.DeliveryFilter{State: directory.DeliveryDead})
	if len(dead) != 5 || dead[0].Webhook != w.ID || dead[0].Cause != directory.CauseRemoved {
		t.Fatalf("shown as given up: %+v", dead)
	}
	one, err := h.Service.As(h.Admin).Deliveries.ByID(h.Context(), dead[0].ID)
	h.must(err)
	h.want("one", one.State, directory.DeliveryDead)
	h.want("sent", h.deliver(), 5)
	h.want("arrived", len(other.take()), 5)
	h.want("arrived at the deleted one", len(r.take()), 0)
	qs, err := h.Service.Ports.Deliveries.DueQueues(h.Context(), h.Clock.Now().Add(100*time.Hour), 10)
	h.must(err)
	h.want("queues that are looked at again", len(qs), 0)
}

// A step that fails for a poisoned entry is tried again and given up while everything else happens, of this entry and of
// others. When the cause is fixed, a replay carries out the step.
func TestPoisonedEntryBlocksNoOther(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	r := newReceiver(t, h.Clock.Now)
	h.webhook(r.URL)
	first := h.user("poisoned")
	poison := h.newest(first).ID
	h.bus.Refuse = func(e directory.Event) error {
		if e.Cause.Entry == poison {
			return errors.New("poison")
		}
		return nil
	}
	h.user("well")
	h.follow()
	var again int
	for range 200 {
		again += len(h.retry())
		h.send()
		h.Clock.Advance(time.Hour)
	}
	h.want("arrived", r.take(), "[user.created user.created]")
	dead := h.deliveries(administration.DeliveryFilter{State: directory.DeliveryDead})
	if len(dead) != 1 || dead[0].Entry != poison || dead[0].Webhook != "" || dead[0].Tries < 8 || again < 7 ||
		!slices.Equal(dead[0].Steps, []string{"publish events"}) {
		t.Fatalf("given up: %+v after %d failures", dead, again)
	}
	one, err := h.Service.As(h.Admin).Deliveries.ByID(h.Context(), dead[0].ID)
	h.must(err)
	h.want("by its id", one, dead[0])
	h.bus.Refuse = nil
	h.must(h.Service.As(h.Admin).Deliveries.Replay(h.Context(), administration.ReplayOf{Delivery: dead[0].ID}))
	h.deliver()
	h.want("left after the replay", len(h.retry())+len(h.setAside()), 0)
	h.want("sent again", r.take(), "[]")
	seen := map[string]bool{}
	for _, e := range h.bus.Events() {
		seen[e.ID] = true
	}
	h.want("events on the bus", len(seen), 2)
}
