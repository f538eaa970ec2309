package follow

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// publish publishes the events of entries on the bus.
func (s *Service) publish(ctx context.Context, entries []directory.TenantEntry) []error {
	if s.rt.Bus == nil {
		return nil
	}
	var es []directory.Event
	var of []int // the place of an event's entry
	for i, e := range entries {
		for _, ev := range Events(e.Tenant, e.Entry) {
			es, of = append(es, ev), append(of, i)
		}
	}
	if len(es) == 0 {
		return nil
	}
	refused, err := s.rt.Bus.Publish(ctx, es)
	errs := make([]error, len(entries))
	for _, k := range refused {
		errs[of[k]] = err
	}
	return errs
}

// deliverEvents has the events of a tenant's entries sent to the webhooks that receive their types.
func (c *course) deliverEvents(ctx context.Context, t directory.TenantID, es []directory.LogEntry) error {
	s := c.s
	if s.rt.Sender == nil && s.rt.Delivering == nil {
		return nil
	}
	var r *rules
	var ds []directory.Delivery
	for _, e := range es {
		events := Events(t, e)
		if len(events) == 0 {
			continue
		}
		if r == nil {
			g, err := c.tenantGround(ctx, t, e)
			if err == nil {
				r, err = s.rules(ctx, t, "", g)
			}
			if err != nil {
				return err
			}
		}
		more, err := s.newDeliveries(r.webhooks, e, events)
		if err != nil {
			return err
		}
		ds = append(ds, more...)
	}
	return s.addDeliveries(ctx, t, ds)
}

func (s *Service) newDeliveries(
	ws []directory.Webhook, e directory.LogEntry, events []directory.Event,
) (ds []directory.Delivery, err error) {
	for _, w := range ws {
		for _, ev := range events {
			if !w.Wants(ev.Type) {
				continue
			}
			d, err := s.newDelivery(w, e, ev)
			if err != nil {
				return nil, err
			}
			ds = append(ds, d)
		}
	}
	return ds, nil
}

func (s *Service) newDelivery(w directory.Webhook, e directory.LogEntry, ev directory.Event) (d directory.Delivery, err error) {
	d = directory.NewDelivery(e, w.ID, ev.ID, s.rt.Time())
	d.Type = ev.Type
	d.Body, err = json.Marshal(ev)
	return d, err
}

// addDeliveries stores deliveries, which are sent soon.
func (s *Service) addDeliveries(ctx context.Context, t directory.TenantID, ds []directory.Delivery) error {
	if len(ds) == 0 {
		return nil
	}
	s.sending.want()
	return s.ports.Deliveries.AddDeliveries(ctx, t, ds)
}

// sendTest has the test event of an entry sent, with all that waits.
func (s *Service) sendTest(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	w, err := s.ports.Webhooks.Webhook(ctx, t, directory.WebhookID(e.Target))
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	d, err := s.newDelivery(w, e, directory.Event{
		ID: string(e.ID) + "-0", Type: directory.EventTest, Time: e.At, Tenant: t, Subject: string(w.ID), Sequence: max(e.Version, 1),
		Cause: directory.EventCause{Entry: e.ID, Kind: e.Actor.Kind, ID: e.Actor.ID, Request: e.Actor.RequestID},
	})
	if err != nil {
		return err
	}
	if err := s.addDeliveries(ctx, t, []directory.Delivery{d}); err != nil {
		return err
	}
	return s.resumeWebhook(ctx, t, e)
}

// sign returns the headers of a message of Standard Webhooks: its id, the time, and a signature for each secret.
func sign(id string, at time.Time, body []byte, secrets []string) (map[string]string, error) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, directory.WebhookSecretPrefix))
		if err != nil {
			return nil, fmt.Errorf("read webhook secret: %w", err)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return map[string]string{"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": strings.Join(signatures, " ")}, nil
}
