package adminapi

import (
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func deliveryRoutes() []route {
	return []route{
		{Route{get, "/deliveries", "listDeliveries", readers}, []string{"cursor", "limit", "webhook", "state", "since", "until"},
			(*request).listDeliveries},
		{Route{get, "/deliveries/{id}", "getDelivery", readers}, nil, (*request).getDelivery},
		{Route{post, "/deliveries/{id}:replay", "replayDelivery", administrators}, dryQuery, (*request).replayDelivery},
	}
}

type delivery struct {
	ID        directory.DeliveryID    `json:"id"`
	Webhook   directory.WebhookID     `json:"webhook,omitempty"` // absent: an entry that could not be followed
	Entry     directory.EntryID       `json:"entry"`
	At        instant                 `json:"at"`
	Steps     []string                `json:"steps,omitempty"` // left of an entry; absent: every step
	Type      directory.EventType     `json:"type,omitempty"`
	State     directory.DeliveryState `json:"state"`
	Tries     int                     `json:"tries"`
	Status    int                     `json:"status,omitempty"`
	Cause     string                  `json:"cause,omitempty"`
	CreatedAt instant                 `json:"createdAt"`
	DueAt     *instant                `json:"dueAt,omitempty"`
	DoneAt    *instant                `json:"doneAt,omitempty"`
	DryRun    bool                    `json:"dryRun,omitempty"`
}

func (r *request) viewDelivery(d directory.Delivery) delivery {
	if d.State != directory.DeliveryPending {
		d.DueAt = time.Time{}
	}
	return delivery{
		ID: d.ID, Webhook: d.Webhook, Entry: d.Entry, At: instant{d.At}, Steps: d.Steps, Type: d.Type, State: d.State, Tries: d.Tries,
		Status: d.Status, Cause: d.Cause,
		CreatedAt: instant{d.CreatedAt}, DueAt: timeOrNil(d.DueAt), DoneAt: timeOrNil(d.DoneAt), DryRun: r.admin.DryRun,
	}
}

func (r *request) listDeliveries() (answer, error) {
	var f administration.DeliveryFilter
	state, err := r.choice("state", string(directory.DeliveryPending), string(directory.DeliveryDelivered), string(directory.DeliveryDead))
	if err != nil {
		return answer{}, err
	}
	f.State = directory.DeliveryState(state)
	if f.Webhook, err = idQuery[directory.WebhookID](r, "webhook"); err != nil {
		return answer{}, err
	}
	if f.Since, f.Until, err = r.spanQuery(); err != nil {
		return answer{}, err
	}
	before, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	ds, next, err := r.as().Deliveries.List(r.ctx(), f, directory.DeliveryID(before), limit)
	return answer{body: page[delivery]{Items: mapSlice(ds, r.viewDelivery), NextCursor: r.cursor(string(next))}}, err
}

func (r *request) getDelivery() (answer, error) {
	id, err := pathID[directory.DeliveryID](r, 0, "delivery")
	if err != nil {
		return answer{}, err
	}
	d, err := r.as().Deliveries.ByID(r.ctx(), id)
	return answer{body: r.viewDelivery(d)}, err
}

func (r *request) replayDelivery() (answer, error) {
	id, err := pathID[directory.DeliveryID](r, 0, "delivery")
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	if err := r.as().Deliveries.Replay(r.ctx(), administration.ReplayOf{Delivery: id}); err != nil {
		return answer{}, err
	}
	return r.getDelivery()
}
