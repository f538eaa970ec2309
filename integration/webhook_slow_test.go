package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// slowReceiver takes no request to its end before it is released, and counts those that wait at the same time.
type slowReceiver struct {
	*httptest.Server
	release func()
	free    chan struct{} // closed by release
	status  int           // answered then
	mu      sync.Mutex
	waiting int
	most    int
	total   int
}

func newSlowReceiver(t *testing.T) *slowReceiver {
	t.Helper()
	r := &slowReceiver{free: make(chan struct{}), status: http.StatusNoContent}
	r.release = sync.OnceFunc(func() { close(r.free) })
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	t.Cleanup(r.release)
	return r
}

func (r *slowReceiver) count(by int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting += by
	r.most = max(r.most, r.waiting)
	r.total += max(by, 0)
}

func (r *slowReceiver) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.count(1)
	defer r.count(-1)
	<-r.free
	w.WriteHeader(r.status)
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if so() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// A receiver that takes its time delays its own events and nobody else's, in its tenant or in another; it has at most two
// deliveries at a time, and all of them arrive in the end.
func TestSlowReceiverDelaysOnlyItself(t *testing.T) {
	t.Parallel()
	for store, ports := range stores {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			shared := ports(t)
			open := func(testing.TB) directory.Ports { return shared }
			h := newPatientEnv(t, open, time.Minute)
			other := &webhookEnv{T: t, Stack: stack.New(t, stack.Options{Ports: open, External: h.out})}
			slow, fast, far := newSlowReceiver(t), newReceiver(t, h.Clock.Now), newReceiver(t, h.Clock.Now)
			h.webhook(slow.URL)
			const events = 12
			for i := range events {
				h.user(fmt.Sprint("slow", i))
			}
			h.Follow(t)
			done := make(chan error, 1)
			go func() {
				_, err := h.Service.DeliverDue(h.Context(), never)
				done <- err
			}()
			eventually(t, "the slow receiver has a request", func() bool { slow.mu.Lock(); defer slow.mu.Unlock(); return slow.waiting > 0 })
			h.webhook(fast.URL)
			other.webhook(far.URL)
			h.user("quick")
			other.user("far")
			h.Follow(t)
			other.Follow(t)
			arrived := func(r *receiver) func() bool {
				return func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.got) > 0 }
			}
			eventually(t, "the other webhook's event arrives", arrived(fast))
			eventually(t, "the other tenant's event arrives", arrived(far))
			slow.release()
			h.must(<-done)
			for range 100 {
				_, err := h.Service.DeliverDue(h.Context(), never)
				h.must(err)
				h.Clock.Advance(time.Minute)
			}
			if slow.most > 2 || slow.total != events+1 {
				t.Errorf("the slow receiver had %d requests at a time, %d of %d in all", slow.most, slow.total, events+1)
			}
		})
	}
}

// A receiver that answers within a second gets up to eight deliveries at a time, and one that takes longer two.
func TestQuickReceiverGetsMore(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]int{999 * time.Millisecond: 8, time.Second: 2} {
		h := newPatientEnv(t, nil, time.Minute)
		r, first := newSlowReceiver(t), true
		quick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			r.mu.Lock()
			one := first
			first = false
			r.mu.Unlock()
			if one {
				h.Clock.Advance(took)
				return
			}
			r.ServeHTTP(w, q)
		}))
		t.Cleanup(quick.Close)
		h.webhook(quick.URL)
		h.user("first")
		h.Follow(t)
		for i := range 20 {
			h.user(fmt.Sprint("kim", i))
		}
		h.Follow(t)
		done := make(chan int)
		go func() { done <- h.send() }()
		eventually(t, fmt.Sprint(want, " requests wait"), func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.waiting == want })
		r.release()
		h.want("sent", <-done, 21)
		if r.most != want {
			t.Errorf("after an answer in %v: %d requests at a time, want %d", took, r.most, want)
		}
	}
}

// What an administrator changes about a webhook holds for the deliveries that wait behind a slow answer: they are not
// sent, or to the new address. They are sent at once when it is resumed, and when it is moved while it fails.
func TestSlowReceiverHearsOfChanges(t *testing.T) {
	t.Parallel()
	for store, ports := range stores {
		for change, want := range map[string]int{"paused": 0, "deleted": 0, "moved": 10, "resumed": 10, "failing, moved": 10} {
			t.Run(store+", "+change, func(t *testing.T) { t.Parallel(); testSlowChange(t, ports, change, want) })
		}
	}
}

func testSlowChange(t *testing.T, ports func(testing.TB) directory.Ports, change string, want int) {
	h := newPatientEnv(t, ports, time.Minute)
	slow, other := newSlowReceiver(t), newReceiver(t, h.Clock.Now)
	w, _ := h.webhook(slow.URL)
	for i := range 12 {
		h.user(fmt.Sprint("kim", i))
	}
	h.Follow(t)
	done := make(chan error, 1)
	go func() {
		_, err := h.Service.DeliverDue(h.Context(), never)
		done <- err
	}()
	eventually(t, "two requests wait", func() bool { slow.mu.Lock(); defer slow.mu.Unlock(); return slow.waiting == 2 })
	as, check := h.Service.As(h.Admin).Webhooks, func(directory.Webhook) error { return nil }
	paused, active := directory.WebhookPaused, directory.WebhookActive
	var err error
	switch change {
	case "paused", "resumed":
		_, err = as.Patch(h.Context(), w.ID, check, administration.WebhookPatch{State: &paused})
	case "deleted":
		_, err = as.Delete(h.Context(), w.ID, check)
	case "moved", "failing, moved":
		_, err = as.Patch(h.Context(), w.ID, check, administration.WebhookPatch{URL: &other.URL})
	}
	h.must(err)
	h.Clock.Advance(time.Second)
	if change == "failing, moved" {
		h.Follow(t)
		slow.status = http.StatusServiceUnavailable
	}
	slow.release()
	h.must(<-done)
	if change == "resumed" {
		_, err = as.Patch(h.Context(), w.ID, check, administration.WebhookPatch{State: &active, URL: &other.URL})
		h.must(err)
		h.Follow(t)
	}
	h.send()
	h.want("sent to the old address", slow.total, 2)
	h.want("sent to the new one", len(other.take()), want)
}
