package directory

import (
	"encoding/json"
	"slices"
	"time"
)

// Actions on webhooks and deliveries, for the Audit Log.
const (
	WebhookCreated    Action = "webhook.created"
	WebhookUpdated    Action = "webhook.updated"
	WebhookDeleted    Action = "webhook.deleted"
	WebhookRotated    Action = "webhook.secret-rotated"
	DeliveryReplayed  Action = "delivery.replayed"
	DeliveriesReplays Action = "deliveries.replayed"
)

// WebhookState says whether a webhook gets events.
type WebhookState string

// The states of a webhook. One that is not active gets no new events; what waits for it waits on.
const (
	WebhookActive WebhookState = "active"
	WebhookPaused WebhookState = "paused" // by an administrator
	WebhookGone   WebhookState = "gone"   // the address answered 410: it wants nothing more
)

// MaxWebhooks is how many webhooks a tenant may have.
const MaxWebhooks = 20

// Webhook is an address that a tenant's events are sent to.
type Webhook struct {
	ID                string // "w" and 25 characters
	DisplayName       string
	URL               string
	Types             []EventType     `json:",omitempty"` // empty: all
	State             WebhookState    //
	Secrets           []WebhookSecret // the newest first; two while one retires
	Version           int64
	Created, Modified time.Time
}

// WebhookSecret is a key that deliveries are signed with. It has to be usable, so it is not hashed but sealed:
// encrypted under a key that no store has. The clear text exists only in the answer that made it.
type WebhookSecret struct {
	Sealed    []byte
	LastFour  string
	CreatedAt time.Time
	RetiresAt time.Time // zero unless retiring
}

// Wants reports whether events of the type are to be sent to the webhook.
func (w Webhook) Wants(t EventType) bool {
	return w.State == WebhookActive && (len(w.Types) == 0 || slices.Contains(w.Types, t))
}

// usable returns the secrets that sign at a time.
func (w Webhook) usable(now time.Time) []WebhookSecret {
	return slices.DeleteFunc(slices.Clone(w.Secrets), func(s WebhookSecret) bool {
		return !s.RetiresAt.IsZero() && !now.Before(s.RetiresAt)
	})
}

// DeliveryState is how far a delivery got.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryDead      DeliveryState = "dead" // given up; only a replay tries again
)

// DeliveryKept is how long a delivery can be listed and replayed.
const DeliveryKept = 30 * 24 * time.Hour

// Delivery is one piece of work that follows from a log entry and that others may make fail: an event on its
// way to a webhook or, with Webhook "", the entry itself, when following it failed.
type Delivery struct {
	ID        string // deliveryID: the same for the same work, and in the order of the entries' times
	Webhook   string
	Provider  ProviderID      // with At and Entry: where the entry is
	At        time.Time       //
	Entry     EntryID         //
	Type      EventType       `json:",omitempty"`
	Body      json.RawMessage `json:",omitempty"` // the event, as it is signed and sent
	State     DeliveryState
	Tries     int
	Status    int       `json:",omitempty"` // of the last answer, 0 for none
	Cause     string    `json:",omitempty"` // why the last try failed, in a few fixed words
	CreatedAt time.Time // and what tries are counted from: a replay begins anew
	DueAt     time.Time // of the next try while pending
	DoneAt    time.Time // when it was delivered or given up
}

// DueDelivery names a delivery that is to be tried.
type DueDelivery struct {
	Tenant TenantID
	ID     string
}
