package administration

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// List reads all webhooks of the tenant, by id.
func (s Webhooks) List(ctx context.Context) ([]directory.Webhook, error) {
	return s.ports.Webhooks.ListWebhooks(ctx, s.tenant)
}

// ByID reads one.
// Errors: NotFound.
func (s Webhooks) ByID(ctx context.Context, id directory.WebhookID) (directory.Webhook, error) {
	return s.ports.Webhooks.Webhook(ctx, s.tenant, id)
}

// NewWebhook is the input for a new webhook.
type NewWebhook struct {
	DisplayName string
	URL         string
	Types       []directory.EventType // empty: all
}

// Create creates a webhook; the clear text of its secret is returned and never shown again.
// Errors: Invalid; Conflict (MaxWebhooks).
func (s Webhooks) Create(ctx context.Context, n NewWebhook) (directory.Webhook, string, error) {
	now := s.rt.Time()
	w := directory.Webhook{ID: directory.WebhookID("w" + s.rt.NewID()), State: directory.WebhookActive, Version: 1, Created: now,
		Modified: now}
	var err error
	if w.DisplayName, err = directory.ValidDisplayName(n.DisplayName); err != nil {
		return directory.Webhook{}, "", err
	}
	if w.URL, err = s.webhookURL(n.URL); err != nil {
		return directory.Webhook{}, "", err
	}
	if w.Types, err = eventTypes(n.Types); err != nil {
		return directory.Webhook{}, "", err
	}
	room := func(all []directory.Webhook) error {
		if len(all) >= directory.MaxWebhooks {
			return directory.Errorf(directory.Conflict, "a tenant has at most %d webhooks", directory.MaxWebhooks)
		}
		return nil
	}
	secret, plain, err := s.newWebhookSecret(ctx, w.ID)
	if err != nil {
		return directory.Webhook{}, "", err
	}
	w.Secrets = []directory.WebhookSecret{secret}
	e := s.webhookEntry(directory.WebhookCreated, w)
	e.Changes = []directory.Change{directory.NewChange("url", nil, w.URL), directory.NewChange("types", nil, w.Types)}
	return w, plain, s.ports.Webhooks.CreateWebhook(ctx, s.tenant, w, room, e)
}

func (s Webhooks) webhookEntry(action directory.Action, w directory.Webhook) directory.LogEntry {
	e := s.entry(action)
	e.Target, e.Name, e.Version = string(w.ID), w.DisplayName, w.Version
	return e
}

func errNoWebhooks() *directory.Error {
	return directory.Errorf(directory.Conflict, "this deployment sends no webhooks")
}

func (s Webhooks) webhookURL(url string) (string, error) {
	if s.rt.Sender == nil || s.rt.Secrets == nil {
		return "", errNoWebhooks()
	}
	return url, s.rt.Sender.Check(url)
}

// eventTypes returns the types without repetitions, in their order.
func eventTypes(want []directory.EventType) ([]directory.EventType, error) {
	var out []directory.EventType
	for _, t := range directory.EventTypes() {
		if slices.Contains(want, t) {
			out = append(out, t)
		}
	}
	for _, t := range want {
		if !slices.Contains(out, t) {
			return nil, &directory.Error{Kind: directory.Invalid, Attr: "types", Detail: "types must be types of events"}
		}
	}
	return out, nil
}

func (s Webhooks) newWebhookSecret(ctx context.Context, id directory.WebhookID) (directory.WebhookSecret, string, error) {
	plain := directory.WebhookSecretPrefix + base64.StdEncoding.EncodeToString([]byte(s.rt.Secret()))
	encrypted, err := s.rt.Secrets.Encrypt(ctx, []byte(plain), directory.WebhookContext(s.tenant, id))
	end := strings.TrimRight(plain, "=")
	return directory.WebhookSecret{Encrypted: encrypted, LastFour: end[len(end)-4:], CreatedAt: s.rt.Time()}, plain, err
}

// WebhookPatch is a change of a webhook; nil fields do not change.
type WebhookPatch struct {
	DisplayName *string
	URL         *string
	Types       *[]directory.EventType
	State       *directory.WebhookState // active or paused
}

