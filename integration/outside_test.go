package integration_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/find"
	"rollcall/shared/keys"
	"rollcall/shared/proof"
	"rollcall/shared/workflow"
)

// outside is everything outside the process, of which parts can fail.
type outside struct {
	directory.SecretBox
	bus      *workflow.LocalBus
	receiver *receiver

	mu      sync.Mutex
	failing []string
	woken   map[time.Time]bool
	started map[directory.RunRef]bool
}

// parts are the parts that can fail.
func parts() []string { return []string{"scheduler", "bus", "state machine", "vault", "receiver"} }

func (o *outside) fail(parts ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failing = parts
	status := http.StatusNoContent
	if slices.Contains(parts, "receiver") {
		status = http.StatusServiceUnavailable
	}
	o.receiver.answers(status)
}

// use returns an error while a part fails, and else carries out what it does.
func (o *outside) use(part string, do func()) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if slices.Contains(o.failing, part) {
		return errors.New("the " + part + " does not answer")
	}
	do()
	return nil
}

func (o *outside) WakeAt(_ context.Context, at time.Time) error {
	return o.use("scheduler", func() { o.woken[at] = true })
}

func (o *outside) StartRun(_ context.Context, ref directory.RunRef) error {
	return o.use("state machine", func() { o.started[ref] = true })
}

func (o *outside) Decrypt(ctx context.Context, encrypted []byte, about string) ([]byte, error) {
	if err := o.use("vault", func() {}); err != nil {
		return nil, err
	}
	return o.SecretBox.Decrypt(ctx, encrypted, about)
}

// TestOutsidePartsFailInTurn has 20 people leave while a part outside the process fails, each in turn, and all together.
// What protects people is as if nothing failed: the guard's count, the tallies, the placement, the deliveries that wait,
// and the sweep. What could not be done is done once the part is back.
func TestOutsidePartsFailInTurn(t *testing.T) {
	t.Parallel()
	for name, ports := range crashStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			healthy := leaveWithout(t, ports)
			each := parts()
			if name == "DynamoDB" {
				each = proof.Spread(proof.Size(1, 3), each)
			}
			for _, part := range each {
				if got := leaveWithout(t, ports, part); got != healthy {
					t.Errorf("without the %s:\n got %s\nwant %s", part, got, healthy)
				}
			}
			if got := leaveWithout(t, ports, parts()...); got != healthy {
				t.Errorf("without any part:\n got %s\nwant %s", got, healthy)
			}
		})
	}
}

const leavers = 20

