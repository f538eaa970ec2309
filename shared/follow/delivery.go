package follow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"rollcall/shared/directory"
)

const pausedFor = time.Hour // how long a queue waits for a webhook that is not active

var errTaken = errors.New("another process has the delivery, or it is done")

// moveOld moves what is due and stored as in an earlier release: entries that it parked are set aside, and deliveries to
// webhooks go to their queues.
func (s *Service) moveOld(ctx context.Context) error {
	now := s.rt.Time()
	due, err := s.ports.Deliveries.DueDeliveries(ctx, now, retryBatch)
	if err != nil {
		return err
	}
	return forEach(ctx, due, func(ctx context.Context, due directory.DueDelivery) error {
		old, err := s.ports.Deliveries.Delivery(ctx, due.Tenant, due.ID)
		if err != nil || old.State != directory.DeliveryPending {
			return directory.IgnoreNotFound(err)
		}
		if old.Webhook == "" {
			e := directory.LogEntry{ID: old.Entry, At: old.At, Provider: old.Provider}
			if err := s.setAside(ctx, directory.TenantEntry{Tenant: due.Tenant, Entry: e}, nil); err != nil {
				return err
			}
		}
		_, err = s.ports.Deliveries.UpdateDelivery(ctx, due.Tenant, due.ID, func(d directory.Delivery) (directory.Delivery, error) {
			if d.Webhook == "" && d.State == directory.DeliveryPending {
				d = ended(d, now, directory.DeliveryDelivered)
			}
			return d, nil
		})
		return directory.IgnoreNotFound(err)
	})
}

// attempt tries a delivery and returns its new state. A delivery that has waited too long is given up with the cause for
// which its webhook's last try failed.
func (s *Service) attempt(
	ctx context.Context, l *line, q directory.Queue, w directory.Webhook, d directory.Delivery,
) directory.Delivery {
	now := s.rt.Time()
	if now.After(d.CreatedAt.Add(GiveUpAfter)) {
		if d.Tries == 0 {
			d.Status, d.Cause = q.Status, q.Cause
		}
		return ended(d, now, directory.DeliveryDead)
	}
	status, cause := s.send(ctx, l, q.Tenant, w, d)
	now = s.rt.Time()
	switch {
	case status >= 200 && status < 300:
		d.Tries, d.Status, d.Cause = d.Tries+1, status, ""
		return ended(d, now, directory.DeliveryDelivered)
	case status == http.StatusGone:
		return ended(failed(d, now, status, directory.CauseStatus), now, directory.DeliveryDead)
	case status != 0:
		cause = directory.CauseStatus
	}
	return failed(d, now, status, cause)
}

// send signs and posts a delivery.
func (s *Service) send(
	ctx context.Context, l *line, t directory.TenantID, w directory.Webhook, d directory.Delivery,
) (status int, cause string) {
	var ev struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(d.Body, &ev); err != nil {
		return 0, directory.CauseInside
	}
	var secrets []string
	for _, secret := range usableSecrets(w, s.rt.Time()) {
		plain, err := l.secret(secret.Encrypted, func() ([]byte, error) {
			return s.rt.Secrets.Decrypt(ctx, secret.Encrypted, directory.WebhookContext(t, w.ID))
		})
		if err != nil {
			return 0, directory.CauseInside
		}
		secrets = append(secrets, plain)
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

// resumeWebhook has what waits for a webhook that is active sent now, whether it was paused or failed before it was changed.
func (s *Service) resumeWebhook(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	id := directory.WebhookID(e.Target)
	w, err := s.ports.Webhooks.Webhook(ctx, t, id)
	if err != nil || w.State != directory.WebhookActive {
		return directory.IgnoreNotFound(err)
	}
	s.sending.want()
	return s.ports.Deliveries.ResumeQueue(ctx, t, id, s.rt.Time())
}

// replay replays the delivery that an entry of DeliveryReplayed names; those of a span are a task.
func (s *Service) replay(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	if yes, _ := s.isSpan(ctx, t, e); yes {
		return nil
	}
	return s.deliverAgain(ctx, t, directory.DeliveryID(e.Target), e.At)
}

// isSpan reports whether an entry replays the deliveries of a span.
func (s *Service) isSpan(_ context.Context, _ directory.TenantID, e directory.LogEntry) (bool, error) {
	return len(e.Changes) == 2, nil
}

// replaySpan replays the deliveries of a webhook in a span.
func (x *portion) replaySpan(ctx context.Context) error {
	var since, until time.Time
	err := errors.Join(json.Unmarshal(x.entry.Changes[0].After, &since), json.Unmarshal(x.entry.Changes[1].After, &until))
	if err != nil {
		return err
	}
	lowest := directory.DeliveryIDAt(since)
	return x.walk(ctx, func(ctx context.Context, before string) (string, bool, error) {
		const batch = 100
		ds, err := x.s.ports.Deliveries.ListDeliveries(ctx, x.tenant, cmp.Or(directory.DeliveryID(before), directory.DeliveryIDAt(until)), batch)
		if err != nil || len(ds) == 0 {
			return "", true, err
		}
		last := ds[len(ds)-1].ID
		again := slices.DeleteFunc(slices.Clone(ds), func(d directory.Delivery) bool {
			return d.ID < lowest || string(d.Webhook) != x.entry.Target
		})
		err = forEach(ctx, again, func(ctx context.Context, d directory.Delivery) error {
			return x.s.deliverAgain(ctx, x.tenant, d.ID, x.entry.At)
		})
		x.did(len(ds))
		x.Done += len(again)
		return string(last), last < lowest || len(ds) < batch, err
	})
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