// Patch changes a webhook; check sees it first. A patch that changes nothing writes nothing.
// Errors: NotFound; Invalid; what check returns.
func (s Webhooks) Patch(
	ctx context.Context, id directory.WebhookID, check func(directory.Webhook) error, n WebhookPatch,
) (directory.Webhook, error) {
	return s.updateWebhook(ctx, id, directory.WebhookUpdated, check, func(w directory.Webhook) (directory.Webhook, []directory.Change, error) {
		var changes []directory.Change
		if n.DisplayName != nil && *n.DisplayName != w.DisplayName {
			name, err := directory.ValidDisplayName(*n.DisplayName)
			if err != nil {
				return w, nil, err
			}
			changes = append(changes, directory.NewChange(directory.AttrDisplayName, w.DisplayName, name))
			w.DisplayName = name
		}
		if n.URL != nil && *n.URL != w.URL {
			url, err := s.webhookURL(*n.URL)
			if err != nil {
				return w, nil, err
			}
			changes = append(changes, directory.NewChange("url", w.URL, url))
			w.URL = url
		}
		if n.Types != nil && !slices.Equal(*n.Types, w.Types) {
			types, err := eventTypes(*n.Types)
			if err != nil {
				return w, nil, err
			}
			changes = append(changes, directory.NewChange("types", w.Types, types))
			w.Types = types
		}
		if n.State != nil && *n.State != w.State {
			changes = append(changes, directory.NewChange("state", w.State, *n.State))
			w.State = *n.State
		}
		return w, changes, nil
	})
}

// Rotate gives a webhook a new secret, whose clear text is returned once; deliveries are signed with both until the
// overlap ends. An older one that is still retiring ends immediately.
// Errors: NotFound; Invalid; what check returns.
func (s Webhooks) Rotate(
	ctx context.Context, id directory.WebhookID, check func(directory.Webhook) error, overlap time.Duration,
) (directory.Webhook, string, error) {
	if s.rt.Secrets == nil {
		return directory.Webhook{}, "", errNoWebhooks()
	}
	secret, plain, err := s.newWebhookSecret(ctx, id)
	if err != nil {
		return directory.Webhook{}, "", err
	}
	w, err := s.updateWebhook(ctx, id, directory.WebhookRotated, check,
		func(w directory.Webhook) (directory.Webhook, []directory.Change, error) {
			old := w.Secrets[0]
			old.RetiresAt = s.rt.Time().Add(overlap)
			w.Secrets = []directory.WebhookSecret{secret, old}
			return w, []directory.Change{directory.NewChange("overlapSeconds", nil, int64(overlap/time.Second))}, nil
		})
	return w, plain, err
}

func (s Webhooks) updateWebhook(
	ctx context.Context, id directory.WebhookID, action directory.Action, check func(directory.Webhook) error,
	edit func(directory.Webhook) (directory.Webhook, []directory.Change, error),
) (directory.Webhook, error) {
	update := func(w directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
		if err := check(w); err != nil {
			return w, nil, err
		}
		n, changes, err := edit(w)
		if err != nil || len(changes) == 0 {
			return w, nil, err
		}
		n.Version, n.Modified = w.Version+1, s.rt.Time()
		e := s.webhookEntry(action, n)
		e.Changes = changes
		return n, &e, nil
	}
	return s.ports.Webhooks.UpdateWebhook(ctx, s.tenant, id, update)
}

// Delete removes a webhook; its pending deliveries are given up.
// Errors: NotFound; what check returns.
func (s Webhooks) Delete(ctx context.Context, id directory.WebhookID, check func(directory.Webhook) error) (directory.Webhook, error) {
	var deleted directory.Webhook
	del := func(w directory.Webhook) (directory.LogEntry, error) {
		deleted = w
		return s.webhookEntry(directory.WebhookDeleted, w), check(w)
	}
	err := s.ports.Webhooks.DeleteWebhook(ctx, s.tenant, id, del)
	return deleted, err
}

// Test has a test event sent to an active webhook.
// Errors: NotFound; Conflict.
func (s Webhooks) Test(ctx context.Context, id directory.WebhookID) (directory.Webhook, error) {
	w, err := s.ports.Webhooks.Webhook(ctx, s.tenant, id)
	if err != nil {
		return w, err
	}
	if w.State != directory.WebhookActive {
		return w, directory.Errorf(directory.Conflict, "the webhook is not active")
	}
	return w, s.ports.Log.AppendEntry(ctx, s.tenant, s.webhookEntry(directory.WebhookTested, w))
}
