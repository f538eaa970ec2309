package directory

import (
	"slices"
	"time"
)

// Actions on webhooks and deliveries, for the Audit Log.
const (
	WebhookCreated   Action = "webhook.created"
	WebhookUpdated   Action = "webhook.updated"
	WebhookDeleted   Action = "webhook.deleted"
	WebhookRotated   Action = "webhook.secret-rotated"
	WebhookTested    Action = "webhook.tested"
	TaskRetried      Action = "task.retried"      // Target is the task
	DeliveryReplayed Action = "delivery.replayed" // Target is the delivery, or the webhook of those in a span of time
)

// WebhookState says whether a webhook receives events.
type WebhookState string

// The states of a webhook. One that is not active receives no new events; its pending deliveries wait.
const (
	WebhookActive WebhookState = "active"
	WebhookPaused WebhookState = "paused" // by an administrator
	WebhookEnded  WebhookState = "gone"   // the address answered 410
)

// MaxWebhooks is how many webhooks a tenant may have.
const MaxWebhooks = 20

// Webhook is an address that a tenant's events are sent to.
type Webhook struct {
	ID                WebhookID // "w" and 25 characters
	DisplayName       string
	URL               string
	Types             []EventType `json:",omitempty"` // empty: all
	State             WebhookState
	Secrets           []WebhookSecret // the newest first; two while one retires
	Version           int64
	Created, Modified time.Time
}

// WebhookSecret is a key that deliveries are signed with. It is needed in clear text, so it is encrypted, not hashed,
// under a key that no store has. The clear text is shown only in the answer to its creation.
type WebhookSecret struct {
	Encrypted []byte `json:"Sealed"`
	LastFour  string
	CreatedAt time.Time
	RetiresAt time.Time // zero unless retiring
}

// Wants reports whether events of the type are to be sent to the webhook.
func (w Webhook) Wants(t EventType) bool {
	return w.State == WebhookActive && (len(w.Types) == 0 || slices.Contains(w.Types, t))
}

// WebhookContext binds a webhook's secret to it: the secret cannot be decrypted for another one (SecretBox).
func WebhookContext(t TenantID, id WebhookID) string { return string(t) + "/" + string(id) }

// WebhookSecretPrefix begins every secret of a webhook, as Standard Webhooks has it; base64 follows.
const WebhookSecretPrefix = "whsec_"
