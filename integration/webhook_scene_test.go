package integration_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/keys"
	"rollcall/shared/proof"
)

// outbox adds webhooks and deliveries for them, without a service, and knows when.
type outbox struct {
	*testing.T
	ports directory.Ports
	mu    sync.Mutex
	added map[string]time.Time // by event id
}

func (o *outbox) webhook(t directory.TenantID, id directory.WebhookID, url string) {
	o.Helper()
	e := directory.LogEntry{ID: directory.EntryID("e" + string(t) + string(id)), At: time.Now(), Action: directory.WebhookCreated}
	w := directory.Webhook{ID: id, URL: url, State: directory.WebhookActive, Version: 1}
	if err := o.ports.Webhooks.CreateWebhook(o.Context(), t, w, nil, e); err != nil {
		o.Fatal(err)
	}
}

// add adds n deliveries for a webhook, of events whose ids begin with a name.
func (o *outbox) add(t directory.TenantID, w directory.WebhookID, name string, n int) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	var ds []directory.Delivery
	for range n {
		o.mu.Lock()
		id := fmt.Sprint(name, len(o.added))
		o.added[id] = time.Now()
		o.mu.Unlock()
		d := directory.NewDelivery(directory.LogEntry{ID: directory.EntryID(id), At: now}, w, id, now)
		d.Body = fmt.Appendf(nil, `{"id":%q}`, id)
		ds = append(ds, d)
	}
	if err := o.ports.Deliveries.AddDeliveries(context.Background(), t, ds); err != nil {
		o.Error(err)
	}
}

// scene is the receivers of many webhooks, by their URL, on a clock that only they move.
type scene struct {
	outbox
	waits   []time.Duration // until the try of an event for a healthy or busy receiver began
	sent    map[string]int
	flying  map[string]int
	most    map[string]int
	answers map[string]time.Duration
}

func (s *scene) Check(string) error { return nil }

func (s *scene) Send(_ context.Context, url string, header map[string]string, _ []byte) (int, string) {
	s.mu.Lock()
	id := header["webhook-id"]
	s.flying[url]++
	s.most[url] = max(s.most[url], s.flying[url])
	s.sent[id]++
	if url == "healthy" || url == "busy" {
		s.waits = append(s.waits, time.Since(s.added[id]))
	}
	s.mu.Unlock()
	time.Sleep(s.answers[url])
	s.mu.Lock()
	s.flying[url]--
	s.mu.Unlock()
	if url == "dead" {
		return 0, directory.CauseTimeout
	}
	return http.StatusNoContent, ""
}

// TestWebhooksDoNotDelayEachOther: beside a receiver that is dead with 2,000 events waiting, one that takes 6 s with 1,000,
// and one with 25 events a second, of 100 healthy ones 99 in 100 events are on their way within a second.
func TestWebhooksDoNotDelayEachOther(t *testing.T) {
	t.Parallel()
	minutes := proof.Size(2, 30)
	synctest.Test(t, func(t *testing.T) {
		s := &scene{outbox: outbox{T: t, ports: stack.SQLite(t), added: map[string]time.Time{}}, sent: map[string]int{},
			flying: map[string]int{}, most: map[string]int{}, answers: map[string]time.Duration{"healthy": 100 * time.Millisecond,
				"busy": 100 * time.Millisecond, "slow": 6 * time.Second, "dead": 10 * time.Second}}
		k, err := keys.NewLocal()
		if err != nil {
			t.Fatal(err)
		}
		svc := directorytest.New(s.ports, directory.Runtime{Now: time.Now, External: directory.External{Sender: s, Secrets: k}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(minutes)*time.Minute)
		defer cancel()
		var work sync.WaitGroup
		every := func(pause time.Duration, do func()) {
			work.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(pause)
					do()
				}
			})
		}
		for _, x := range []struct {
			url   string
			count int
		}{{"dead", 2000}, {"slow", 1000}, {"busy", 0}} {
			s.webhook("t0", directory.WebhookID("w"+x.url), x.url)
			s.add("t0", directory.WebhookID("w"+x.url), x.url, x.count)
		}
		every(40*time.Millisecond, func() { s.add("t0", "wbusy", "busy", 1) })
		for i := range 100 {
			tenant, id := directory.TenantID(fmt.Sprint("t", i%10)), directory.WebhookID(fmt.Sprint("w", i))
			s.webhook(tenant, id, "healthy")
			work.Go(func() {
				time.Sleep(time.Duration(i) * 97 * time.Millisecond)
				for ctx.Err() == nil {
					s.add(tenant, id, "healthy", 1)
					time.Sleep(10 * time.Second)
				}
			})
		}
		for range 2 { // processes
			work.Go(func() {
				for ctx.Err() == nil {
					if _, err := svc.DeliverDue(context.Background(), func() bool { return ctx.Err() != nil }); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Second)
				}
			})
		}
		work.Wait()
		slices.Sort(s.waits)
		p99 := s.waits[len(s.waits)*99/100]
		t.Logf("%d events, p99 %v, at the same time %v", len(s.waits), p99, s.most)
		if p99 >= time.Second || s.most["dead"] > 2 || s.most["slow"] != 2 || s.most["busy"] > 8 {
			t.Errorf("p99 %v, at the same time %v", p99, s.most)
		}
		for id, n := range s.sent {
			if n > 1 && id[:4] != "dead" {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
	})
}
