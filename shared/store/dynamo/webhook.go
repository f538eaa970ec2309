package dynamo

import (
	"context"
	"errors"

	"rollcall/shared/directory"
)

// CreateWebhook implements directory.Webhooks.
func (s *Store) CreateWebhook(ctx context.Context, t directory.TenantID, w directory.Webhook, e directory.LogEntry) error {
	x := &tx{}
	x.putRecord(s, webhookKey(t, w.ID), w, 0)
	x.log(s, t, e, remainder{})
	err := s.commit(ctx, "create webhook", x)
	if errors.Is(err, errStale) {
		return directory.Errorf(directory.Conflict, "the webhook's id is taken")
	}
	return err
}

// Webhook implements directory.Webhooks.
func (s *Store) Webhook(ctx context.Context, t directory.TenantID, id directory.WebhookID) (directory.Webhook, error) {
	w, _, err := readRecord[directory.Webhook](ctx, s, "webhook", webhookKey(t, id), string(id))
	return w, err
}

// ListWebhooks implements directory.Webhooks.
func (s *Store) ListWebhooks(ctx context.Context, t directory.TenantID) ([]directory.Webhook, error) {
	return all[directory.Webhook](ctx, s, span{pk: webhooks(t)})
}

// UpdateWebhook implements directory.Webhooks.
func (s *Store) UpdateWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, update directory.Update[directory.Webhook],
) (directory.Webhook, error) {
	if !usable(string(id)) {
		return directory.Webhook{}, notFound("webhook")
	}
	return updateRecord(ctx, s, t, "webhook", webhookKey(t, id), mustExist, update)
}

// DeleteWebhook implements directory.Webhooks.
func (s *Store) DeleteWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, del func(directory.Webhook) (directory.LogEntry, error),
) error {
	if !usable(string(id)) {
		return notFound("webhook")
	}
	_, err := updateRecord(ctx, s, t, "webhook", webhookKey(t, id), mustExist|zeroRemoves,
		func(old directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
			e, err := del(old)
			return directory.Webhook{}, &e, err
		})
	return err
}
