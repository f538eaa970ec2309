package administration

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// DeliveryFilter selects deliveries. Empty fields select everything.
type DeliveryFilter struct {
	Webhook directory.WebhookID
	State   directory.DeliveryState
	Since   time.Time // of the entry; inclusive
	Until   time.Time // exclusive
}

// shown returns a function that shows pending deliveries as they will end: those of a webhook that was removed, or whose
// address answered 410, are not tried again, and removing it did not touch them.
func (s Deliveries) shown(ctx context.Context) (func(directory.Delivery) directory.Delivery, error) {
	ws, err := s.ports.Webhooks.ListWebhooks(ctx, s.tenant)
	return func(d directory.Delivery) directory.Delivery {
		usable := func(w directory.Webhook) bool { return w.ID == d.Webhook && w.State != directory.WebhookEnded }
		if d.State == directory.DeliveryPending && d.Webhook != "" && !slices.ContainsFunc(ws, usable) {
			d.State, d.Cause, d.DueAt = directory.DeliveryDead, directory.CauseRemoved, time.Time{}
		}
		return d
	}, err
}

func (f DeliveryFilter) matches(d directory.Delivery) bool {
	return (f.Webhook == "" || f.Webhook == d.Webhook) && (f.State == "" || f.State == d.State)
}

// List reads deliveries, the newest first, before the given one, and the id to continue before: "" at the end. A page
// may hold fewer than asked for when MaxWalk deliveries were read.
func (s Deliveries) List(
	ctx context.Context, f DeliveryFilter, before directory.DeliveryID, count int,
) ([]directory.Delivery, directory.DeliveryID, error) {
	if before == "" && !f.Until.IsZero() {
		before = directory.DeliveryIDAt(f.Until)
	}
	lowest := directory.DeliveryID("")
	if !f.Since.IsZero() {
		lowest = directory.DeliveryIDAt(f.Since)
	}
	shown, err := s.shown(ctx)
	if err != nil {
		return nil, "", err
	}
	read := func(before directory.DeliveryID, n int) ([]directory.Delivery, bool, error) {
		ds, err := s.newest(ctx, before, n)
		more := len(ds) == n
		if i := slices.IndexFunc(ds, func(d directory.Delivery) bool { return d.ID < lowest }); i >= 0 {
			ds, more = ds[:i], false
		}
		for i := range ds {
			ds[i] = shown(ds[i])
		}
		return ds, more, err
	}
	return filtered(before, count, read, func(d directory.Delivery) directory.DeliveryID { return d.ID }, f.matches)
}

// newest reads deliveries together with the work that was set aside, which may stand for a delivery of the same id that an
// earlier version stored.
func (s Deliveries) newest(ctx context.Context, before directory.DeliveryID, count int) ([]directory.Delivery, error) {
	aside, err := s.ports.SetAsides.ListSetAside(ctx, s.tenant, before, count)
	if err != nil {
		return nil, err
	}
	ds, err := s.ports.Deliveries.ListDeliveries(ctx, s.tenant, before, count)
	all := slices.Concat(aside, ds)
	slices.SortStableFunc(all, func(a, b directory.Delivery) int { return cmp.Compare(b.ID, a.ID) })
	all = slices.CompactFunc(all, func(a, b directory.Delivery) bool { return a.ID == b.ID })
	return all[:min(count, len(all))], err
}

// ByID reads one, or work that was set aside.
// Errors: NotFound.
func (s Deliveries) ByID(ctx context.Context, id directory.DeliveryID) (directory.Delivery, error) {
	aside, err := s.ports.SetAsides.ListSetAside(ctx, s.tenant, id+"~", 1) // the newest up to the id
	if err != nil {
		return directory.Delivery{}, err
	}
	if len(aside) > 0 && aside[0].ID == id {
		return aside[0], nil
	}
	d, err := s.ports.Deliveries.Delivery(ctx, s.tenant, id)
	if err != nil {
		return d, err
	}
	shown, err := s.shown(ctx)
	if err != nil {
		return d, err
	}
	return shown(d), nil
}

// ReplayOf selects what to send again: one delivery, or those of a webhook in a span of time.
type ReplayOf struct {
	Delivery directory.DeliveryID
	Webhook  directory.WebhookID
	Since    time.Time // inclusive
	Until    time.Time // exclusive
}

// Replay writes the entry that has deliveries sent again in the background, whatever their state. An empty span replays
// nothing.
// Errors: NotFound; Conflict (the webhook was deleted, or gets nothing any more).
func (s Deliveries) Replay(ctx context.Context, r ReplayOf) error {
	e := s.entry(directory.DeliveryReplayed)
	if r.Delivery != "" {
		d, err := s.ByID(ctx, r.Delivery)
		if err == nil && d.Webhook != "" {
			_, err = s.receiving(ctx, d.Webhook)
			if directory.IsKind(err, directory.NotFound) {
				err = directory.Errorf(directory.Conflict, "its webhook was deleted")
			}
		}
		if err != nil {
			return err
		}
		e.Target = string(r.Delivery)
	} else {
		w, err := s.receiving(ctx, r.Webhook)
		if err != nil {
			return err
		}
		e.Target, e.Name = string(w.ID), w.DisplayName
		e.Changes = []directory.Change{directory.NewChange("since", nil, r.Since), directory.NewChange("until", nil, r.Until)}
	}
	return s.ports.Log.AppendEntry(ctx, s.tenant, e)
}

// receiving reads a webhook that is sent events, or will be when it is resumed.
// Errors: NotFound; Conflict (its address answered 410).
func (s Deliveries) receiving(ctx context.Context, id directory.WebhookID) (directory.Webhook, error) {
	w, err := s.ports.Webhooks.Webhook(ctx, s.tenant, id)
	if err == nil && w.State == directory.WebhookEnded {
		err = directory.Errorf(directory.Conflict, "the webhook gets no events any more, because its address answered 410")
	}
	return w, err
}
