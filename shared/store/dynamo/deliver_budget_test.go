package dynamo_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/keys"
	"rollcall/shared/store/dynamo/meter"
)

// sends answers every delivery with a status.
type sends struct{ status atomic.Int32 }

func (s *sends) Check(string) error { return nil }

func (s *sends) Send(context.Context, string, map[string]string, []byte) (int, string) {
	return int(s.status.Load()), ""
}

// TestDeliveryBudgets limits what deliveries cost: each is written twice in its life, with its place in the queue, and a
// webhook that is down is one look at each pause, however many wait for it.
func TestDeliveryBudgets(t *testing.T) {
	t.Parallel()
	s := open(t, newTable(t))
	k, err := keys.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	var clock atomic.Int64
	clock.Store(time.Now().UnixMilli())
	now := func() time.Time { return time.UnixMilli(clock.Load()).UTC() }
	receiver := &sends{}
	svc := directorytest.New(s.Ports(), directory.Runtime{Now: now, External: directory.External{Sender: receiver, Secrets: k}})
	const tenant, hook = directory.TenantID("t1"), directory.WebhookID("w1")
	if err := s.Ports().Webhooks.CreateWebhook(t.Context(), tenant, directory.Webhook{ID: hook, URL: "u", State: directory.WebhookActive,
		Version: 1}, nil, directory.LogEntry{ID: "e0", At: now(), Action: directory.WebhookCreated}); err != nil {
		t.Fatal(err)
	}
	added := 0
	add := func(ctx context.Context, n int) {
		t.Helper()
		var ds []directory.Delivery
		for range n {
			added++
			id := fmt.Sprint("e", added)
			d := directory.NewDelivery(directory.LogEntry{ID: directory.EntryID(id), At: now()}, hook, id, now())
			d.Type, d.Body = directory.EventUserCreated, fmt.Appendf(nil, `{"id":%q,"type":"user.created","tenant":"t1","subject":"u%025d"}`, id, n)
			ds = append(ds, d)
		}
		if err := s.Ports().Deliveries.AddDeliveries(ctx, tenant, ds); err != nil {
			t.Fatal(err)
		}
	}
	deliver := func(ctx context.Context) int {
		t.Helper()
		did, err := svc.DeliverDue(ctx, func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		return did.Tried
	}
	limit := func(what string, m *meter.Meter, n int, read, write float64) {
		t.Helper()
		t.Logf("%-34s %6.2f read, %5.2f write each", what, m.ReadUnits()/float64(n), m.WriteUnits()/float64(n))
		if m.ReadUnits()/float64(n) > read || m.WriteUnits()/float64(n) > write {
			t.Errorf("%s: at most %g and %g are allowed", what, read, write)
		}
	}
	const n = 100
	ctx, m := meter.With(t.Context())
	add(ctx, n)
	limit("a delivery is added", m, n, 1, 2.2)
	receiver.status.Store(http.StatusNoContent)
	ctx, m = meter.With(t.Context())
	if tried := deliver(ctx); tried != n {
		t.Fatalf("%d tries, want %d", tried, n)
	}
	limit("a delivery is sent", m, n, 3, 2.5)

	receiver.status.Store(http.StatusServiceUnavailable)
	for _, waiting := range []int{10, 200} {
		add(t.Context(), waiting)
		for range 5 { // the pause grows to its longest
			deliver(t.Context())
			clock.Add((6 * time.Minute).Milliseconds())
		}
		ctx, m = meter.With(t.Context())
		if tried := deliver(ctx); tried != 1 {
			t.Errorf("%d tries of a webhook that is down, want 1", tried)
		}
		limit(fmt.Sprintf("a pause ends, %d wait", waiting), m, 1, 8, 8)
		ctx, m = meter.With(t.Context())
		if tried := deliver(ctx); tried != 0 {
			t.Errorf("%d tries during the pause", tried)
		}
		limit("during the pause", m, 1, 2, 0)
	}
}
