package directory

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

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