// leaveWithout has people arrive, be placed and leave while parts fail, and returns the state then.
func leaveWithout(t *testing.T, ports func(testing.TB) directory.Ports, failing ...string) string {
	t.Helper()
	box, err := keys.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{SecretBox: box, woken: map[time.Time]bool{}, started: map[directory.RunRef]bool{}}
	o.bus = &workflow.LocalBus{Refuse: func(directory.Event) error { return o.use("bus", func() {}) }}
	out := directory.External{Bus: o.bus, Secrets: o, Runs: o, Wakeups: o,
		Sender: workflow.NewWebhooks(workflow.WebhookConfig{Loopback: true, Timeout: 5 * time.Second})}
	h := &webhookEnv{T: t, Stack: stack.New(t, stack.Options{Ports: ports, External: out})}
	o.receiver = newReceiver(t, h.Clock.Now)
	h.webhook(o.receiver.URL)
	field, err := h.Service.As(h.Admin).Organizations.Create(t.Context(), administration.NewOrganization{Name: "Field"})
	h.must(err)
	_, _, err = h.Service.As(h.Admin).OrgMappings.Set(t.Context(), h.Provider.ID, administration.Unchecked,
		directory.OrgSettings{Method: directory.OrgSingle, Org: field.ID})
	h.must(err)
	h.Clock.Advance(48 * time.Hour) // the guard does more than warn

	o.fail(failing...)
	var us []directory.User
	for i := range leavers + 5 {
		us = append(us, h.user(fmt.Sprintf("u%02d", i)))
	}
	_, err = h.Service.As(h.Admin).ApplyRuns.Create(t.Context(), h.Provider.ID, true)
	h.must(err)
	seen := map[directory.EntryID]bool{}
	h.followLog(seen)
	for _, u := range us[:leavers] {
		h.active(u, false)
	}
	h.followLog(seen)
	state := h.protection(field.ID)

	h.Clock.Advance(time.Hour)
	swept, err := h.Service.Sweep(t.Context(), never)
	h.must(err)
	h.want("deactivated by the sweep", swept.Deactivated, leavers)

	o.fail()
	for range 3 {
		h.followLog(seen)
		h.Clock.Advance(time.Hour)
		_ = h.retry()
		h.send()
	}
	h.want("wake-ups", len(o.woken), leavers)
	h.want("runs", len(o.started), 1)
	h.want("work that is still set aside", len(h.setAside()), 0)
	onBus, arrived := map[directory.EventType]map[string]bool{}, map[directory.EventType]map[string]bool{}
	collect(onBus, o.bus.Events())
	collect(arrived, o.receiver.got)
	for _, typ := range []directory.EventType{directory.EventUserBlocked, directory.EventUserScheduled, directory.EventUserDeactivated} {
		h.want(string(typ)+" on the bus", len(onBus[typ]), leavers)
		h.want(string(typ)+" at the webhook", len(arrived[typ]), leavers)
	}
	return state
}

// followLog follows the entries of the log that are not among those seen, as batches, until there are no new ones.
func (h *webhookEnv) followLog(seen map[directory.EntryID]bool) {
	h.Helper()
	for {
		var batch []directory.TenantEntry
		for _, e := range h.Entries(h.T) {
			if !seen[e.ID] {
				seen[e.ID] = true
				batch = append(batch, directory.TenantEntry{Tenant: h.Admin.Tenant, Entry: e})
			}
		}
		if len(batch) == 0 {
			return
		}
		for part := range slices.Chunk(batch, 100) {
			_, _, err := h.Service.FollowOrSetAside(h.Context(), part)
			h.must(err)
		}
	}
}

func collect(in map[directory.EventType]map[string]bool, es []directory.Event) {
	for _, e := range es {
		if in[e.Type] == nil {
			in[e.Type] = map[string]bool{}
		}
		in[e.Type][e.ID] = true
	}
}

// protection is what must not depend on anything outside: the guard's count, tallies, people and what waits to be sent.
func (h *webhookEnv) protection(field directory.OrgID) string {
	h.Helper()
	ctx, t, p := h.Context(), h.Admin.Tenant, h.Provider.ID
	counts, err := h.Service.Counts.Counts(ctx, t, p, h.Clock.Now().Add(-time.Hour))
	h.must(err)
	tallies, err := h.Service.Counts.Tallies(ctx, t, []string{directory.OrgTally(field), directory.ActiveTally(p)})
	h.must(err)
	text := fmt.Sprintln("left:", counts[directory.UserDisabled], "in the organization:", tallies[directory.OrgTally(field)],
		"active:", tallies[directory.ActiveTally(p)])
	people := map[string]int{}
	h.must(find.EachUser(ctx, h.Service.Users, t, directory.UserSearch{Provider: p}, func(u directory.User) error {
		people[fmt.Sprintf("placed %v, leaving %v", u.OrgID == field, u.Pending != nil)]++
		return nil
	}))
	waiting := map[directory.EventType]int{}
	for _, d := range h.deliveries(administration.DeliveryFilter{}) {
		if d.Webhook != "" {
			waiting[d.Type]++
		}
	}
	for _, k := range slices.Sorted(maps.Keys(people)) {
		text += fmt.Sprintln(k, people[k])
	}
	for _, k := range slices.Sorted(maps.Keys(waiting)) {
		text += fmt.Sprintln(k, waiting[k])
	}
	return text
}
