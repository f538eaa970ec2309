package integration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/proof"
)

var errDied = errors.New("the process died")

// mortal lets a process die at one of its calls to the store: before it, or after it took effect but before
// its answer came. Every later call fails too.
type mortal struct {
	mu    sync.Mutex
	left  int
	after bool
}

func (m *mortal) do(call func() error) error {
	m.mu.Lock()
	m.left--
	left := m.left
	m.mu.Unlock()
	switch {
	case left >= 0:
		return call()
	case left == -1 && m.after:
		return errors.Join(errDied, call())
	}
	return errDied
}

func mortally[T any](m *mortal, call func() (T, error)) (out T, err error) {
	err = m.do(func() (err error) {
		out, err = call()
		return err
	})
	return out, err
}

// ports are the ports that following, delivering and sealing call, of a process that dies.
func (m *mortal) ports(p directory.Ports) directory.Ports {
	p.Log, p.Counts, p.Webhooks = mortalLog{p.Log, m}, mortalCounts{p.Counts, m}, mortalWebhooks{p.Webhooks, m}
	p.Deliveries, p.Chains = mortalDeliveries{p.Deliveries, m}, mortalLedger{p.Chains, m}
	return p
}

type mortalLog struct {
	directory.Log
	m *mortal
}

func (l mortalLog) EntriesAfter(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, count int,
) ([]directory.LogEntry, error) {
	return mortally(l.m, func() ([]directory.LogEntry, error) { return l.Log.EntriesAfter(ctx, t, p, after, before, count) })
}

func (l mortalLog) Entry(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, at time.Time, id directory.EntryID,
) (directory.LogEntry, error) {
	return mortally(l.m, func() (directory.LogEntry, error) { return l.Log.Entry(ctx, t, p, at, id) })
}

type counts = directory.Counts

type mortalCounts struct {
	counts
	m *mortal
}

func (f mortalCounts) CountEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	return f.m.do(func() error { return f.counts.CountEntry(ctx, t, e) })
}

type mortalWebhooks struct {
	directory.Webhooks
	m *mortal
}

func (w mortalWebhooks) Webhook(ctx context.Context, t directory.TenantID, id directory.WebhookID) (directory.Webhook, error) {
	return mortally(w.m, func() (directory.Webhook, error) { return w.Webhooks.Webhook(ctx, t, id) })
}

func (w mortalWebhooks) ListWebhooks(ctx context.Context, t directory.TenantID) ([]directory.Webhook, error) {
	return mortally(w.m, func() ([]directory.Webhook, error) { return w.Webhooks.ListWebhooks(ctx, t) })
}

type mortalDeliveries struct {
	directory.Deliveries
	m *mortal
}

func (d mortalDeliveries) AddDelivery(ctx context.Context, t directory.TenantID, v directory.Delivery) error {
	return d.m.do(func() error { return d.Deliveries.AddDelivery(ctx, t, v) })
}

func (d mortalDeliveries) UpdateDelivery(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (directory.Delivery, error) {
	return mortally(d.m, func() (directory.Delivery, error) { return d.Deliveries.UpdateDelivery(ctx, t, id, update) })
}

func (d mortalDeliveries) DueDeliveries(ctx context.Context, now time.Time, count int) ([]directory.DueDelivery, error) {
	return mortally(d.m, func() ([]directory.DueDelivery, error) { return d.Deliveries.DueDeliveries(ctx, now, count) })
}

type mortalLedger struct {
	directory.Chains
	m *mortal
}

func (l mortalLedger) ChainHead(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.ChainHead, error) {
	return mortally(l.m, func() (directory.ChainHead, error) { return l.Chains.ChainHead(ctx, t, p) })
}

func (l mortalLedger) AppendBlock(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, b directory.Block, settled []string,
) error {
	return l.m.do(func() error { return l.Chains.AppendBlock(ctx, t, p, b, settled) })
}

func (l mortalLedger) Blocks(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, from int64, count int,
) ([]directory.Block, error) {
	return mortally(l.m, func() ([]directory.Block, error) { return l.Chains.Blocks(ctx, t, p, from, count) })
}

func (l mortalLedger) AddLate(ctx context.Context, t directory.TenantID, p directory.ProviderID, position string) error {
	return l.m.do(func() error { return l.Chains.AddLate(ctx, t, p, position) })
}

func (l mortalLedger) Late(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) ([]string, error) {
	return mortally(l.m, func() ([]string, error) { return l.Chains.Late(ctx, t, p, count) })
}

// ledgerWork is everything that happens behind the log of a stack's provider, in one process.
func ledgerWork(h *hooked, svc *directorytest.Env, es []directory.LogEntry) error {
	for _, e := range es {
		if _, err := svc.FollowOrPark(h.Context(), h.Admin.Tenant, e); err != nil {
			return err
		}
	}
	if _, err := svc.DeliverDue(h.Context(), 100); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = svc.Seal(h.Context(), h.Admin.Tenant, h.Provider.ID); err != nil {
			return err
		}
	}
	return nil
}

