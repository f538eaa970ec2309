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
	ID        string // deliveryID: the same for the same work, and in the order of the entries' times
	Webhook   string
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

// GiveUpAfter is how long a delivery is tried. The pauses between tries grow.
const GiveUpAfter = 72 * time.Hour

var pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 20 * time.Hour,
}

// failed is the delivery after a try that failed: due again later or, at the end, dead.
func (d Delivery) failed(now time.Time, status int, cause string) Delivery {
	d.Tries, d.Status, d.Cause = d.Tries+1, status, cause
	d.DueAt = now.Add(pauses[min(d.Tries, len(pauses))-1])
	if d.DueAt.After(d.CreatedAt.Add(GiveUpAfter)) {
		return d.ended(now, DeliveryDead)
	}
	return d
}

// ended is the delivery in a final state.
func (d Delivery) ended(now time.Time, state DeliveryState) Delivery {
	d.State, d.DoneAt, d.DueAt = state, now, time.Time{}
	return d
}

// again is the delivery as a replay begins it; one that began since is as it is.
func (d Delivery) again(at time.Time) Delivery {
	if !d.CreatedAt.Before(at) {
		return d
	}
	d.State, d.Tries, d.Status, d.Cause = DeliveryPending, 0, 0, ""
	d.CreatedAt, d.DueAt, d.DoneAt = at, at, time.Time{}
	return d
}

// newDelivery is work for an entry: what names it beside the entry.
func newDelivery(e LogEntry, webhook, what string, now time.Time) Delivery {
	sum := sha256.Sum256([]byte(webhook + " " + what))
	position, _, _ := strings.Cut(e.Position(), ".")
	return Delivery{
		ID: "d" + position + idEncoding.EncodeToString(sum[:])[:20], Webhook: webhook, Provider: e.Provider, At: e.At, Entry: e.ID,
		State: DeliveryPending, CreatedAt: now, DueAt: now,
	}
}

// deliveryAt is the lowest id of deliveries for entries of a time.
func deliveryAt(at time.Time) string {
	position, _, _ := strings.Cut(LogEntry{At: at}.Position(), ".")
	return "d" + position
}

// DueDelivery names a delivery that is to be tried.
type DueDelivery struct {
	Tenant TenantID
	ID     string
}

// DeliveryFilter selects deliveries. Empty fields select everything.
type DeliveryFilter struct {
	Webhook string
	State   DeliveryState
	Since   time.Time // of the entry; inclusive
	Until   time.Time // exclusive
}

func (f DeliveryFilter) matches(d Delivery) bool {
	return (f.Webhook == "" || f.Webhook == d.Webhook) && (f.State == "" || f.State == d.State)
}
