package follow

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/shared/directory"
)

const (
	lease      = 30 * time.Second // how long a try may take before another process takes the delivery over
	perWebhook = 2                // tries at the same time
	deliverers = 8                // reads at the same time
	mostQueued = 1000             // deliveries that wait for their turn in a process
	lookAgain  = 250 * time.Millisecond
	lookFor    = 20 * time.Second // how long deliveries are looked for while tries are in progress
	slowAfter  = 2 * time.Second  // a success that takes longer pauses its webhook, for as long as it took
	pausedFor  = time.Hour
	downFor    = 5 * time.Minute // how long other deliveries wait after a webhook failed
)

var errTaken = errors.New("another process has the delivery, or it is done")

// DeliverDue tries deliveries of all tenants that are due, and those that become due meanwhile; it reads count at a time,
// and returns how many it tried. Its error is for the log, since failed deliveries are tried again. A webhook has at most
// two tries at a time, and nobody waits for those of another. After it failed, or was slow, its other deliveries are
// postponed: one that is down costs few tries. Several processes may run it at the same time.
func (s *Service) DeliverDue(ctx context.Context, count int) (int, error) {
	looking, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	r := round{s: s, looking: looking, idle: make(chan struct{}, 1), down: map[directory.WebhookID]time.Time{},
		queued: map[directory.DueDelivery]bool{}, queues: map[queueKey]*queue{}}
	for {
		found, err := r.find(ctx, count)
		if r.fault(err) || found < count && !r.wait() {
			break
		}
	}
	r.tries.Wait()
	return r.tried, errors.Join(r.errs...)
}

// round is one run of DeliverDue.
type round struct {
	s       *Service
	looking context.Context //nolint:containedctx // its end is the end of the round
	tries   sync.WaitGroup
	idle    chan struct{} // receives when no try is in progress any more
	mu      sync.Mutex
	active  int                               // tries in progress
	down    map[directory.WebhookID]time.Time // until when a webhook receives no deliveries
	queued  map[directory.DueDelivery]bool    // in a queue, or being tried
	queues  map[queueKey]*queue
	tried   int
	errs    []error
}

type queueKey struct {
	tenant  directory.TenantID
	webhook directory.WebhookID // "" for entries that an earlier version parked
}

// queue holds the deliveries of a webhook that wait for their turn.
type queue struct {
	waiting []directory.DueDelivery
	tries   int // in progress
}

// find queues due deliveries that are not queued yet, at most count, and returns how many.
func (r *round) find(ctx context.Context, count int) (int, error) {
	r.mu.Lock()
	queued := len(r.queued)
	r.mu.Unlock()
	if queued > mostQueued {
		return 0, nil
	}
	due, err := r.s.ports.Deliveries.DueDeliveries(ctx, r.s.rt.Time(), count+queued)
	if err != nil {
		return 0, err
	}
	found := 0
	var g errgroup.Group
	g.SetLimit(deliverers)
	for _, d := range due {
		r.mu.Lock()
		known := r.queued[d]
		r.queued[d] = true
		r.mu.Unlock()
		if known {
			continue
		}
		found++
		g.Go(func() error {
			stored, err := r.s.ports.Deliveries.Delivery(ctx, d.Tenant, d.ID)
			if err != nil {
				return directory.IgnoreNotFound(err)
			}
			r.enqueue(ctx, queueKey{d.Tenant, stored.Webhook}, d)
			return nil
		})
	}
	return found, g.Wait()
}

func (r *round) enqueue(ctx context.Context, key queueKey, d directory.DueDelivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.queues[key]
	if q == nil {
		q = &queue{}
		r.queues[key] = q
	}
	q.waiting = append(q.waiting, d)
	if q.tries < perWebhook {
		q.tries++
		r.active++
		r.tries.Go(func() {
			for d, ok := r.next(q); ok; d, ok = r.next(q) {
				r.try(ctx, d)
				r.mu.Lock()
				delete(r.queued, d)
				r.mu.Unlock()
			}
		})
	}
}

// next takes the next delivery of a queue; false when there is none, or the time is over.
func (r *round) next(q *queue) (d directory.DueDelivery, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(q.waiting) == 0 || r.looking.Err() != nil {
		q.tries--
		if r.active--; r.active == 0 {
			select {
			case r.idle <- struct{}{}:
			default: // wait will notice already
			}
		}
		return d, false
	}
	d, q.waiting = q.waiting[0], q.waiting[1:]
	return d, true
}

