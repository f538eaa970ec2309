package directory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Actions on webhooks and deliveries, for the Audit Log.
const (
	WebhookCreated   Action = "webhook.created"
	WebhookUpdated   Action = "webhook.updated"
	WebhookDeleted   Action = "webhook.deleted"
	WebhookRotated   Action = "webhook.secret-rotated"
	WebhookTested    Action = "webhook.tested"
	DeliveryReplayed Action = "delivery.replayed" // Target is the delivery, or the webhook of those in a span of time
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
	Types             []EventType `json:",omitempty"` // empty: all
	State             WebhookState
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

// secretPrefix begins every secret of a webhook, as Standard Webhooks has it; base64 follows.
const secretPrefix = "whsec_"

// Sign returns the headers of a message of Standard Webhooks: its id, the time, and a signature for each secret.
func Sign(id string, at time.Time, body []byte, secrets []string) (map[string]string, error) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, secretPrefix))
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

// DueDelivery names a delivery that is to be tried.
type DueDelivery struct {
	Tenant TenantID
	ID     string
}
