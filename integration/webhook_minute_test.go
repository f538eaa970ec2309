package integration_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/keys"
	"rollcall/shared/proof"
	"rollcall/shared/workflow"
)

// minute is receivers of webhooks over HTTP, and when the event of each delivery was added and had arrived.
type minute struct {
	outbox
	arrived map[string][]time.Duration
}

func (m *minute) receive(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arrived[id] = append(m.arrived[id], time.Since(m.added[id]))
}

// receiver creates a webhook whose receiver answers with do.
func (m *minute) receiver(t directory.TenantID, id directory.WebhookID, do http.HandlerFunc) {
	m.Helper()
	server := httptest.NewServer(do)
	m.Cleanup(server.Close)
	m.webhook(t, id, server.URL)
}

// TestReceiversForAMinute: two processes deliver over HTTP to ten healthy receivers, while one is dead and one slow, with
// more waiting than they can take. Each event of the healthy ones arrives, once, before the slow one has had its own.
func TestReceiversForAMinute(t *testing.T) {
	t.Parallel()
	const healthy = 10
	seconds := proof.Size(3, 60)
	for store, ports := range stores {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			m := &minute{outbox: outbox{T: t, ports: ports(t), added: map[string]time.Time{}}, arrived: map[string][]time.Duration{}}
			k, err := keys.NewLocal()
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			var dead, slow, slowNow atomic.Int32
			m.receiver("t0", "dead", func(w http.ResponseWriter, _ *http.Request) {
				dead.Add(1)
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			m.receiver("t0", "slow", func(_ http.ResponseWriter, r *http.Request) {
				if slow.Add(1); slowNow.Add(1) > 2 {
					t.Error("the slow receiver has more than two requests")
				}
				defer slowNow.Add(-1)
				select {
				case <-time.After(4 * time.Second):
				case <-r.Context().Done():
				}
			})
			waiting := 30 + seconds
			m.add("t0", "dead", "dead", waiting)
			m.add("t0", "slow", "slow", waiting)
			var work sync.WaitGroup
			for i := range healthy {
				tenant, id := directory.TenantID(fmt.Sprint("t", i%3)), directory.WebhookID(fmt.Sprint("healthy", i))
				m.receiver(tenant, id, func(_ http.ResponseWriter, r *http.Request) { m.receive(r.Header.Get("Webhook-Id")) })
				work.Go(func() {
					for range 2 * seconds {
						m.add(tenant, id, "healthy", 1)
						time.Sleep(500 * time.Millisecond)
					}
				})
			}
			var processes sync.WaitGroup
			for range 2 {
				svc := directorytest.New(m.ports, directory.Runtime{Now: time.Now, External: directory.External{
					Sender: workflow.NewWebhooks(workflow.WebhookConfig{Loopback: true}), Secrets: k}})
				processes.Go(func() {
					for ctx.Err() == nil {
						if _, err := svc.DeliverDue(context.WithoutCancel(ctx), func() bool { return ctx.Err() != nil }); err != nil {
							t.Error(err)
						}
						time.Sleep(100 * time.Millisecond)
					}
				})
			}
			work.Wait()
			eventually(t, "each event of the healthy receivers arrives", func() bool {
				m.mu.Lock()
				defer m.mu.Unlock()
				return len(m.arrived) == healthy*2*seconds
			})
			tried := slow.Load()
			stop()
			processes.Wait()
			var waits []time.Duration
			for id, took := range m.arrived {
				if len(took) != 1 {
					t.Errorf("%s arrived %d times", id, len(took))
				}
				waits = append(waits, took...)
			}
			slices.Sort(waits)
			t.Logf("%d events, median %v, p99 %v; %d tries at the dead receiver, %d at the slow one", len(waits), waits[len(waits)/2],
				waits[len(waits)*99/100], dead.Load(), tried)
			if int(tried) >= waiting || tried == 0 {
				t.Errorf("the slow receiver had %d of its %d meanwhile, so that it could not have delayed others", tried, waiting)
			}
			if most := 4; int(dead.Load()) > most || dead.Load() == 0 {
				t.Errorf("%d tries at the dead receiver, at most %d are allowed", dead.Load(), most)
			}
		})
	}
}
