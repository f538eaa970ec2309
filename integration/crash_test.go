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

var errCrashed = errors.New("the process crashed")

// crashing simulates a process that crashes at one of its calls to the store: before the call, or after its effect but
// before its result. Every later call fails too.
type crashing struct {
	mu    sync.Mutex
	left  int
	after bool
}

func (m *crashing) do(call func() error) error {
	m.mu.Lock()
	m.left--
	left := m.left
	m.mu.Unlock()
	switch {
	case left >= 0:
		return call()
	case left == -1 && m.after:
		return errors.Join(errCrashed, call())
	}
	return errCrashed
}

func crashable[T any](m *crashing, call func() (T, error)) (out T, err error) {
	err = m.do(func() (err error) {
		out, err = call()
		return err
	})
	return out, err
}

// ports returns the ports with those replaced that following, delivering and sealing use.
func (m *crashing) ports(p directory.Ports) directory.Ports {
	p.Log, p.Counts, p.Webhooks = crashingLog{p.Log, m}, crashingCounts{p.Counts, m}, crashingWebhooks{p.Webhooks, m}
	p.Deliveries, p.Chains, p.SetAsides = crashingDeliveries{p.Deliveries, m}, crashingChains{p.Chains, m}, crashingSetAsides{p.SetAsides, m}
	return p
}

type crashingLog struct {
	directory.Log
	m *crashing
}

func (l crashingLog) EntriesAfter(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, count int,
) ([]directory.LogEntry, error) {
	return crashable(l.m, func() ([]directory.LogEntry, error) { return l.Log.EntriesAfter(ctx, t, p, after, before, count) })
}

func (l crashingLog) Entry(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, at time.Time, id directory.EntryID,
) (directory.LogEntry, error) {
	return crashable(l.m, func() (directory.LogEntry, error) { return l.Log.Entry(ctx, t, p, at, id) })
}

type counts = directory.Counts

type crashingCounts struct {
	counts
	m *crashing
}

func (f crashingCounts) CountEntries(ctx context.Context, t directory.TenantID, es []directory.LogEntry) ([]bool, error) {
	return crashable(f.m, func() ([]bool, error) { return f.counts.CountEntries(ctx, t, es) })
}

type crashingWebhooks struct {
	directory.Webhooks
	m *crashing
}

func (w crashingWebhooks) Webhook(ctx context.Context, t directory.TenantID, id directory.WebhookID) (directory.Webhook, error) {
	return crashable(w.m, func() (directory.Webhook, error) { return w.Webhooks.Webhook(ctx, t, id) })
}

func (w crashingWebhooks) ListWebhooks(ctx context.Context, t directory.TenantID) ([]directory.Webhook, error) {
	return crashable(w.m, func() ([]directory.Webhook, error) { return w.Webhooks.ListWebhooks(ctx, t) })
}

type crashingDeliveries struct {
	directory.Deliveries
	m *crashing
}

func (d crashingDeliveries) AddDelivery(ctx context.Context, t directory.TenantID, v directory.Delivery) error {
	return d.m.do(func() error { return d.Deliveries.AddDelivery(ctx, t, v) })
}

