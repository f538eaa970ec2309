package directory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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
