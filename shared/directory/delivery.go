package directory

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"time"
)

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
	ID        DeliveryID // deliveryID: the same for the same work, and in the order of the entries' times
	Webhook   WebhookID
	Provider  ProviderID // with At and Entry: where the entry is
	At        time.Time
	Entry     EntryID
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

// Words for why a try failed. They are all that is kept of it: an answer may hold anything.
const (
	CauseStatus  = "status"  // the answer was none of success; Status says which
	CauseAddress = "address" // the URL leads where deliveries must not go
	CauseNetwork = "network" // no connection, or it broke
	CauseTimeout = "timeout"
	CausePaused  = "paused" // the webhook is not active
	CauseRemoved = "removed"
	CauseInside  = "internal" // a fault of ours; the log has it
)

// NewDelivery is work for an entry: what names it beside the entry.
func NewDelivery(e LogEntry, webhook WebhookID, what string, now time.Time) Delivery {
	sum := sha256.Sum256([]byte(string(webhook) + " " + what))
	position, _, _ := strings.Cut(e.Position(), ".")
	return Delivery{
		ID: DeliveryID("d" + position + idEncoding.EncodeToString(sum[:])[:20]), Webhook: webhook, Provider: e.Provider, At: e.At, Entry: e.ID,
		State: DeliveryPending, CreatedAt: now, DueAt: now,
	}
}

// DeliveryIDAt is the lowest id of deliveries for entries of a time.
func DeliveryIDAt(at time.Time) DeliveryID {
	position, _, _ := strings.Cut(LogEntry{At: at}.Position(), ".")
	return DeliveryID("d" + position)
}

// DueDelivery names a delivery that is to be tried.
type DueDelivery struct {
	Tenant TenantID
	ID     DeliveryID
}