func (d crashingDeliveries) UpdateDelivery(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (directory.Delivery, error) {
	return crashable(d.m, func() (directory.Delivery, error) { return d.Deliveries.UpdateDelivery(ctx, t, id, update) })
}

func (d crashingDeliveries) DueDeliveries(ctx context.Context, now time.Time, count int) ([]directory.DueDelivery, error) {
	return crashable(d.m, func() ([]directory.DueDelivery, error) { return d.Deliveries.DueDeliveries(ctx, now, count) })
}

type crashingSetAsides struct {
	directory.SetAsides
	m *crashing
}

func (d crashingSetAsides) UpdateSetAside(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (directory.Delivery, error) {
	return crashable(d.m, func() (directory.Delivery, error) { return d.SetAsides.UpdateSetAside(ctx, t, id, update) })
}

func (d crashingSetAsides) DueSetAside(ctx context.Context, now time.Time, count int) ([]directory.DueDelivery, error) {
	return crashable(d.m, func() ([]directory.DueDelivery, error) { return d.SetAsides.DueSetAside(ctx, now, count) })
}

func (d crashingDeliveries) AddDeliveries(ctx context.Context, t directory.TenantID, ds []directory.Delivery) error {
	return d.m.do(func() error { return d.Deliveries.AddDeliveries(ctx, t, ds) })
}

func (d crashingDeliveries) FinishDelivery(ctx context.Context, t directory.TenantID, v directory.Delivery, was time.Time) error {
	return d.m.do(func() error { return d.Deliveries.FinishDelivery(ctx, t, v, was) })
}

func (d crashingDeliveries) DueQueues(ctx context.Context, now time.Time, count int) ([]directory.Queue, error) {
	return crashable(d.m, func() ([]directory.Queue, error) { return d.Deliveries.DueQueues(ctx, now, count) })
}

func (d crashingDeliveries) LeaseQueue(
	ctx context.Context, t directory.TenantID, w directory.WebhookID, holder string, now, until time.Time,
) (directory.Queue, error) {
	return crashable(d.m, func() (directory.Queue, error) { return d.Deliveries.LeaseQueue(ctx, t, w, holder, now, until) })
}

func (d crashingDeliveries) ReleaseQueue(ctx context.Context, q directory.Queue) error {
	return d.m.do(func() error { return d.Deliveries.ReleaseQueue(ctx, q) })
}

func (d crashingDeliveries) ResumeQueue(ctx context.Context, t directory.TenantID, w directory.WebhookID, now time.Time) error {
	return d.m.do(func() error { return d.Deliveries.ResumeQueue(ctx, t, w, now) })
}

func (d crashingDeliveries) QueuedDeliveries(
	ctx context.Context, t directory.TenantID, w directory.WebhookID, now time.Time, count int,
) (ds []directory.Delivery, next time.Time, err error) {
	err = d.m.do(func() error { ds, next, err = d.Deliveries.QueuedDeliveries(ctx, t, w, now, count); return err })
	return ds, next, err
}

type crashingChains struct {
	directory.Chains
	m *crashing
}

func (l crashingChains) ChainHead(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.ChainHead, error) {
	return crashable(l.m, func() (directory.ChainHead, error) { return l.Chains.ChainHead(ctx, t, p) })
}

func (l crashingChains) AppendBlock(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, b directory.Block, settled []string,
) error {
	return l.m.do(func() error { return l.Chains.AppendBlock(ctx, t, p, b, settled) })
}

func (l crashingChains) Blocks(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, from int64, count int,
) ([]directory.Block, error) {
	return crashable(l.m, func() ([]directory.Block, error) { return l.Chains.Blocks(ctx, t, p, from, count) })
}

func (l crashingChains) AddLate(ctx context.Context, t directory.TenantID, p directory.ProviderID, position string) error {
	return l.m.do(func() error { return l.Chains.AddLate(ctx, t, p, position) })
}

func (l crashingChains) Late(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) ([]string, error) {
	return crashable(l.m, func() ([]string, error) { return l.Chains.Late(ctx, t, p, count) })
}

// backgroundWork follows the entries, sends due deliveries and seals the log of a stack's provider, in one process.
func backgroundWork(h *webhookEnv, svc *directorytest.Env, es []directory.LogEntry) error {
	var batch []directory.TenantEntry
	for _, e := range es {
		batch = append(batch, directory.TenantEntry{Tenant: h.Admin.Tenant, Entry: e})
	}
	if _, _, err := svc.FollowOrSetAside(h.Context(), batch); err != nil {
		return err
	}
	if err := svc.RetryDue(h.Context(), never); err != nil {
		return err
	}
	if _, err := svc.DeliverDue(h.Context(), never); err != nil {
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

// TestFollowingSurvivesCrashes crashes the process at calls to the store, in the long run at each, before and after the
// call takes effect; then another process repeats the work. Every event arrives, each has one delivery, and every entry
// is sealed once.
func TestFollowingSurvivesCrashes(t *testing.T) {
	t.Parallel()
	points := map[string]int{"SQLite": proof.All, "DynamoDB": proof.Size(3, proof.All)}
	for name, ports := range crashStores(t) {
		t.Run(name, func(t *testing.T) {
			for _, after := range []bool{false, true} {
				var calls []int
				for left := range proof.All - crashAt(t, ports, proof.All, after) {
					calls = append(calls, left)
				}
				t.Logf("%d calls", len(calls))
				if len(calls) < 15 {
					t.Errorf("%d calls: the work has changed", len(calls))
				}
				for _, left := range proof.Spread(points[name], calls) {
					crashAt(t, ports, left, after)
				}
			}
		})
	}
}

// crashAt crashes the process after left calls to the store, and returns the number of calls left.
func crashAt(t *testing.T, ports func(testing.TB) directory.Ports, left int, after bool) int {
	t.Helper()
	h := newWebhookEnv(t, ports)
	r := newReceiver(t, h.Clock.Now)
	h.webhook(r.URL)
	u := h.user("kim")
	h.active(u, false)
	es, err := h.Service.Log.EntriesAfter(t.Context(), h.Admin.Tenant, h.Provider.ID, "", "", 100)
	h.must(err)
	h.Clock.Advance(5 * time.Minute) // so that entries may be late, too
	m := &crashing{left: left, after: after}
	crashingEnv := directorytest.New(m.ports(h.Service.Ports), directory.Runtime{Now: h.Clock.Now, External: h.out})
	crashed := backgroundWork(h, crashingEnv, es)
	if crashed != nil && !errors.Is(crashed, errCrashed) {
		t.Fatal(crashed)
	}
	first := r.take()
	for range 3 {
		h.Clock.Advance(time.Hour)
		h.must(backgroundWork(h, h.Service, es))
	}
	what := fmt.Sprintf("crashed at call %d, after its effect %v", left, after)
	all := slices.Concat(first, r.take())
	slices.Sort(all)
	if got := slices.Compact(slices.Clone(all)); !slices.Equal(got,
		[]string{"user.blocked", "user.created", "user.deactivation-scheduled"}) || len(all) > 6 || crashed == nil && len(all) != 3 {
		t.Errorf("%s: arrived %v", what, all)
	}
	if left := h.setAside(); len(left) > 0 {
		t.Errorf("%s: still set aside: %+v", what, left)
	}
	events := map[string]int{}
	for _, d := range h.deliveries(administration.DeliveryFilter{}) {
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

// crashStores returns the stores of the crash test. The table is shared.
func crashStores(t *testing.T) map[string]func(testing.TB) directory.Ports {
	t.Helper()
	table := stack.DynamoDB(t)
	return map[string]func(testing.TB) directory.Ports{"SQLite": stack.SQLite, "DynamoDB": func(testing.TB) directory.Ports { return table }}
}