// TestLedgerCrash lets the process die at calls to the store, in full at each, before and after it took effect; then
// another process does the work again. Every event arrives, each has one delivery, and every entry is sealed
// once.
func TestLedgerCrash(t *testing.T) {
	t.Parallel()
	points := map[string]int{"SQLite": proof.All, "DynamoDB": proof.Size(3, proof.All)}
	for name, ports := range ledgerStores(t) {
		t.Run(name, func(t *testing.T) {
			for _, after := range []bool{false, true} {
				var calls []int
				for left := range proof.All - ledgerCrash(t, ports, proof.All, after) {
					calls = append(calls, left)
				}
				t.Logf("%d calls", len(calls))
				if len(calls) < 15 {
					t.Errorf("%d calls: the work is not what it was", len(calls))
				}
				for _, left := range proof.Spread(points[name], calls) {
					ledgerCrash(t, ports, left, after)
				}
			}
		})
	}
}

// ledgerCrash lets the process die after left calls to the store, and returns how many it would have had left.
func ledgerCrash(t *testing.T, ports func(testing.TB) directory.Ports, left int, after bool) int {
	t.Helper()
	h := newHooked(t, ports)
	r := newReceiver(t, h.Clock.Now)
	h.webhook(r.URL)
	u := h.user("kim")
	h.active(u, false)
	es, err := h.Service.Log.EntriesAfter(t.Context(), h.Admin.Tenant, h.Provider.ID, "", "", 100)
	h.must(err)
	h.Clock.Advance(5 * time.Minute) // so that they may be late, too
	m := &mortal{left: left, after: after}
	dying := directorytest.New(m.ports(h.Service.Ports), directory.Runtime{Now: h.Clock.Now, External: h.out})
	died := ledgerWork(h, dying, es)
	if died != nil && !errors.Is(died, errDied) {
		t.Fatal(died)
	}
	first := r.take()
	for range 3 {
		h.Clock.Advance(time.Hour)
		h.must(ledgerWork(h, h.Service, es))
	}
	what := fmt.Sprintf("died at call %d, after it %v", left, after)
	all := slices.Concat(first, r.take())
	slices.Sort(all)
	if got := slices.Compact(slices.Clone(all)); !slices.Equal(got,
		[]string{"user.blocked", "user.created", "user.deactivation-scheduled"}) || len(all) > 6 || died == nil && len(all) != 3 {
		t.Errorf("%s: arrived %v", what, all)
	}
	events := map[string]int{}
	for _, d := range h.deliveries(administration.DeliveryFilter{}) {
		if d.Webhook == "" {
			continue // an entry set aside, and followed since
		}
		events[string(d.Body)]++
		if d.State != directory.DeliveryDelivered {
			t.Errorf("%s: delivery %+v", what, d)
		}
	}
	if len(events) != 3 {
		t.Errorf("%s: deliveries of %d events", what, len(events))
	}
	for body, n := range events {
		if n != 1 {
			t.Errorf("%s: %d deliveries of %s", what, n, body)
		}
	}
	counts, err := h.Service.Counts.Counts(t.Context(), h.Admin.Tenant, h.Provider.ID, es[0].At)
	h.must(err)
	if counts[directory.UserCreated] != 1 {
		t.Errorf("%s: counts %v", what, counts)
	}
	got, err := h.Service.As(administration.Admin{Tenant: h.Admin.Tenant}).Logs.Verify(t.Context(),
		administration.LogExport{Filter: administration.LogFilter{Provider: h.Provider.ID}})
	if err != nil || got.Entries != len(es) || got.Unsealed != 0 {
		t.Errorf("%s: verified %+v, %v", what, got, err)
	}
	return m.left
}

// ledgerStores are the stores that the crash test runs on. The table is shared.
func ledgerStores(t *testing.T) map[string]func(testing.TB) directory.Ports {
	t.Helper()
	table := stack.DynamoDB(t)
	return map[string]func(testing.TB) directory.Ports{"SQLite": stack.SQLite, "DynamoDB": func(testing.TB) directory.Ports { return table }}
}
