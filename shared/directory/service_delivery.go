package directory

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

// announce publishes an entry's events and has them sent to the webhooks that want them.
func (s *Service) announce(ctx context.Context, t TenantID, e LogEntry) error {
	es := Events(t, e)
	if len(es) == 0 {
		return nil
	}
	if s.out.Bus != nil {
		if err := s.out.Bus.Publish(ctx, es); err != nil {
			return err
		}
	}
	if s.out.Sender == nil {
		return nil
	}
	ws, err := s.Webhooks.ListWebhooks(ctx, t)
	if err != nil {
		return err
	}
	for _, w := range ws {
		for _, ev := range es {
			if !w.Wants(ev.Type) {
				continue
			}
			if err := s.addDelivery(ctx, t, w, e, ev); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) addDelivery(ctx context.Context, t TenantID, w Webhook, e LogEntry, ev Event) error {
	d := newDelivery(e, w.ID, ev.ID, s.Now())
	d.Type = ev.Type
	var err error
	if d.Body, err = json.Marshal(ev); err != nil {
		return err
	}
	return s.Deliveries.AddDelivery(ctx, t, d)
}

// sendTest has the test event of an entry sent.
func (s *Service) sendTest(ctx context.Context, t TenantID, e LogEntry) error {
	w, err := s.Webhooks.Webhook(ctx, t, e.Target)
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.addDelivery(ctx, t, w, e, Event{
		ID: string(e.ID) + "-0", Type: EventTest, Time: e.At, Tenant: t, Subject: w.ID, Sequence: max(e.Version, 1),
		Cause: EventCause{Entry: e.ID, Kind: e.Actor.Kind, ID: e.Actor.ID, Request: e.Actor.RequestID},
	})
}

const (
	lease      = 30 * time.Second // how long a try may take before another process takes the delivery over
	deliverers = 8                // tries at the same time
	pausedFor  = time.Hour
	downFor    = 5 * time.Minute // how long the others wait after a webhook failed
)

var errTaken = errors.New("another process has it, or it is done")

// DeliverDue tries deliveries of all tenants that are due, at most count, and returns how many it tried; its
// error is for the log: what failed is tried again. After
// a webhook failed, the others that wait for it are put off: one that is down costs a try, not all of them.
// It may run in several processes at once.
func (s *Service) DeliverDue(ctx context.Context, count int) (int, error) {
	due, err := s.Deliveries.DueDeliveries(ctx, s.Now(), count)
	if err != nil {
		return 0, err
	}
	r := round{s: s, down: map[string]time.Time{}}
	var wg sync.WaitGroup
	next := make(chan DueDelivery)
	for range min(deliverers, len(due)) {
		wg.Go(func() {
			for d := range next {
				r.try(ctx, d)
			}
		})
	}
	for _, d := range due {
		next <- d
	}
	close(next)
	wg.Wait()
	return r.tried, errors.Join(r.errs...)
}

// round is one run of DeliverDue.
type round struct {
	s     *Service
	mu    sync.Mutex
	down  map[string]time.Time // until when a webhook is left alone
	tried int
	errs  []error
}

func (r *round) try(ctx context.Context, due DueDelivery) {
	s, now, claimed := r.s, r.s.Now(), false
	d, err := s.Deliveries.UpdateDelivery(ctx, due.Tenant, due.ID, func(d Delivery) (Delivery, error) {
		if d.State != DeliveryPending || d.DueAt.After(now) {
			return d, errTaken
		}
		until := r.until(d.Webhook)
		if claimed = !until.After(now); claimed {
			until = now.Add(lease)
		}
		d.DueAt = until
		return d, nil
	})
	if err == nil && claimed {
		var after Delivery
		if after, err = r.attempt(ctx, due.Tenant, d); err == nil {
			r.note(after)
			_, err = s.Deliveries.UpdateDelivery(ctx, due.Tenant, due.ID, func(stored Delivery) (Delivery, error) {
				if stored.State != DeliveryPending || !stored.DueAt.Equal(d.DueAt) {
					return stored, errTaken // replayed, or taken over
				}
				return after, nil
			})
		}
	}
	if !errors.Is(err, errTaken) && !IsKind(err, NotFound) {
		r.fault(err)
	}
}

// fault keeps an error for the log.
func (r *round) fault(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err) // errors.Join passes over nil
}

func (r *round) until(webhook string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down[webhook]
}

func (r *round) note(d Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	if d.Webhook != "" && d.State == DeliveryPending {
		r.down[d.Webhook] = r.s.Now().Add(downFor)
	}
}

// attempt tries a delivery and returns what it is then. Errors: of the store; then nothing is known.
func (r *round) attempt(ctx context.Context, t TenantID, d Delivery) (Delivery, error) {
	s, now := r.s, r.s.Now()
	if d.Webhook == "" {
		d, cause := s.followAgain(ctx, t, d)
		r.fault(cause)
		return d, nil
	}
	w, err := s.Webhooks.Webhook(ctx, t, d.Webhook)
	switch {
	case IsKind(err, NotFound), err == nil && w.State == WebhookGone:
		d.Cause = CauseRemoved
		return d.ended(now, DeliveryDead), nil
	case err != nil:
		return d, err
	case w.State != WebhookActive:
		d.Cause, d.DueAt = CausePaused, now.Add(pausedFor)
		if d.DueAt.After(d.CreatedAt.Add(GiveUpAfter)) {
			return d.ended(now, DeliveryDead), nil
		}
		return d, nil
	}
	status, cause := s.send(ctx, t, w, d)
	now = s.Now()
	switch {
	case status >= 200 && status < 300:
		d.Tries, d.Status, d.Cause = d.Tries+1, status, ""
		return d.ended(now, DeliveryDelivered), nil
	case status == http.StatusGone:
		d = d.failed(now, status, CauseStatus).ended(now, DeliveryDead)
		return d, s.webhookGone(ctx, t, w, d)
	case status != 0:
		cause = CauseStatus
	}
	return d.failed(now, status, cause), nil
}

// send signs and posts a delivery.
func (s *Service) send(ctx context.Context, t TenantID, w Webhook, d Delivery) (status int, cause string) {
	var ev struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(d.Body, &ev); err != nil {
		return 0, CauseInside
	}
	var secrets []string
	for _, secret := range w.usable(s.Now()) {
		clear, err := s.out.Vault.Open(ctx, secret.Sealed, aboutWebhook(t, w.ID))
		if err != nil {
			return 0, CauseInside
		}
		secrets = append(secrets, string(clear))
	}
	header, err := Sign(ev.ID, s.Now(), d.Body, secrets)
	if err != nil {
		return 0, CauseInside
	}
	return s.out.Sender.Send(ctx, w.URL, header, d.Body)
}

// webhookGone ends a webhook whose address wants nothing more.
func (s *Service) webhookGone(ctx context.Context, t TenantID, w Webhook, d Delivery) error {
	a := Admin{Tenant: t, Actor: Actor{Kind: ActorSystem, ID: d.ID}}
	gone := WebhookGone
	_, err := s.PatchWebhook(ctx, a, w.ID, func(Webhook) error { return nil }, WebhookPatch{State: &gone})
	return err
}

// DeliveryFilter selects deliveries. Empty fields select everything.
type DeliveryFilter struct {
	Webhook string
	State   DeliveryState
	Since   time.Time // of the entry; inclusive
	Until   time.Time // exclusive
}

func (f DeliveryFilter) matches(d Delivery) bool {
	return (f.Webhook == "" || f.Webhook == d.Webhook) && (f.State == "" || f.State == d.State)
}

// ListDeliveries reads deliveries, newest first, from below an id on, and the id where the next page begins:
// "" at the end. A page may hold fewer than asked for when MaxWalk deliveries were looked at.
func (s *Service) ListDeliveries(ctx context.Context, a Admin, f DeliveryFilter, before string, count int) ([]Delivery, string, error) {
	if before == "" && !f.Until.IsZero() {
		before = deliveryAt(f.Until)
	}
	lowest := ""
	if !f.Since.IsZero() {
		lowest = deliveryAt(f.Since)
	}
	var out []Delivery
	for seen := 0; seen < MaxWalk; {
		batch := max(count, 100)
		ds, err := s.Deliveries.ListDeliveries(ctx, a.Tenant, before, batch)
		if err != nil {
			return nil, "", err
		}
		for i, d := range ds {
			if d.ID < lowest {
				return out, "", nil
			}
			if before = d.ID; f.matches(d) {
				out = append(out, d)
			}
			if len(out) == count && (i+1 < len(ds) || len(ds) == batch) {
				return out, before, nil
			}
		}
		if seen += len(ds); len(ds) < batch {
			return out, "", nil
		}
	}
	return out, before, nil
}

// ReplayOf is what is sent again: one delivery, or those of a webhook in a span of time.
type ReplayOf struct {
	Delivery string
	Webhook  string
	Since    time.Time // inclusive
	Until    time.Time // exclusive
}

// ReplayDeliveries has deliveries sent again, whatever became of them: in the background, by the entry that
// says so. A span without anything in it replays nothing.
// Errors: NotFound.
func (s *Service) ReplayDeliveries(ctx context.Context, a Admin, r ReplayOf) error {
	e := s.adminEntry(a, DeliveryReplayed)
	switch {
	case r.Delivery != "":
		if _, err := s.Deliveries.Delivery(ctx, a.Tenant, r.Delivery); err != nil {
			return err
		}
		e.Target = r.Delivery
	default:
		w, err := s.Webhooks.Webhook(ctx, a.Tenant, r.Webhook)
		if err != nil {
			return err
		}
		e.Target, e.Name = w.ID, w.DisplayName
		e.Changes = []Change{change("since", nil, r.Since), change("until", nil, r.Until)}
	}
	if a.DryRun {
		return nil
	}
	return s.Log.AppendEntry(ctx, a.Tenant, e)
}

// replay does what an entry of ReplayDeliveries says.
func (s *Service) replay(ctx context.Context, t TenantID, e LogEntry) error {
	again := func(id string) error {
		_, err := s.Deliveries.UpdateDelivery(ctx, t, id, func(d Delivery) (Delivery, error) { return d.again(e.At), nil })
		if IsKind(err, NotFound) {
			return nil
		}
		return err
	}
	if len(e.Changes) != 2 {
		return again(e.Target)
	}
	f := DeliveryFilter{Webhook: e.Target}
	if err := errors.Join(json.Unmarshal(e.Changes[0].After, &f.Since), json.Unmarshal(e.Changes[1].After, &f.Until)); err != nil {
		return err
	}
	for before := ""; ; {
		ds, next, err := s.ListDeliveries(ctx, Admin{Tenant: t}, f, before, 100)
		if err != nil {
			return err
		}
		for _, d := range ds {
			if err := again(d.ID); err != nil {
				return err
			}
		}
		if before = next; next == "" {
			return nil
		}
	}
}
