package directory

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// NewWebhook is what an administrator chooses for a webhook.
type NewWebhook struct {
	DisplayName string
	URL         string
	Types       []EventType // empty: all
}

// CreateWebhook makes a webhook; the clear text of its secret is returned and never shown again. A dry run
// returns none.
// Errors: Invalid; Conflict (MaxWebhooks).
func (s *Service) CreateWebhook(ctx context.Context, a Admin, n NewWebhook) (Webhook, string, error) {
	now := s.Now()
	w := Webhook{ID: "w" + s.newID(), State: WebhookActive, Version: 1, Created: now, Modified: now}
	var err error
	if w.DisplayName, err = validDisplayName(n.DisplayName); err != nil {
		return Webhook{}, "", err
	}
	if w.URL, err = s.webhookURL(n.URL); err != nil {
		return Webhook{}, "", err
	}
	if w.Types, err = eventTypes(n.Types); err != nil {
		return Webhook{}, "", err
	}
	all, err := s.Webhooks.ListWebhooks(ctx, a.Tenant)
	if err != nil {
		return Webhook{}, "", err
	}
	if len(all) >= MaxWebhooks {
		return Webhook{}, "", Errorf(Conflict, "a tenant has at most %d webhooks", MaxWebhooks)
	}
	secret, clear, err := s.newWebhookSecret(ctx, a.Tenant, w.ID)
	if err != nil {
		return Webhook{}, "", err
	}
	w.Secrets = []WebhookSecret{secret}
	if a.DryRun {
		return w, "", nil
	}
	e := s.webhookEntry(a, WebhookCreated, w)
	e.Changes = []Change{change("url", nil, w.URL), change("types", nil, w.Types)}
	return w, clear, s.Webhooks.CreateWebhook(ctx, a.Tenant, w, e)
}

func (s *Service) webhookEntry(a Admin, action Action, w Webhook) LogEntry {
	e := s.adminEntry(a, action)
	e.Target, e.Name, e.Version = w.ID, w.DisplayName, w.Version
	return e
}

func (s *Service) webhookURL(url string) (string, error) {
	if s.out.Sender == nil || s.out.Vault == nil {
		return "", Errorf(Conflict, "this deployment sends no webhooks")
	}
	return url, s.out.Sender.Check(url)
}

// eventTypes returns the types without repetitions, in their order.
func eventTypes(want []EventType) ([]EventType, error) {
	var out []EventType
	for _, t := range EventTypes() {
		if slices.Contains(want, t) {
			out = append(out, t)
		}
	}
	for _, t := range want {
		if !slices.Contains(out, t) {
			return nil, &Error{Kind: Invalid, Attr: "types", Detail: "types must be types of events"}
		}
	}
	return out, nil
}

func aboutWebhook(t TenantID, id string) string { return string(t) + "/" + id }

func (s *Service) newWebhookSecret(ctx context.Context, t TenantID, id string) (WebhookSecret, string, error) {
	clear := secretPrefix + base64.StdEncoding.EncodeToString([]byte(s.newSecret()))
	sealed, err := s.out.Vault.Seal(ctx, []byte(clear), aboutWebhook(t, id))
	return WebhookSecret{Sealed: sealed, LastFour: strings.TrimRight(clear, "=")[len(strings.TrimRight(clear, "="))-4:], CreatedAt: s.Now()}, clear, err
}

// WebhookPatch is a change of a webhook; nil fields stay.
type WebhookPatch struct {
	DisplayName *string
	URL         *string
	Types       *[]EventType
	State       *WebhookState // active or paused
}

