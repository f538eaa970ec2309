package directory

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"time"
)

// DeliveryState is the state of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryDead      DeliveryState = "dead" // given up; only a replay tries again
)

// DeliveryKept is how long a delivery can be listed and replayed.
const DeliveryKept = 30 * 24 * time.Hour

// Delivery is work for a log entry that may fail for reasons outside Rollcall: an event for a webhook or, with
// Webhook "", the steps of the entry that failed and were set aside.
type Delivery struct {
	ID        DeliveryID // the same for the same work, and in the order of the entries' times (NewDelivery)
	Webhook   WebhookID
	Provider  ProviderID // with At and Entry, identifies the entry
	At        time.Time
	Entry     EntryID
	Steps     []string        `json:",omitempty"` // that are left, by name, without a webhook; none: every step
	Type      EventType       `json:",omitempty"`
	Body      json.RawMessage `json:",omitempty"` // the event, as it is signed and sent
	State     DeliveryState
	Tries     int
	Status    int       `json:",omitempty"` // of the last answer, 0 for none
	Cause     string    `json:",omitempty"` // why the last try failed, one of the causes below
	CreatedAt time.Time // tries are timed from here; a replay sets it again
	DueAt     time.Time // of the next try while pending
	DoneAt    time.Time // when it was delivered or given up
}

// The causes of a failed try. Nothing else of the answer is kept, since it may hold anything.
const (
	CauseStatus  = "status"  // the answer was no success; Status has its code
	CauseAddress = "address" // the URL leads to a forbidden address
	CauseNetwork = "network" // no connection, or it was lost
	CauseTimeout = "timeout"
	CausePaused  = "paused" // the webhook is not active
	CauseRemoved = "removed"
	CauseInside  = "internal" // our own fault; the log has it
)

// NewDelivery is new work for an entry; webhook and name distinguish it from other work for the same entry.
func NewDelivery(e LogEntry, webhook WebhookID, name string, now time.Time) Delivery {
	sum := sha256.Sum256([]byte(string(webhook) + " " + name))
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

// Queue is what a webhook's pending deliveries have in common. There is one while there are any.
type Queue struct {
	Tenant   TenantID
	Webhook  WebhookID
	DueAt    time.Time // when its deliveries are looked at next
	Failures int       // in a row, tries under way together count once; while there are any, new deliveries wait, too
	Status   int       // of the last failed try, as in Delivery
	Cause    string
	Holder   string    // who sends its deliveries; "" for nobody
	Until    time.Time // when the holder must have finished
	Revision int64     // differs after each change of what is pending
}

// DueDelivery names a delivery that is due.
type DueDelivery struct {
	Tenant TenantID
	ID     DeliveryID
}
