package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

var webhooks = tableOf("webhooks", "tenant", "id")

// webhookStore implements directory.Webhooks.
type webhookStore struct{ *Store }

func (s webhookStore) CreateWebhook(
	ctx context.Context, t directory.TenantID, w directory.Webhook, check directory.Check[directory.Webhook], e directory.LogEntry,
) error {
	return s.write(ctx, func() error {
		if err := checking(s.Store, check, webhooks.after, string(t), "", -1)(); err != nil {
			return err
		}
		if err := s.putRecord(webhooks.put, w, key(t, w.ID)...); err != nil {
			return err
		}
		return s.append(t, e)
	})
}

func (s webhookStore) Webhook(ctx context.Context, t directory.TenantID, id directory.WebhookID) (directory.Webhook, error) {
	return readRecord[directory.Webhook](ctx, s.Store, "webhook", webhooks.get, key(t, id)...)
}

func (s webhookStore) ListWebhooks(ctx context.Context, t directory.TenantID) ([]directory.Webhook, error) {
	return readRecords[directory.Webhook](ctx, s.Store, webhooks.after, string(t), "", -1)
}

func (s webhookStore) UpdateWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, update directory.Update[directory.Webhook],
) (directory.Webhook, error) {
	return updateRecord(ctx, s.Store, t, "webhook", webhooks, key(t, id), mustExist, update)
}

func (s webhookStore) DeleteWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, del func(directory.Webhook) (directory.LogEntry, error),
) error {
	remove := func(old directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
		e, err := del(old)
		return directory.Webhook{}, &e, err
	}
	_, err := updateRecord(ctx, s.Store, t, "webhook", webhooks, key(t, id), mustExist|zeroRemoves, remove)
	return err
}