// PatchWebhook changes a webhook; check sees it first. No change writes nothing.
// Errors: NotFound; Invalid; what check returns.
func (s *Service) PatchWebhook(ctx context.Context, a Admin, id string, check func(Webhook) error, n WebhookPatch) (Webhook, error) {
	return s.updateWebhook(ctx, a, id, WebhookUpdated, check, func(w Webhook) (Webhook, []Change, error) {
		var changes []Change
		if n.DisplayName != nil && *n.DisplayName != w.DisplayName {
			name, err := validDisplayName(*n.DisplayName)
			if err != nil {
				return w, nil, err
			}
			changes = append(changes, change(AttrDisplayName, w.DisplayName, name))
			w.DisplayName = name
		}
		if n.URL != nil && *n.URL != w.URL {
			url, err := s.webhookURL(*n.URL)
			if err != nil {
				return w, nil, err
			}
			changes = append(changes, change("url", w.URL, url))
			w.URL = url
		}
		if n.Types != nil && !slices.Equal(*n.Types, w.Types) {
			types, err := eventTypes(*n.Types)
			if err != nil {
				return w, nil, err
			}
			changes = append(changes, change("types", w.Types, types))
			w.Types = types
		}
		if n.State != nil && *n.State != w.State {
			changes = append(changes, change("state", w.State, *n.State))
			w.State = *n.State
		}
		return w, changes, nil
	})
}

// RotateWebhook gives a webhook a new secret, whose clear text is returned once; deliveries are signed with
// both until the overlap ends. An older one that still retired ends at once.
// Errors: NotFound; Invalid; what check returns.
func (s *Service) RotateWebhook(ctx context.Context, a Admin, id string, check func(Webhook) error, overlap time.Duration) (Webhook, string, error) {
	if _, err := s.webhookURL(""); s.out.Vault == nil {
		return Webhook{}, "", err
	}
	secret, clear, err := s.newWebhookSecret(ctx, a.Tenant, id)
	if err != nil {
		return Webhook{}, "", err
	}
	w, err := s.updateWebhook(ctx, a, id, WebhookRotated, check, func(w Webhook) (Webhook, []Change, error) {
		old := w.Secrets[0]
		old.RetiresAt = s.Now().Add(overlap)
		w.Secrets = []WebhookSecret{secret, old}
		return w, []Change{change("overlapSeconds", nil, int64(overlap/time.Second))}, nil
	})
	if err != nil || a.DryRun {
		clear = ""
	}
	return w, clear, err
}

func (s *Service) updateWebhook(ctx context.Context, a Admin, id string, action Action, check func(Webhook) error, edit func(Webhook) (Webhook, []Change, error)) (Webhook, error) {
	update := func(w Webhook) (Webhook, *LogEntry, error) {
		if err := check(w); err != nil {
			return w, nil, err
		}
		n, changes, err := edit(w)
		if err != nil || len(changes) == 0 {
			return w, nil, err
		}
		n.Version, n.Modified = w.Version+1, s.Now()
		e := s.webhookEntry(a, action, n)
		e.Changes = changes
		return n, &e, nil
	}
	if !a.DryRun {
		return s.Webhooks.UpdateWebhook(ctx, a.Tenant, id, update)
	}
	w, err := s.Webhooks.Webhook(ctx, a.Tenant, id)
	if err == nil {
		w, _, err = update(w)
	}
	return w, err
}

// DeleteWebhook removes a webhook; what is on its way to it is given up.
// Errors: NotFound; what check returns.
func (s *Service) DeleteWebhook(ctx context.Context, a Admin, id string, check func(Webhook) error) (Webhook, error) {
	var gone Webhook
	del := func(w Webhook) (LogEntry, error) {
		gone = w
		return s.webhookEntry(a, WebhookDeleted, w), check(w)
	}
	if !a.DryRun {
		err := s.Webhooks.DeleteWebhook(ctx, a.Tenant, id, del)
		return gone, err
	}
	w, err := s.Webhooks.Webhook(ctx, a.Tenant, id)
	if err == nil {
		_, err = del(w)
	}
	return w, err
}

// TestWebhook has a test event sent to a webhook that is active.
// Errors: NotFound; Conflict.
func (s *Service) TestWebhook(ctx context.Context, a Admin, id string) (Webhook, error) {
	w, err := s.Webhooks.Webhook(ctx, a.Tenant, id)
	if err != nil {
		return w, err
	}
	if w.State != WebhookActive {
		return w, Errorf(Conflict, "the webhook is not active")
	}
	if a.DryRun {
		return w, nil
	}
	return w, s.Log.AppendEntry(ctx, a.Tenant, s.webhookEntry(a, WebhookTested, w))
}