// inProgress reports whether tries are in progress, and none has failed with an error of the store.
func (r *round) inProgress() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active > 0 && len(r.errs) == 0
}

// wait waits a little, and reports whether to look for deliveries again.
func (r *round) wait() bool {
	if !r.inProgress() {
		return false
	}
	select {
	case <-r.looking.Done():
		return false
	case <-r.idle: // perhaps from before the last look
	case <-time.After(lookAgain):
	}
	return r.inProgress()
}

func (r *round) try(ctx context.Context, due directory.DueDelivery) {
	s, now, claimed := r.s, r.s.rt.Time(), false
	d, err := s.ports.Deliveries.UpdateDelivery(ctx, due.Tenant, due.ID, func(d directory.Delivery) (directory.Delivery, error) {
		if d.State != directory.DeliveryPending || d.DueAt.After(now) {
			return d, errTaken
		}
		until := r.until(d.Webhook)
		claimed = !until.After(now)
		if claimed {
			until = now.Add(lease)
		}
		d.DueAt = until
		return d, nil
	})
	if err == nil && claimed {
		var after directory.Delivery
		if after, err = r.attempt(ctx, due.Tenant, d); err == nil {
			r.note(after, s.rt.Time().Sub(now))
			_, err = s.ports.Deliveries.UpdateDelivery(ctx, due.Tenant, due.ID, func(stored directory.Delivery) (directory.Delivery, error) {
				if stored.State != directory.DeliveryPending || !stored.DueAt.Equal(d.DueAt) {
					return stored, errTaken // replayed, or taken over
				}
				return after, nil
			})
		}
	}
	if !errors.Is(err, errTaken) && !directory.IsKind(err, directory.NotFound) {
		_ = r.fault(err)
	}
}

// fault keeps an error for the log, and reports whether there is one.
func (r *round) fault(err error) bool {
	if err == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
	return true
}

func (r *round) until(webhook directory.WebhookID) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down[webhook]
}

func (r *round) note(d directory.Delivery, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	switch {
	case d.State == directory.DeliveryPending:
		r.down[d.Webhook] = r.s.rt.Time().Add(downFor)
	case took > slowAfter:
		r.down[d.Webhook] = directory.Latest(r.down[d.Webhook], r.s.rt.Time().Add(took))
	}
}

// attempt tries a delivery and returns its new state. Errors: of the store; then the outcome is unknown.
func (r *round) attempt(ctx context.Context, t directory.TenantID, d directory.Delivery) (directory.Delivery, error) {
	s, now := r.s, r.s.rt.Time()
	if d.Webhook == "" { // an earlier version parked the entry here
		e := directory.LogEntry{ID: d.Entry, At: d.At, Provider: d.Provider}
		return ended(d, now, directory.DeliveryDelivered), s.setAside(ctx, directory.TenantEntry{Tenant: t, Entry: e}, nil)
	}
	w, err := s.ports.Webhooks.Webhook(ctx, t, d.Webhook)
	switch {
	case directory.IsKind(err, directory.NotFound), err == nil && w.State == directory.WebhookEnded:
		d.Cause = directory.CauseRemoved
		return ended(d, now, directory.DeliveryDead), nil
	case err != nil:
		return d, err
	case w.State != directory.WebhookActive:
		d.Cause, d.DueAt = directory.CausePaused, now.Add(pausedFor)
		if d.DueAt.After(d.CreatedAt.Add(GiveUpAfter)) {
			return ended(d, now, directory.DeliveryDead), nil
		}
		return d, nil
	}
	status, cause := s.send(ctx, t, w, d)
	now = s.rt.Time()
	switch {
	case status >= 200 && status < 300:
		d.Tries, d.Status, d.Cause = d.Tries+1, status, ""
		return ended(d, now, directory.DeliveryDelivered), nil
	case status == http.StatusGone:
		d = ended(failed(d, now, status, directory.CauseStatus), now, directory.DeliveryDead)
		return d, s.endWebhook(ctx, t, d)
	case status != 0:
		cause = directory.CauseStatus
	}
	return failed(d, now, status, cause), nil
}

