package directory

import (
	"context"
	"time"
)

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
