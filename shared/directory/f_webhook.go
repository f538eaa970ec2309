package directory

import (
	"context"
	"encoding/json"
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