// send signs and posts a delivery.
func (s *Service) send(ctx context.Context, t directory.TenantID, w directory.Webhook, d directory.Delivery) (status int, cause string) {
	var ev struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(d.Body, &ev); err != nil {
		return 0, directory.CauseInside
	}
	var secrets []string
	for _, secret := range usableSecrets(w, s.rt.Time()) {
		plain, err := s.rt.Secrets.Decrypt(ctx, secret.Encrypted, directory.WebhookContext(t, w.ID))
		if err != nil {
			return 0, directory.CauseInside
		}
		secrets = append(secrets, string(plain))
	}
	header, err := sign(ev.ID, s.rt.Time(), d.Body, secrets)
	if err != nil {
		return 0, directory.CauseInside
	}
	return s.rt.Sender.Send(ctx, w.URL, header, d.Body)
}

// endWebhook ends a webhook whose address answered 410.
func (s *Service) endWebhook(ctx context.Context, t directory.TenantID, d directory.Delivery) error {
	_, err := s.ports.Webhooks.UpdateWebhook(ctx, t, d.Webhook, func(old directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
		if old.State == directory.WebhookEnded {
			return old, nil, nil
		}
		w := old
		w.State, w.Version, w.Modified = directory.WebhookEnded, old.Version+1, s.rt.Time()
		by := directory.Actor{Kind: directory.ActorSystem, ID: string(d.ID), Origin: directory.OriginEntry}
		e := s.entry(origin{by: by}, directory.WebhookUpdated)
		e.Audit, e.Target, e.Name, e.Version = true, string(w.ID), w.DisplayName, w.Version
		e.Changes = []directory.Change{directory.NewChange("state", old.State, w.State)}
		return w, &e, nil
	})
	return err
}

// replay replays the deliveries that an entry of DeliveryReplayed names.
func (s *Service) replay(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	if len(e.Changes) != 2 {
		return s.deliverAgain(ctx, t, directory.DeliveryID(e.Target), e.At)
	}
	var since, until time.Time
	if err := errors.Join(json.Unmarshal(e.Changes[0].After, &since), json.Unmarshal(e.Changes[1].After, &until)); err != nil {
		return err
	}
	const batch = 100
	for before := directory.DeliveryIDAt(until); ; {
		ds, err := s.ports.Deliveries.ListDeliveries(ctx, t, before, batch)
		if err != nil {
			return err
		}
		for _, d := range ds {
			before = d.ID
			if before < directory.DeliveryIDAt(since) {
				return nil
			}
			if string(d.Webhook) != e.Target {
				continue
			}
			if err := s.deliverAgain(ctx, t, d.ID, e.At); err != nil {
				return err
			}
		}
		if len(ds) < batch {
			return nil
		}
	}
}

func (s *Service) deliverAgain(ctx context.Context, t directory.TenantID, id directory.DeliveryID, at time.Time) error {
	_, err := s.ports.Deliveries.UpdateDelivery(ctx, t, id,
		func(d directory.Delivery) (directory.Delivery, error) { return replayed(d, at), nil })
	if directory.IsKind(err, directory.NotFound) {
		return s.doAgain(ctx, t, id, at)
	}
	return err
}

// GiveUpAfter is how long a delivery is tried. The pauses between tries grow.
const GiveUpAfter = 72 * time.Hour

var pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
	20 * time.Hour,
}

// failed is the delivery after a try that failed: due again later or, at the end, dead.
func failed(d directory.Delivery, now time.Time, status int, cause string) directory.Delivery {
	d.Tries, d.Status, d.Cause = d.Tries+1, status, cause
	d.DueAt = now.Add(pauses[min(d.Tries, len(pauses))-1])
	if d.DueAt.After(d.CreatedAt.Add(GiveUpAfter)) {
		return ended(d, now, directory.DeliveryDead)
	}
	return d
}

// ended is the delivery in a final state.
func ended(d directory.Delivery, now time.Time, state directory.DeliveryState) directory.Delivery {
	d.State, d.DoneAt, d.DueAt = state, now, time.Time{}
	return d
}

// replayed is the delivery at the start of a replay at a time; one that started since is unchanged.
func replayed(d directory.Delivery, at time.Time) directory.Delivery {
	if !d.CreatedAt.Before(at) {
		return d
	}
	d.State, d.Tries, d.Status, d.Cause = directory.DeliveryPending, 0, 0, ""
	d.CreatedAt, d.DueAt, d.DoneAt = at, at, time.Time{}
	return d
}

// usableSecrets returns the secrets that sign at a time.
func usableSecrets(w directory.Webhook, now time.Time) []directory.WebhookSecret {
	return slices.DeleteFunc(slices.Clone(w.Secrets), func(s directory.WebhookSecret) bool {
		return !s.RetiresAt.IsZero() && !now.Before(s.RetiresAt)
	})
}
