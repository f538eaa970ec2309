package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

var webhooks = tableOf("webhooks", "tenant", "id")

// CreateWebhook implements directory.Webhooks.
func (s *Store) CreateWebhook(ctx context.Context, t directory.TenantID, w directory.Webhook, e directory.LogEntry) error {
	return s.write(ctx, func() error {
		if err := s.putRecord(webhooks.put, w, key(t, w.ID)...); err != nil {
			return err
		}
		return s.append(t, e)
	})
}

// Webhook implements directory.Webhooks.
func (s *Store) Webhook(ctx context.Context, t directory.TenantID, id directory.WebhookID) (directory.Webhook, error) {
	return readRecord[directory.Webhook](ctx, s, "webhook", webhooks.get, key(t, id)...)
}

// ListWebhooks implements directory.Webhooks.
func (s *Store) ListWebhooks(ctx context.Context, t directory.TenantID) ([]directory.Webhook, error) {
	return readRecords[directory.Webhook](ctx, s, webhooks.after, string(t), "", -1)
}

// UpdateWebhook implements directory.Webhooks.
func (s *Store) UpdateWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, update directory.Update[directory.Webhook],
) (directory.Webhook, error) {
	return updateRecord(ctx, s, t, "webhook", webhooks, key(t, id), mustExist, update)
}

// DeleteWebhook implements directory.Webhooks.
func (s *Store) DeleteWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, del func(directory.Webhook) (directory.LogEntry, error),
) error {
	remove := func(old directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
		e, err := del(old)
		return directory.Webhook{}, &e, err
	}
	_, err := updateRecord(ctx, s, t, "webhook", webhooks, key(t, id), mustExist|zeroRemoves, remove)
	return err
}
